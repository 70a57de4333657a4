// Which images a Segmentation of the outlines names as its sources.
#include "server/measuring/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using server::measuring::images_on;
using testing::ElementsAre;

const std::string kFrame = "1.2.3.4";

// Ten slices of 2 mm, voxels of 0.6 mm.
fitting::Geometry grid() {
  fitting::Geometry geometry;
  geometry.columns = 128;
  geometry.rows = 96;
  geometry.column_spacing_mm = geometry.row_spacing_mm = 0.6;
  geometry.slice_thickness_mm = 2;
  for (int slice = 0; slice < 10; ++slice) geometry.slice_origins_mm.emplace_back(-40.0, -30.0, 2.0 * slice);
  return geometry;
}

// An image of each slice of the grid, moved by `offset_mm`.
std::vector<dicom::Instance> images(const fitting::Vec3& offset_mm, const std::string& series = "1.2.9") {
  std::vector<dicom::Instance> all;
  for (const fitting::Vec3& origin : grid().slice_origins_mm) {
    dicom::Instance image;
    image.series_uid = series;
    image.sop_instance_uid = series + "." + std::to_string(all.size() + 1);
    image.frame_of_reference_uid = kFrame;
    image.columns = 128;
    image.rows = 96;
    image.position_mm = origin + offset_mm;
    image.has_geometry = true;
    all.push_back(image);
  }
  return all;
}

// UIDs of the images found, by slice; "" where there is none.
std::vector<std::string> found(const fitting::Geometry& on, const std::vector<dicom::Instance>& among,
                               const std::string& frame = kFrame) {
  std::vector<std::string> uids;
  for (const auto& references : images_on(on, frame, among))
    uids.push_back(references.empty() ? "" : references.at(0).sop_instance_uid);
  return uids;
}

fitting::Geometry slices(std::initializer_list<std::size_t> wanted) {
  fitting::Geometry part = grid();
  part.slice_origins_mm.clear();
  for (const std::size_t slice : wanted) part.slice_origins_mm.push_back(grid().slice_origins_mm.at(slice));
  return part;
}

TEST(ImagesOfSegments, AreFoundAlthoughTheirPositionsAreRoundedOtherwise) {
  EXPECT_THAT(found(slices({2, 3}), images({0.02, -0.02, 0.02})), ElementsAre("1.2.9.3", "1.2.9.4"));
  EXPECT_THAT(found(slices({2, 3}), images({0.19, 0, 0.6})), ElementsAre("1.2.9.3", "1.2.9.4"));
}

TEST(ImagesOfSegments, AreNotThoseThatShowOtherVoxels) {
  EXPECT_THAT(found(slices({2, 3}), images({0.3, 0, 0})), ElementsAre("", "")) << "half a voxel beside it";
  EXPECT_THAT(found(slices({2, 3}), images({0, 0, 1})), ElementsAre("", "")) << "between two slices";
  auto neighbour = images({0, 0, 0});
  neighbour.erase(neighbour.begin() + 2);
  EXPECT_THAT(found(slices({2, 9}), neighbour), ElementsAre("", "1.2.9.10")) << "a slice that is missing has no image";
}

TEST(ImagesOfSegments, LieInTheFrameOfReferenceOfTheOutline) {
  EXPECT_THAT(found(slices({2}), images({0, 0, 0}), "1.2.3.5"), ElementsAre(""));
  EXPECT_THAT(found(slices({2}), images({0, 0, 0}), ""), ElementsAre("1.2.9.3"));
}

TEST(ImagesOfSegments, AreTheNearestAndOfEquallyNearTheFirst) {
  auto all = images({0.1, 0, 0}, "1.2.7");
  for (const char* series : {"1.2.8", "1.2.9"}) {
    const auto more = images({0, 0, 0}, series);
    all.insert(all.end(), more.begin(), more.end());
  }
  EXPECT_THAT(found(slices({4}), all), ElementsAre("1.2.8.5"));
}

}  // namespace
