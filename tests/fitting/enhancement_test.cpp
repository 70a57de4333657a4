#include "fitting/enhancement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fitting/phantom.h"
#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

// --- curves

constexpr double kArrival_s = 60;

// A block of lesion, every voxel with the same curve at 0, 60 (baseline), 120, 180 (early) and 300 s (late).
struct Dynamic {
  Series series{axial(12, 12, 3), {.axis_kind = Axis::TimeS, .axis = {0, 60, 120, 180, 300}}, {}};
  Mask lesion{series.geometry, std::vector<std::uint8_t>(series.geometry.voxels())};

  Dynamic(float early, float late, float middle = -1) {
    for (const float value : {1000.F, 1000.F, middle < 0 ? early : middle, early, late})
      series.planes.emplace_back(std::vector<float>(series.geometry.voxels(), value));
    for (int slice = 0; slice < 3; ++slice)
      for (int row = 3; row < 9; ++row)
        for (int column = 3; column < 9; ++column) lesion.inside[at(column, row, slice)] = 1;
  }
  static std::size_t at(int column, int row, int slice) {
    return static_cast<std::size_t>((slice * 12 + row) * 12 + column);
  }
  void put(int column, int row, int slice, float early, float late) {
    series.planes[2].edit()[at(column, row, slice)] = early;
    series.planes[3].edit()[at(column, row, slice)] = early;
    series.planes[4].edit()[at(column, row, slice)] = late;
  }
  [[nodiscard]] Kinetics curve(const KineticThresholds& thresholds = {}) const {
    const auto found = kinetics(series, kArrival_s, lesion, thresholds);
    EXPECT_TRUE(std::holds_alternative<Kinetics>(found)) << std::get<Refusal>(found).reason;
    return std::holds_alternative<Kinetics>(found) ? std::get<Kinetics>(found) : Kinetics{};
  }
  [[nodiscard]] std::string refusal(double arrival_s = kArrival_s) const {
    const auto found = kinetics(series, arrival_s, lesion);
    return std::holds_alternative<Refusal>(found) ? std::get<Refusal>(found).reason : "";
  }
};

TEST(Kinetics, TellTheThreeTypesOfCurve) {
  EXPECT_EQ(Dynamic(2000, 2300).curve().type, "persistent");
  EXPECT_EQ(Dynamic(2000, 2000).curve().type, "plateau");
  EXPECT_EQ(Dynamic(2000, 1700).curve().type, "washout");
}

TEST(Kinetics, CallABoundaryAPlateau) {
  EXPECT_EQ(Dynamic(2000, 2200).curve().type, "plateau");
  EXPECT_EQ(Dynamic(2000, 1800).curve().type, "plateau");
  EXPECT_EQ(Dynamic(2000, 2201).curve().type, "persistent");
  EXPECT_EQ(Dynamic(2000, 1799).curve().type, "washout");
}

TEST(Kinetics, TellTheInitialRise) {
  EXPECT_EQ(Dynamic(1499, 1499).curve().rise, "slow");
  EXPECT_EQ(Dynamic(1500, 1500).curve().rise, "medium");
  EXPECT_EQ(Dynamic(2000, 2000).curve().rise, "medium");
  EXPECT_EQ(Dynamic(2001, 2001).curve().rise, "fast");
  EXPECT_DOUBLE_EQ(Dynamic(1750, 1750).curve().initial_rise, 0.75);
}

TEST(Kinetics, TakeTheHighestOfTheInitialPhase) {
  const Kinetics found = Dynamic(1800, 1800, 2400).curve();
  EXPECT_DOUBLE_EQ(found.initial_rise, 1.4);
  EXPECT_DOUBLE_EQ(found.late_change, -0.25);
}

TEST(Kinetics, TakeTheThresholdsThatTheyAreGivenAndSayThem) {
  const Kinetics found = Dynamic(2000, 2300).curve({.persistent = 0.2, .washout = -0.05, .slow = 1.5});
  EXPECT_EQ(found.type, "plateau");
  EXPECT_EQ(found.rise, "slow");
  EXPECT_THAT(found.how, HasSubstr("persistent above +20 %, washout below -5 %"));
  EXPECT_THAT(found.how, HasSubstr("slow below 150 %, fast above 100 %"));
  EXPECT_THAT(found.how, HasSubstr("240 s after arrival"));
  EXPECT_THAT(found.how, HasSubstr("9 voxels"));
}

TEST(Kinetics, ReadTheCurveWhereTheRiseIsStrongest) {
  Dynamic dynamic(1600, 1300);  // a washout that rises little
  for (int row = 5; row < 8; ++row)
    for (int column = 5; column < 8; ++column) dynamic.put(column, row, 1, 3000, 3500);
  const Kinetics found = dynamic.curve();
  EXPECT_EQ(found.type, "persistent");
  EXPECT_DOUBLE_EQ(found.initial_rise, 2);
}

TEST(Kinetics, ReportTheWorstOfThePlacesThatRiseAlike) {
  Dynamic dynamic(1200, 1200);
  for (int row = 3; row < 6; ++row)
    for (int column = 3; column < 6; ++column) {
      dynamic.put(column, row, 0, 3000, 3500);
      dynamic.put(column, row, 2, 2900, 2300);
    }
  EXPECT_EQ(dynamic.curve().type, "washout");
  EXPECT_EQ(dynamic.curve({.near_strongest = 1}).type, "persistent");
}

TEST(Kinetics, NeedThreePixels) {
  Dynamic dynamic(2000, 1500);
  std::ranges::fill(dynamic.lesion.inside, 0);
  dynamic.lesion.inside[Dynamic::at(5, 5, 1)] = dynamic.lesion.inside[Dynamic::at(6, 5, 1)] = 1;
  EXPECT_THAT(dynamic.refusal(), HasSubstr("three"));
  dynamic.lesion.inside[Dynamic::at(6, 6, 1)] = 1;
  EXPECT_EQ(dynamic.curve().type, "washout");
  EXPECT_THAT(dynamic.curve().how, HasSubstr("3 voxels"));
}

TEST(Kinetics, RefuseSeriesThatCannotTell) {
  EXPECT_THAT(Dynamic(1050, 1050).refusal(), HasSubstr("no curve to classify"));
  EXPECT_THAT(Dynamic(2000, 1500).refusal(-1), HasSubstr("before the contrast agent"));
  EXPECT_THAT(Dynamic(2000, 1500).refusal(180), HasSubstr("too early to tell"));
  EXPECT_THAT(Dynamic(2000, 1500).refusal(300), HasSubstr("within 120 s"));
  Dynamic other(2000, 1500);
  other.series.protocol.axis_kind = Axis::EchoTimeMs;
  EXPECT_THAT(other.refusal(), HasSubstr("dynamic series"));
  other.lesion.geometry.column_spacing_mm = 2;
  EXPECT_THAT(other.refusal(), HasSubstr("one grid"));
}

// 31 phases in 247 s, of which three precede the agent: the last is 216 s after it.
TEST(Kinetics, OfASeriesThatEndsAfter247SecondsIsWhatItsLastPhaseShows) {
  Protocol protocol{.axis_kind = Axis::TimeS, .axis = {}};
  for (int phase = 0; phase < 31; ++phase) protocol.axis.push_back(phase * 8.0);
  const Uptake uptake{.amplitude = 2, .rise_s = 15, .washout_s = 400};
  Dynamic dynamic(1, 1);
  dynamic.series.protocol = protocol;
  dynamic.series.planes.clear();
  double highest = 0;
  for (const double time : protocol.axis) {
    const double rise = relative_enhancement(uptake, time - 24);
    if (time <= 144) highest = std::max(highest, rise);
    dynamic.series.planes.emplace_back(
        std::vector<float>(dynamic.series.geometry.voxels(), static_cast<float>(1000 * (1 + rise))));
  }
  const auto found = kinetics(dynamic.series, 24, dynamic.lesion);
  ASSERT_TRUE(std::holds_alternative<Kinetics>(found));
  const auto& curve = std::get<Kinetics>(found);
  const double last = relative_enhancement(uptake, 216);
  EXPECT_NEAR(curve.late_change, (1 + last) / (1 + highest) - 1, 1e-5);
  EXPECT_EQ(curve.type, "washout");
  EXPECT_THAT(curve.how, HasSubstr("216 s after arrival"));
}

// --- pattern

// A disc of radius 10 mm whose value depends on the place.
template <class Paint>
std::variant<Pattern, Refusal> pattern_of(const Paint& paint, double radius_mm = 10, const PatternThresholds& t = {}) {
  const Geometry grid = axial(60, 60, 2, 0.5);
  Mask mask{grid, std::vector<std::uint8_t>(grid.voxels())};
  std::vector<float> map(grid.voxels());
  for (int row = 0; row < 60; ++row) {
    for (int column = 0; column < 60; ++column) {
      const auto i = static_cast<std::size_t>((60 + row) * 60 + column);
      const double x = (column - 30) * 0.5, y = (row - 30) * 0.5, radius = std::hypot(x, y);
      mask.inside[i] = radius <= radius_mm;
      map[i] = static_cast<float>(paint(x, y, radius));
    }
  }
  return enhancement_pattern(map, mask, 1, t);
}

template <class Paint>
std::string name_of(const Paint& paint, const PatternThresholds& thresholds = {}) {
  const auto found = pattern_of(paint, 10, thresholds);
  return std::holds_alternative<Pattern>(found) ? std::get<Pattern>(found).name : std::get<Refusal>(found).reason;
}

constexpr double kCore_mm = 7.25;  // of a disc of 10 mm: what lies deeper than a shell of 2.5 mm

TEST(EnhancementPattern, TellsTheThreePatterns) {
  EXPECT_EQ(name_of([](double, double, double) { return 150; }), "homogeneous");
  EXPECT_EQ(name_of([](double, double, double r) { return r > kCore_mm ? 200 : 80; }), "rim");
  EXPECT_EQ(name_of([](double x, double, double) { return x > 0 ? 200 : 80; }), "heterogeneous");
}

TEST(EnhancementPattern, CallsABrightCoreNoRim) {
  EXPECT_EQ(name_of([](double, double, double r) { return r > kCore_mm ? 80 : 200; }), "heterogeneous");
}

TEST(EnhancementPattern, NeedsTheRimAlongMostOfTheEdge) {
  // Bright over a third of the circumference, so bright that the mean of the shell passes.
  const auto crescent = [](double x, double y, double r) {
    return r > kCore_mm && std::atan2(y, x) > M_PI / 3 ? 400 : 100;
  };
  EXPECT_EQ(name_of(crescent), "heterogeneous");
  EXPECT_EQ(name_of(crescent, {.rim_share = 0.3}), "rim");
}

TEST(EnhancementPattern, CountsABoundaryAsARim) {
  const auto paint = [](double edge) {
    return [edge](double, double, double r) { return r > 7.6 ? edge : 100; };  // the shell begins at 7.75 mm
  };
  const PatternThresholds thin{.shell_mm = 2.0};
  EXPECT_EQ(name_of(paint(140), thin), "rim");
  const auto exact = pattern_of([](double, double, double) { return 100; }, 10, {.rim_ratio = 1, .rim_share = 0});
  EXPECT_EQ(std::get<Pattern>(exact).name, "rim") << "at the threshold it is one";
  EXPECT_EQ(name_of(paint(110), thin), "homogeneous");
}

TEST(EnhancementPattern, CallsACoreWithoutEnhancementARim) {
  EXPECT_EQ(name_of([](double, double, double r) { return r > kCore_mm ? 150 : -2; }), "rim");
}

TEST(EnhancementPattern, SaysItsThresholdsAndThatTheyAreUntested) {
  const auto found = pattern_of([](double, double, double) { return 150; }, 10, {.homogeneous_cv = 0.15});
  EXPECT_THAT(std::get<Pattern>(found).how, HasSubstr("at most 0.15"));
  EXPECT_THAT(std::get<Pattern>(found).how, HasSubstr("untested"));
}

TEST(EnhancementPattern, RefusesWhatIsTooSmallEmptyOrDark) {
  const auto flat = [](double, double, double) { return 150; };
  EXPECT_THAT(std::get<Refusal>(pattern_of(flat, 3)).reason, HasSubstr("too small"));
  EXPECT_TRUE(std::holds_alternative<Pattern>(pattern_of(flat, 4)));
  EXPECT_THAT(name_of([](double, double, double) { return 0; }), HasSubstr("too small"));
  EXPECT_THAT(name_of([](double, double, double) { return -20; }), HasSubstr("does not enhance"));
}

}  // namespace
}  // namespace fitting
