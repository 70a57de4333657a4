#include "fitting/resample.h"

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

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A trilinear interpolation reproduces an affine function exactly.
double affine(const Vec3& at) { return 100 + 2 * at.x() - 3 * at.y() + 0.5 * at.z(); }

template <class Function>
std::vector<float> sampled(const Geometry& g, Function function) {
  std::vector<float> values;
  for (int slice = 0; slice < g.slices(); ++slice) {
    for (int row = 0; row < g.rows; ++row) {
      for (int column = 0; column < g.columns; ++column)
        values.push_back(static_cast<float>(function(g.centre_mm(column, row, slice))));
    }
  }
  return values;
}

Geometry oblique(Geometry g) { return displaced(std::move(g), motion_of({20, -35, 50}, {1, 2, 3})); }

Resampled resampled(const Geometry& source, std::span<const float> values, const Geometry& target,
                    const ResampleOptions& options = {}) {
  auto outcome = resample(source, values, target, options);
  EXPECT_TRUE(std::holds_alternative<Resampled>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<Resampled>(std::move(outcome));
}

std::string refusal(const Geometry& source, std::span<const float> values, const Geometry& target) {
  const auto outcome = resample(source, values, target);
  return std::holds_alternative<Refusal>(outcome) ? std::get<Refusal>(outcome).reason : "";
}

TEST(Resample, KeepsEveryValueOnItsOwnGrid) {
  const Geometry g = oblique(axial(7, 5, 4, 0.8, 3));
  const std::vector<float> values = sampled(g, affine);
  const Resampled same = resampled(g, values, g);
  EXPECT_EQ(same.outside, 0U);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(same.values[i], values[i], 1e-4F);
}

TEST(Resample, FollowsAnAffineSignalBetweenAnyTwoOrientations) {
  const Geometry source = oblique(axial(30, 24, 12, 2, 4, {-30, -20, -20}));
  const Geometry target = axial(9, 9, 5, 1.5, 2.5, {-5, -5, -5});
  const Resampled there = resampled(source, sampled(source, affine), target);
  ASSERT_EQ(there.outside, 0U);
  const std::vector<float> expected = sampled(target, affine);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(there.values[i], expected[i], 1e-3);
}

TEST(Resample, UndoesAMotion) {
  const RigidTransform motion = motion_of({3, -2, 5}, {1, 2, -1});
  const Geometry source = axial(40, 40, 20, 2, 2, {-40, -60, -20}), target = axial(9, 9, 5, 1.5, 2.5, {-5, -25, -5});
  // Tissue at p was seen at motion(p).
  const std::vector<float> moved = sampled(source, [&](const Vec3& at) { return affine(motion.inverse()(at)); });
  const Resampled there = resampled(source, moved, target, {.transform = motion});
  const std::vector<float> expected = sampled(target, affine);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(there.values[i], expected[i], 1e-3);
}

TEST(Resample, InterpolatesBetweenUnevenSlicesButNotAcrossAMissingOne) {
  Geometry source = axial(1, 1, 5, 1, 1);
  for (int s = 0; s < 5; ++s)
    source.slice_origins_mm[static_cast<std::size_t>(s)].z() =
        std::array{0.0, 2.0, 4.5, 6.5, 10.5}[static_cast<std::size_t>(s)];
  source.slice_thickness_mm = 2;
  Geometry target = axial(1, 1, 6, 1, 1);
  for (int s = 0; s < 6; ++s)
    target.slice_origins_mm[static_cast<std::size_t>(s)].z() =
        std::array{1.0, 3.0, 7.4, 8.5, 9.6, 11.4}[static_cast<std::size_t>(s)];
  const std::vector<float> values = {10, 20, 30, 40, 50};
  const Resampled there = resampled(source, values, target);
  EXPECT_THAT(there.inside, ElementsAre(1, 1, 1, 0, 1, 1));
  EXPECT_THAT(there.values, testing::Pointwise(testing::FloatNear(1e-4F), {15.0F, 24.0F, 40.0F, 0.0F, 50.0F, 50.0F}));
}

TEST(Resample, ReachesToTheFacesOfTheOutermostVoxelsAndNoFarther) {
  const Geometry source = axial(2, 1, 1, 4, 6);
  Geometry target = axial(5, 1, 1, 1, 1, {-2.5, 1.9, 2.9});
  EXPECT_THAT(resampled(source, std::vector<float>{10, 30}, target).inside, ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(resampled(source, std::vector<float>{10, 30}, target).values, ElementsAre(0, 10, 10, 12.5F, 17.5F));
  target.slice_origins_mm[0].z() = 3.1;
  EXPECT_THAT(refusal(source, std::vector<float>{10, 30}, target), HasSubstr("no voxel of the target"));
}

TEST(Resample, DoesNotKnowWhatTheSourceDoesNotKnow) {
  const Geometry source = axial(4, 1, 1, 2, 2), target = axial(7, 1, 1, 1, 2);
  const Resampled there = resampled(source, std::vector<float>{1, kNan, 5, 7}, target);
  EXPECT_THAT(there.inside, ElementsAre(1, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(there.values, ElementsAre(1, 0, 0, 0, 5, 6, 7));
  EXPECT_EQ(there.outside, 3U);
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_THAT(resampled(source, std::vector<float>{1, 3, infinite, 7}, target).inside,
              ElementsAre(1, 1, 1, 0, 0, 0, 1));
}

TEST(Resample, GivesTheSameBitsForAnyNumberOfThreads) {
  const Geometry source = oblique(axial(31, 17, 9, 2, 4, {-30, -20, -20})),
                 target = axial(23, 19, 11, 1.5, 2.5, {-9, -9, -9});
  const std::vector<float> values = sampled(source, [](const Vec3& at) { return std::sin(at.x()) * at.y() + at.z(); });
  const Resampled one = resampled(source, values, target), four = resampled(source, values, target, {.threads = 4});
  EXPECT_GT(one.outside, 0U);
  EXPECT_LT(one.outside, one.values.size());
  EXPECT_EQ(one.values, four.values);
  EXPECT_EQ(one.inside, four.inside);
  EXPECT_EQ(one.outside, four.outside);
}

TEST(Resample, TakesTenThousandSlicesOfOneVoxel) {
  const Geometry g = axial(1, 1, 10000, 1, 0.1);
  const std::vector<float> values = sampled(g, affine);
  const Resampled there = resampled(g, values, g);
  EXPECT_EQ(there.outside, 0U);
  EXPECT_NEAR(there.values[9999], values[9999], 1e-2);
}

TEST(Resample, RefusesWhatItCannotPlace) {
  const Geometry good = axial(2, 2, 2);
  const std::vector<float> values(8, 1.0F);
  EXPECT_EQ(refusal(Geometry{}, {}, good), "source: the volume has no voxels");
  EXPECT_EQ(refusal(good, values, Geometry{}), "target: the volume has no voxels");
  EXPECT_EQ(refusal(good, std::span(values).first(7), good), "the source has 7 values for 8 voxels");
  EXPECT_THAT(refusal(good, values, axial(2, 2, 2, 1, 1, {50, 0, 0})), HasSubstr("no voxel of the target"));
  Geometry bad = good;
  bad.column_spacing_mm = 0;
  EXPECT_THAT(refusal(bad, values, good), HasSubstr("not positive"));
  bad = good;
  bad.column_direction = Vec3::UnitX();
  EXPECT_THAT(refusal(bad, values, good), HasSubstr("right angles"));
  bad = good;
  bad.slice_origins_mm[1] = bad.slice_origins_mm[0];
  EXPECT_THAT(refusal(bad, values, good), HasSubstr("do not ascend"));
  bad.slice_origins_mm[1].z() = kNan;
  EXPECT_THAT(refusal(good, values, bad), HasSubstr("do not ascend"));
  EXPECT_THAT(refusal(good, std::vector<float>(8, kNan), good), HasSubstr("no voxel of the target"));
}

TEST(RigidTransform, IsUndoneByItsInverse) {
  const RigidTransform motion = motion_of({10, 20, -30}, {4, 5, 6});
  const Vec3 point(7, -8, 9);
  EXPECT_NEAR((motion.inverse()(motion(point)) - point).norm(), 0, 1e-12);
  EXPECT_NEAR(motion_of({0, 0, -30}, Vec3::Zero()).angle_deg(), 30, 1e-12);
  EXPECT_NEAR(motion_of({180, 0, 0}, Vec3::Zero()).angle_deg(), 180, 1e-9);
  EXPECT_EQ(RigidTransform{}.angle_deg(), 0);
}

}  // namespace
}  // namespace fitting
