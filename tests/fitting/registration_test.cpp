#include "fitting/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "tests/fitting/grid.h"
#include "tests/fitting/moving_phantom.h"

namespace fitting {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kSigma = 30;  // SNR of the strongest tissue: a hundred in the first image

RigidMotion found(std::variant<RigidMotion, Refusal> outcome) {
  EXPECT_TRUE(std::holds_alternative<RigidMotion>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<RigidMotion>(std::move(outcome));
}
template <class Outcome>
std::string refusal(const Outcome& outcome) {
  const auto* refused = std::get_if<Refusal>(&outcome);
  return refused != nullptr ? refused->reason : "";
}

// Where the middle of the breasts ends up, found against true (mm), and the angle between the two rotations.
void expect_same(const RigidMotion& motion, const RigidTransform& truth, double in_plane_mm, double through_plane_mm) {
  const Vec3 error = motion.transform(truth.centre_mm) - truth(truth.centre_mm);
  EXPECT_LT(std::abs(error.x()), in_plane_mm);
  EXPECT_LT(std::abs(error.y()), in_plane_mm);
  EXPECT_LT(std::abs(error.z()), through_plane_mm);
  const RigidTransform difference{.rotation = motion.transform.rotation * truth.rotation.transpose()};
  EXPECT_LT(difference.angle_deg(), 0.2);
}

bool same_bits(const RigidMotion& a, const RigidMotion& b) {
  return a.transform.rotation == b.transform.rotation && a.transform.translation_mm == b.transform.translation_mm &&
         a.metric_before == b.metric_before && a.metric_after == b.metric_after;
}

// Early echo at rest, late echo after the motion: 13.8 and 82.8 ms.
struct Pair {
  Geometry geometry;
  std::vector<float> fixed, moving;
  RigidTransform motion;

  Pair(Geometry g, const RigidTransform& m, unsigned seed = 1)
      : geometry(std::move(g)),
        fixed(image_after({}, geometry, 13.8, kSigma, seed)),
        moving(image_after(m, geometry, 82.8, kSigma, seed + 1000)),
        motion(m) {}
  [[nodiscard]] std::variant<RigidMotion, Refusal> registered(const RegistrationOptions& options = {}) const {
    return register_rigid(geometry, fixed, geometry, moving, options);
  }
};

TEST(Registration, FindsLargeMotionsBetweenImagesOfDifferentContrast) {
  for (const unsigned seed : {1U, 2U, 3U}) {
    const Pair pair(breast_grid(256, 24, 5.2), random_motion(seed, 5), seed);
    const RigidMotion motion = found(pair.registered());
    SCOPED_TRACE("motion " + std::to_string(seed) + ": " + described(motion));
    expect_same(motion, pair.motion, 0.2, 0.52);
    EXPECT_TRUE(motion.converged);
    EXPECT_FALSE(motion.in_plane_only);
    EXPECT_GT(motion.metric_after, 1.2 * motion.metric_before);
  }
}

TEST(Registration, FindsMotionsOfLessThanAVoxel) {
  for (const unsigned seed : {5U, 6U}) {
    const Pair pair(breast_grid(256, 24, 5.2), random_motion(seed, 0.6), seed);
    const RigidMotion motion = found(pair.registered());
    SCOPED_TRACE("motion " + std::to_string(seed) + ": " + described(motion));
    expect_same(motion, pair.motion, 0.2, 0.52);
  }
}

TEST(Registration, FindsNoMotionWhereThereIsNone) {
  const Pair pair(breast_grid(192, 24, 5.2), {});
  const RigidMotion motion = found(pair.registered());
  EXPECT_LT(motion.largest_displacement_voxels, 0.1);
  EXPECT_NEAR(motion.metric_after, motion.metric_before, 0.01);
}

TEST(Registration, SaysHowFarAnythingMoved) {
  // A shift alone moves every point alike.
  const Pair pair(breast_grid(128, 20, 5), motion_of(Vec3::Zero(), {3, 0, 4}));
  const RigidMotion motion = found(pair.registered());
  EXPECT_NEAR(motion.mean_displacement_mm, 5, 0.5);
  EXPECT_NEAR(motion.largest_displacement_mm, 5, 1);
  EXPECT_NEAR(motion.largest_displacement_voxels, 3 / pair.geometry.column_spacing_mm, 0.3);
  EXPECT_LT(motion.rotation_deg, 0.2);
  EXPECT_THAT(described(motion), HasSubstr("moved by up to "));
}

TEST(Registration, FollowsTheGridsWhateverTheirOrientation) {
  // The same images, declared to lie obliquely in the magnet: the motion turns with them.
  const Pair pair(breast_grid(128, 20, 5), random_motion(9, 4));
  const RigidTransform turned = motion_of({30, -20, 70}, {10, 20, 30});
  const Geometry oblique = displaced(pair.geometry, turned);
  const RigidMotion straight = found(pair.registered());
  const RigidMotion slanted = found(register_rigid(oblique, pair.fixed, oblique, pair.moving));
  const Vec3 point(20, -40, 10);
  EXPECT_NEAR((slanted.transform(turned(point)) - turned(straight.transform(point))).norm(), 0, 1e-3);
  EXPECT_NEAR(slanted.metric_after, straight.metric_after, 1e-6);
}

TEST(Registration, TakesAMovingVolumeOnAnotherGridAndSmallerThanTheFixedOne) {
  const Geometry fixed_grid = breast_grid(192, 24, 5);
  Geometry moving_grid = displaced(breast_grid(160, 16, 6), motion_of({0, 8, 4}, {20, 5, 3}));
  moving_grid.rows = 120;
  const RigidTransform truth = random_motion(11, 3);
  const auto fixed = image_after({}, fixed_grid, 13.8, kSigma, 3),
             moving = image_after(truth, moving_grid, 82.8, kSigma, 4);
  const RigidMotion motion = found(register_rigid(fixed_grid, fixed, moving_grid, moving));
  expect_same(motion, truth, 0.4, 0.6);  // voxels of 1.6 x 1.9 x 6 mm
}

TEST(Registration, RegistersFewSlicesInTheirPlane) {
  for (const int slices : {1, 3}) {
    const Pair pair(breast_grid(256, slices, 5), motion_of({0, 0, 2}, {2, -3, 0}));
    const RigidMotion motion = found(pair.registered());
    EXPECT_TRUE(motion.in_plane_only);
    EXPECT_THAT(described(motion), HasSubstr("in plane only"));
    expect_same(motion, pair.motion, 0.25, 1e-9);
    EXPECT_NEAR(motion.transform.rotation(2, 2), 1, 1e-12);
  }
}

TEST(Registration, RefusesToMatchSingleSlicesOfDifferentPlanes) {
  const Geometry one = breast_grid(64, 1, 5), tilted = displaced(one, motion_of({5, 0, 0}, {0, 0, 0})),
                 higher = displaced(one, motion_of({0, 0, 0}, {0, 0, 3}));
  const auto image = image_after({}, one, 13.8, kSigma, 1);
  EXPECT_THAT(refusal(register_rigid(one, image, tilted, image)), HasSubstr("do not lie in the same planes"));
  EXPECT_THAT(refusal(register_rigid(one, image, higher, image)), HasSubstr("do not lie in the same planes"));
  const Geometry stack = breast_grid(64, 6, 5);
  EXPECT_THAT(refusal(register_rigid(one, image, stack, image_after({}, stack, 13.8, kSigma, 1))),
              HasSubstr("fewer than 8 slices"));
}

TEST(Registration, DependsOnItsArgumentsAlone) {
  const Pair pair(breast_grid(96, 12, 6), random_motion(3, 3));
  const RigidMotion once = found(pair.registered());
  setenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "3", 1);
  const RigidMotion again = found(pair.registered());
  unsetenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS");
  EXPECT_TRUE(same_bits(once, again));
  EXPECT_FALSE(same_bits(once, found(pair.registered({.samples = 20000, .seed = 2}))));
}

TEST(Registration, RefusesWhatItCannotCompare) {
  const Geometry g = breast_grid(32, 8, 5);
  const auto image = image_after({}, g, 13.8, kSigma, 1);
  const auto against = [&](const Geometry& geometry, const std::vector<float>& values) {
    return refusal(register_rigid(g, image, geometry, values));
  };
  EXPECT_EQ(against(Geometry{}, {}), "moving: the volume has no voxels");
  EXPECT_EQ(refusal(register_rigid(Geometry{}, {}, g, image)), "fixed: the volume has no voxels");
  EXPECT_THAT(against(g, std::vector<float>(5)), HasSubstr("5 values for 8192 voxels"));
  EXPECT_THAT(against(g, std::vector<float>(image.size(), 0.0F)), HasSubstr("same value everywhere"));
  auto broken = image;
  broken[77] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(against(g, broken), HasSubstr("not finite"));
  EXPECT_THAT(against(displaced(g, motion_of(Vec3::Zero(), {500, 0, 0})), image), HasSubstr("only 0 % in common"));
  EXPECT_THAT(against(displaced(g, motion_of(Vec3::Zero(), {240, 0, 0})), image), HasSubstr("% in common"));
  Geometry uneven = g;
  uneven.slice_origins_mm[3].z() += 1;
  EXPECT_THAT(against(uneven, image), HasSubstr("not evenly spaced"));
  EXPECT_THAT(against(axial(1, 1, 1), {1}), HasSubstr("fewer than 8 columns"));
  EXPECT_THAT(against(axial(1, 1, 10000), std::vector<float>(10000, 1.0F)), HasSubstr("fewer than 8 columns"));
}

TEST(Registration, RefusesMotionsThatNoPatientMakes) {
  const Pair pair(breast_grid(96, 12, 6), motion_of(Vec3::Zero(), {8, 0, 0}));
  EXPECT_THAT(refusal(pair.registered({.largest_motion_mm = 5})), HasSubstr("no motion of a patient"));
}

// --- series ---

// Four echoes; the third and fourth after a motion, as of a patient who has moved once.
Series moved_series(const RigidTransform& motion, int slices = 14) {
  const Geometry g = breast_grid(96, slices, 6);
  Series series{.geometry = g, .protocol = {.axis_kind = Axis::EchoTimeMs, .axis = {14, 28, 42, 56}}, .planes = {}};
  for (std::size_t k = 0; k < 4; ++k)
    series.planes.emplace_back(image_after(k < 2 ? RigidTransform{} : motion, g, series.protocol.axis[k], kSigma, k));
  return series;
}

Alignment aligned(const Series& series, const AlignmentOptions& options = {}) {
  auto outcome = align(series, options);
  EXPECT_TRUE(std::holds_alternative<Alignment>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<Alignment>(std::move(outcome));
}

// Mean over the echoes of how far the series is from the one without motion, over voxels with signal in all.
double distance(const Series& a, const Series& b) {
  double sum = 0, voxels = 0;
  for (std::size_t k = 0; k < a.planes.size(); ++k) {
    const auto x = a.planes[k].values(), y = b.planes[k].values();
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] == 0) continue;
      sum += std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i]));
      voxels += 1;
    }
  }
  return sum / voxels;
}

TEST(Alignment, BringsMovedEchoesBackAndLeavesTheOthersAsAcquired) {
  const RigidTransform motion = motion_of({1, -1, 3}, {4, -3, 5});
  const Series series = moved_series(motion), still = moved_series({});
  const Alignment out = aligned(series);
  EXPECT_FALSE(out.planes[0].resampled);
  EXPECT_FALSE(out.planes[0].motion.has_value());
  EXPECT_EQ(out.planes[0].note, "the reference");
  EXPECT_FALSE(out.planes[1].resampled);
  EXPECT_EQ(out.planes[1].note, "moved by less than 0.1 voxels");
  for (const std::size_t k : {2U, 3U}) {
    ASSERT_TRUE(out.planes[k].resampled) << out.planes[k].note;
    EXPECT_THAT(out.planes[k].note, IsEmpty());
    expect_same(*out.planes[k].motion, motion, 0.4, 0.6);
  }
  EXPECT_LT(distance(out.series, still), 0.5 * distance(series, still));
  EXPECT_THAT(out.description, HasSubstr("registration to image 1"));
  EXPECT_THAT(out.description, HasSubstr("2 of 4 images moved"));
}

TEST(Alignment, LeavesNoVoxelThatOneEchoDoesNotCover) {
  const Alignment out = aligned(moved_series(motion_of(Vec3::Zero(), {0, 0, 12})));
  ASSERT_GT(out.uncovered, 0U);
  EXPECT_THAT(out.description, HasSubstr(std::to_string(out.uncovered) + " voxels uncovered"));
  std::size_t blank = 0;
  for (std::size_t i = 0; i < out.series.geometry.voxels(); ++i) {
    const bool all = std::ranges::all_of(out.series.planes, [&](const Plane& plane) { return plane[i] == 0; });
    blank += all ? 1U : 0U;
  }
  EXPECT_EQ(blank, out.uncovered);
}

TEST(Alignment, ChangesNothingWhereNothingMoved) {
  const Series series = moved_series({});
  const Alignment out = aligned(series);
  EXPECT_EQ(out.uncovered, 0U);
  for (std::size_t k = 0; k < series.planes.size(); ++k) EXPECT_EQ(out.series.planes[k], series.planes[k]);
  EXPECT_THAT(out.description, HasSubstr("0 of 4 images moved"));
}

TEST(Alignment, TakesAnyEchoAsItsReference) {
  const RigidTransform motion = motion_of({1, -1, 3}, {4, -3, 5});
  const Alignment out = aligned(moved_series(motion), {.reference = 2});
  EXPECT_TRUE(out.planes[0].resampled);
  EXPECT_TRUE(out.planes[1].resampled);
  EXPECT_FALSE(out.planes[3].resampled);
  expect_same(*out.planes[0].motion, motion.inverse(), 0.4, 0.6);
}

TEST(Alignment, GivesTheSameBitsForAnyNumberOfThreads) {
  const Series series = moved_series(random_motion(4, 4));
  const Alignment one = aligned(series, {.threads = 1}), four = aligned(series, {.threads = 4});
  for (std::size_t k = 1; k < 4; ++k) EXPECT_TRUE(same_bits(*one.planes[k].motion, *four.planes[k].motion));
  EXPECT_EQ(one.series.planes, four.series.planes);
  EXPECT_EQ(one.uncovered, four.uncovered);
  EXPECT_EQ(one.description, four.description);
}

TEST(Alignment, LeavesAnEchoThatCannotBeRegisteredAndSaysWhy) {
  Series series = moved_series({});
  series.planes[2] = Plane(std::vector<float>(series.geometry.voxels(), 0.0F));
  const Alignment out = aligned(series);
  EXPECT_FALSE(out.planes[2].motion.has_value());
  EXPECT_EQ(out.planes[2].note, "the volume has the same value everywhere");
  EXPECT_TRUE(out.planes[3].motion.has_value());
  EXPECT_THAT(out.description, HasSubstr("image 3 left: the volume has the same value everywhere"));
}

TEST(Alignment, RefusesSeriesWithoutAReference) {
  const Series series = moved_series({});
  EXPECT_EQ(refusal(align(Series{})), "the series has no images");
  EXPECT_EQ(refusal(align(series, {.reference = 4})), "the series has 4 images, no reference number 5");
  Series odd = series;
  odd.planes[1] = Plane(std::vector<float>(3));
  EXPECT_THAT(refusal(align(odd)), HasSubstr("another size"));
  odd = series;
  odd.planes[0] = Plane(std::vector<float>(series.geometry.voxels(), 1.0F));
  EXPECT_THAT(refusal(align(odd)), HasSubstr("reference: the volume has the same value everywhere"));
}

}  // namespace
}  // namespace fitting
