#include <array>
#include <set>
#include <sstream>

#include "tests/dicom/scanner/samples.h"
#include "tests/support/temp_folder.h"

namespace dicom {
namespace {

using samples::exam, samples::Loaded, samples::series;
using support::TempFolder;
using testing::ElementsAre, testing::HasSubstr;

std::vector<Written> written_of(const SimulatedSeries& made, const std::filesystem::path& folder) {
  auto written = write_scanner_series(exam(Scanner::SkyraXa60), made, folder);
  EXPECT_TRUE(written) << written.error().what;
  return written ? *written : std::vector<Written>{};
}

SimulatedSeries diffusion() {
  SimulatedSeries made = series(2);
  made.scanning_sequence = "EP";
  made.image_type = {"ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "NORM"};
  made.contrasts[0] = {.echo_time_ms = 58, .flip_angle_deg = 90, .b_value_s_mm2 = 0, .sequence_name = "*ep_b0"};
  made.contrasts[1] = {.echo_time_ms = 58,
                       .flip_angle_deg = 90,
                       .b_value_s_mm2 = 800,
                       .direction = {{0, 0.6, 0.8}},
                       .sequence_name = "*ep_b800#1"};
  return made;
}

SimulatedSeries phase(int number) {
  SimulatedSeries made = series(1);
  made.scanning_sequence = "GR";
  made.acquisition_type = "3D";
  made.contrast_agent = true;
  made.contrast_start_s = made.start_s + 70;
  made.dynamic = {.phase = number, .phases = 3, .since_first_s = 60.0 * (number - 1)};
  made.first_instance = (number - 1) * 3 + 1;
  return made;
}

SimulatedSeries derived(const std::string& what) {
  SimulatedSeries made = series(1);
  made.scanning_sequence = "EP";
  made.image_type = {"DERIVED", "PRIMARY", "DIFFUSION", what, "ND", "NORM"};
  return made;
}

DcmItem& item_of(DcmItem& item, const DcmTagKey& sequence, long index = 0) {
  DcmItem* found = nullptr;
  EXPECT_TRUE(item.findAndGetSequenceItem(sequence, found, index).good()) << sequence.toString();
  static DcmItem nothing;
  return found != nullptr ? *found : nothing;
}

DcmItem& shared(Loaded& object, const DcmTagKey& group) {
  return item_of(item_of(*object, DCM_SharedFunctionalGroupsSequence), group);
}

DcmItem& of_frame(Loaded& object, long frame, const DcmTagKey& group) {
  return item_of(item_of(*object, DCM_PerFrameFunctionalGroupsSequence, frame), group);
}

std::vector<std::string> values(DcmItem& item, const DcmTagKey& tag, unsigned long count) {
  std::vector<std::string> all;
  for (unsigned long i = 0; i < count; ++i) all.push_back(text(item, tag, i));
  return all;
}

TEST(EnhancedSeries, IsMultiFrameOfTheScannerWithNewSoftware) {
  const TempFolder folder;
  Loaded object(written_of(series(2), folder.path()).front().file);
  EXPECT_EQ(object[DCM_SOPClassUID], UID_EnhancedMRImageStorage);
  EXPECT_EQ(object[DCM_Manufacturer], "Siemens Healthineers");
  EXPECT_EQ(object[DCM_SoftwareVersions], "syngo MR XA60");
  EXPECT_THAT(values(*object, DCM_ImageType, 4), ElementsAre("ORIGINAL", "PRIMARY", "M", "NONE"));
}

TEST(EnhancedSeries, KeepsTimesAndAnglesInFunctionalGroupsOnly) {
  const TempFolder folder;
  Loaded object(written_of(series(2), folder.path()).front().file);
  for (const auto& tag : {DCM_RepetitionTime, DCM_EchoTime, DCM_FlipAngle, DCM_ScanningSequence, DCM_SequenceName,
                          DCM_ImagePositionPatient, DCM_PixelSpacing, DCM_AcquisitionTime})
    EXPECT_FALSE((*object).tagExists(tag)) << tag.toString();
  EXPECT_EQ(object[DCM_PulseSequenceName], "*se2d2");
  DcmItem& timing = shared(object, DCM_MRTimingAndRelatedParametersSequence);
  EXPECT_EQ(number(timing, DCM_RepetitionTime), 2410);
  EXPECT_EQ(number(timing, DCM_FlipAngle), 180);
  EXPECT_EQ(number(of_frame(object, 4, DCM_MREchoSequence), DCM_EffectiveEchoTime), 27.6);
}

TEST(EnhancedSeries, HasAllEchoesInOneObjectSliceBySlice) {
  const TempFolder folder;
  const auto written = written_of(series(2), folder.path());
  ASSERT_EQ(written.size(), 1U);
  Loaded object(written.front().file);
  EXPECT_EQ(object[DCM_NumberOfFrames], "6");
  const Uint16* pixels = nullptr;
  unsigned long count = 0;
  ASSERT_TRUE((*object).findAndGetUint16Array(DCM_PixelData, pixels, &count).good());
  ASSERT_EQ(count, 6U * 63U);
  EXPECT_EQ(pixels[62], 6);             // v / 10 of the first echo
  EXPECT_EQ(pixels[3 * 63 + 62], 106);  // 100 more in the second
  EXPECT_EQ(pixels[5 * 63 + 62], 119);  // its last slice
  EXPECT_EQ(number(of_frame(object, 4, DCM_PlanePositionSequence), DCM_ImagePositionPatient, 2), -10 + 5.2);
}

TEST(EnhancedSeries, GivesEveryFrameAPlaceOfItsOwn) {
  const TempFolder folder;
  Loaded object(written_of(series(2), folder.path()).front().file);
  std::set<std::vector<std::string>> places;
  for (long frame = 0; frame < 6; ++frame)
    places.insert(values(of_frame(object, frame, DCM_FrameContentSequence), DCM_DimensionIndexValues, 3));
  EXPECT_EQ(places.size(), 6U);
  EXPECT_EQ(number(of_frame(object, 4, DCM_FrameContentSequence), DCM_InStackPositionNumber), 2);
}

TEST(EnhancedSeries, TimesEveryFrame) {
  const TempFolder folder;
  Loaded object(written_of(series(2), folder.path()).front().file);
  EXPECT_EQ(text(of_frame(object, 1, DCM_FrameContentSequence), DCM_FrameAcquisitionDateTime), "20260105100100.115000");
}

TEST(EnhancedSeries, HasAnObjectForEachB) {
  const TempFolder folder;
  const auto written = written_of(diffusion(), folder.path());
  ASSERT_EQ(written.size(), 2U);
  Loaded unweighted(written[0].file), weighted(written[1].file);
  DcmItem& nothing = of_frame(unweighted, 0, DCM_MRDiffusionSequence);
  EXPECT_EQ(text(nothing, DCM_DiffusionDirectionality), "NONE");
  EXPECT_EQ(number(nothing, DCM_DiffusionBValue), 0);
  DcmItem& diffusion = of_frame(weighted, 2, DCM_MRDiffusionSequence);
  EXPECT_EQ(text(diffusion, DCM_DiffusionDirectionality), "BMATRIX");
  EXPECT_EQ(number(diffusion, DCM_DiffusionBValue), 800);
  DcmItem& direction = item_of(diffusion, DCM_DiffusionGradientDirectionSequence);
  EXPECT_EQ(number(direction, DCM_DiffusionGradientOrientation, 1), 0.6);
  EXPECT_NEAR(*number(item_of(diffusion, DCM_DiffusionBMatrixSequence), DCM_DiffusionBValueYZ), 800 * 0.48, 1e-9);
  EXPECT_EQ(weighted[DCM_PulseSequenceName], "*ep_b800#1");
  EXPECT_EQ(weighted[DCM_InstanceNumber], "2");
  EXPECT_FALSE((*weighted).tagExists(DcmTagKey(0x0019, 0x100C)));
}

TEST(EnhancedSeries, SaysWhatWasComputedInTheFourthValueOfTheImageType) {
  const TempFolder folder;
  Loaded adc(written_of(derived("ADC"), folder / "adc").front().file),
      trace(written_of(derived("TRACEW"), folder / "trace").front().file);
  EXPECT_THAT(values(*adc, DCM_ImageType, 4), ElementsAre("DERIVED", "PRIMARY", "DIFFUSION", "ADC"));
  EXPECT_THAT(values(of_frame(trace, 0, DCM_MRImageFrameTypeSequence), DCM_FrameType, 4),
              ElementsAre("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"));
  EXPECT_FALSE(of_frame(adc, 0, DCM_MRDiffusionSequence).tagExists(DCM_DiffusionBValue));
}

TEST(EnhancedSeries, HasAnObjectForEachPhaseAndKnowsWhichFollowTheInjection) {
  const TempFolder folder;
  Loaded first(written_of(phase(1), folder.path()).front().file),
      third(written_of(phase(3), folder.path()).front().file);
  EXPECT_EQ(third[DCM_InstanceNumber], "3");
  EXPECT_EQ(third[DCM_SeriesInstanceUID], first[DCM_SeriesInstanceUID]);
  EXPECT_EQ(third[DCM_SeriesTime], first[DCM_SeriesTime]);
  EXPECT_EQ(number(of_frame(third, 0, DCM_FrameContentSequence), DCM_TemporalPositionIndex), 3);
  EXPECT_EQ(text(of_frame(first, 0, DCM_ContrastBolusUsageSequence), DCM_ContrastBolusAgentAdministered), "NO");
  EXPECT_EQ(text(of_frame(third, 0, DCM_ContrastBolusUsageSequence), DCM_ContrastBolusAgentAdministered), "YES");
  DcmItem& profile =
      item_of(item_of(*third, DCM_ContrastBolusAgentSequence), DCM_ContrastAdministrationProfileSequence);
  EXPECT_EQ(text(profile, DCM_ContrastBolusStartTime), "100209.900000");
}

TEST(EnhancedSeries, PassesTheIndependentValidator) {
  const TempFolder folder;
  for (const SimulatedSeries& made : {series(2), diffusion(), phase(3)})
    EXPECT_VALID(written_of(made, folder.path()).back().file, "EnhancedMRImage");
}

// Real objects of XA61 with the scanner's ADC repeat the attributes of the pulse sequence too.
TEST(EnhancedSeries, HasTheErrorsOfRealDerivedObjectsAndNoOthers) {
  const TempFolder folder;
  const auto judged = samples::output_of("dciodvfy", written_of(derived("ADC"), folder.path()).front().file);
  if (!judged) GTEST_SKIP() << "dciodvfy (package dicom3tools) is not installed";
  std::istringstream lines(*judged);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("Error") == std::string::npos) continue;
    EXPECT_THAT(line, testing::AllOf(HasSubstr("present when condition unsatisfied"), HasSubstr("MRPulseSequence")));
  }
}

TEST(EnhancedSeries, IsOutlinedFrameByFrame) {
  const TempFolder folder;
  const auto written = written_of(phase(1), folder.path());
  fitting::Mask mask{samples::stack(9, 7, 3), std::vector<std::uint8_t>(9 * 7 * 3)};
  mask.inside[63 + 30] = mask.inside[2 * 63 + 30] = 1;
  const OutlineRequest request{
      .template_image = written.front().file,
      .drawn_on = {{written.front().sop_class_uid, written.front().sop_instance_uid, written.front().series_uid}},
      .mask = mask,
      .label = "Lesion 1",
      .tracking_id = "lesion-1",
      .tracking_uid = uid_from_name("lesion"),
      .series_uid = uid_from_name("outlines"),
      .content_datetime = "20260105110000"};
  const auto outline = write_segmentation(request, {.version = "1"}, folder.path());
  ASSERT_TRUE(outline) << outline.error().what;
  Loaded segmentation(outline->file);
  DcmItem& source = item_of(of_frame(segmentation, 1, DCM_DerivationImageSequence), DCM_SourceImageSequence);
  EXPECT_EQ(text(source, DCM_ReferencedSOPInstanceUID), written.front().sop_instance_uid);
  EXPECT_EQ(text(source, DCM_ReferencedFrameNumber), "3");
  EXPECT_VALID(outline->file, "Segmentation");
}

TEST(EnhancedSeries, IsWrittenWithTheSameBytesAgain) {
  const TempFolder folder;
  EXPECT_EQ(samples::bytes(written_of(diffusion(), folder / "one").back().file),
            samples::bytes(written_of(diffusion(), folder / "two").back().file));
}

}  // namespace
}  // namespace dicom
