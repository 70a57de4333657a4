#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "fitting/roi.h"
#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using Outline = std::vector<std::pair<float, float>>;

Mask drawn(const std::vector<std::string>& rows) {
  Mask mask{axial(static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), 1), {}};
  for (const std::string& row : rows) {
    for (const char c : row) mask.inside.push_back(c == '#' ? 1 : 0);
  }
  return mask;
}

// Positive when clockwise on the screen (rows grow downwards).
double area(const Outline& outline) {
  double twice = 0;
  for (std::size_t i = 1; i < outline.size(); ++i) {
    twice += static_cast<double>(outline[i - 1].first * outline[i].second - outline[i].first * outline[i - 1].second);
  }
  return twice / 2;
}

TEST(Outlines, SurroundASingleVoxelClosedAndClockwise) {
  const auto found = outlines(drawn({"...", ".#.", "..."}), 0);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], (Outline{{1, 1}, {2, 1}, {2, 2}, {1, 2}, {1, 1}}));
}

TEST(Outlines, HaveCornersOnly) {
  EXPECT_EQ(outlines(drawn({"####", "####"}), 0)[0].size(), 5U);
  EXPECT_EQ(outlines(drawn({"##..", "####"}), 0)[0].size(), 7U);
}

TEST(Outlines, LeaveHolesOut) {
  const auto found = outlines(drawn({"#####", "#...#", "#.#.#", "#...#", "#####"}), 0);
  ASSERT_EQ(found.size(), 2U) << "the ring and the island in it";
  EXPECT_DOUBLE_EQ(area(found[0]), 25);
  EXPECT_DOUBLE_EQ(area(found[1]), 1);
}

TEST(Outlines, AreOnePerComponent) {
  const auto found = outlines(drawn({"##..#", "##..#", "....."}), 0);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_DOUBLE_EQ(area(found[0]), 4);
  EXPECT_DOUBLE_EQ(area(found[1]), 2);
}

TEST(Outlines, SeparateVoxelsThatTouchByACornerOnly) {
  for (const auto& rows : {std::vector<std::string>{"#.", ".#"}, std::vector<std::string>{".#", "#."}}) {
    const auto found = outlines(drawn(rows), 0);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_DOUBLE_EQ(area(found[0]), 1);
    EXPECT_DOUBLE_EQ(area(found[1]), 1);
  }
}

TEST(Outlines, OpenAHoleThatTouchesTheOutsideByACorner) {
  const auto found = outlines(drawn({"###", "#.#", "##."}), 0);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_DOUBLE_EQ(area(found[0]), 7);
}

TEST(Outlines, AreOfTheSliceAskedFor) {
  Mask mask{axial(2, 2, 3), std::vector<std::uint8_t>(12, 0)};
  mask.inside[7] = 1;
  EXPECT_TRUE(outlines(mask, 0).empty());
  EXPECT_EQ(outlines(mask, 1).size(), 1U);
  EXPECT_TRUE(outlines(mask, 3).empty());
  EXPECT_TRUE(outlines(mask, -1).empty());
}

// Even-odd at the voxel centres, as a reader of the contours will do it.
bool encloses(const Outline& outline, double x, double y) {
  bool inside = false;
  for (std::size_t i = 1; i < outline.size(); ++i) {
    const auto [ax, ay] = outline[i - 1];
    const auto [bx, by] = outline[i];
    if ((static_cast<double>(ay) > y) == (static_cast<double>(by) > y)) continue;
    if (x < static_cast<double>(ax)) inside = !inside;  // only vertical edges cross a row
  }
  return inside;
}

TEST(Outlines, GiveTheMaskBackButForItsHoles) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    Mask mask{axial(9, 8, 1), {}};
    for (int i = 0; i < 72; ++i) mask.inside.push_back(random() % 3 != 0 ? 1 : 0);
    const auto found = outlines(mask, 0);
    for (const Outline& outline : found) {
      ASSERT_EQ(outline.front(), outline.back());
      ASSERT_GT(area(outline), 0);
    }
    for (int row = 0; row < 8; ++row) {
      for (int column = 0; column < 9; ++column) {
        bool enclosed = false;
        for (const Outline& outline : found) enclosed = enclosed || encloses(outline, column + 0.5, row + 0.5);
        const bool inside = mask.inside[static_cast<std::size_t>(row * 9 + column)] != 0;
        const bool border = row == 0 || column == 0 || row == 7 || column == 8;
        ASSERT_TRUE(enclosed || !inside);
        ASSERT_TRUE(inside || !border || !enclosed);
      }
    }
  }
}

}  // namespace
}  // namespace fitting
