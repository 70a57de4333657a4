// What fit_series() does with every map when the series is bad, odd, or run otherwise than usual.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "fitting/fit.h"
#include "tests/fitting/grid.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

using testing::HasSubstr;

constexpr double kStrongest = 3000;  // of every voxel with tissue, as a scanner would store it
constexpr double kSigma = 30;

struct OfModel {
  explicit OfModel(std::string_view name) : model(*find_model(name)) {}

  const Model& model;
  const Protocol protocol = model.example_protocol();

  // Planes that belong together: the echoes of a saturation delay.
  std::size_t echoes_of_a_contrast() const { return protocol.echo_times_ms.empty() ? 1 : 2; }

  // Noise-free signal of an example; air beyond the last.
  std::vector<double> tissue(std::size_t example) const {
    if (example >= model.examples.size()) return std::vector<double>(protocol.axis.size(), 0.0);
    auto signal = signal_of(model, protocol, model.examples[example].truth);
    const double scale = kStrongest / std::ranges::max(signal);
    for (double& value : signal) value *= scale;
    return signal;
  }

  // Voxel i holds example kind(i), with noise.
  template <class Kind>
  Series volume(const Geometry& geometry, Kind kind, double sigma = kSigma) const {
    const std::size_t voxels = geometry.voxels();
    std::vector<std::vector<float>> planes(protocol.axis.size(), std::vector<float>(voxels));
    std::mt19937_64 random(17);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < voxels; ++i) {
      const auto signal = tissue(kind(i));
      for (std::size_t k = 0; k < planes.size(); ++k) {
        const double real = signal[k] + sigma * normal(random), imaginary = sigma * normal(random);
        planes[k][i] = static_cast<float>(protocol.signed_signal ? real : std::hypot(real, imaginary));
      }
    }
    Series series{.geometry = geometry, .protocol = protocol, .planes = {}};
    for (auto& plane : planes) series.planes.emplace_back(std::move(plane));
    return series;
  }
  // All examples and air, in turn.
  Series mixed(int columns, int rows, int slices) const {
    return volume(axial(columns, rows, slices), [&](std::size_t i) { return i % (model.examples.size() + 1); });
  }

  Fit fitted(const Series& series, const FitOptions& options = {}, const std::vector<float>& b1 = {}) const {
    return std::get<Fit>(fit_series(series, model, options, b1));
  }
  std::string refused(const Series& series) const { return std::get<Refusal>(fit_series(series, model, {})).reason; }
};
struct EveryFit : testing::TestWithParam<std::string>, OfModel {
  EveryFit() : OfModel(GetParam()) {}
};
struct SaturationRecovery : testing::Test, OfModel {
  SaturationRecovery() : OfModel("mdme") {}
};
INSTANTIATE_TEST_SUITE_P(Catalog, EveryFit, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Model& model : catalog()) names.emplace_back(model.name);
                           return names;
                         }()),
                         [](const auto& test) { return test.param; });

void expect_sound(const Fit& fit) {
  for (const ParameterMap& map : fit.maps) {
    for (std::size_t i = 0; i < map.value.size(); ++i) {
      const double value = static_cast<double>(map.value[i]);
      ASSERT_TRUE(std::isfinite(value) && std::isfinite(map.error[i]) && map.error[i] >= 0) << map.parameter.name;
      ASSERT_TRUE(failed(fit.status[i]) ? value == 0 && map.error[i] == 0
                                        : value >= map.parameter.lower && value <= map.parameter.upper);
    }
  }
  for (const float residual : fit.residual) ASSERT_TRUE(std::isfinite(residual) && residual >= 0);
  ASSERT_TRUE(std::isfinite(fit.noise) && fit.noise >= 0);
}

void expect_same(const Fit& one, const Fit& other) {
  EXPECT_EQ(one.noise, other.noise);
  EXPECT_EQ(one.status, other.status);
  EXPECT_EQ(one.residual, other.residual);
  ASSERT_EQ(one.maps.size(), other.maps.size());
  for (std::size_t p = 0; p < one.maps.size(); ++p) {
    EXPECT_EQ(one.maps[p].value, other.maps[p].value) << one.maps[p].parameter.name;
    EXPECT_EQ(one.maps[p].error, other.maps[p].error) << one.maps[p].parameter.name;
  }
}

// --- nothing to fit ---

TEST_P(EveryFit, GivesNoValueWhereAllPixelsAreTheSameWhateverTheyAre) {
  for (const float pixel : {0.0F, 4095.0F, -7.0F, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()}) {
    Series series = mixed(16, 16, 2);
    for (Plane& plane : series.planes) std::ranges::fill(plane.edit(), pixel);
    const Fit fit = fitted(series);
    EXPECT_EQ(fit.fitted, 0U) << pixel;
    expect_sound(fit);
  }
}

TEST_P(EveryFit, RefusesOneContrastRepeated) {
  Series series = mixed(8, 8, 1);
  std::ranges::fill(series.protocol.axis, series.protocol.axis[1]);
  EXPECT_THAT(refused(series), HasSubstr("the series has 1"));
}

TEST_P(EveryFit, RefusesContrastsThatDescendOrAreNoNumbers) {
  Series series = mixed(8, 8, 1);
  std::ranges::reverse(series.protocol.axis);
  EXPECT_THAT(refused(series), HasSubstr("ascend"));
  for (const double odd : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    series.protocol = protocol;
    series.protocol.axis[0] = odd;
    EXPECT_THAT(refused(series), HasSubstr("ascend")) << odd;
  }
}

TEST_P(EveryFit, RefusesMoreContrastsThanAnyProtocolHas) {
  Series series = mixed(4, 4, 1);
  const std::size_t group = echoes_of_a_contrast(), contrasts = kMostContrasts / group + 1;
  series.protocol.axis.clear();
  series.protocol.echo_times_ms.clear();
  for (std::size_t k = 0; k < contrasts * group; ++k) {
    series.protocol.axis.push_back(static_cast<double>(k / group + 1));
    if (group > 1) series.protocol.echo_times_ms.push_back(protocol.echo_times_ms[k % group]);
  }
  series.planes.assign(contrasts * group, series.planes[0]);
  EXPECT_THAT(refused(series), HasSubstr(std::to_string(contrasts * group) + " images of each slice"));
}

TEST_F(SaturationRecovery, IsRefusedWithoutTwoEchoesOfEachDelay) {
  Series series = mixed(4, 4, 1);
  const Protocol sane = series.protocol;
  const std::vector<double>&delays = sane.axis, &echoes = sane.echo_times_ms;
  for (const auto& [axis, times] : {std::pair{delays, std::vector<double>{}},
                                    {delays, std::vector<double>(8, echoes[0])},
                                    {delays, {85, 21, 85, 21, 85, 21, 85, 21}},
                                    {delays, {21, 85, 21, 85, 21, 85, 21, 90}},
                                    {{130, 140, 530, 540, 1730, 1740, 3730, 3740}, echoes},
                                    {{130, 130, 530, 530, 1730, 1730, 3730}, {21, 85, 21, 85, 21, 85, 21}}}) {
    series.protocol.axis = axis;
    series.protocol.echo_times_ms = times;
    EXPECT_THAT(refused(series), HasSubstr("same two echo times of each saturation delay"));
  }
}

// --- odd, but fit to be used ---

TEST_P(EveryFit, AcceptsAContrastThatWasAcquiredTwice) {
  if (model.needs_echo_train) GTEST_SKIP() << "an echo that comes twice makes no train";
  const std::size_t group = echoes_of_a_contrast();
  Series series = volume(
      axial(8, 8, 1), [](std::size_t) { return 0; }, 0);
  for (std::size_t k = 0; k < group; ++k) {
    series.planes.insert(series.planes.begin(), series.planes[group - 1]);
    series.protocol.axis.insert(series.protocol.axis.begin(), series.protocol.axis[0]);
    if (group > 1) series.protocol.echo_times_ms.push_back(protocol.echo_times_ms[k]);
    if (auto& times = series.protocol.repetition_times_ms; !times.empty()) times.insert(times.begin(), times[0]);
  }
  const Fit fit = fitted(series);
  EXPECT_EQ(fit.fitted, 64U);
  EXPECT_NEAR(static_cast<double>(fit.maps[0].value[5]) / model.examples[0].truth[0], 1, 1e-3);
}

TEST_P(EveryFit, LeavesSlicesOfAirOut) {
  const auto in_air = [](std::size_t i) { return i / 1024 != 1; };
  const Series series = volume(axial(32, 32, 3), [&](std::size_t i) { return in_air(i) ? 99U : 0U; });
  const Fit fit = fitted(series);
  expect_sound(fit);
  std::size_t air = 0, breast = 0;
  for (std::size_t i = 0; i < fit.status.size(); ++i) (in_air(i) ? air : breast) += !failed(fit.status[i]);
  EXPECT_LE(air, 20U) << fit.description;
  EXPECT_GE(breast, 1014U) << fit.description;
}

TEST_P(EveryFit, FitsAnImageOfOnePixelAndTenThousandSlicesOfOne) {
  for (const int slices : {1, 10000}) {
    const Series series = volume(
        axial(1, 1, slices), [](std::size_t) { return 0; }, slices == 1 ? 0 : kSigma);
    const Fit fit = fitted(series, {.threads = 3});
    expect_sound(fit);
    EXPECT_GE(fit.fitted, static_cast<std::size_t>(slices) * 99 / 100);
  }
}

TEST_P(EveryFit, ShowsInTheResidualThatPixelsWereClipped) {
  if (model.axis == Axis::TimeS) GTEST_SKIP() << "no curve is fitted: the residual is the scatter of the baseline";
  Series series = volume(
      axial(8, 8, 1), [](std::size_t) { return 0; }, 0);
  const Fit whole = fitted(series);
  for (Plane& plane : series.planes)
    for (float& value : plane.edit()) value = std::clamp(value, -0.6F * 3000, 0.6F * 3000);
  const Fit clipped = fitted(series);
  expect_sound(clipped);
  for (std::size_t i = 0; i < clipped.status.size(); ++i)
    EXPECT_TRUE(failed(clipped.status[i]) || clipped.residual[i] > 1000 * whole.residual[i]);
}

// --- the same numbers, however they come ---

template <class Stored>
Series stored_as(const Series& series, const std::vector<Plane::Scale>& scales) {
  Series result = series;
  for (Plane& plane : result.planes) {
    const std::size_t run = plane.size() / scales.size();
    std::vector<Stored> stored(plane.size());
    for (std::size_t i = 0; i < stored.size(); ++i)
      stored[i] = static_cast<Stored>(std::lround((plane[i] - scales[i / run].intercept) / scales[i / run].slope));
    plane = Plane(std::move(stored), scales);
  }
  return result;
}
Series as_floats(Series series) {
  for (Plane& plane : series.planes) plane = plane.values();
  return series;
}

TEST_P(EveryFit, GivesIntegersWithAScaleForEachSliceTheNumbersOfTheirFloats) {
  const Series series = mixed(61, 67, 3);
  const std::vector<Plane::Scale> scales = {{1, 0}, {0.3F, 0}, {2.442F, -4096}};
  const Series words = stored_as<std::int16_t>(series, scales);
  ASSERT_TRUE(words.planes[0].floats().empty());
  expect_same(fitted(words), fitted(as_floats(words)));
  if (protocol.signed_signal) return;
  const Series pixels = stored_as<std::uint16_t>(series, scales);
  expect_same(fitted(pixels), fitted(as_floats(pixels)));
}

TEST_P(EveryFit, DoesNotDependOnTheNumberOfThreads) {
  const Series series = mixed(61, 67, 5);
  const Fit one = fitted(series, {.threads = 1});
  for (const unsigned threads : {2U, 7U}) expect_same(fitted(series, {.threads = threads}), one);
}

TEST_P(EveryFit, IsRefusedOnceItIsToldToStop) {
  std::stop_source source;
  source.request_stop();
  const auto result = fit_series(mixed(8, 8, 1), model, {}, {}, source.get_token());
  EXPECT_THAT(std::get<Refusal>(result).reason, HasSubstr("stopped"));
}

// Runs with one instruction set only, while it lives.
class Only {
 public:
  explicit Only(std::int64_t target) { use(target); }
  ~Only() { use(0); }
  Only(const Only&) = delete;
  Only& operator=(const Only&) = delete;

 private:
  static void use(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

TEST_P(EveryFit, AgreesWithDoublePrecisionOnEveryInstructionSetOfThisMachine) {
  const Series series = mixed(64, 64, 1);
  std::vector<std::vector<float>> planes;
  for (const Plane& plane : series.planes) planes.push_back(plane.values());
  const float noise = static_cast<float>(kSigma);
  const Estimates precise = run(model.fit_in_double, protocol, planes, noise);
  std::size_t targets = 0;
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1, ++targets) {
    const Only only(left & -left);
    const Estimates single = run(model.fit, protocol, planes, noise);
    std::size_t compared = 0;
    for (std::size_t i = 0; i < precise.status.size(); ++i) {
      if (failed(precise.status[i]) || single.status[i] != precise.status[i]) continue;
      ++compared;
      EXPECT_NEAR(single.value[0][i] / precise.value[0][i], 1, 1e-4) << hwy::TargetName(left & -left);
    }
    const auto fits = std::ranges::count_if(precise.status, [](VoxelStatus s) { return !failed(s); });
    EXPECT_GE(compared + 10, static_cast<std::size_t>(fits)) << hwy::TargetName(left & -left);
    EXPECT_GT(compared, 3000U);
  }
  EXPECT_GE(targets, 1U);
}

// --- noise as input ---

// Any 32 bits: numbers of every size, denormal ones, infinities and NaN.
std::vector<float> random_bits(std::size_t size, std::mt19937_64& random) {
  std::vector<float> values(size);
  std::ranges::generate(values, [&] { return std::bit_cast<float>(static_cast<std::uint32_t>(random())); });
  return values;
}

TEST_P(EveryFit, WritesFiniteNumbersWithinBoundsWhateverTheBits) {
  std::mt19937_64 random(23);
  Series series = mixed(64, 64, 4);
  const Series sane = series;
  for (Plane& plane : series.planes) plane = random_bits(plane.size(), random);
  expect_sound(fitted(series));
  // One wild contrast among sane ones gets further.
  for (std::size_t k = 0; k < series.planes.size(); ++k) {
    Series partly = sane;
    partly.planes[k] = series.planes[k];
    expect_sound(fitted(partly));
  }
  expect_sound(fitted(sane, {}, random_bits(sane.geometry.voxels(), random)));
}

}  // namespace
}  // namespace fitting
