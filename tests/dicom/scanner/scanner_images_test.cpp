#include "dicom/output/scanner_images.h"

#include "tests/dicom/scanner/samples.h"
#include "tests/support/temp_folder.h"

namespace dicom {
namespace {

using samples::bytes, samples::exam, samples::Loaded, samples::series, samples::stack;
using support::TempFolder;

TEST(SkyraSeries, WritesTheSlicesOfOneEchoAfterTheOther) {
  const TempFolder folder;
  const auto written = write_scanner_series(exam(), series(2), folder.path());
  ASSERT_TRUE(written) << written.error().what;
  ASSERT_EQ(written->size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    Loaded image((*written)[i].file);
    EXPECT_EQ(image[DCM_InstanceNumber], std::to_string(i + 1));
    EXPECT_EQ(image[DCM_EchoNumbers], std::to_string(i / 3 + 1));
    EXPECT_EQ(image[DCM_EchoTime], i < 3 ? "13.8" : "27.6");
    EXPECT_EQ(image[DCM_AcquisitionNumber], "1");
    EXPECT_EQ(image[DCM_EchoTrainLength], "2");
    EXPECT_NEAR(*number(*image, DCM_ImagePositionPatient, 2), -10 + 5.2 * static_cast<double>(i % 3), 1e-9);
  }
}

TEST(SkyraSeries, TimesEveryImageInTheScannersTicks) {
  const TempFolder folder;
  const auto written = write_scanner_series(exam(), series(2), folder.path());
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_EQ(Loaded((*written)[0].file)[DCM_AcquisitionTime],
            "100059.915000");  // 10:00:59.9 and the first echo, 13.8 ms
  EXPECT_EQ(Loaded((*written)[1].file)[DCM_AcquisitionTime], "100100.115000");  // the next slice, over the minute
  EXPECT_EQ(Loaded((*written)[3].file)[DCM_AcquisitionTime], "100059.927500");  // the second echo of the first slice
}

TEST(SkyraSeries, CountsDiffusionWeightingsAsMeasurementsAndKeepsThemInThePrivateHeader) {
  const TempFolder folder;
  SimulatedSeries diffusion = series(2);
  diffusion.contrasts[0] = {
      .echo_time_ms = 58, .flip_angle_deg = 90, .b_value_s_mm2 = 0, .direction = {}, .sequence_name = "*ep_b0"};
  diffusion.contrasts[1] = {.echo_time_ms = 58,
                            .flip_angle_deg = 90,
                            .b_value_s_mm2 = 800,
                            .direction = {{0, 1, 0}},
                            .sequence_name = "*ep_b800#1"};
  const auto written = write_scanner_series(exam(), diffusion, folder.path());
  ASSERT_TRUE(written) << written.error().what;
  Loaded first((*written)[0].file), weighted((*written)[3].file);
  EXPECT_EQ(first[DcmTagKey(0x0019, 0x100C)], "0");
  EXPECT_FALSE((*first).tagExists(DcmTagKey(0x0019, 0x100E)));
  EXPECT_EQ(weighted[DcmTagKey(0x0019, 0x0010)], "SIEMENS MR HEADER");
  EXPECT_EQ(weighted[DcmTagKey(0x0019, 0x100C)], "800");
  EXPECT_EQ(weighted[DcmTagKey(0x0019, 0x100D)], "DIRECTIONAL");
  EXPECT_EQ(number(*weighted, DcmTagKey(0x0019, 0x100E), 1), 1.0);
  EXPECT_EQ(weighted[DCM_SequenceName], "*ep_b800#1");
  EXPECT_EQ(weighted[DCM_AcquisitionNumber], "2");
  EXPECT_EQ(weighted[DCM_EchoNumbers], "1");
  EXPECT_FALSE((*weighted).tagExists(DCM_DiffusionBValue));
}

TEST(SkyraSeries, CountsPhasesAsMeasurementsOfOneSeries) {
  const TempFolder folder;
  SimulatedSeries third = series(1);
  third.acquisition_type = "3D";
  third.seconds_per_image = 0;
  third.dynamic = {.phase = 3, .phases = 6, .since_first_s = 90};
  third.first_instance = 7;
  Loaded image(write_scanner_series(exam(), third, folder.path())->back().file);
  EXPECT_EQ(image[DCM_AcquisitionNumber], "3");
  EXPECT_EQ(image[DCM_InstanceNumber], "9");
  EXPECT_EQ(image[DCM_AcquisitionTime], "100229.900000");
  EXPECT_EQ(image[DCM_ContentTime], "100231.400000");
  EXPECT_EQ(image[DCM_SeriesTime], "100101.400000");  // that of the first phase
}

TEST(SkyraSeries, MarksTracesAsIsotropic) {
  const TempFolder folder;
  SimulatedSeries traces = series(2);
  traces.image_type = {"DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"};
  traces.contrasts[0].b_value_s_mm2 = 0;
  traces.contrasts[1].b_value_s_mm2 = 800;
  const auto written = write_scanner_series(exam(), traces, folder.path());
  EXPECT_EQ(Loaded(written->front().file)[DcmTagKey(0x0019, 0x100D)], "NONE");
  EXPECT_EQ(Loaded(written->back().file)[DcmTagKey(0x0019, 0x100D)], "ISOTROPIC");
}

TEST(AeraSeries, DiffersFromSkyraInModelAndField) {
  const TempFolder folder;
  Loaded skyra(write_scanner_series(exam(), series(1), folder / "skyra")->front().file),
      aera(write_scanner_series(exam(Scanner::AeraE11), series(1), folder / "aera")->front().file);
  EXPECT_EQ(aera[DCM_ManufacturerModelName], "Aera");
  EXPECT_EQ(aera[DCM_MagneticFieldStrength], "1.5");
  EXPECT_EQ(skyra[DCM_MagneticFieldStrength], "3");
  EXPECT_EQ(aera[DCM_SoftwareVersions], skyra[DCM_SoftwareVersions]);
}

TEST(SkyraSeries, MentionsTheContrastAgentOnlyWhereOneWasGiven) {
  const TempFolder folder;
  SimulatedSeries enhanced = series(1);
  EXPECT_FALSE(
      (*Loaded(write_scanner_series(exam(), enhanced, folder.path())->front().file)).tagExists(DCM_ContrastBolusAgent));
  enhanced.contrast_agent = true;
  enhanced.contrast_start_s = 36000 + 61;
  Loaded image(write_scanner_series(exam(), enhanced, folder.path())->front().file);
  EXPECT_NE(image[DCM_ContrastBolusAgent], "");
  EXPECT_EQ(image[DCM_ContrastBolusStartTime], "100101.000000");
}

TEST(SkyraSeries, StoresTwelveBitsRoundedAndClamped) {
  const TempFolder folder;
  SimulatedSeries bright = series(1);
  bright.series.planes[0].edit()[0] = -3;
  bright.series.planes[0].edit()[1] = 5000;
  bright.series.planes[0].edit()[2] = 7.6F;
  Loaded image(write_scanner_series(exam(), bright, folder.path())->front().file);
  const Uint16* pixels = nullptr;
  unsigned long count = 0;
  ASSERT_TRUE((*image).findAndGetUint16Array(DCM_PixelData, pixels, &count).good());
  ASSERT_EQ(count, 63U);
  EXPECT_EQ(pixels[0], 0);
  EXPECT_EQ(pixels[1], 4095);
  EXPECT_EQ(pixels[2], 8);
  EXPECT_EQ(image[DCM_BitsStored], "12");
}

TEST(SkyraSeries, WritesTheSameBytesAgainAndOtherUidsForOtherContent) {
  const TempFolder one, two, three;
  SimulatedSeries changed = series(1);
  changed.contrasts[0].flip_angle_deg = 179;
  const auto first = write_scanner_series(exam(), series(1), one.path());
  const auto again = write_scanner_series(exam(), series(1), two.path());
  const auto other = write_scanner_series(exam(), changed, three.path());
  for (std::size_t i = 0; i < first->size(); ++i) {
    EXPECT_EQ(bytes((*first)[i].file), bytes((*again)[i].file));
    EXPECT_NE((*first)[i].sop_instance_uid, (*other)[i].sop_instance_uid);
  }
}

TEST(SkyraSeries, RefusesWhatNoScannerCouldHaveAcquired) {
  const TempFolder folder;
  SimulatedSeries contrast_without_parameters = series(2), plane_of_another_size = series(2),
                  after_midnight = series(2);
  contrast_without_parameters.contrasts.pop_back();
  plane_of_another_size.series.planes[1].edit().pop_back();
  after_midnight.start_s = 86399;
  for (const auto& wrong : {contrast_without_parameters, plane_of_another_size, after_midnight})
    EXPECT_FALSE(write_scanner_series(exam(), wrong, folder.path()));
}

TEST(SkyraSeries, PassesTheIndependentValidator) {
  const TempFolder folder;
  SimulatedSeries enhanced = series(2);
  enhanced.contrast_agent = true;
  enhanced.contrast_start_s = 36010;
  const auto written = write_scanner_series(exam(), enhanced, folder.path());
  EXPECT_VALID(written->back().file, "MRImage");
}

// --- outlines

// A mask whose voxels follow no period of eight: v is inside where a hash of v says so; the middle slice of five stays
// empty.
fitting::Mask scattered(int columns, int rows) {
  fitting::Mask mask{stack(columns, rows, 5), {}};
  mask.inside.resize(mask.geometry.voxels());
  for (std::size_t v = 0; v < mask.inside.size(); ++v) mask.inside[v] = (v * 2654435761U >> 7) % 3 == 0;
  const auto size = static_cast<std::ptrdiff_t>(mask.geometry.slice_voxels());
  std::fill(mask.inside.begin() + 2 * size, mask.inside.begin() + 3 * size, std::uint8_t{0});
  return mask;
}

OutlineRequest outline(const fitting::Mask& mask, const std::filesystem::path& folder) {
  const auto images = write_scanner_series(exam(), series(1, mask.geometry), folder / "images");
  OutlineRequest request{.template_image = images->front().file,
                         .drawn_on = {},
                         .mask = mask,
                         .label = "Lesion 1",
                         .tracking_id = "lesion-1",
                         .tracking_uid = uid_from_name("lesion"),
                         .series_uid = uid_from_name("outlines"),
                         .content_datetime = "20260105110000"};
  for (const Written& image : *images)
    request.drawn_on.push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid});
  return request;
}

// Bit `index` of a stream whose first bit is the lowest of the first byte (PS3.5 8.1.1).
bool bit(const Uint8* stream, std::size_t index) { return (stream[index >> 3] >> (index & 7) & 1) != 0; }

class OutlineOfEverySize : public testing::TestWithParam<int> {};

TEST_P(OutlineOfEverySize, HasEveryVoxelInItsPlace) {
  const TempFolder folder;
  const fitting::Mask mask = scattered(GetParam(), 7);  // 7 rows: the product takes every remainder modulo 8
  const auto written = write_segmentation(outline(mask, folder.path()), {}, folder.path());
  ASSERT_TRUE(written) << written.error().what;
  Loaded segmentation(written->file);
  ASSERT_EQ(segmentation[DCM_NumberOfFrames], "4");
  const Uint8* stream = nullptr;
  unsigned long length = 0;
  ASSERT_TRUE((*segmentation).findAndGetUint8Array(DCM_PixelData, stream, &length).good());
  const std::size_t size = mask.geometry.slice_voxels();
  EXPECT_EQ(length, (4 * size + 15) / 16 * 2);
  const std::array<std::size_t, 4> slices{0, 1, 3, 4};
  for (std::size_t frame = 0; frame < 4; ++frame)
    for (std::size_t v = 0; v < size; ++v)
      ASSERT_EQ(bit(stream, frame * size + v), mask.inside[slices[frame] * size + v] == 1)
          << "frame " << frame << " voxel " << v;
}

INSTANTIATE_TEST_SUITE_P(Remainders, OutlineOfEverySize, testing::Range(8, 16));

TEST(Outline, PutsEveryFrameOnTheImageItWasDrawnOn) {
  const TempFolder folder;
  const OutlineRequest request = outline(scattered(9, 7), folder.path());
  Loaded segmentation(write_segmentation(request, {}, folder.path())->file);
  const std::array<std::size_t, 4> slices{0, 1, 3, 4};
  for (long frame = 0; frame < 4; ++frame) {
    DcmItem *groups = nullptr, *position = nullptr, *derivation = nullptr, *source = nullptr;
    ASSERT_TRUE((*segmentation).findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, groups, frame).good());
    ASSERT_TRUE(groups->findAndGetSequenceItem(DCM_PlanePositionSequence, position).good());
    ASSERT_TRUE(groups->findAndGetSequenceItem(DCM_DerivationImageSequence, derivation).good());
    ASSERT_TRUE(derivation->findAndGetSequenceItem(DCM_SourceImageSequence, source).good());
    const std::size_t slice = slices[static_cast<std::size_t>(frame)];
    EXPECT_EQ(text(*source, DCM_ReferencedSOPInstanceUID), request.drawn_on[slice].sop_instance_uid);
    EXPECT_NEAR(*number(*position, DCM_ImagePositionPatient, 2), -10 + 5.2 * static_cast<double>(slice), 1e-9);
  }
}

TEST(Outline, BelongsToThePatientAndStudyOfItsImages) {
  const TempFolder folder;
  const OutlineRequest request = outline(scattered(9, 7), folder.path());
  Loaded image(request.template_image), segmentation(write_segmentation(request, {}, folder.path())->file);
  for (const auto& tag : {DCM_PatientID, DCM_PatientName, DCM_StudyInstanceUID, DCM_StudyTime, DCM_AccessionNumber,
                          DCM_FrameOfReferenceUID})
    EXPECT_EQ(segmentation[tag], image[tag]);
  EXPECT_NE(segmentation[DCM_SeriesInstanceUID], image[DCM_SeriesInstanceUID]);
}

TEST(Outline, IsNotTakenForAResultOfHerald) {
  const TempFolder folder;
  Loaded segmentation(write_segmentation(outline(scattered(9, 7), folder.path()), {}, folder.path())->file);
  EXPECT_NE(segmentation[DCM_ManufacturerModelName], kModelName);
}

TEST(Outline, IsWrittenWithTheSameBytesAgain) {
  const TempFolder folder;
  const OutlineRequest request = outline(scattered(9, 7), folder.path());
  EXPECT_EQ(bytes(write_segmentation(request, {}, folder / "one")->file),
            bytes(write_segmentation(request, {}, folder / "two")->file));
}

TEST(Outline, RefusesAnEmptyMaskAndMissingImages) {
  const TempFolder folder;
  OutlineRequest empty = outline(scattered(9, 7), folder.path()), without_image = empty, cut = empty;
  std::fill(empty.mask.inside.begin(), empty.mask.inside.end(), std::uint8_t{0});
  without_image.drawn_on.pop_back();
  cut.mask.inside.pop_back();
  for (const auto& wrong : {empty, without_image, cut}) EXPECT_FALSE(write_segmentation(wrong, {}, folder.path()));
}

TEST(Outline, PassesTheIndependentValidator) {
  const TempFolder folder;
  OutlineRequest request = outline(scattered(45, 51), folder.path());
  EXPECT_VALID(write_segmentation(request, {.version = "1"}, folder.path())->file, "Segmentation");
  request.algorithm_type = "SEMIAUTOMATIC";
  EXPECT_VALID(write_segmentation(request, {.version = "1"}, folder.path())->file, "Segmentation");
}

}  // namespace
}  // namespace dicom
