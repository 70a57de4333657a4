#include "fitting/proposal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fitting/arrival.h"
#include "fitting/phantom.h"
#include "fitting/resample.h"
#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

constexpr double kInjection_s = 60;

Geometry breast_grid(int matrix = 160, int slices = 48) {
  const double spacing_mm = 320.0 / matrix, slice_mm = 144.0 / slices;
  return axial(matrix, matrix, slices, spacing_mm, slice_mm,
               {(spacing_mm - 320) / 2, (spacing_mm - 320) / 2, (slice_mm - 144) / 2});
}

struct Scan {
  std::vector<double> times_s = {0, 60, 120, 150, 210, 270};
  Phantom phantom = {};
  double sigma = 12;
  double more_of_gland = 0;  // relative enhancement of fibroglandular tissue, added
};

// Phases of the phantom, as a scanner takes them.
Series dynamic(const Scan& scan, const Geometry& grid = breast_grid()) {
  const Model& model = *find_model("t1_vfa");
  const Protocol spoiled{Axis::FlipAngleDeg, {10}, 5};
  Series series{grid, {.axis_kind = Axis::TimeS, .axis = scan.times_s}, {}};
  const std::vector<std::uint8_t> label = labels(grid, scan.phantom);
  std::vector<double> after;
  for (const double time : scan.times_s) after.push_back(time - kInjection_s);
  const double gain = receiver_gain(spoiled, model, Quantity::T1Pre, after, scan.phantom);
  for (std::size_t k = 0; k < after.size(); ++k) {
    Series phase = simulate(grid, spoiled, model, Quantity::T1Pre, scan.sigma, k + 1,
                            {.after_injection_s = after[k], .gain = gain, .phantom = scan.phantom});
    if (after[k] > 0 && scan.more_of_gland > 0)
      for (std::size_t i = 0; i < label.size(); ++i)
        if (label[i] == 2) phase.planes[0].edit()[i] *= static_cast<float>(1 + scan.more_of_gland);
    series.planes.push_back(std::move(phase.planes[0]));
  }
  return series;
}

Mask truth(const Geometry& grid, const Phantom& phantom = {}) {
  Mask mask{grid, {}};
  for (const std::uint8_t label : labels(grid, phantom)) mask.inside.push_back(label == kLesionLabel);
  return mask;
}

double overlap(const Mask& a, const Mask& b) {
  std::size_t both = 0;
  for (std::size_t i = 0; i < a.inside.size(); ++i) both += a.inside[i] != 0 && b.inside[i] != 0 ? 1U : 0U;
  return 2.0 * static_cast<double>(both) / static_cast<double>(a.count() + b.count());
}

Proposal proposed(const Series& series, const ProposalOptions& options = {}) {
  auto found = propose_lesions(series, kInjection_s, options);
  EXPECT_TRUE(std::holds_alternative<Proposal>(found)) << std::get<Refusal>(found).reason;
  return std::holds_alternative<Proposal>(found) ? std::move(std::get<Proposal>(found)) : Proposal{};
}

std::string refusal_of(const Series& series, double arrival_s = kInjection_s) {
  const auto found = propose_lesions(series, arrival_s);
  return std::holds_alternative<Refusal>(found) ? std::get<Refusal>(found).reason : "";
}

TEST(ProposeLesions, FindsTheMassOfThePhantomAndNothingElse) {
  const Series series = dynamic({});
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 1U);
  const ProposedLesion& lesion = proposal.lesions.front();
  EXPECT_GT(overlap(lesion.mask, truth(series.geometry)), 0.9);
  EXPECT_NEAR(lesion.mean_enhancement, relative_enhancement(tissues()[kLesionLabel].uptake, 90), 0.05);
  EXPECT_NEAR(lesion.volume_mm3, 4.0 / 3 * M_PI * 11 * 11 * 10, 400);
  EXPECT_EQ(lesion.largest_slice, lesion.mask.largest_slice());
  EXPECT_THAT(proposal.description, HasSubstr("unreviewed"));
  EXPECT_THAT(proposal.description, HasSubstr("70 % or more 90 s after"));
  EXPECT_THAT(proposal.description, HasSubstr("opening 3 x 3 x 3"));
}

TEST(ProposeLesions, FindsItOnThickSlicesWhichAreNotOpened) {
  const Series series = dynamic({}, breast_grid(160, 24));
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 1U);
  EXPECT_GT(overlap(proposal.lesions.front().mask, truth(series.geometry)), 0.8);
  EXPECT_THAT(proposal.description, HasSubstr("opening 3 x 3 x 1"));
}

TEST(ProposeLesions, FindsItWhereverTheAxesOfTheGridPoint) {
  Geometry sagittal = axial(160, 72, 160, 2, 2);
  sagittal.row_direction = Vec3::UnitY();
  sagittal.column_direction = -Vec3::UnitZ();
  for (int s = 0; s < 160; ++s)  // normal -x
    sagittal.slice_origins_mm[static_cast<std::size_t>(s)] = Vec3(159 - 2 * s, -159, 71);
  ASSERT_LT(sagittal.normal().x(), 0);
  const Series series = dynamic({.times_s = {0, 150}}, sagittal);
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 1U);
  EXPECT_GT(overlap(proposal.lesions.front().mask, truth(series.geometry)), 0.9);
}

TEST(ProposeLesions, ProposesNothingWhereNothingEnhancesEnough) {
  const Proposal healthy = proposed(dynamic({.phantom = {.lesion_diameter_mm = 0}}));
  EXPECT_TRUE(healthy.lesions.empty());
  EXPECT_THAT(healthy.description, HasSubstr("0 candidates"));
  EXPECT_TRUE(proposed(dynamic({.phantom = {.agent = 0}})).lesions.empty()) << "no agent at all";
}

TEST(ProposeLesions, LeavesOutWhatIsSmallerThanTenMillimetres) {
  EXPECT_TRUE(proposed(dynamic({.phantom = {.lesion_diameter_mm = 8}})).lesions.empty());
  const Phantom larger{.lesion_diameter_mm = 16};
  const Series series = dynamic({.phantom = larger});
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 1U);
  EXPECT_GT(overlap(proposal.lesions.front().mask, truth(series.geometry, larger)), 0.8);
}

TEST(ProposeLesions, RefusesABackgroundThatEnhancesAsLesionsDo) {
  EXPECT_THAT(refusal_of(dynamic({.more_of_gland = 0.8})), HasSubstr("no lesion can be told from the background"));
}

// Doubles the signal of voxels after the injection.
template <class Choose>
void enhance_where(Series& series, const Choose& choose) {
  for (std::size_t k = 2; k < series.planes.size(); ++k) {
    std::vector<float>& values = series.planes[k].edit();
    const Geometry& g = series.geometry;
    for (int s = 0; s < g.slices(); ++s)
      for (int r = 0; r < g.rows; ++r)
        for (int c = 0; c < g.columns; ++c)
          if (choose(g.centre_mm(c, r, s)))
            values[(static_cast<std::size_t>(s) * static_cast<std::size_t>(g.rows) + static_cast<std::size_t>(r)) *
                       static_cast<std::size_t>(g.columns) +
                   static_cast<std::size_t>(c)] *= 2;
  }
}

TEST(ProposeLesions, LeavesVesselsOut) {
  Series series = dynamic({.phantom = {.lesion_diameter_mm = 0}});
  enhance_where(series, [](const Vec3& p) { return std::hypot(p.x() + 75, p.z()) < 6 && p.y() < -6 && p.y() > -92; });
  const Proposal proposal = proposed(series);
  EXPECT_TRUE(proposal.lesions.empty());
  EXPECT_THAT(proposal.description, HasSubstr("1 vessels"));
}

TEST(ProposeLesions, LeavesOutTheChestAndTheSkin) {
  Series series = dynamic({.phantom = {.lesion_diameter_mm = 0}});
  enhance_where(series, [](const Vec3& p) { return (p - Vec3(0, 40, 0)).norm() < 30; });    // a heart
  enhance_where(series, [](const Vec3& p) { return (p - Vec3(-75, -99, 0)).norm() < 3; });  // a nipple
  EXPECT_TRUE(proposed(series).lesions.empty());
}

TEST(ProposeLesions, RanksByVolumeTimesEnhancementAndKeepsThree) {
  Series series = dynamic({});
  const std::vector<Vec3> centres{{-75, -40, 0}, {-75, -70, 30}, {-75, -30, -30}, {60, -20, -30}};
  for (std::size_t k = 0; k < centres.size(); ++k)
    enhance_where(series, [&](const Vec3& p) { return (p - centres[k]).norm() < 7 + static_cast<double>(k); });
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 3U);
  const auto score = [](const ProposedLesion& lesion) { return lesion.volume_mm3 * lesion.mean_enhancement; };
  EXPECT_GT(overlap(proposal.lesions[0].mask, truth(series.geometry)), 0.9) << "the phantom's own is the largest";
  EXPECT_GT(score(proposal.lesions[1]), score(proposal.lesions[2]));
  EXPECT_THAT(proposal.description, HasSubstr("5 candidates"));
}

TEST(ProposeLesions, BringsThePhaseBackWhereThePatientMoved) {
  const Scan scan{.times_s = {0, 150}};
  Series series = dynamic(scan), later = dynamic(scan);
  Geometry moved = series.geometry;  // the same images, 6 mm to the left and 3 mm to the head
  for (Vec3& origin : moved.slice_origins_mm) origin += Vec3(6, 0, 3);
  auto shifted = resample(moved, later.planes[1].values(), series.geometry);
  series.planes[1] = Plane(std::move(std::get<Resampled>(shifted).values));
  const Proposal proposal = proposed(series);
  ASSERT_EQ(proposal.lesions.size(), 1U);
  EXPECT_GT(overlap(proposal.lesions.front().mask, truth(series.geometry)), 0.85);
  EXPECT_THAT(proposal.description, HasSubstr("rigid alignment: moved by"));
}

TEST(ProposeLesions, DoesNotDependOnThreads) {
  const Series series = dynamic({.times_s = {0, 150}}, breast_grid(96, 32));
  const Proposal one = proposed(series), four = proposed(series, {.threads = 4});
  ASSERT_EQ(one.lesions.size(), four.lesions.size());
  ASSERT_FALSE(one.lesions.empty());
  EXPECT_EQ(one.lesions[0].mask.inside, four.lesions[0].mask.inside);
  EXPECT_EQ(one.description, four.description);
}

TEST(ProposeLesions, RefusesSeriesThatHaveNoEarlyPhase) {
  const Geometry small = breast_grid(48, 12);
  EXPECT_THAT(refusal_of(dynamic({.times_s = {0, 20, 40}}, small)), HasSubstr("after the contrast agent arrived"));
  EXPECT_THAT(refusal_of(dynamic({.times_s = {70, 150}}, small)), HasSubstr("before the contrast agent arrived"));
  EXPECT_THAT(refusal_of(dynamic({.times_s = {0, 400}}, small)), HasSubstr("within 45 s of 90 s"));
  Series other = dynamic({}, small);
  other.protocol.axis_kind = Axis::EchoTimeMs;
  EXPECT_THAT(refusal_of(other), HasSubstr("dynamic series only"));
}

TEST(ProposeLesions, RefusesImagesWithoutTwoBreastsOrWithoutSignal) {
  Series ball = dynamic({.times_s = {0, 150}}, breast_grid(64, 16));
  for (Plane& plane : ball.planes)
    for (std::size_t i = 0; i < plane.size(); ++i) plane.edit()[i] = 10;
  EXPECT_THAT(refusal_of(ball), HasSubstr("no valley"));
  for (Plane& plane : ball.planes)
    for (std::size_t i = 0; i < plane.size(); ++i) plane.edit()[i] = 0;
  EXPECT_THAT(refusal_of(ball), HasSubstr("noise only"));
}

}  // namespace
}  // namespace fitting
