#include "fitting/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/fitting/grid.h"
#include "tests/fitting/moving_phantom.h"

namespace fitting {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A map that owns what ComparedMap views.
struct OwnedMap {
  Geometry geometry;
  std::vector<float> value, error;
  std::vector<VoxelStatus> status;
  [[nodiscard]] ComparedMap view() const { return {"T1", "ms", &geometry, value, error, status}; }
};

OwnedMap map_with(std::vector<float> value, std::vector<float> error = {}, std::vector<VoxelStatus> status = {}) {
  const int columns = static_cast<int>(value.size());
  return {axial(columns, 1, 1), std::move(value), std::move(error), std::move(status)};
}

ChangeMap changed(const OwnedMap& pre, const OwnedMap& post, Change change, const ChangeOptions& options = {}) {
  auto outcome = change_between(pre.view(), post.view(), change, options);
  EXPECT_TRUE(std::holds_alternative<ChangeMap>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<ChangeMap>(std::move(outcome));
}
std::string refusal(const ComparedMap& pre, const ComparedMap& post) {
  const auto outcome = change_between(pre, post, Change::Decrease);
  return std::holds_alternative<Refusal>(outcome) ? std::get<Refusal>(outcome).reason : "";
}

TEST(ChangeMap, CountsAShorteningAsTheNamedSignSays) {
  const OwnedMap pre = map_with({1600, 1000, 500}), post = map_with({400, 1000, 600});
  const ChangeMap decrease = changed(pre, post, Change::Decrease);
  EXPECT_THAT(decrease.value, ElementsAre(1200, 0, -100));
  EXPECT_EQ(decrease.title, "T1 pre - post");
  EXPECT_EQ(decrease.unit, "ms");
  EXPECT_EQ(decrease.measured, 3U);
  EXPECT_THAT(decrease.error, IsEmpty());
  const ChangeMap relative = changed(pre, post, Change::RelativeDecrease);
  EXPECT_THAT(relative.value, ElementsAre(0.75F, 0, -0.2F));
  EXPECT_EQ(relative.title, "(T1 pre - post) / pre");
  EXPECT_EQ(relative.unit, "1");
  const ChangeMap increase = changed(pre, post, Change::RelativeIncrease);
  EXPECT_THAT(increase.value, ElementsAre(-0.75F, 0, 0.2F));
  EXPECT_EQ(increase.title, "(T1 post - pre) / pre");
}

TEST(ChangeMap, PropagatesTheErrorsOfBothMaps) {
  const OwnedMap pre = map_with({1000}, {30}), post = map_with({500}, {40});
  EXPECT_THAT(changed(pre, post, Change::Decrease).error, ElementsAre(50));
  // A thousandth of post / pre = 0.5: sqrt(40^2 + (0.5 * 30)^2) / 1000.
  const float expected = std::sqrt(1600.0F + 225.0F) / 1000;
  EXPECT_NEAR(changed(pre, post, Change::RelativeDecrease).error[0], expected, 1e-7);
  EXPECT_NEAR(changed(pre, post, Change::RelativeIncrease).error[0], expected, 1e-7);
}

TEST(ChangeMap, FailsWhereEitherMapFailedAndKeepsTheDoubtsOfBoth) {
  using enum VoxelStatus;
  const OwnedMap pre = map_with({1000, 0, 1000, 1000}, {9, 0, 9, 9}, {Good, BelowSnr, Good, Uncertain});
  const OwnedMap post = map_with({500, 500, 0, 500}, {9, 9, 0, 9}, {Good, Good, AtBound, Misfit});
  const ChangeMap map = changed(pre, post, Change::Decrease);
  EXPECT_THAT(map.value, ElementsAre(500, 0, 0, 500));
  EXPECT_EQ(map.error[1], 0);
  EXPECT_EQ(map.status[0], Good);
  EXPECT_TRUE(has(map.status[1], BelowSnr));
  EXPECT_TRUE(has(map.status[2], AtBound) && failed(map.status[2]));
  EXPECT_EQ(map.status[3], Uncertain | Misfit);
  EXPECT_EQ(map.measured, 2U);
}

TEST(ChangeMap, FailsWithoutStatusWhereAValueIsZeroOrNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const ChangeMap map =
      changed(map_with({0, nan, 1000, 1000, 5}), map_with({5, 5, infinite, 0, 4}), Change::RelativeDecrease);
  EXPECT_THAT(map.value, ElementsAre(0, 0, 0, 0, 0.2F));
  EXPECT_EQ(map.measured, 1U);
  for (const std::size_t i : {0, 1, 2, 3}) EXPECT_TRUE(failed(map.status[i]));
}

TEST(ChangeMap, FailsWhereARatioHasNoDenominator) {
  using enum VoxelStatus;
  const ChangeMap map = changed(map_with({0, 1e-38F}, {}, {Good, Good}), map_with({5, 1e38F}, {}, {Good, Good}),
                                Change::RelativeIncrease);
  EXPECT_THAT(map.value, Each(0));
  EXPECT_THAT(map.status, Each(NotFitted));
}

TEST(ChangeMap, BringsTheMapAfterToTheGridOfTheMapBefore) {
  using enum VoxelStatus;
  OwnedMap pre{axial(5, 1, 1, 1), std::vector<float>(5, 1000.0F), std::vector<float>(5, 3.0F),
               std::vector<VoxelStatus>(5)};
  OwnedMap post{axial(3, 1, 1, 2), {500, 600, 700}, {4, 4, 4}, {Good, Uncertain, Good}};
  const ChangeMap map = changed(pre, post, Change::Decrease);
  EXPECT_THAT(map.value, ElementsAre(500, 450, 400, 350, 300));
  EXPECT_THAT(map.error, Each(5));
  EXPECT_THAT(map.status, ElementsAre(Good, Uncertain, Uncertain, Uncertain, Good));
  post.status[1] = AtBound;
  post.value[1] = 0;
  EXPECT_THAT(changed(pre, post, Change::Decrease).value, ElementsAre(500, 0, 0, 0, 300));
  post.geometry = axial(3, 1, 1, 2, 1, {3, 0, 0});
  const ChangeMap half = changed(pre, post, Change::Decrease);
  EXPECT_THAT(half.value, ElementsAre(0, 0, 500, 500, 0));  // the first voxel of `post` begins at 2 mm
  EXPECT_TRUE(failed(half.status[0]));
  EXPECT_EQ(half.error[0], 0);
}

TEST(ChangeMap, UndoesTheMotionBetweenTheMaps) {
  const OwnedMap pre = map_with({1000, 1000, 1000, 1000}), post = map_with({0, 500, 600, 700});
  const ChangeMap map = changed(pre, post, Change::Decrease, {.motion = {.translation_mm = {1, 0, 0}}, .threads = 2});
  EXPECT_THAT(map.value, ElementsAre(500, 400, 300, 0));
}

TEST(ChangeMap, RefusesWhatCannotBeCompared) {
  const OwnedMap pre = map_with({1, 2}), far{axial(2, 1, 1, 1, 1, {50, 0, 0}), {1, 2}, {}, {}}, empty;
  ComparedMap other = pre.view();
  other.name = "T2";
  EXPECT_EQ(refusal(pre.view(), other), "T1 [ms] and T2 [ms] cannot be compared");
  other = pre.view();
  other.unit = "s";
  EXPECT_EQ(refusal(pre.view(), other), "T1 [ms] and T1 [s] cannot be compared");
  EXPECT_THAT(refusal(pre.view(), far.view()), HasSubstr("after: no voxel of the target"));
  EXPECT_EQ(refusal(empty.view(), pre.view()), "before: the volume has no voxels");
  OwnedMap odd = pre;
  odd.error = {1};
  EXPECT_THAT(refusal(pre.view(), odd.view()), HasSubstr("after: the map has another size"));
  odd = pre;
  odd.status.resize(3);
  EXPECT_THAT(refusal(odd.view(), pre.view()), HasSubstr("before: the map has another size"));
}

TEST(ChangeMap, OfTwoFitsOfThePhantomIsWhatTheContrastAgentDid) {
  Geometry g = breast_grid(32, 3, 8);
  g.slice_origins_mm[1] = lesion_centre_mm();  // one voxel centre in the lesion
  g.slice_origins_mm[1].x() -= 9 * g.column_spacing_mm;
  g.slice_origins_mm[1].y() -= 9 * g.row_spacing_mm;
  g.slice_origins_mm[0] = g.slice_origins_mm[1] - Vec3(0, 0, 8);
  g.slice_origins_mm[2] = g.slice_origins_mm[1] + Vec3(0, 0, 8);
  const Model& vfa = *find_model("t1_vfa");
  const auto fit = [&](Quantity quantity) {
    return std::get<Fit>(fit_series(simulate(g, vfa.example_protocol(), vfa, quantity, 5, 7), vfa, {}));
  };
  const Fit pre = fit(Quantity::T1Pre), post = fit(Quantity::T1Post);
  const auto outcome = change_between(compared(pre, 0), compared(post, 0), Change::Decrease);
  const ChangeMap& map = std::get<ChangeMap>(outcome);
  const std::size_t voxel = g.slice_voxels() + 9 * 32 + 9;
  const Tissue& lesion = tissues()[kLesionLabel];
  EXPECT_GT(map.error[voxel], 0);
  EXPECT_NEAR(map.value[voxel], lesion.t1_pre_ms - lesion.t1_post_ms, 4 * map.error[voxel]);
  EXPECT_LT(map.error[voxel], 300);
}

}  // namespace
}  // namespace fitting
