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
using testing::StartsWith;

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

// The same in a 200 x 200 image.
double large_object(std::size_t i, std::size_t k) { return i < 26400 ? 0 : object(6600 + i % 100, k); }

// Means over 3 x 3 voxels, rows and columns wrapped round.
Plane smoothed(const Plane& plane, std::size_t size) {
  std::vector<float> means(plane.size());
  for (std::size_t i = 0; i < plane.size(); ++i) {
    for (const std::size_t row : {std::size_t{0}, size, plane.size() - size}) {
      for (const std::size_t column : {std::size_t{0}, std::size_t{1}, plane.size() - 1})
        means[i] += plane[(i + row + column) % plane.size()] / 9;
    }
  }
  return means;
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

TEST(EstimateNoise, TellsTheChannelsOfARootSumOfSquares) {
  for (const int channels : {2, 4, 8, 12}) {
    for (const std::size_t contrasts : {8U, 32U}) {
      const Noise noise = estimate_noise(noisy_series(100, contrasts, 12, object, channels));
      EXPECT_NEAR(noise.sigma, 12, 0.2) << channels << " " << contrasts;
      EXPECT_NEAR(noise.channels, channels, 0.03 * channels) << contrasts;
      EXPECT_THAT(noise.method, StartsWith("non-central chi background of about ")) << channels;
    }
  }
}

TEST(EstimateNoise, NamesTheChannels) {
  EXPECT_THAT(estimate_noise(noisy_series(100, 8, 12, object, 4)).method, HasSubstr("about 4 channels, 6"));
  EXPECT_EQ(estimate_noise(noisy_series(100, 8, 12, object)).channels, 1);
}

TEST(EstimateNoise, NeedsNoWholeNumberOfChannels) {
  Series series = noisy_series(100, 8, 12, object, 2);
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 12);
  for (auto& plane : series.planes) {
    for (float& value : plane.edit()) value = static_cast<float>(std::hypot(value, normal(random)));
  }
  const Noise noise = estimate_noise(series);
  EXPECT_NEAR(noise.sigma, 12, 0.2);
  EXPECT_NEAR(noise.channels, 2.5, 0.08);
}

TEST(EstimateNoise, SaysNothingOfMoreChannelsThanCanBeTold) {
  for (const int channels : {16, 32})
    EXPECT_EQ(estimate_noise(noisy_series(100, 8, 12, object, channels)).sigma, 0) << channels;
}

TEST(EstimateNoise, TellsNoChannelsFromTwoContrastsOrFewVoxels) {
  EXPECT_EQ(estimate_noise(noisy_series(200, 2, 12, large_object, 4)).sigma, 0);
  EXPECT_EQ(estimate_noise(noisy_series(
                               30, 8, 12, [](std::size_t i, std::size_t k) { return i < 600 ? 0 : decaying(k); }, 8))
                .sigma,
            0);
}

TEST(EstimateNoise, TellsNoChannelsFromFramesBetweenWhichNothingNeedChange) {
  Series series = noisy_series(100, 8, 12, object, 4);
  series.protocol.axis_kind = Axis::TimeS;
  EXPECT_EQ(estimate_noise(series).sigma, 0);
}

TEST(EstimateNoise, SurvivesPixelsOfManyChannelsRoundedToIntegers) {
  for (const double sigma : {3.0, 20.0}) {
    Series series = noisy_series(100, 8, sigma, object, 8);
    for (auto& plane : series.planes)
      std::ranges::transform(plane.edit(), plane.edit().begin(), [](float v) { return std::round(v); });
    const Noise noise = estimate_noise(series);
    EXPECT_NEAR(noise.sigma, sigma, 0.03 * sigma);
    EXPECT_NEAR(noise.channels, 8, 0.4);
  }
}

// A constant with Gaussian noise has nearly the distribution of many channels: fat in diffusion, which does not decay.
TEST(EstimateNoise, TakesNoConstantTissueForManyChannels) {
  for (const std::size_t contrasts : {3U, 6U, 16U}) {
    for (const double snr : {4.0, 5.0, 6.0, 7.0, 9.0}) {
      EXPECT_EQ(
          estimate_noise(noisy_series(200, contrasts, 12, [&](std::size_t, std::size_t) { return 12 * snr; })).sigma, 0)
          << contrasts << " " << snr;
    }
  }
}

TEST(EstimateNoise, TakesNoDecayingOrShadedTissueForManyChannels) {
  for (const double snr : {4.0, 6.0, 8.0}) {
    const auto slow = [&](std::size_t, std::size_t k) { return 12 * snr * std::exp(-static_cast<double>(k) / 10); };
    EXPECT_EQ(estimate_noise(noisy_series(200, 8, 12, slow)).sigma, 0) << snr;
    const auto shaded = [&](std::size_t i, std::size_t) {
      return 12 * snr * (0.7 + static_cast<double>(i % 200) / 330);
    };
    EXPECT_EQ(estimate_noise(noisy_series(200, 8, 12, shaded)).sigma, 0) << snr;
  }
}

// A mean over 3 x 3 voxels makes some eight channels of one, and a third of its sigma.
TEST(EstimateNoise, SaysNothingOfASmoothedBackground) {
  Series series = noisy_series(200, 8, 12, large_object);
  for (auto& plane : series.planes) plane = smoothed(plane, 200);
  EXPECT_EQ(estimate_noise(series).sigma, 0);
}

TEST(EstimateNoise, IsNotMisledByGhostsInTheAirOfManyChannels) {
  for (const double ghost : {0.5, 1.0, 2.0, 3.0, 5.0}) {
    const Series series = noisy_series(
        200, 8, 12,
        [&](std::size_t i, std::size_t k) {
          return i < 26400 ? ghost * 12 * std::max(0.0, std::sin(static_cast<double>(i / 200) * 0.15)) / std::sqrt(8)
                           : large_object(i, k);
        },
        8);
    const Noise noise = estimate_noise(series);
    EXPECT_TRUE(noise.sigma == 0 || std::abs(noise.sigma - 12) < 0.6) << noise.sigma << " " << ghost;
    EXPECT_TRUE(noise.sigma != 0 || ghost > 1);
  }
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

TEST(EstimateNoise, IsNotRaisedByDarkFatBesideTheAirOfManyChannels) {
  for (const int channels : {4, 8}) {
    for (const double fat_snr : {2.0, 3.0, 4.0, 6.0, 12.0}) {
      const auto signal = [&](std::size_t i, std::size_t) { return banded(12 * fat_snr / std::sqrt(channels), i / 4); };
      const double sigma = estimate_noise(noisy_series(200, 8, 12, signal, channels)).sigma;
      EXPECT_TRUE(sigma == 0 || std::abs(sigma - 12) < 0.6) << sigma << " " << channels << " " << fat_snr;
      EXPECT_TRUE(sigma != 0 || fat_snr < 6) << channels << " " << fat_snr;
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

// Real part of one channel. Recovery from inversion, faster from left to right; nothing in the upper two thirds.
double recovering(std::size_t i, std::size_t k) {
  return 1000 * (1 - 2 * std::exp(-static_cast<double>(k + 1) * (0.2 + static_cast<double>(i % 100) / 100)));
}
double recovering_object(std::size_t i, std::size_t k) { return i < 6600 ? 0 : recovering(i, k); }

template <class Signal>
Series signed_series(std::size_t contrasts, double sigma, Signal signal) {
  Series series = noisy_series(100, contrasts, 0, [](std::size_t, std::size_t) { return 0.0; });
  series.protocol.axis_kind = Axis::InversionTimeMs;
  series.protocol.signed_signal = true;
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal(0, sigma);
  for (std::size_t k = 0; k < contrasts; ++k) {
    for (std::size_t i = 0; i < series.geometry.voxels(); ++i)
      series.planes[k].edit()[i] = static_cast<float>(signal(i, k) + normal(random));
  }
  return series;
}

TEST(EstimateNoise, IsTheStandardDeviationOfTheAirOfASignedSeries) {
  for (const std::size_t contrasts : {2U, 3U, 6U, 10U}) {
    const Noise noise = estimate_noise(signed_series(contrasts, 12, recovering_object));
    EXPECT_NEAR(noise.sigma, 12, 0.4) << contrasts;
    EXPECT_EQ(noise.channels, 1);
    EXPECT_THAT(noise.method, StartsWith("Gaussian background, "));
  }
}

TEST(EstimateNoise, SaysNothingOfASignedSeriesWithoutAir) {
  EXPECT_EQ(estimate_noise(signed_series(6, 12, recovering)).sigma, 0);
  for (const double offset : {2.0, 6.0, 12.0, 36.0})
    EXPECT_EQ(estimate_noise(signed_series(6, 12, [&](std::size_t, std::size_t) { return offset; })).sigma, 0)
        << offset;
  // Rectified: magnitudes under the name of signed data.
  Series rectified = signed_series(6, 12, recovering_object);
  for (auto& plane : rectified.planes)
    std::ranges::transform(plane.edit(), plane.edit().begin(), [](float v) { return std::abs(v); });
  EXPECT_EQ(estimate_noise(rectified).sigma, 0);
}

TEST(EstimateNoise, IsNotRaisedByDarkFatInASignedSeries) {
  for (const double fat_snr : {1.0, 2.0, 4.0, 8.0}) {
    const double sigma = estimate_noise(signed_series(6, 12, [&](std::size_t i, std::size_t k) {
                           return i < 8000 ? banded(12 * fat_snr, i) : recovering(i, k);
                         })).sigma;
    EXPECT_TRUE(sigma == 0 || std::abs(sigma - 12) < 0.6) << sigma << " " << fat_snr;
    EXPECT_TRUE(sigma != 0 || fat_snr < 4) << fat_snr;
  }
}

TEST(EstimateNoise, IsTheSameWhenAskedTwice) {
  const Series series = noisy_series(100, 6, 12, object);
  EXPECT_EQ(estimate_noise(series).sigma, estimate_noise(series).sigma);
}

}  // namespace
}  // namespace fitting
