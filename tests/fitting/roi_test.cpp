#include "fitting/roi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <limits>
#include <numbers>

#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

template <class Inside>
Mask mask_where(const Geometry& g, Inside inside) {
  Mask mask{g, {}};
  for (int s = 0; s < g.slices(); ++s) {
    for (int r = 0; r < g.rows; ++r) {
      for (int c = 0; c < g.columns; ++c) mask.inside.push_back(inside(g.centre_mm(c, r, s)) ? 1 : 0);
    }
  }
  return mask;
}

Mask ball(const Geometry& g, const Vec3& centre, double radius) {
  return mask_where(g, [&](const Vec3& p) { return (p - centre).norm() <= radius; });
}

Carried carried(const Mask& mask, const Geometry& target, const CarryOptions& options = {}) {
  return std::get<Carried>(carry(mask, target, options));
}
std::string refused(const Mask& mask, const Geometry& target) { return std::get<Refusal>(carry(mask, target)).reason; }

std::vector<std::size_t> per_slice(const Mask& mask) {
  std::vector<std::size_t> counts;
  for (int s = 0; s < mask.geometry.slices(); ++s) counts.push_back(mask.count(s));
  return counts;
}

TEST(Mask, CountsAndFindsItsLargestSlice) {
  Mask mask{axial(2, 2, 4, 2, 5), {0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0}};
  EXPECT_EQ(mask.count(), 5U);
  EXPECT_EQ(mask.count(1), 2U);
  EXPECT_EQ(mask.count(7), 0U);
  EXPECT_EQ(mask.largest_slice(), 1) << "the lower of equals";
  EXPECT_DOUBLE_EQ(mask.volume_mm3(), 5 * 4 * 5);
  std::ranges::fill(mask.inside, 0);
  EXPECT_EQ(mask.largest_slice(), std::nullopt);
}

TEST(Carry, IsTheIdentityOnTheSameGrid) {
  Geometry g = axial(41, 37, 9, 0.7, 1.6, {-20, 13, -50});
  const Eigen::AngleAxisd tilt(0.4, Vec3(1, 2, 3).normalized());
  g.row_direction = tilt * g.row_direction;
  g.column_direction = tilt * g.column_direction;
  for (Vec3& origin : g.slice_origins_mm) origin = tilt * origin;
  const Mask mask = ball(g, g.centre_mm(20, 18, 4), 6);
  const Carried result = carried(mask, g);
  EXPECT_EQ(result.mask.inside, mask.inside);
  EXPECT_NEAR(result.slice_distance_mm, 0, 1e-9);
  EXPECT_NEAR(result.covered_share, 1, 1e-9);
}

TEST(Carry, TakesCoarseVoxelsOfWhichMoreThanHalfIsCovered) {
  // 2 x 2 fine voxels per coarse one; the coarse grid starts at the same corner.
  const Geometry fine = axial(4, 4, 1, 1, 3), coarse = axial(2, 2, 1, 2, 3, {0.5, 0.5, 0});
  const Mask mask{fine,
                  {1, 1, 1, 0,  //
                   0, 0, 0, 0,  //
                   1, 1, 1, 1,  //
                   1, 0, 1, 1}};
  EXPECT_EQ(carried(mask, coarse).mask.inside, (std::vector<std::uint8_t>{0, 0, 1, 1})) << "half is not more";
  EXPECT_EQ(carried(mask, coarse, {.more_than = 0.2}).mask.inside, (std::vector<std::uint8_t>{1, 1, 1, 1}));
  EXPECT_EQ(carried(mask, coarse, {.more_than = 0.9}).mask.inside, (std::vector<std::uint8_t>{0, 0, 0, 1}));
}

TEST(Carry, KeepsTheAreaOnAFinerGrid) {
  const Geometry coarse = axial(20, 20, 3, 2, 5), fine = axial(80, 80, 3, 0.5, 5, {-0.75, -0.75, 0});
  const Mask mask = ball(coarse, {20, 20, 5}, 9);
  const Carried result = carried(mask, fine);
  EXPECT_EQ(result.mask.count(), 16 * mask.count());
}

TEST(Carry, IsExactForGridsTurnedInPlane) {
  const Geometry source = axial(60, 60, 1, 0.8, 3);
  Geometry target = axial(90, 90, 1, 1, 3);
  const Eigen::AngleAxisd turn(std::numbers::pi / 6, Vec3::UnitZ());
  target.row_direction = turn * Vec3::UnitX();
  target.column_direction = turn * Vec3::UnitY();
  target.slice_origins_mm[0] = Vec3(24, 24, 0) - turn * Vec3(45, 45, 0);
  const Mask mask = ball(source, {24, 24, 0}, 15);
  const Carried result = carried(mask, target);
  EXPECT_NEAR(static_cast<double>(result.mask.count()), std::numbers::pi * 225, 12);
  EXPECT_NEAR(result.covered_share, 1, 1e-9);
  for (std::size_t i = 0; i < result.mask.inside.size(); ++i) {
    const double distance =
        (target.centre_mm(static_cast<double>(i % 90), static_cast<double>(i / 90), 0) - Vec3(24, 24, 0)).norm();
    if (std::abs(distance - 15) > 1.5) {
      ASSERT_EQ(result.mask.inside[i] != 0, distance < 15) << distance;
    }
  }
}

TEST(Carry, WorksBetweenStacksThatRunInOppositeDirections) {
  const Geometry source = axial(10, 10, 3, 1, 4);
  Geometry target = source;
  target.column_direction = -Vec3::UnitY();  // the normal points to -z, slices ascend along it
  target.slice_origins_mm = {{0, 9, 8}, {0, 9, 4}, {0, 9, 0}};
  const Mask mask = mask_where(source, [](const Vec3& p) { return p.z() > 7 && p.y() < 2 && p.x() < 3; });
  const Carried result = carried(mask, target);
  EXPECT_EQ(per_slice(result.mask), (std::vector<std::size_t>{6, 0, 0}));
  EXPECT_EQ(result.mask.inside[9 * 10], 1) << "y = 0 is the last row of the target";
}

TEST(Carry, ServesEverySliceWhoseCentreLiesInTheRegion) {
  // DCE slices of 1.6 mm onto map slices of 5.2 mm (4 mm + 1.2 mm gap).
  const Geometry dce = axial(20, 20, 20, 1, 1.6);
  Geometry map = axial(20, 20, 6, 1, 5.2);
  map.slice_thickness_mm = 4;
  const Mask mask = mask_where(dce, [](const Vec3& p) { return p.z() > 7.9 && p.z() < 16.1; });  // slices at 8 .. 16 mm
  const Carried result = carried(mask, map);
  EXPECT_EQ(per_slice(result.mask), (std::vector<std::size_t>{0, 0, 400, 400, 0, 0}))
      << "map slices at 10.4 and 15.6 mm";
  EXPECT_NEAR(result.slice_distance_mm, 0.8, 1e-9);
  EXPECT_NEAR(result.covered_share, 1, 1e-9);
}

TEST(Carry, DoesNotReachBeyondTheEndsOfTheRegion) {
  // Outlined slices alone, as readers leave them: 8 to 18.4 mm, and half a slice at either end. The map's slices at 5.2
  // and 20.8 mm are nearer than half their spacing to them, but outside.
  Geometry drawn = axial(20, 20, 7, 1, 1.6);
  for (int slice = 0; slice < 7; ++slice)
    drawn.slice_origins_mm[static_cast<std::size_t>(slice)].z() = 8.8 + 1.6 * slice;
  Geometry map = axial(20, 20, 6, 1, 5.2);
  map.slice_thickness_mm = 4;
  const Mask mask = mask_where(drawn, [](const Vec3&) { return true; });
  EXPECT_EQ(per_slice(carried(mask, map).mask), (std::vector<std::size_t>{0, 0, 400, 400, 0, 0}));
}

TEST(Carry, GivesARegionBetweenTwoSlicesToTheNearerOne) {
  Geometry map = axial(20, 20, 6, 1, 5.2);
  map.slice_thickness_mm = 4;
  const Geometry drawn = axial(20, 20, 1, 1, 1.6, {0, 0, 12.4});  // 2 mm above the slice at 10.4 mm
  const Carried result = carried(mask_where(drawn, [](const Vec3&) { return true; }), map);
  EXPECT_EQ(per_slice(result.mask), (std::vector<std::size_t>{0, 0, 400, 0, 0, 0}));
  EXPECT_NEAR(result.slice_distance_mm, 2, 1e-9);
}

TEST(Carry, NamesOfEquallyLargeSlicesTheOneNearestToTheOutline) {
  // One outline of a 5 mm slice onto slices of 1.6 mm: three are alike, the middle one was drawn on.
  const Geometry drawn = axial(10, 10, 1, 1, 5, {0, 0, 8}), map = axial(10, 10, 10, 1, 1.6);
  const Carried result = carried(mask_where(drawn, [](const Vec3&) { return true; }), map);
  EXPECT_EQ(per_slice(result.mask), (std::vector<std::size_t>{0, 0, 0, 0, 100, 100, 100, 0, 0, 0}));
  EXPECT_EQ(result.mask.largest_slice(), 4);
  EXPECT_EQ(result.largest_slice(), 5);
  ASSERT_EQ(result.slice_distances_mm.size(), 10U);
  EXPECT_NEAR(result.slice_distances_mm[4], 1.6, 1e-9);
  EXPECT_NEAR(result.slice_distances_mm[5], 0, 1e-9);
  EXPECT_EQ(result.slice_distances_mm[3], std::numeric_limits<double>::infinity());
}

TEST(Carry, NamesTheLargerSliceThoughAnotherIsNearerAndTheLowerOfEquallyNearOnes) {
  const Geometry drawn = axial(10, 10, 2, 1, 4, {0, 0, 0}), map = axial(10, 10, 4, 1, 2, {0, 0, -1});
  const Mask two = mask_where(drawn, [](const Vec3& p) { return p.z() > 3 || p.x() < 5; });
  const Carried result = carried(two, map);  // map slices at -1, 1, 3, 5 mm: all 1 mm off
  EXPECT_EQ(per_slice(result.mask), (std::vector<std::size_t>{50, 50, 100, 100}));
  EXPECT_EQ(result.largest_slice(), 2);
  const Carried near_small = carried(two, axial(10, 10, 2, 1, 3.5, {0, 0, 0}));  // 0 and 0.5 mm off
  EXPECT_EQ(near_small.largest_slice(), 1);
}

TEST(Carry, DoesNotJumpASliceThatWasNotOutlined) {
  const Geometry map = axial(10, 10, 9, 1, 3);
  Geometry drawn = map;
  drawn.slice_origins_mm = {{0, 0, 9}, {0, 0, 12}, {0, 0, 21}};
  const Mask mask = mask_where(drawn, [](const Vec3&) { return true; });
  EXPECT_EQ(per_slice(carried(mask, map).mask), (std::vector<std::size_t>{0, 0, 0, 100, 100, 0, 0, 100, 0}));
  drawn.slice_origins_mm = {{0, 0, 9}, {0, 0, 21}};
  const Mask far_apart = mask_where(drawn, [](const Vec3&) { return true; });
  EXPECT_EQ(per_slice(carried(far_apart, map).mask), (std::vector<std::size_t>{0, 0, 0, 100, 0, 0, 0, 100, 0}));
}

TEST(Carry, TellsHowMuchOfTheRegionTheMapCovers) {
  const Geometry source = axial(20, 20, 4, 1, 3);
  const Mask mask = mask_where(source, [](const Vec3&) { return true; });
  const Geometry left_half = axial(10, 20, 4, 1, 3);
  EXPECT_NEAR(carried(mask, left_half).covered_share, 0.5, 1e-9);
  const Geometry two_slices = axial(20, 20, 2, 1, 3);
  EXPECT_NEAR(carried(mask, two_slices).covered_share, 0.5, 1e-9);
}

TEST(Carry, RefusesPlanesThatAreNotParallel) {
  const Geometry source = axial(20, 20, 5, 1, 3);
  const Mask mask = ball(source, {10, 10, 6}, 4);
  for (const auto& [degrees, allowed] : {std::pair{0.5, true}, {1.5, false}, {90.0, false}}) {
    Geometry target = source;
    const Eigen::AngleAxisd tilt(degrees * std::numbers::pi / 180, Vec3::UnitX());
    target.column_direction = tilt * target.column_direction;
    for (Vec3& origin : target.slice_origins_mm) origin = Vec3(10, 10, 6) + tilt * (origin - Vec3(10, 10, 6));
    EXPECT_EQ(std::holds_alternative<Carried>(carry(mask, target)), allowed) << degrees;
  }
  Geometry sagittal = source;
  sagittal.row_direction = Vec3::UnitY();
  sagittal.column_direction = Vec3::UnitZ();
  EXPECT_THAT(refused(mask, sagittal), HasSubstr("not parallel"));
}

TEST(Carry, RefusesWhatDoesNotOverlap) {
  const Geometry source = axial(10, 10, 2, 1, 3);
  const Mask mask = mask_where(source, [](const Vec3&) { return true; });
  EXPECT_EQ(refused(mask, axial(10, 10, 2, 1, 3, {100, 0, 0})), "the region lies outside the map");
  EXPECT_EQ(refused(mask, axial(10, 10, 2, 1, 3, {0, 0, 50})), "the region lies outside the map");
  EXPECT_EQ(refused(Mask{source, std::vector<std::uint8_t>(source.voxels(), 0)}, source), "the region is empty");
  Mask speck{source, std::vector<std::uint8_t>(source.voxels(), 0)};
  speck.inside[55] = 1;
  EXPECT_EQ(refused(speck, axial(2, 2, 2, 5, 3, {2, 2, 0})), "the region covers no voxel of the map sufficiently");
}

TEST(Measure, GivesWhatNumpyGives) {
  // numpy 1.24: v = [3,1,4,1,5,9,2,6]; mean 3.875, std(ddof=1) 2.7483761439387144, percentile 5/50/95 = 1, 3.5, 7.95
  const Mask mask{axial(3, 4, 1, 2, 1), {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> map = {3, 1, 4, 1, 5, 9, 2, 6, 77, 0, nan, 0};
  const auto s = measure(map, mask);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->voxels, 11U);
  EXPECT_EQ(s->measured, 8U);
  EXPECT_DOUBLE_EQ(s->mean, 3.875);
  EXPECT_NEAR(s->sd, 2.7483761439387144, 1e-12);
  EXPECT_DOUBLE_EQ(s->median, 3.5);
  EXPECT_DOUBLE_EQ(s->p5, 1);
  EXPECT_NEAR(s->p95, 7.95, 1e-12);
  EXPECT_DOUBLE_EQ(s->minimum, 1);
  EXPECT_DOUBLE_EQ(s->maximum, 9);
  EXPECT_DOUBLE_EQ(s->area_mm2, 44);
  EXPECT_NEAR(s->failed_share(), 3.0 / 11, 1e-12);
}

TEST(Measure, TakesOneSliceOrAll) {
  const Mask mask{axial(2, 1, 2), {1, 0, 1, 1}};
  const std::vector<float> map = {10, 20, 30, 40};
  EXPECT_DOUBLE_EQ(measure(map, mask, 0)->mean, 10);
  EXPECT_DOUBLE_EQ(measure(map, mask, 0)->sd, 0);
  EXPECT_DOUBLE_EQ(measure(map, mask, 1)->mean, 35);
  EXPECT_NEAR(measure(map, mask)->mean, 80.0 / 3, 1e-12);
}

TEST(Measure, SaysNothingWhereNoVoxelHasAValue) {
  const Mask mask{axial(2, 1, 2), {1, 1, 0, 0}};
  EXPECT_EQ(measure(std::vector<float>{0, 0, 5, 5}, mask), std::nullopt);
  EXPECT_EQ(measure(std::vector<float>{1, 1, 5, 5}, mask, 1), std::nullopt);
  EXPECT_EQ(measure(std::vector<float>{1, 1, 5, 5}, mask, 2), std::nullopt);
  EXPECT_EQ(measure(std::vector<float>{1, 1, 5, 5}, mask, -1), std::nullopt);
}

}  // namespace
}  // namespace fitting
