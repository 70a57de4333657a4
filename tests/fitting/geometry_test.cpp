#include "fitting/geometry.h"

#include <gtest/gtest.h>

#include <Eigen/Geometry>

#include "tests/fitting/grid.h"

namespace fitting {
namespace {

TEST(Geometry, PlacesVoxelCentresAsDicomDoes) {
  // PS3.3 C.7.6.2.1.1: columns grow along the first cosine by the second value of Pixel Spacing.
  Geometry g{.columns = 4,
             .rows = 3,
             .row_direction = Vec3::UnitY(),
             .column_direction = -Vec3::UnitZ(),
             .column_spacing_mm = 2,
             .row_spacing_mm = 3,
             .slice_origins_mm = {{10, 20, 30}, {5, 20, 30}}};
  EXPECT_TRUE(g.normal().isApprox(-Vec3::UnitX()));
  EXPECT_TRUE(g.centre_mm(2, 1, 1).isApprox(Vec3(5, 24, 27)));
  EXPECT_DOUBLE_EQ(g.height_mm(0), -10);
  EXPECT_DOUBLE_EQ(g.slice_spacing_mm(), 5);
  EXPECT_EQ(g.voxels(), 24U);
}

TEST(Geometry, TakesTheMedianOfUnevenSlicesAndTheThicknessOfOne) {
  Geometry g = axial(2, 2, 5, 1, 3);
  g.slice_origins_mm.erase(g.slice_origins_mm.begin() + 2);  // heights 0 3 9 12
  EXPECT_DOUBLE_EQ(g.slice_spacing_mm(), 3);
  g.slice_origins_mm.erase(g.slice_origins_mm.begin());  // 3 9 12: two distances, the lower counts
  EXPECT_DOUBLE_EQ(g.slice_spacing_mm(), 3);
  g.slice_origins_mm.resize(1);
  g.slice_thickness_mm = 4.5;
  EXPECT_DOUBLE_EQ(g.slice_spacing_mm(), 4.5);
}

TEST(SameGrid, ComparesEveryVoxelNotOnlyTheFirst) {
  const Geometry a = axial(256, 256, 4, 1, 3);
  Geometry b = a;
  EXPECT_TRUE(same_grid(a, b));
  b.column_spacing_mm = 1.0001;  // 0.0255 mm at the last column
  EXPECT_FALSE(same_grid(a, b));
  EXPECT_TRUE(same_grid(a, b, 0.03));
  b = a;
  b.row_direction = Eigen::AngleAxisd(1e-3, Vec3::UnitZ()) * b.row_direction;
  EXPECT_FALSE(same_grid(a, b));
  b = a;
  b.slice_origins_mm[3].z() += 0.02;
  EXPECT_FALSE(same_grid(a, b));
  b = a;
  b.slice_origins_mm.pop_back();
  EXPECT_FALSE(same_grid(a, b));
  b = a;
  b.slice_thickness_mm = 9;  // says nothing about where voxels lie
  EXPECT_TRUE(same_grid(a, b));
}

}  // namespace
}  // namespace fitting
