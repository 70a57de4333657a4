// Shape of a distribution, sizes and overlap of regions, filling of outlines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <fstream>
#include <numbers>
#include <random>
#include <sstream>

#include "fitting/roi.h"
#include "tests/fitting/grid.h"
#include "tests/support/judges.h"
#include "tests/support/temp_folder.h"

namespace fitting {
namespace {

constexpr double kPi = std::numbers::pi;

Mask all_of(const Geometry& grid) { return {grid, std::vector<std::uint8_t>(grid.voxels(), 1)}; }

Mask ball(const Geometry& grid, const Vec3& centre, double radius) {
  Mask mask{grid, {}};
  for (int s = 0; s < grid.slices(); ++s)
    for (int r = 0; r < grid.rows; ++r)
      for (int c = 0; c < grid.columns; ++c)
        mask.inside.push_back((grid.centre_mm(c, r, s) - centre).norm() <= radius ? 1 : 0);
  return mask;
}

// The formulas of scipy.stats.skew and kurtosis with their defaults, and numpy's own statistics.
const char* const kNumpy = R"PY(
import sys, numpy as np
v = np.fromfile(sys.argv[1], '<f4').astype(float); width = 7.5
d = v - v.mean(); m2 = (d**2).mean()
counts = np.unique(np.floor(v / width), return_counts=True)[1]; p = counts / counts.sum()
for x in (v.mean(), v.std(ddof=1), np.median(v), np.percentile(v, 5), np.percentile(v, 95),
          (d**3).mean() / m2**1.5, (d**4).mean() / m2**2 - 3, -(p * np.log2(p)).sum()): print('%.17g' % x)
)PY";

std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  std::istringstream in(text);
  for (double number = 0; in >> number;) numbers.push_back(number);
  return numbers;
}

Statistics of(const std::vector<float>& values, double width = 0) {
  const Geometry row = axial(static_cast<int>(values.size()), 1, 1);
  return measure(values, all_of(row), std::nullopt, width).value();
}

int filled(const Outline& outline, int columns, int rows, Fill expected = Fill::Plain) {
  std::vector<std::uint8_t> slice(static_cast<std::size_t>(columns * rows));
  EXPECT_EQ(toggle_inside(outline, columns, rows, slice), expected);
  return static_cast<int>(std::count(slice.begin(), slice.end(), 1));
}

Outline circle(double column, double row, double radius, int corners) {
  Outline outline;
  for (int i = 0; i < corners; ++i)
    outline.emplace_back(column + radius * std::cos(2 * kPi * i / corners),
                         row + radius * std::sin(2 * kPi * i / corners));
  return outline;
}

}  // namespace

TEST(StatisticsOfShape, AreThoseOfNumpy) {
  HERALD_NEEDS(support::has_pydicom(), "numpy");
  std::mt19937 random(11);
  std::gamma_distribution<float> skewed(2, 40);
  std::vector<float> values;
  for (int i = 0; i < 4001; ++i) values.push_back(skewed(random) + 1);
  const support::TempFolder folder;
  std::ofstream(folder / "values", std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * 4));
  const std::vector<double> numpy = numbers_in(support::pydicom(kNumpy, {folder / "values"}).output);
  ASSERT_EQ(numpy.size(), 8U);
  const Statistics s = of(values, 7.5);
  const std::vector<double> ours{s.mean, s.sd, s.median, s.p5, s.p95, s.skewness, s.excess_kurtosis, s.entropy_bits};
  for (std::size_t i = 0; i < numpy.size(); ++i) EXPECT_NEAR(ours[i] / numpy[i], 1, 1e-6) << i;
  EXPECT_DOUBLE_EQ(s.entropy_bin_width, 7.5);
}

TEST(StatisticsOfShape, AreZeroOfEqualValues) {
  const Statistics s = of({0.1F, 0.1F, 0.1F}, 1);
  EXPECT_EQ(s.skewness, 0);
  EXPECT_EQ(s.excess_kurtosis, 0);
  EXPECT_EQ(s.entropy_bits, 0);
  EXPECT_EQ(of({1, 2}).entropy_bin_width, 0) << "not asked for";
}

TEST(StatisticsOfShape, HaveTheSignOfTheTail) {
  EXPECT_NEAR(of({1, 1, 1, 5}).skewness, 2 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(of({5, 5, 5, 1}).skewness, -2 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(of({1, 3}).excess_kurtosis, -2, 1e-12);
  EXPECT_NEAR(of({1, 2, 11, 12, 21, 22, 31, 32}, 10).entropy_bits, 2, 1e-12);
}

TEST(Diameter, LiesBetweenThatOfVoxelCentresAndThatOfVoxelEdges) {
  const Geometry g = axial(10, 10, 3, 2, 5);
  Mask mask{g, std::vector<std::uint8_t>(g.voxels())};
  EXPECT_EQ(max_diameter_mm(mask, 0), 0);
  EXPECT_EQ(feret_diameter_mm(mask), 0);
  mask.inside[100 + 23] = 1;
  EXPECT_NEAR(max_diameter_mm(mask, 1), 2.0 / 2, 1e-12);  // centres coincide, opposite edges are 2 mm apart
  EXPECT_NEAR(feret_diameter_mm(mask), 5.0 / 2, 1e-12);   // the faces of the slice are 5 mm apart
  mask.inside[100 + 28] = 1;                              // five columns farther
  EXPECT_NEAR(max_diameter_mm(mask, 1), (12 + 10) / 2.0, 1e-12);
  mask.inside[200 + 53] = 1;  // and in the next slice three rows farther
  EXPECT_NEAR(max_diameter_mm(mask, 2), 1, 1e-12);
  // Columns 10 mm apart, rows 6, slices 5; with half a voxel of the widest direction at either end, or a slice more.
  const double centres = std::sqrt(10 * 10.0 + 6 * 6 + 5 * 5), faces = std::sqrt(10 * 10.0 + 6 * 6 + 10 * 10);
  EXPECT_NEAR(feret_diameter_mm(mask), (centres + faces) / 2, 1e-12);
  EXPECT_EQ(max_diameter_mm(mask, 7), 0);
}

TEST(Diameter, OfABallIsItsOwnWithinAVoxel) {
  const Geometry g = axial(60, 50, 30, 0.8, 1.6);
  const Mask mask = ball(g, g.centre_mm(30, 25, 15), 12);
  EXPECT_NEAR(max_diameter_mm(mask, 15), 24, 0.4);
  EXPECT_NEAR(feret_diameter_mm(mask), 24, 1);
}

// What the comment on max_diameter_mm() claims.
TEST(Diameter, OfDisksErrsByLessThanHalfAVoxel) {
  const Geometry g = axial(40, 40, 1, 1, 1);
  for (const double radius : {2.5, 5.0, 7.0, 14.0}) {
    double error = 0;
    int disks = 0;
    for (double x = -0.4; x < 0.5; x += 0.2)
      for (double y = -0.4; y < 0.5; y += 0.2, ++disks)
        error += max_diameter_mm(ball(g, g.centre_mm(19 + x, 19 + y, 0), radius), 0) - 2 * radius;
    EXPECT_LT(std::abs(error / disks), 0.4) << radius;
  }
}

TEST(Dice, IsOneOfEqualAndZeroOfDistantRegions) {
  const Geometry g = axial(30, 30, 10, 1, 2);
  const Mask a = ball(g, g.centre_mm(14, 14, 5), 6);
  EXPECT_NEAR(dice(a, a), 1, 1e-12);
  EXPECT_EQ(dice(a, ball(g, g.centre_mm(25, 25, 0), 3)), 0);
  EXPECT_EQ(dice(a, Mask{g, std::vector<std::uint8_t>(g.voxels())}), 0);
  Geometry turned = g;
  std::swap(turned.row_direction, turned.column_direction);
  turned.column_direction = Vec3::UnitZ();
  EXPECT_TRUE(std::isnan(dice(a, all_of(turned))));
}

TEST(Dice, CountsWhatTheOtherGridLacks) {
  const Geometry g = axial(10, 10, 8, 1, 2);
  Mask top = all_of(g), part{axial(10, 10, 4, 1, 2), std::vector<std::uint8_t>(400, 1)};
  EXPECT_NEAR(dice(top, part), 2.0 / 3, 1e-9);
  EXPECT_NEAR(dice(part, top), 2.0 / 3, 1e-9) << "half of the other lies beyond this grid";
}

TEST(Dice, IsNearlyOneAcrossGrids) {
  const Geometry fine = axial(120, 120, 30, 0.5, 1.6), coarse = axial(60, 60, 12, 1, 4);
  const Vec3 centre(29, 31, 22);
  EXPECT_GT(dice(ball(coarse, centre, 14), ball(fine, centre, 14)), 0.95);
}

TEST(ToggleInside, FillsByTheCentresOfVoxels) {
  EXPECT_EQ(filled({{1, 1}, {4, 1}, {4, 3}, {1, 3}}, 10, 10), 6);
  EXPECT_EQ(filled({{1.51, 1.51}, {4.49, 1.51}, {4.49, 3.49}, {1.51, 3.49}}, 10, 10), 2);
  EXPECT_EQ(filled({{1.5, 1.5}, {4.5, 1.5}, {4.5, 3.5}, {1.5, 3.5}}, 10, 10), 6) << "left and upper centres only";
  EXPECT_EQ(filled({{-1e6, -1e6}, {1e6, -1e6}, {1e6, 1e6}, {-1e6, 1e6}}, 10, 10), 100);
  EXPECT_EQ(filled({{3, 3}, {3, 3}, {3, 3}}, 10, 10), 0);
  EXPECT_EQ(filled({}, 10, 10), 0);
  EXPECT_NEAR(filled(circle(50, 50, 40, 256), 100, 100), kPi * 1600, 15);
}

TEST(ToggleInside, FillsNeighboursWithoutGapOrOverlap) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> anywhere(0, 40);
  for (int round = 0; round < 200; ++round) {
    const Eigen::Vector2d a(anywhere(random), anywhere(random)), b(anywhere(random), anywhere(random));
    std::vector<std::uint8_t> slice(1600);
    // Both sides of any line through the square.
    toggle_inside({{0, 0}, {40, 0}, a, b, {0, 40}}, 40, 40, slice);
    toggle_inside({{40, 0}, {40, 40}, {0, 40}, b, a}, 40, 40, slice);
    EXPECT_EQ(std::count(slice.begin(), slice.end(), 1), 1600);
  }
}

TEST(ToggleInside, SaysWhenAnOutlineCrossesItself) {
  const Outline eight{{1, 1}, {9, 9}, {9, 1}, {1, 9}};
  EXPECT_GT(filled(eight, 10, 10, Fill::CrossesItself), 20);
  const Outline twice{{1, 1}, {9, 1}, {9, 9}, {1, 9}, {1, 1}, {5, 1}, {5, 5}, {1, 5}};
  EXPECT_EQ(filled(twice, 10, 10, Fill::CrossesItself), 48);
  const Outline keyhole{{1, 1}, {9, 1}, {9, 9}, {1, 9}, {1, 1}, {3, 3}, {3, 7}, {7, 7}, {7, 3}, {3, 3}};
  EXPECT_EQ(filled(keyhole, 10, 10), 48);
}

TEST(ToggleInside, RefusesWhatWouldTakeForEver) {
  Outline saw;
  for (int i = 0; i < 5000; ++i) saw.emplace_back(i % 7, i % 2 == 0 ? 0 : 2000);
  EXPECT_EQ(filled(saw, 10, 2000, Fill::TooComplicated), 0);
}

TEST(ToggleInside, UndoesOutlines) {
  const Geometry g = axial(47, 33, 1);
  std::mt19937 random(9);
  Mask mask{g, {}};
  for (std::size_t i = 0; i < g.voxels(); ++i) mask.inside.push_back(random() % 4 == 0 ? 1 : 0);
  std::vector<std::uint8_t> slice(g.voxels());
  for (const auto& walk : outlines(mask, 0)) {
    Outline outline;
    for (const auto& [column, row] : walk) outline.emplace_back(column, row);
    std::vector<std::uint8_t> piece(g.voxels());
    toggle_inside(outline, 47, 33, piece);
    for (std::size_t i = 0; i < piece.size(); ++i) slice[i] |= piece[i];
  }
  for (std::size_t i = 0; i < slice.size(); ++i) EXPECT_GE(slice[i], mask.inside[i]) << "no voxel is lost; holes are";
}

}  // namespace fitting
