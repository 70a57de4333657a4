#include <array>
#include <map>

#include "tests/dicom/scanner/samples.h"
#include "tests/support/temp_folder.h"

namespace dicom {
namespace {

using samples::exam, samples::Loaded, samples::series;
using support::TempFolder;
using testing::HasSubstr, testing::Not;

const DcmTagKey kSequence(0x0019, 0x109C), kInternalSequence(0x0019, 0x109E), kFirstAxis(0x0019, 0x10BB),
    kLocations(0x0021, 0x104F), kImages(0x0025, 0x1007), kComplexPart(0x0043, 0x102F), kB(0x0043, 0x1039);

std::vector<Written> written_of(const SimulatedSeries& made, const TempFolder& folder) {
  auto written = write_scanner_series(exam(Scanner::Architect), made, folder.path());
  EXPECT_TRUE(written) << written.error().what;
  return written ? *written : std::vector<Written>{};
}

// Two delays after the saturation, two echoes each.
SimulatedSeries saturation_recovery() {
  SimulatedSeries made = series(4);
  made.scanning_sequence = "SE\\IR";
  made.sequence_name = "magic";
  for (std::size_t c = 0; c < 4; ++c) {
    made.contrasts[c].echo_time_ms = c % 2 == 0 ? 21.3 : 85.3;
    made.contrasts[c].inversion_time_ms = c < 2 ? 130 : 530;
  }
  return made;
}

SimulatedSeries diffusion() {
  SimulatedSeries made = series(2);
  made.scanning_sequence = "EP\\SE";
  made.sequence_name = "epi2";
  made.contrasts[0] = {.echo_time_ms = 81.9, .flip_angle_deg = 90, .b_value_s_mm2 = 0};
  made.contrasts[1] = {.echo_time_ms = 81.9, .flip_angle_deg = 90, .b_value_s_mm2 = 800, .direction = {{0, 1, 0}}};
  return made;
}

SimulatedSeries phase(int number) {
  SimulatedSeries made = series(1);
  made.scanning_sequence = "GR";
  made.acquisition_type = "3D";
  made.dynamic = {.phase = number, .phases = 4, .since_first_s = 8.5 * (number - 1)};
  made.first_instance = (number - 1) * 3 + 1;
  made.images_in_series = 12;
  return made;
}

TEST(GeSeries, NamesItsPulseSequenceInThePrivateGroupOnly) {
  const TempFolder folder;
  Loaded image(written_of(diffusion(), folder).front().file);
  EXPECT_EQ(image[DCM_Manufacturer], "GE MEDICAL SYSTEMS");
  EXPECT_EQ(text(*image, DCM_SoftwareVersions, 1), "LX");
  EXPECT_FALSE((*image).tagExists(DCM_SequenceName));
  EXPECT_EQ(image[DcmTagKey(0x0019, 0x0010)], "GEMS_ACQU_01");
  EXPECT_EQ(image[kSequence], "epi2");
  EXPECT_EQ(image[kInternalSequence], "EPI2");
}

TEST(GeSeries, WritesPrivateElementsInTheRepresentationOfRealOnes) {
  const TempFolder folder;
  Loaded image(written_of(diffusion(), folder).back().file);
  const std::map<DcmTagKey, DcmEVR> expected{{kSequence, EVR_LO},  {kInternalSequence, EVR_LO}, {kFirstAxis, EVR_DS},
                                             {kLocations, EVR_SS}, {kImages, EVR_SL},           {kComplexPart, EVR_SS},
                                             {kB, EVR_IS}};
  for (const auto& [tag, representation] : expected) {
    DcmElement* element = nullptr;
    ASSERT_TRUE((*image).findAndGetElement(tag, element).good()) << tag.toString();
    EXPECT_EQ(element->ident(), representation) << tag.toString();
  }
}

TEST(GeSeries, HasBInEveryImageAndADirectionWhereThereIsOne) {
  const TempFolder folder;
  const auto written = written_of(diffusion(), folder);
  Loaded unweighted(written[0].file), weighted(written[3].file);
  EXPECT_EQ(number(*unweighted, kB, 0), 0);
  EXPECT_EQ(number(*weighted, kB, 0), 800);
  EXPECT_EQ(number(*weighted, kB, 1), 8);
  EXPECT_EQ(number(*weighted, DcmTagKey(0x0019, 0x10BC)), 1);
  EXPECT_EQ(number(*unweighted, DcmTagKey(0x0019, 0x10BC)), 0);
  EXPECT_FALSE((*weighted).tagExists(DCM_DiffusionBValue));
}

TEST(GeSeries, KeepsTheLastScansBInImagesThatAreNoDiffusion) {
  const TempFolder folder;
  SimulatedSeries localizer = series(1);
  localizer.leftover_b_s_mm2 = 1000;
  Loaded image(written_of(localizer, folder).front().file);
  EXPECT_EQ(number(*image, kB, 0), 1000);
  EXPECT_EQ(number(*image, DcmTagKey(0x0043, 0x1030)), 0);
}

TEST(GeSeries, GivesAllPhasesOneAcquisitionTimeAndAllButTheFirstATriggerTime) {
  const TempFolder folder;
  Loaded first(written_of(phase(1), folder).front().file), third(written_of(phase(3), folder).front().file);
  EXPECT_EQ(first[DCM_AcquisitionTime], "100059");
  EXPECT_EQ(third[DCM_AcquisitionTime], "100059");
  EXPECT_FALSE((*first).tagExists(DCM_TriggerTime));
  EXPECT_EQ(number(*third, DCM_TriggerTime), 17000);
  EXPECT_FALSE((*third).tagExists(DCM_TemporalPositionIdentifier));
}

TEST(GeSeries, CountsPhasesLocationsAndImages) {
  const TempFolder folder;
  Loaded image(written_of(phase(2), folder).back().file);
  EXPECT_EQ(image[DCM_InstanceNumber], "6");
  EXPECT_EQ(image[DCM_NumberOfTemporalPositions], "4");
  EXPECT_EQ(image[DCM_ImagesInAcquisition], "12");
  EXPECT_EQ(number(*image, kImages), 12);
  EXPECT_EQ(number(*image, kLocations), 3);
}

TEST(GeSeries, NumbersTheEchoesOfEveryDelay) {
  const TempFolder folder;
  const auto written = written_of(saturation_recovery(), folder);
  ASSERT_EQ(written.size(), 12U);
  const std::array<const char*, 4> echoes{"1", "2", "1", "2"}, delays{"130", "130", "530", "530"};
  for (std::size_t c = 0; c < 4; ++c) {
    Loaded image(written[3 * c].file);
    EXPECT_EQ(image[DCM_EchoNumbers], echoes[c]);
    EXPECT_EQ(image[DCM_InversionTime], delays[c]);
    EXPECT_EQ(image[DCM_AcquisitionNumber], "1");
  }
}

TEST(GeSeries, StoresSixteenSignedBitsWithoutARescale) {
  const TempFolder folder;
  SimulatedSeries bright = series(1);
  bright.series.planes[0].edit()[0] = -3;
  bright.series.planes[0].edit()[1] = 5000;
  bright.series.planes[0].edit()[2] = 40000;
  Loaded image(written_of(bright, folder).front().file);
  const Uint16* pixels = nullptr;
  ASSERT_TRUE((*image).findAndGetUint16Array(DCM_PixelData, pixels).good());
  EXPECT_EQ(pixels[0], 0);
  EXPECT_EQ(pixels[1], 5000);
  EXPECT_EQ(pixels[2], 32767);
  EXPECT_EQ(image[DCM_BitsStored], "16");
  EXPECT_EQ(image[DCM_PixelRepresentation], "1");
  EXPECT_FALSE((*image).tagExists(DCM_RescaleSlope));
}

TEST(GeSeries, PassesTheIndependentValidator) {
  const TempFolder folder;
  for (const SimulatedSeries& made : {saturation_recovery(), diffusion(), phase(1)})
    EXPECT_VALID(written_of(made, folder).back().file, "MRImage");
}

}  // namespace
}  // namespace dicom
