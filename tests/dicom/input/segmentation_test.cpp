#include "dicom/input/roi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::HasSubstr;

namespace {

using Bits = std::vector<std::uint8_t>;

struct FrameSpec {
  int segment = 1;
  double z = 0;
  Bits inside;
  std::string orientation = "1\\0\\0\\0\\1\\0";
};

struct Spec {
  int rows = 3, columns = 5;
  std::vector<FrameSpec> frames;
  bool fractional = false;
  int segments = 2;
};

Bits packed(const Spec& spec) {
  Bits all;
  for (const FrameSpec& frame : spec.frames) all.insert(all.end(), frame.inside.begin(), frame.inside.end());
  if (spec.fractional) return all;
  Bits bytes((all.size() + 7) / 8);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] != 0) bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | 1u << i % 8);
  return bytes;
}

void put_frame(DcmDataset& dataset, const FrameSpec& frame) {
  DcmItem& groups = add_item(dataset, DCM_PerFrameFunctionalGroupsSequence);
  put(add_item(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient, "-10\\-20\\" + std::to_string(frame.z));
  put(add_item(groups, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, frame.orientation);
  put_number(add_item(groups, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber, frame.segment);
}

void put_segment(DcmDataset& dataset, int number) {
  DcmItem& segment = add_item(dataset, DCM_SegmentSequence);
  put_number(segment, DCM_SegmentNumber, number);
  put(segment, DCM_SegmentLabel, "Lesion " + std::to_string(number));
  put(segment, DCM_SegmentAlgorithmType, number == 1 ? "MANUAL" : "AUTOMATIC");
  put(segment, DCM_TrackingID, "L" + std::to_string(number));
  put(segment, DCM_TrackingUID, "1.2.3.9." + std::to_string(number));
  put_code(segment, DCM_SegmentedPropertyCategoryCodeSequence, "49755003", "SCT", "Morphologically Abnormal Structure");
  put_code(segment, DCM_SegmentedPropertyTypeCodeSequence, "108369006", "SCT", "Neoplasm");
}

void fill(DcmDataset& dataset, const Spec& spec) {
  put_identity(dataset, UID_SegmentationStorage, "1.2.3.1.7");
  put(dataset, DCM_ContentCreatorName, "Reader^One");
  put(dataset, DCM_SegmentationType, spec.fractional ? "FRACTIONAL" : "BINARY");
  if (spec.fractional) put_number(dataset, DCM_MaximumFractionalValue, 200);
  put_number(dataset, DCM_Rows, spec.rows);
  put_number(dataset, DCM_Columns, spec.columns);
  put_number(dataset, DCM_BitsAllocated, spec.fractional ? 8 : 1);
  put(dataset, DCM_NumberOfFrames, std::to_string(spec.frames.size()));
  put(add_item(dataset, DCM_ReferencedSeriesSequence), DCM_SeriesInstanceUID, "1.2.3.5");
  for (int number = 1; number <= spec.segments; ++number) put_segment(dataset, number);
  DcmItem& measures = add_item(add_item(dataset, DCM_SharedFunctionalGroupsSequence), DCM_PixelMeasuresSequence);
  put(measures, DCM_PixelSpacing, "2\\1.5");
  put(measures, DCM_SliceThickness, "3");
  for (const FrameSpec& frame : spec.frames) put_frame(dataset, frame);
  const Bits bytes = packed(spec);
  ASSERT_TRUE(dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bytes.data(), bytes.size()).good());
}

dicom::Result<dicom::RoiObject> round_trip(
    const Spec& spec, const std::function<void(DcmDataset&)>& change = [](DcmDataset&) {}) {
  const support::TempFolder folder;
  DcmFileFormat file;
  fill(*file.getDataset(), spec);
  change(*file.getDataset());
  save(file, folder / "seg");
  return dicom::read_roi(folder / "seg");
}

Bits random_frame(std::mt19937& random, std::size_t size) {
  Bits frame(size);
  for (auto& voxel : frame) voxel = static_cast<std::uint8_t>(random() % 2);
  frame[random() % size] = 1;  // never empty
  return frame;
}

Spec one_frame() { return {3, 5, {{1, 0, Bits(15, 1)}}}; }

}  // namespace

TEST(ReadSegmentation, UnpacksEveryRemainderOfEight) {
  std::mt19937 random(3);
  for (int columns = 1; columns <= 9; ++columns)
    for (int rows : {1, 3, 7, 8}) {
      Spec spec{rows, columns, {}};
      for (int slice = 0; slice < 3; ++slice)
        for (int segment = 1; segment <= 2; ++segment)
          spec.frames.push_back({segment, 3.0 * slice, random_frame(random, static_cast<std::size_t>(rows * columns))});
      const auto read = round_trip(spec);
      ASSERT_TRUE(read.has_value()) << read.error().what;
      ASSERT_EQ(read->regions.size(), 2u);
      for (int segment = 1; segment <= 2; ++segment) {
        Bits expected;
        for (const FrameSpec& frame : spec.frames)
          if (frame.segment == segment) expected.insert(expected.end(), frame.inside.begin(), frame.inside.end());
        EXPECT_EQ(read->regions[segment - 1].mask.inside, expected) << rows << " x " << columns;
      }
    }
}

TEST(ReadSegmentation, TellsWhatEachRegionIs) {
  const auto read = round_trip({3, 5, {{2, 0, Bits(15, 1)}, {1, 0, Bits(15, 1)}}}).value();
  EXPECT_EQ(read.sop_instance_uid, "1.2.3.1.7");
  EXPECT_EQ(read.creator, "Reader^One");
  EXPECT_THAT(read.referenced_series, testing::ElementsAre("1.2.3.5"));
  const dicom::Region& first = read.regions.at(0);
  EXPECT_EQ(first.number, 1);
  EXPECT_EQ(first.label, "Lesion 1");
  EXPECT_EQ(first.tracking_id, "L1");
  EXPECT_EQ(first.tracking_uid, "1.2.3.9.1");
  EXPECT_EQ(first.type.value, "108369006");
  EXPECT_EQ(first.category.meaning, "Morphologically Abnormal Structure");
  EXPECT_FALSE(first.automatic());
  EXPECT_TRUE(read.regions.at(1).automatic());
}

TEST(ReadSegmentation, ReadsTextsOfAnyCharacterSetAsUtf8) {
  struct Row {
    const char *declared, *written;
  };
  for (const Row& row : {Row{"ISO_IR 100", "L\xE4sion 1"}, Row{"ISO_IR 192", "L\xC3\xA4sion 1"},
                         Row{"ISO_IR 192", "L\xE4sion 1"}, Row{"", "L\xE4sion 1"},  // not declared
                         Row{"LATIN1", "L\xE4sion 1"}}) {                           // no defined term
    const auto read = round_trip(one_frame(), [&](DcmDataset& d) {
      if (*row.declared != '\0') put(d, DCM_SpecificCharacterSet, row.declared);
      DcmItem* segment = nullptr;
      ASSERT_TRUE(d.findAndGetSequenceItem(DCM_SegmentSequence, segment, 0).good());
      put(*segment, DCM_TrackingID, row.written);
    });
    ASSERT_TRUE(read.has_value()) << row.declared << ": " << read.error().what;
    EXPECT_EQ(read->regions.at(0).tracking_id, "L\xC3\xA4sion 1") << row.declared;
  }
}

TEST(ReadSegmentation, OrdersSlicesAlongTheNormalAndLeavesOutEmptyOnes) {
  Bits corner(15);
  corner[4] = 1;
  const auto read = round_trip({3, 5, {{1, 9, Bits(15, 1)}, {1, 3, Bits(15, 0)}, {1, 0, corner}}}).value();
  const fitting::Mask& mask = read.regions.at(0).mask;
  ASSERT_EQ(mask.geometry.slices(), 2);
  EXPECT_EQ(mask.geometry.slice_origins_mm[0], fitting::Vec3(-10, -20, 0));
  EXPECT_EQ(mask.geometry.slice_origins_mm[1], fitting::Vec3(-10, -20, 9));
  EXPECT_EQ(mask.geometry.row_spacing_mm, 2);
  EXPECT_EQ(mask.geometry.column_spacing_mm, 1.5);
  EXPECT_EQ(mask.inside[4], 1);
  EXPECT_EQ(mask.inside[0], 0);
}

TEST(ReadSegmentation, LeavesOutEmptySegments) {
  const auto read = round_trip({3, 5, {{1, 0, Bits(15, 0)}, {2, 0, Bits(15, 1)}}}).value();
  ASSERT_EQ(read.regions.size(), 1u);
  EXPECT_EQ(read.regions[0].number, 2);
}

TEST(ReadSegmentation, JoinsFramesOfOneSliceAndSegment) {
  Bits left(15), right(15);
  left[0] = right[14] = 1;
  const auto read = round_trip({3, 5, {{1, 0, left}, {1, 0, right}}}).value();
  EXPECT_EQ(read.regions.at(0).mask.geometry.slices(), 1);
  EXPECT_EQ(read.regions.at(0).mask.inside[0] + read.regions.at(0).mask.inside[14], 2);
}

TEST(ReadSegmentation, TakesHalfOfTheMaximumAsInside) {
  Bits values(15);
  values[0] = 99, values[1] = 100, values[2] = 200;
  const auto read = round_trip({3, 5, {{1, 0, values}}, true}).value();
  const Bits& inside = read.regions.at(0).mask.inside;
  EXPECT_EQ(inside[0], 0);
  EXPECT_EQ(inside[1], 1);
  EXPECT_EQ(inside[2], 1);
}

TEST(ReadSegmentation, NamesWhatIsWrong) {
  const auto what = [](const Spec& spec, const std::function<void(DcmDataset&)>& change) {
    return round_trip(spec, change).error().what;
  };
  const auto nothing = [](DcmDataset&) {};
  EXPECT_THAT(what({3, 5, {{1, 0, Bits(15, 1)}, {1, 3, Bits(15, 1), "1\\0\\0\\0\\0\\1"}}}, nothing),
              HasSubstr("unequal orientation"));
  EXPECT_THAT(what({3, 5, {{3, 0, Bits(15, 1)}}}, nothing), HasSubstr("segment 3, which is not described"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { put(d, DCM_SegmentationType, "LABELMAP"); }),
              HasSubstr("neither BINARY nor FRACTIONAL"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_MRImageStorage); }),
              HasSubstr("not a carrier of regions"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { put_number(d, DCM_Rows, 300); }),
              HasSubstr("shorter than the frames"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { put(d, DCM_NumberOfFrames, "2"); }),
              HasSubstr("not as many as the frames"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { delete d.remove(DCM_SharedFunctionalGroupsSequence); }),
              HasSubstr("pixel measures"));
  EXPECT_THAT(what(one_frame(), [](DcmDataset& d) { delete d.remove(DCM_PixelData); }), HasSubstr("no pixel data"));
}
