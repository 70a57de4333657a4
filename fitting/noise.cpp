// The noise of a magnitude series from its air.
//
// Idea: PIESNO (Koay, Ozarslan & Pierpaoli 2009, J Magn Reson 199:94) for one channel. In air every one of the K
// contrasts is an independent Rayleigh sample, so the mean of m^2 / (2 sigma^2) over the contrasts of a voxel follows
// Gamma(K, 1/K), however the contrasts were acquired; voxels within its 99 % interval are taken for air, their median
// gives sigma again, and so on until it stands. The lowest sigma that passes wins: nothing is darker than air, but air
// and suppressed fat together can pass for more and brighter air. No corner of the image has to be empty, and a breast
// need not fill the field of view.
//
// A wrong answer would void good maps, so what was gathered must prove to be air (each check fails for something that
// was seen): (1) mean / root mean square of the samples is that of a Rayleigh distribution: not tissue (1.0), not
// several combined channels
//     (0.94 and up), not signed or real-part data (0.80);
// (2) every contrast gives the same sigma: tissue decays or saturates from contrast to contrast, air does not;
// (3) the voxel means scatter as independent samples do: neither one flat object nor shading, ghosts or spatially
// varying gain; (4) there are many of them, at least one in a hundred of the unmasked voxels; with three
// contrasts or fewer, where (2) and (3) hardly see a mixture of air and dark tissue, also: (5) voxels a few apart do
// not resemble each other (direct neighbours do, in interpolated images); with one contrast: (6) all of the
// distribution is Rayleigh, not its moments alone. Without such air (masked images, tight fields of view, filtered
// backgrounds) there is no answer; fit_series() then asks the residuals. Tried and left out: image corners (masked or
// wrapped in most breast series), the mode of the histogram (finds fat-suppressed fat).
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "fitting/fit.h"

namespace fitting {
namespace {

constexpr std::size_t kLeastAir = 200;        // voxels
constexpr double kLeastShare = 0.01;          // of the unmasked voxels
constexpr std::size_t kMostVoxels = 1 << 17;  // looked at: sigma is then known to better than 0.3 %
constexpr double kRayleighMeanOverRms = 0.88623;
constexpr double kRatioTolerance = 0.03;
constexpr double kContrastTolerance = 0.15;
constexpr double kScatterTolerance = 0.4;
// Air and fat at 2 sigma correlate by 0.2, at 3 sigma by 0.4; the cumulative distribution is off by 0.05 at 3 sigma.
constexpr double kMostCorrelation = 0.15;
constexpr double kMostDeparture = 0.03;
constexpr std::size_t kFewContrasts = 3;

// A voxel and its estimate of sigma^2.
struct Candidate {
  double variance;
  std::size_t voxel;
};

bool usable(const Series& series, std::size_t voxel) {
  bool any = false;
  for (const auto& plane : series.planes) {
    if (!std::isfinite(plane[voxel]) || plane[voxel] < 0) return false;
    any = any || plane[voxel] > 0;
  }
  return any;  // zero throughout = masked
}

double variance_of(const Series& series, std::size_t voxel) {
  double sum = 0;
  for (const auto& plane : series.planes) sum += static_cast<double>(plane[voxel]) * static_cast<double>(plane[voxel]);
  return sum / (2 * static_cast<double>(series.planes.size()));
}

// Strided, so that the choice covers the volume and does not depend on chance; sorted by variance. An odd stride does
// not run along columns.
std::vector<Candidate> candidates_of(const Series& series) {
  const std::size_t voxels = series.planes.front().size();
  const std::size_t stride = (voxels / kMostVoxels) | 1;
  std::vector<Candidate> candidates;
  for (std::size_t voxel = 0; voxel < voxels; voxel += stride) {
    if (usable(series, voxel)) candidates.push_back({variance_of(series, voxel), voxel});
  }
  std::ranges::sort(candidates, {}, [](const Candidate& c) { return std::pair(c.variance, c.voxel); });
  return candidates;
}

// Quantile of Gamma(K, 1/K) at the standard normal deviate z (Wilson & Hilferty 1931).
double gamma_quantile(std::size_t contrasts, double z) {
  const double spread = 1 / (9 * static_cast<double>(contrasts));
  const double root = std::max(0.0, 1 - spread + z * std::sqrt(spread));
  return root * root * root;
}

std::span<const Candidate> within(std::span<const Candidate> sorted, double lower, double upper) {
  const auto begin = std::ranges::lower_bound(sorted, lower, {}, &Candidate::variance);
  const auto end = std::ranges::upper_bound(sorted, upper, {}, &Candidate::variance);
  return begin < end ? std::span(begin, end) : std::span<const Candidate>{};
}

// The air around a first guess of sigma^2, by the fixed point of "take the 99 % interval, estimate from its median".
std::span<const Candidate> gather(std::span<const Candidate> sorted, double variance, std::size_t contrasts) {
  constexpr double kDeviate = 2.5758;
  const double lower = gamma_quantile(contrasts, -kDeviate), upper = gamma_quantile(contrasts, kDeviate),
               median = gamma_quantile(contrasts, 0);
  std::span<const Candidate> air;
  for (int iteration = 0; iteration < 50; ++iteration) {
    air = within(sorted, lower * variance, upper * variance);
    if (air.empty()) return air;
    const double next = air[air.size() / 2].variance / median;
    if (std::abs(next - variance) <= 1e-9 * variance) break;
    variance = next;
  }
  return air;
}

struct Moments {
  double mean = 0, mean_square = 0;
};

Moments moments_of(const Plane& plane, std::span<const Candidate> air) {
  Moments moments;
  for (const Candidate& c : air) {
    const double m = static_cast<double>(plane[c.voxel]);
    moments.mean += m;
    moments.mean_square += m * m;
  }
  moments.mean /= static_cast<double>(air.size());
  moments.mean_square /= static_cast<double>(air.size());
  return moments;
}

bool near(double value, double expected, double tolerance) { return std::abs(value / expected - 1) <= tolerance; }

bool scatters_independently(std::span<const Candidate> air, std::size_t contrasts) {  // (3)
  double mean = 0, square = 0;
  for (const Candidate& c : air) mean += c.variance;
  mean /= static_cast<double>(air.size());
  for (const Candidate& c : air) square += (c.variance - mean) * (c.variance - mean);
  const double relative = square / static_cast<double>(air.size()) / (mean * mean);
  return near(relative, 1 / static_cast<double>(contrasts), kScatterTolerance);
}

// Correlation of the variances of gathered voxels with those a few columns on, where these were gathered too.
double correlation_at_distance(const Series& series, std::span<const Candidate> air) {
  constexpr std::size_t kDistance = 4;
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (const Candidate& c : air) {
    const std::size_t other = c.voxel + kDistance;
    if (other >= series.planes.front().size() || !usable(series, other)) continue;
    const double here = c.variance, there = variance_of(series, other);
    if (there < air.front().variance || there > air.back().variance) continue;
    n += 1;
    x += here;
    y += there;
    xx += here * here;
    yy += there * there;
    xy += here * there;
  }
  constexpr double kFewest = 50;
  const double correlation = (n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y));
  return n >= kFewest && std::isfinite(correlation) ? correlation : 1;  // not shown to be independent
}

// sigma^2 of voxels known to be air.
double variance_of_air(std::span<const Candidate> air, std::size_t contrasts) {
  return air[air.size() / 2].variance / gamma_quantile(contrasts, 0);
}

// The largest difference of the cumulative distributions of one contrast and of Rayleigh's (Kolmogorov), between the
// lowest and the highest value gathered. Compared half-way between neighbouring values: pixels may be rounded.
double departure_from_rayleigh(std::span<const Candidate> air) {
  const double variance = variance_of_air(air, 1);
  std::vector<std::pair<double, double>> steps;  // expected, counted
  for (std::size_t i = 0; i + 1 < air.size(); ++i) {
    if (air[i].variance >= air[i + 1].variance) continue;
    const double edge = (std::sqrt(air[i].variance) + std::sqrt(air[i + 1].variance)) / 2;
    steps.emplace_back(-std::expm1(-edge * edge / variance), static_cast<double>(i));
  }
  if (steps.size() < 2) return 1;
  const auto [first_expected, first_counted] = steps.front();
  const auto [last_expected, last_counted] = steps.back();
  double largest = 0;
  for (const auto& [expected, counted] : steps) {
    const double difference = (expected - first_expected) / (last_expected - first_expected) -
                              (counted - first_counted) / (last_counted - first_counted);
    largest = std::max(largest, std::abs(difference));
  }
  return largest;
}

bool is_no_mixture(const Series& series, std::span<const Candidate> air) {
  if (series.planes.size() > kFewContrasts) return true;
  const double chance = 1 / std::sqrt(static_cast<double>(air.size()));
  if (correlation_at_distance(series, air) > kMostCorrelation + chance) return false;          // (5)
  return series.planes.size() > 1 || departure_from_rayleigh(air) <= kMostDeparture + chance;  // (6)
}

bool is_air(const Series& series, std::span<const Candidate> air) {
  double variance = 0;
  for (const Candidate& c : air) variance += c.variance / static_cast<double>(air.size());
  for (const auto& plane : series.planes) {
    const Moments moments = moments_of(plane, air);
    if (!near(moments.mean / std::sqrt(moments.mean_square), kRayleighMeanOverRms, kRatioTolerance))
      return false;                                                                                        // (1)
    if (!near(std::sqrt(moments.mean_square / 2), std::sqrt(variance), kContrastTolerance)) return false;  // (2)
  }
  return scatters_independently(air, series.planes.size()) && is_no_mixture(series, air);
}

// An average of several magnitude images is not Rayleigh distributed in air: such planes say nothing here.
Series single_images(const Series& series) {
  Series single{.geometry = series.geometry, .protocol = {}, .planes = {}};
  for (std::size_t k = 0; k < series.planes.size(); ++k) {
    if (series.averages.empty() || series.averages[k] <= 1) single.planes.push_back(series.planes[k]);
  }
  return single;
}

bool has_averages(const Series& series) {
  return std::ranges::any_of(series.averages, [](unsigned images) { return images > 1; });
}

Noise noise_of_air(const Series& series) {
  const std::size_t contrasts = series.planes.size();
  if (contrasts == 0) return {};
  const std::vector<Candidate> sorted = candidates_of(series);
  const std::size_t least =
      std::max(kLeastAir, static_cast<std::size_t>(kLeastShare * static_cast<double>(sorted.size())));  // (4)
  if (sorted.size() < least) return {};
  const double highest = sorted.back().variance;
  // The guesses ascend, and with them what they lead to: the first air is the one of the lowest sigma.
  for (double guess = sorted[least / 2].variance; guess <= highest && guess > 0; guess *= 1.25) {
    const std::span<const Candidate> air = gather(sorted, guess, contrasts);
    if (air.size() < least || !is_air(series, air)) continue;
    return {std::sqrt(variance_of_air(air, contrasts)),
            "Rayleigh background, " + std::to_string(air.size()) + " voxels"};
  }
  return {};
}

}  // namespace

Noise estimate_noise(const Series& series) {
  if (series.planes.size() < 2) return {};
  return has_averages(series) ? noise_of_air(single_images(series)) : noise_of_air(series);
}

}  // namespace fitting
