// A wrong noise voids a good map, so most of these are series that must give no answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "fitting/fit.h"
#include "fitting/phantom.h"
#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

// Signal by voxel and contrast, magnitude of `channels` coils with complex noise.
template <class Signal>
Series noisy_series(int size, std::size_t contrasts, double sigma, Signal signal, int channels = 1) {
  Series series{.geometry = axial(size, size, 1), .protocol = {}, .planes = {}};
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal(0, sigma > 0 ? sigma : 1);
  for (std::size_t k = 0; k < contrasts; ++k) {
    series.protocol.axis.push_back(10.0 * static_cast<double>(k + 1));
    std::vector<float> plane;
    for (std::size_t i = 0; i < series.geometry.voxels(); ++i) {
      double square = 0;
      for (int c = 0; c < channels; ++c) {
        const double real = signal(i, k) + (sigma > 0 ? normal(random) : 0), imaginary = sigma > 0 ? normal(random) : 0;
        square += real * real + imaginary * imaginary;
      }
      plane.push_back(static_cast<float>(std::sqrt(square)));
    }
    series.planes.emplace_back(std::move(plane));
  }
  return series;
}

double decaying(std::size_t k) { return 1000 * std::exp(-0.3 * static_cast<double>(k)); }
// An object in the lower third of a 100 x 100 image, its brightness rising from left to right.
double object(std::size_t i, std::size_t k) {
  return i < 6600 ? 0 : decaying(k) * (0.2 + static_cast<double>(i % 100) / 100);
}

TEST(EstimateNoise, IsTheRayleighParameterOfTheAir) {
  for (const std::size_t contrasts : {2U, 3U, 8U, 32U}) {
    const Noise noise = estimate_noise(noisy_series(100, contrasts, 12, object));
    EXPECT_NEAR(noise.sigma, 12, 0.4) << contrasts;
    EXPECT_THAT(noise.method, HasSubstr("Rayleigh background"));
  }
}

// Diffusion: b = 0 is one image, b = 800 the geometric mean of three directions.
TEST(EstimateNoise, AsksOnlyThePlanesThatAreSingleImages) {
  Series series = noisy_series(100, 4, 12, object);
  for (std::size_t i = 0; i < series.geometry.voxels(); ++i) {
    series.planes[1].edit()[i] = std::cbrt(series.planes[1][i] * series.planes[2][i] * series.planes[3][i]);
  }
  series.planes.resize(2);
  EXPECT_EQ(estimate_noise(series).sigma, 0);
  series.averages = {1, 3};
  EXPECT_NEAR(estimate_noise(series).sigma, 12, 0.4);
}

TEST(EstimateNoise, SurvivesPixelsRoundedToIntegers) {
  for (const double sigma : {1.5, 3.0, 20.0}) {
    Series series = noisy_series(100, 5, sigma, object);
    for (auto& plane : series.planes)
      std::ranges::transform(plane.edit(), plane.edit().begin(), [](float v) { return std::round(v); });
    EXPECT_NEAR(estimate_noise(series).sigma, sigma, 0.06 * sigma);
  }
}

TEST(EstimateNoise, NeedsOnlyASmallShareOfAir) {
  const Series series =
      noisy_series(100, 6, 12, [](std::size_t i, std::size_t k) { return i < 500 ? 0 : object(9900 + i % 100, k); });
  EXPECT_NEAR(estimate_noise(series).sigma, 12, 1);
}

TEST(EstimateNoise, IgnoresTheMaskedPartOfTheAir) {
  Series series = noisy_series(100, 6, 12, object);
  for (auto& plane : series.planes) std::fill_n(plane.edit().begin(), 5000, 0.0F);
  EXPECT_NEAR(estimate_noise(series).sigma, 12, 0.5);
}

TEST(EstimateNoise, SaysNothingOfAMaskedSeries) {
  Series series = noisy_series(100, 6, 12, object);
  for (auto& plane : series.planes) std::fill_n(plane.edit().begin(), 6600, 0.0F);
  EXPECT_EQ(estimate_noise(series).sigma, 0);
}

TEST(EstimateNoise, SaysNothingOfAUniformObjectThatFillsTheImage) {
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 12, [](std::size_t, std::size_t k) { return decaying(k); })).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 12, [](std::size_t, std::size_t) { return 500.0; })).sigma, 0);
  EXPECT_EQ(
      estimate_noise(noisy_series(100, 6, 12, [](std::size_t i, std::size_t k) { return object(6600 + i % 100, k); }))
          .sigma,
      0);
}

TEST(EstimateNoise, SaysNothingOfANoiseFreeSeries) {
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 0, object)).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 0, [](std::size_t, std::size_t) { return 0.0; })).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 0, [](std::size_t, std::size_t) { return 7.0; })).sigma, 0);
}

TEST(EstimateNoise, SaysNothingOfTinyOrSingleImages) {
  EXPECT_EQ(estimate_noise(noisy_series(1, 6, 12, object)).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(10, 6, 12, object)).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(100, 1, 12, object)).sigma, 0);
  EXPECT_EQ(estimate_noise(Series{}).sigma, 0);
}

TEST(EstimateNoise, SaysNothingOfCoilsCombinedBySumOfSquares) {
  EXPECT_EQ(estimate_noise(noisy_series(100, 6, 12, object, 8)).sigma, 0);
}

// 30 % air, 50 % suppressed fat, 20 % gland, in bands.
double banded(double fat, std::size_t i) { return i < 3000 ? 0 : i < 8000 ? fat : 400; }

// The largest set was taken once: air and fat together, at 2 to 5 times the noise.
TEST(EstimateNoise, IsNotRaisedByDarkFat) {
  for (const std::size_t contrasts : {1U, 2U, 3U, 6U}) {
    for (const double fat_snr : {3.0, 4.0, 6.0, 8.0, 12.0}) {
      Series series =
          noisy_series(100, contrasts, 12, [&](std::size_t i, std::size_t) { return banded(12 * fat_snr, i); });
      if (contrasts == 1) {  // a series of one contrast is not asked: an average beside it is
        series.planes.push_back(series.planes[0]);
        series.averages = {1, 3};
      }
      const double sigma = estimate_noise(series).sigma;
      if (fat_snr >= 8) {
        EXPECT_NEAR(sigma, 12, 0.6) << contrasts << " " << fat_snr;
      } else if (sigma != 0) {
        EXPECT_NEAR(sigma, 12, 1.8) << contrasts << " " << fat_snr;
      }
    }
  }
}

// Fat that is strewn among the air shows in the distribution alone.
TEST(EstimateNoise, IsNotRaisedByStrewnFatInASingleContrast) {
  for (const double fat_snr : {3.0, 4.0, 6.0, 8.0}) {
    Series series =
        noisy_series(100, 2, 12, [&](std::size_t i, std::size_t) { return banded(12 * fat_snr, (i * 3571) % 10000); });
    series.averages = {1, 3};
    const double sigma = estimate_noise(series).sigma;
    EXPECT_TRUE(sigma == 0 || std::abs(sigma - 12) < 1.8) << sigma << " " << fat_snr;
  }
}

TEST(EstimateNoise, AsksASingleContrastThoughItsPixelsAreRounded) {
  for (const double sigma : {6.0, 20.0}) {
    Series series = noisy_series(100, 2, sigma, object);
    for (auto& plane : series.planes)
      std::ranges::transform(plane.edit(), plane.edit().begin(), [](float v) { return std::round(v); });
    series.averages = {1, 3};
    EXPECT_NEAR(estimate_noise(series).sigma, sigma, 0.06 * sigma);
  }
}

TEST(EstimateNoise, IsTheSameWhenAskedTwice) {
  const Series series = noisy_series(100, 6, 12, object);
  EXPECT_EQ(estimate_noise(series).sigma, estimate_noise(series).sigma);
}

}  // namespace
}  // namespace fitting
