// MDME over a volume: what a smooth B1 is worth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "fitting/fit.h"
#include "tests/fitting/grid.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

constexpr int kSize = 48;
constexpr double kSigma = 30;

bool is_fat(std::size_t i) { return i % kSize < 8; }
double factor(std::size_t i) {
  return 0.9 + 0.2 * static_cast<double>(i % kSize) / kSize + 0.1 * static_cast<double>(i / kSize % kSize) / kSize;
}

// Gland with a B1 that changes over the field of view; a strip of fat.
Series breast() {
  const Model& model = *find_model("mdme");
  Series series{.geometry = axial(kSize, kSize, 6), .protocol = model.example_protocol(), .planes = {}};
  std::vector<std::vector<float>> planes(8, std::vector<float>(series.geometry.voxels()));
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, kSigma);
  std::vector<double> signal(8);
  for (std::size_t i = 0; i < series.geometry.voxels(); ++i) {
    const std::array truth = {is_fat(i) ? 400.0 : 1300.0, 70.0, 3000.0, factor(i)};
    model.signal(series.protocol, truth, signal);
    for (std::size_t k = 0; k < 8; ++k) planes[k][i] = static_cast<float>(signal[k] + normal(random));
  }
  for (auto& plane : planes) series.planes.emplace_back(std::move(plane));
  return series;
}

// Median and robust standard deviation of T1 in the gland, away from the edges.
std::pair<double, double> t1_of_gland(std::span<const float> t1) {
  std::vector<float> values;
  for (std::size_t i = 0; i < t1.size(); ++i)
    if (i % kSize > 14 && i % kSize < kSize - 6) values.push_back(t1[i]);
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return static_cast<double>(values[static_cast<std::size_t>(share * static_cast<double>(values.size()))]);
  };
  return {at(0.5), (at(0.8413) - at(0.1587)) / 2};
}

TEST(Mdme, FitsASecondTimeWithItsB1SmoothedAndNarrowsT1ByAThird) {
  const Series series = breast();
  const auto fitted = fit_series(series, *find_model("mdme"), {});
  const Fit& fit = std::get<Fit>(fitted);
  EXPECT_THAT(fit.description, testing::HasSubstr("second pass with its B1 smoothed over 10 mm"));
  std::vector<std::vector<float>> planes;
  for (const Plane& plane : series.planes) planes.push_back(plane.values());
  const auto once = run(find_model("mdme")->fit, series.protocol, planes, static_cast<float>(kSigma));
  const auto [first_median, first_sd] = t1_of_gland(once.value[0]);
  const auto [median, sd] = t1_of_gland(fit.maps[0].value);
  EXPECT_NEAR(first_median, 1300, 13);
  EXPECT_NEAR(median, 1300, 13);
  EXPECT_LT(sd, 0.72 * first_sd);
  std::vector<float> wrong;
  for (std::size_t i = 0; i < series.geometry.voxels(); ++i)
    if (i % kSize > 14 && i % kSize < kSize - 6)
      wrong.push_back(std::abs(fit.maps[3].value[i] - static_cast<float>(factor(i))));
  std::ranges::sort(wrong);
  EXPECT_LT(wrong[wrong.size() * 95 / 100], 0.01F);
}

TEST(Mdme, KeepsTheFreeFitWhereB1IsNotKnown) {
  const Series series = breast();
  const auto fitted = fit_series(series, *find_model("mdme"), {});
  const Fit& fit = std::get<Fit>(fitted);
  std::size_t fat = 0, with_value = 0;
  for (std::size_t i = 0; i < series.geometry.voxels(); ++i) {
    if (!is_fat(i)) continue;
    ++fat;
    with_value += !failed(fit.status[i]) && std::abs(fit.maps[0].value[i] - 400) < 80;
  }
  EXPECT_GT(with_value, fat * 95 / 100);
}

}  // namespace
}  // namespace fitting
