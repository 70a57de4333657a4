// RT Structure Sets, by the contour: holes, keyholes, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/roi_objects.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Drawn {
  std::string points;  // as DS, mm; images lie at z = 0, 3, 6 with 1 mm pixels, the first centre at (0.5, 0.5)
  std::string type = "CLOSED_PLANAR";
  std::string image = {};
};

support::OutlinedLesion images() {
  fitting::Geometry grid;
  grid.columns = 20;
  grid.rows = 20;
  grid.slice_thickness_mm = 3;
  for (const double z : {0.0, 3.0, 6.0}) grid.slice_origins_mm.emplace_back(0.5, 0.5, z);
  return support::outlined({grid, {}});
}

dicom::Result<dicom::RoiObject> read(const std::vector<Drawn>& contours, bool with_images = true) {
  const support::TempFolder folder;
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_identity(dataset, UID_RTStructureSetStorage, "1.2.3.7.1");
  DcmItem& structure = add_item(dataset, DCM_StructureSetROISequence);
  put(structure, DCM_ROINumber, "2");
  put(structure, DCM_ReferencedFrameOfReferenceUID, "1.2.3.0");
  DcmItem& frame = add_item(dataset, DCM_ReferencedFrameOfReferenceSequence);
  DcmItem& series = add_item(add_item(frame, DCM_RTReferencedStudySequence), DCM_RTReferencedSeriesSequence);
  for (const char* uid : {"1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"})
    put(add_item(series, DCM_ContourImageSequence), DCM_ReferencedSOPInstanceUID, uid);
  DcmItem& roi = add_item(dataset, DCM_ROIContourSequence);
  put(roi, DCM_ReferencedROINumber, "2");
  for (const Drawn& drawn : contours) {
    DcmItem& contour = add_item(roi, DCM_ContourSequence);
    put(contour, DCM_ContourGeometricType, drawn.type);
    put(contour, DCM_ContourData, drawn.points);
    if (!drawn.image.empty())
      put(add_item(contour, DCM_ContourImageSequence), DCM_ReferencedSOPInstanceUID, drawn.image);
  }
  save(file, folder / "rt");
  return dicom::read_roi(folder / "rt", with_images ? support::images_of(images()) : dicom::FindImage{});
}

std::string refused(const std::vector<Drawn>& contours, bool with_images = true) {
  const auto result = read(contours, with_images);
  if (!result) return result.error().what;
  return result->refused.empty() ? "" : result->refused.front();
}

fitting::Mask mask_of(const std::vector<Drawn>& contours) {
  const auto result = read(contours);
  EXPECT_TRUE(result && result->regions.size() == 1) << (result ? testing::PrintToString(result->refused) : "");
  return result && result->regions.size() == 1 ? result->regions[0].mask : fitting::Mask{};
}

std::string square(double low, double high, double z) {
  const auto point = [&](double x, double y) {
    return std::to_string(x) + "\\" + std::to_string(y) + "\\" + std::to_string(z);
  };
  return point(low, low) + "\\" + point(high, low) + "\\" + point(high, high) + "\\" + point(low, high);
}

}  // namespace

TEST(ReadStructureSet, FindsTheImageThatAContourLiesOn) {
  const fitting::Mask mask = mask_of({{square(2, 6, 3)}});
  ASSERT_EQ(mask.geometry.slices(), 1);
  EXPECT_EQ(mask.geometry.slice_origins_mm[0].z(), 3);
  EXPECT_EQ(mask.count(), 16U);
  EXPECT_EQ(mask.geometry.columns, 20);
}

TEST(ReadStructureSet, MakesHolesOfInnerContours) {
  for (const char* type : {"CLOSED_PLANAR", "CLOSED_PLANAR_XOR"}) {
    const fitting::Mask mask = mask_of({{square(2, 10, 3), type}, {square(4, 8, 3), type}, {square(5, 7, 3), type}});
    EXPECT_EQ(mask.count(), 64U - 16U + 4U) << type;
    EXPECT_EQ(mask.inside[5 * 20 + 5], 1) << "an island in the hole";
    EXPECT_EQ(mask.inside[4 * 20 + 4], 0);
  }
}

TEST(ReadStructureSet, KeepsTheHoleOfAKeyhole) {
  const std::string keyhole =
      "2\\2\\3\\10\\2\\3\\10\\10\\3\\2\\10\\3\\2\\2\\3\\4\\4\\3\\4\\8\\3\\8\\8\\3\\8\\4\\3\\4\\4\\3";
  const auto result = read({{keyhole}});
  ASSERT_TRUE(result && result->regions.size() == 1);
  EXPECT_EQ(result->regions[0].mask.count(), 64U - 16U);
  EXPECT_THAT(result->regions[0].notes, IsEmpty());
}

TEST(ReadStructureSet, TakesSeveralPiecesOfOneSliceTogether) {
  EXPECT_EQ(mask_of({{square(1, 3, 0)}, {square(10, 14, 0)}, {square(1, 3, 6)}}).count(), 4U + 16U + 4U);
}

TEST(ReadStructureSet, PutsContoursWithoutAnImageBetweenTheImages) {
  const auto result = read({{square(2, 6, 3), "CLOSED_PLANAR", "1.2.3.1.2"}, {square(2, 6, 4.5)}});
  ASSERT_TRUE(result && result->regions.size() == 1);
  const fitting::Geometry& grid = result->regions[0].mask.geometry;
  ASSERT_EQ(grid.slices(), 2);
  EXPECT_EQ(grid.slice_origins_mm[1], fitting::Vec3(0.5, 0.5, 4.5));
  EXPECT_EQ(grid.columns, 20);
}

TEST(ReadStructureSet, ClosesSmallGapsAndSaysSo) {
  const std::string open = "2\\2\\3\\6\\2\\3\\6\\6\\3\\2\\6\\3\\2\\2.6\\3";
  const auto result = read({{open, "OPEN_PLANAR"}});
  ASSERT_TRUE(result && result->regions.size() == 1);
  EXPECT_EQ(result->regions[0].mask.count(), 16U);
  EXPECT_THAT(result->regions[0].notes, Contains("contour 1 is open by 0.6 mm and was closed"));
  EXPECT_THAT(refused({{square(2, 6, 3), "OPEN_PLANAR"}}), HasSubstr("ROI 2: contour 1: it is open by 4.0 mm"));
}

TEST(ReadStructureSet, FillsContoursThatCrossThemselvesByTheEvenOddRule) {
  // Twice around the same square but once around another: a pentagram in corners.
  const auto result = read({{"2\\2\\3\\12\\2\\3\\12\\12\\3\\2\\12\\3\\2\\2\\3\\6\\2\\3\\6\\6\\3\\2\\6\\3"}});
  ASSERT_TRUE(result && result->regions.size() == 1);
  EXPECT_EQ(result->regions[0].mask.count(), 100U - 16U);
  EXPECT_THAT(result->regions[0].notes, ElementsAre("contour 1 crosses itself: filled by the even-odd rule"));
}

TEST(ReadStructureSet, RefusesByNameWhatIsNoPlaneRegion) {
  EXPECT_THAT(refused({{"1\\1\\3\\2\\2\\3"}}), HasSubstr("ROI 2: contour 1 has fewer than three points"));
  EXPECT_THAT(refused({{"1\\1\\3\\2\\2\\3\\4"}}), HasSubstr("make no points"));
  EXPECT_THAT(refused({{"1\\1\\3\\2\\x\\3\\4\\1\\3"}}), HasSubstr("no place in a patient"));
  EXPECT_THAT(refused({{"1\\1\\3\\nan\\2\\3\\4\\1\\3"}}), HasSubstr("no place in a patient"));
  EXPECT_THAT(refused({{"1\\1\\3\\1e30\\2\\3\\4\\1\\3"}}), HasSubstr("no place in a patient"));
  EXPECT_THAT(refused({{square(2, 6, 3), "POINT"}}), HasSubstr("encloses no plane region (POINT)"));
  EXPECT_THAT(refused({{square(2, 6, 3), "OPEN_NONPLANAR"}}), HasSubstr("OPEN_NONPLANAR"));
  EXPECT_THAT(refused({}), HasSubstr("no closed outline"));
  EXPECT_THAT(refused({{square(2.1, 2.3, 3)}}), HasSubstr("encloses the centre of no voxel"));
  EXPECT_THAT(refused({{square(2, 6, 4), "CLOSED_PLANAR", "1.2.3.1.2"}}), HasSubstr("lies up to 1.0 mm off the image"));
  EXPECT_THAT(refused({{"2\\2\\3\\6\\2\\3\\6\\6\\9\\2\\6\\3"}}, false), HasSubstr("mm off its plane"));
}

TEST(ReadStructureSet, RefusesGridsThatWouldNotFitIntoMemory) {
  std::vector<Drawn> contours;
  for (int slice = 0; slice < 300; ++slice) contours.push_back({square(-900, 900, 2.0 * slice)});
  EXPECT_THAT(refused(contours, false), HasSubstr("voxels is too large"));
  EXPECT_EQ(refused({{square(-900, 900, 3)}}, false), "") << "one slice of it is no matter";
}
