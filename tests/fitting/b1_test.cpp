#include "fitting/b1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::IsNan;
using testing::Pointwise;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> factors(std::variant<std::vector<float>, Refusal> outcome) {
  EXPECT_TRUE(std::holds_alternative<std::vector<float>>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<std::vector<float>>(std::move(outcome));
}
template <class Outcome>
std::string refusal(const Outcome& outcome) {
  const auto* refused = std::get_if<Refusal>(&outcome);
  return refused != nullptr ? refused->reason : "";
}
B1Map map_of(std::variant<B1Map, Refusal> outcome) {
  EXPECT_TRUE(std::holds_alternative<B1Map>(outcome)) << std::get<Refusal>(outcome).reason;
  return std::get<B1Map>(std::move(outcome));
}

TEST(B1Factors, ReadEveryScaleToTheSameFactor) {
  const Geometry g = axial(3, 1, 1);
  // 0.5, 1 and 1.25 of nominal, the angles of 80 degrees.
  const auto near = [](const std::vector<float>& found) {
    EXPECT_THAT(found, Pointwise(FloatNear(1e-5F), {0.5F, 1.0F, 1.25F}));
  };
  near(factors(factors_of(B1Pixels{g, {0.5F, 1, 1.25F}, B1Scale::Fraction})));
  near(factors(factors_of(B1Pixels{g, {50, 100, 125}, B1Scale::Percent})));
  near(factors(factors_of(B1Pixels{g, {400, 800, 1000}, B1Scale::SiemensTfl, 80})));
  const auto rf_map = [](double degrees) { return static_cast<float>(2048 + degrees * 2048 / 180); };
  near(factors(factors_of(B1Pixels{g, {rf_map(40), rf_map(80), rf_map(100)}, B1Scale::SiemensRfMap, 80})));
}

TEST(B1Factors, DoNotKnowPixelsWithoutAnAngle) {
  const Geometry g = axial(4, 1, 1);
  EXPECT_THAT(
      factors(factors_of(B1Pixels{g, {0, -1, kNan, std::numeric_limits<float>::infinity()}, B1Scale::Fraction})),
      Each(IsNan()));
  EXPECT_THAT(factors(factors_of(B1Pixels{g, {2048, 1000, kNan, 0}, B1Scale::SiemensRfMap, 60})), Each(IsNan()));
}

TEST(B1Factors, NeedTheNominalAngleOfAMapInDegrees) {
  const Geometry g = axial(1, 1, 1);
  EXPECT_THAT(refusal(factors_of(B1Pixels{g, {800}, B1Scale::SiemensTfl})), HasSubstr("nominal flip angle"));
  EXPECT_THAT(refusal(factors_of(B1Pixels{g, {800}, B1Scale::SiemensRfMap, kNan})), HasSubstr("nominal flip angle"));
  EXPECT_EQ(refusal(factors_of(B1Pixels{g, {1, 1}, B1Scale::Fraction})), "the B1 map has 2 values for 1 voxels");
}

// An 8 ms Fermi pulse at 4 kHz has 74.01 rad/G2 (Sacolick 2010); 0.1 G makes the nominal difference 1.48 rad.
BlochSiegert phases(const std::vector<double>& true_factors, double background, double peak_gauss = 0.1) {
  BlochSiegert pair{axial(static_cast<int>(true_factors.size()), 1, 1), {}, {}, 74.01, peak_gauss};
  for (const double factor : true_factors) {
    const double shift = 74.01 * peak_gauss * peak_gauss * factor * factor;
    pair.phase_plus.push_back(static_cast<float>(std::remainder(background + shift, 2 * std::numbers::pi)));
    pair.phase_minus.push_back(static_cast<float>(std::remainder(background - shift, 2 * std::numbers::pi)));
  }
  return pair;
}

TEST(BlochSiegert, GivesTheFactorWhereverThePhasesWrap) {
  for (const double background : {0.0, 1.0, 3.0, -3.1, 2.2}) {
    EXPECT_THAT(factors(factors_of(phases({0.3, 0.7, 1.0, 1.3, 1.69}, background))),
                Pointwise(FloatNear(1e-4F), {0.3F, 0.7F, 1.0F, 1.3F, 1.69F}));
  }
}

TEST(BlochSiegert, RefusesWhatCannotBeToldApart) {
  EXPECT_THAT(refusal(factors_of(phases({1.0}, 0, 0.2))), HasSubstr("5.92 rad cannot be told modulo 2 pi"));
  EXPECT_THAT(refusal(factors_of(phases({1.0}, 0, 0))), HasSubstr("need K_BS"));
  BlochSiegert pair = phases({1.0}, 0);
  pair.k_rad_per_gauss2 = kNan;
  EXPECT_THAT(refusal(factors_of(pair)), HasSubstr("need K_BS"));
  pair = phases({1.0}, 0);
  pair.phase_minus.clear();
  EXPECT_EQ(refusal(factors_of(pair)), "the B1 map has 0 values for 1 voxels");
  pair = phases({1.0, 1.0}, 0);
  pair.phase_plus[0] = kNan;
  EXPECT_THAT(factors(factors_of(pair))[0], IsNan());
}

TEST(B1Map, RefusesAnotherScaleAndNamesTheMedian) {
  const Geometry g = axial(4, 4, 2);
  const std::vector<float> percent(32, 97.0F), low(32, 0.69F), fine(32, 0.71F);
  EXPECT_THAT(refusal(b1_map(g, percent, {}, g)), HasSubstr("median of 97 times nominal"));
  EXPECT_THAT(refusal(b1_map(g, low, {}, g)), HasSubstr("median of 0.69 times nominal"));
  EXPECT_THAT(map_of(b1_map(g, fine, {}, g)).factor, Each(FloatNear(0.71F, 1e-5F)));
}

TEST(B1Map, TakesTheMedianInTheMaskOnly) {
  const Geometry g = axial(4, 1, 1);
  const std::vector<float> values = {9, 8, 7, 1};
  EXPECT_THAT(refusal(b1_map(g, values, {}, g)), HasSubstr("median"));
  const std::vector<std::uint8_t> mask = {0, 0, 0, 1};
  const B1Map map = map_of(b1_map(g, values, mask, g));
  EXPECT_THAT(map.factor, ElementsAre(0, 0, 0, FloatNear(1.0F, 1e-6F)));
  EXPECT_EQ(map.known, 1U);
  EXPECT_EQ(map.median, 1);
}

TEST(B1Map, DropsFactorsOutOfRangeBeforeTheySpoilTheirNeighbours) {
  const Geometry g = axial(5, 1, 1);
  const B1Map map = map_of(b1_map(g, std::vector<float>{1, 1, 5, 1, 0.2F}, {}, g));
  EXPECT_THAT(map.factor, Pointwise(FloatNear(1e-6F), {1.0F, 1.0F, 0.0F, 1.0F, 0.0F}));
  EXPECT_EQ(map.known, 3U);
}

TEST(B1Map, SmoothsByTheWidthItNames) {
  // One line of 1 mm voxels, an impulse of 0.2 on 1: the Gaussian of 6 mm FWHM is half as high 3 mm away.
  const Geometry g = axial(41, 1, 1);
  std::vector<float> values(41, 1.0F);
  values[20] = 1.2F;
  const B1Map map = map_of(b1_map(g, values, {}, g, {.smoothing_fwhm_mm = 6}));
  EXPECT_NEAR((map.factor[23] - 1) / (map.factor[20] - 1), 0.5, 1e-3);
  EXPECT_NEAR(map.factor[20] - 1, 0.2 / (6 * std::sqrt(std::numbers::pi / (4 * std::numbers::ln2))), 1e-3);
  const B1Map sharp = map_of(b1_map(g, values, {}, g, {.smoothing_fwhm_mm = 0}));
  EXPECT_FLOAT_EQ(sharp.factor[20], 1.2F);
  EXPECT_FLOAT_EQ(sharp.factor[21], 1.0F);
}

TEST(B1Map, SmoothsInMillimetresAlongEveryAxis) {
  Geometry g = axial(1, 1, 5, 1, 3);
  const B1Map through = map_of(b1_map(g, std::vector<float>{1, 1, 1.2F, 1, 1}, {}, g, {.smoothing_fwhm_mm = 6}));
  // Weights 1, 1/2, 1/16 at 0, 3 and 6 mm.
  EXPECT_NEAR(through.factor[2], 1 + 0.2 / 2.125, 1e-4);
  EXPECT_NEAR(through.factor[1], 1 + 0.1 / 2.0625, 1e-4);
}

TEST(B1Map, IsCarriedToTheTargetInPatientSpaceAndNotBeyond) {
  const Geometry source = axial(8, 8, 4, 5, 5);
  std::vector<float> values;
  for (std::size_t i = 0; i < source.voxels(); ++i)
    values.push_back(0.8F + 0.05F * static_cast<float>(i % 8));  // 0.01 per mm
  const Geometry target = axial(6, 3, 1, 2, 2, {30.5, 10, 7});
  const B1Map map = map_of(b1_map(source, values, {}, target, {.smoothing_fwhm_mm = 0}));
  EXPECT_NEAR(map.factor[0], 0.8 + 0.305, 1e-5);
  EXPECT_NEAR(map.factor[2], 0.8 + 0.345, 1e-5);
  EXPECT_NEAR(map.factor[3], 0.8 + 0.35, 1e-5);  // in the last voxel, beyond its centre
  EXPECT_EQ(map.factor[4], 0);                   // outside
  EXPECT_EQ(map.known, 12U);
  EXPECT_THAT(map.description, HasSubstr("known in 66.7 %"));
}

TEST(B1Map, IsTheSameForAnyNumberOfThreads) {
  const Geometry source = axial(16, 12, 6, 5, 5), target = axial(20, 20, 7, 3, 4, {2, 2, 2});
  std::vector<float> values;
  for (std::size_t i = 0; i < source.voxels(); ++i) values.push_back(1.0F + 0.3F * std::sin(static_cast<float>(i)));
  EXPECT_EQ(map_of(b1_map(source, values, {}, target)).factor,
            map_of(b1_map(source, values, {}, target, {.threads = 4})).factor);
}

TEST(B1Map, RefusesMapsThatSayNothing) {
  const Geometry g = axial(2, 2, 1);
  const std::vector<float> ones(4, 1.0F);
  EXPECT_THAT(refusal(b1_map(Geometry{}, {}, {}, g)), HasSubstr("no voxels"));
  EXPECT_THAT(refusal(b1_map(g, std::vector<float>(4, 0.0F), {}, g)), HasSubstr("not known anywhere"));
  EXPECT_THAT(refusal(b1_map(g, std::vector<float>(4, kNan), {}, g)), HasSubstr("not known anywhere"));
  EXPECT_THAT(refusal(b1_map(g, ones, std::vector<std::uint8_t>(4, 0), g)), HasSubstr("not known anywhere"));
  EXPECT_THAT(refusal(b1_map(g, ones, std::vector<std::uint8_t>(3, 1), g)), HasSubstr("another size"));
  EXPECT_THAT(refusal(b1_map(g, std::span(ones).first(3), {}, g)), HasSubstr("3 values for 4 voxels"));
  EXPECT_THAT(refusal(b1_map(g, ones, {}, axial(2, 2, 1, 1, 1, {90, 0, 0}))), HasSubstr("no voxel of the target"));
  EXPECT_THAT(map_of(b1_map(axial(1, 1, 10000), std::vector<float>(10000, 1.0F), {}, axial(1, 1, 10000))).factor,
              Each(FloatNear(1, 1e-5F)));
}

}  // namespace
}  // namespace fitting
