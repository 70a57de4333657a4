// The noise of a series from its air.
//
// Idea: PIESNO (Koay, Ozarslan & Pierpaoli 2009, J Magn Reson 199:94) for any number of channels. The root sum of
// squares of N channels has in air m^2 / (2 sigma^2) ~ Gamma(N, 1), independent from contrast to contrast, whatever
// the contrasts are: N = 1 is Rayleigh's distribution (one channel), N = 1/2 that of a signed (real-part) image;
// adaptive and GRAPPA combinations behave like a broken N. The mean of m^2 / 2 over the K contrasts of a voxel, here
// its power, follows N sigma^2 Gamma(K N, 1 / (K N)); voxels within an interval of that are taken for air, their
// median gives sigma again, and so on until it stands. The lowest power that passes wins: nothing is darker than air,
// but air and suppressed fat together can pass for more and brighter air. No corner of the image has to be empty, and
// a breast need not fill the field of view.
//
// N = 1 is tried first; only where it is not found, N is looked for. It comes from how the contrasts of one voxel
// share its power: the shares of Gamma variables are Dirichlet distributed and independent of the sum, so neither the
// interval nor a gain that varies over the image biases them:
//
//   d = variance of m^2/2 over the contrasts / power^2,  E d = K / (K N + 1)
//   t = third k-statistic of m^2/2 over them / power^3,  E t = 2 K^2 / ((K N + 1) (K N + 2))
//
// A wrong answer would void good maps, so what was gathered must prove to be air (each check fails for something that
// was seen):
//
// (1) Mean / root mean square of the samples of every contrast is that of the distribution: not tissue (1.0).
//
// (2) Every contrast gives the same power: tissue decays or saturates from contrast to contrast, air does not.
//
// (3) The voxel means scatter as independent samples do: neither one flat object nor shading, ghosts or spatially
// varying gain.
//
// (4) There are many of them, at least one in a hundred of the unmasked voxels.
//
// (5) With three contrasts or fewer, where (2) and (3) hardly see a mixture of air and dark tissue, and for N > 1:
// voxels a few apart do not resemble each other. Direct neighbours do, in interpolated images; the second ones, asked
// for N > 1, do where a filter smoothed the background, which multiplies N and shrinks sigma.
//
// (6) With one contrast: all of the distribution is Rayleigh, not its moments alone.
//
// (7) For N > 1 the asymmetry t is that of Gamma variables. The larger N, the more air looks like a constant with
// Gaussian noise, and the more dark tissue of one signal looks like air: fat in diffusion, which does not decay. A
// constant with noise has three quarters of the asymmetry. To tell takes the more voxels the larger N, and cannot be
// asked of less than three contrasts. The tolerances of (1), (2) and (3) shrink with N, too. Frames of a dynamic
// series, between which tissue need not change, give no N > 1; nor is any told beyond 14, where air spreads by less
// than an eighth of its mean and a slight ghost or drift decides.
//
// (8) For signed series: the mean of every contrast is zero.
//
// Without such air (masked images, tight fields of view, filtered backgrounds, gain that varies by a tenth) there is no
// answer; fit_series() then asks the residuals. Not seen: constant tissue under three sigma where there is no air at
// all (sigma up to 17 % high at 8 channels, 48 % at one). Tried and left out: image corners (masked or wrapped in most
// breast series), the mode of the histogram (finds fat-suppressed fat).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fitting/fit.h"

namespace fitting {
namespace {

constexpr std::size_t kLeastAir = 200;        // voxels
constexpr double kLeastShare = 0.01;          // of the unmasked voxels
constexpr std::size_t kMostVoxels = 1 << 17;  // looked at: sigma is then known to better than 0.3 %
constexpr double kRatioTolerance = 0.2337;    // of what (1) falls short of 1: 3 % for Rayleigh's 0.886
constexpr double kContrastTolerance = 0.15;
constexpr double kScatterTolerance = 0.4;
// Air and fat at 2 sigma correlate by 0.2, at 3 sigma by 0.4; the cumulative distribution is off by 0.05 at 3 sigma.
constexpr double kMostCorrelation = 0.15;
constexpr std::size_t kDistance = 4, kFilterDistance = 2;  // columns
constexpr double kMostDeparture = 0.03;
constexpr std::size_t kFewContrasts = 3;
constexpr double kMostOffset = 0.1;  // of the root mean square, for (8)
// For several channels. Below the first, the distribution passes for Rayleigh's; beyond the last nothing is told.
constexpr double kFewestChannels = 1.2, kMostChannels = 14;
constexpr double kCombinedScatterTolerance = 0.2;
constexpr std::size_t kLeastCombinedContrasts = 3;
// Asymmetry over Gamma's: 1 in air, 0.75 in a constant with noise.
constexpr double kAsymmetryTolerance = 0.02, kLargestAsymmetryError = 0.04;

// 99 % and 99.9 % of a normal distribution.
constexpr double kDeviate = 2.5758, kWideDeviate = 3.2905;

// m^2 / (2 sigma^2) ~ Gamma(channels, 1) in every contrast.
struct Law {
  double channels = 1;
  std::size_t contrasts = 0;

  [[nodiscard]] double shape() const { return channels * static_cast<double>(contrasts); }
  // Mean over root mean square of the magnitudes of one contrast.
  [[nodiscard]] double mean_over_rms() const {
    return std::tgamma(channels + 0.5) / std::tgamma(channels) / std::sqrt(channels);
  }
  [[nodiscard]] bool combined() const { return channels > 1; }
};

bool near(double value, double expected, double tolerance) { return std::abs(value / expected - 1) <= tolerance; }

// A voxel and its power: the mean of m^2 / 2 over the contrasts, channels * sigma^2 in air.
struct Candidate {
  double power;
  std::size_t voxel;
};
using Candidates = std::span<const Candidate>;

bool usable(const Series& series, std::size_t voxel) {
  bool any = false;
  for (const auto& plane : series.planes) {
    if (!std::isfinite(plane[voxel]) || (plane[voxel] < 0 && !series.protocol.signed_signal)) return false;
    any = any || plane[voxel] != 0;
  }
  return any;  // zero throughout = masked
}

double half_square(const Plane& plane, std::size_t voxel) {
  const double m = static_cast<double>(plane[voxel]);
  return m * m / 2;
}

double power_of(const Series& series, std::size_t voxel) {
  double sum = 0;
  for (const auto& plane : series.planes) sum += half_square(plane, voxel);
  return sum / static_cast<double>(series.planes.size());
}

// Strided, so that the choice covers the volume and does not depend on chance; sorted by power. An odd stride does not
// run along columns.
std::vector<Candidate> candidates_of(const Series& series) {
  const std::size_t voxels = series.planes.front().size();
  const std::size_t stride = (voxels / kMostVoxels) | 1;
  std::vector<Candidate> candidates;
  for (std::size_t voxel = 0; voxel < voxels; voxel += stride) {
    if (usable(series, voxel)) candidates.push_back({power_of(series, voxel), voxel});
  }
  std::ranges::sort(candidates, {}, [](const Candidate& c) { return std::pair(c.power, c.voxel); });
  return candidates;
}

// Quantile of Gamma(shape, 1 / shape) at the standard normal deviate z (Wilson & Hilferty 1931).
double gamma_quantile(double shape, double z) {
  const double spread = 1 / (9 * shape);
  const double root = std::max(0.0, 1 - spread + z * std::sqrt(spread));
  return root * root * root;
}

Candidates within(Candidates sorted, double lower, double upper) {
  const auto begin = std::ranges::lower_bound(sorted, lower, {}, &Candidate::power);
  const auto end = std::ranges::upper_bound(sorted, upper, {}, &Candidate::power);
  return begin < end ? std::span(begin, end) : Candidates{};
}

// The power of voxels known to be air.
double power_of_air(Candidates air, double shape) { return air[air.size() / 2].power / gamma_quantile(shape, 0); }

// The air around a first guess of the power, by the fixed point of "take the interval, estimate from its median".
Candidates gather(Candidates sorted, double power, double shape, double deviate) {
  const double lower = gamma_quantile(shape, -deviate), upper = gamma_quantile(shape, deviate);
  Candidates air;
  for (int iteration = 0; iteration < 50; ++iteration) {
    air = within(sorted, lower * power, upper * power);
    if (air.empty()) return air;
    const double next = power_of_air(air, shape);
    if (std::abs(next - power) <= 1e-9 * power) break;
    power = next;
  }
  return air;
}

// --- how the contrasts of a voxel share its power ---

struct Sharing {
  double dispersion = 0, asymmetry = 0, asymmetry_square = 0;  // d, t and t^2 of the essay
};

Sharing sharing_of(const Series& series, const Candidate& candidate) {
  double square = 0, cube = 0;
  for (const auto& plane : series.planes) {
    const double deviation = half_square(plane, candidate.voxel) / candidate.power - 1;
    square += deviation * deviation;
    cube += deviation * deviation * deviation;
  }
  const double contrasts = static_cast<double>(series.planes.size());
  const double asymmetry = cube * contrasts / ((contrasts - 1) * (contrasts - 2));
  return {square / (contrasts - 1), asymmetry, asymmetry * asymmetry};
}

// Sums over the first candidates, so that those of any run of them cost nothing.
class Sharings {
 public:
  Sharings(const Series& series, Candidates sorted) : first_(sorted.data()), sums_(1) {
    for (const Candidate& candidate : sorted) {
      const Sharing next = sharing_of(series, candidate), &sum = sums_.back();
      sums_.push_back({sum.dispersion + next.dispersion, sum.asymmetry + next.asymmetry,
                       sum.asymmetry_square + next.asymmetry_square});
    }
  }

  [[nodiscard]] Sharing mean(Candidates air) const {
    const auto begin = static_cast<std::size_t>(air.data() - first_);
    const Sharing &from = sums_[begin], &to = sums_[begin + air.size()];
    const double n = static_cast<double>(air.size());
    return {(to.dispersion - from.dispersion) / n, (to.asymmetry - from.asymmetry) / n,
            (to.asymmetry_square - from.asymmetry_square) / n};
  }

 private:
  const Candidate* first_;
  std::vector<Sharing> sums_;
};

double channels_of(const Sharing& mean, std::size_t contrasts) {
  return 1 / mean.dispersion - 1 / static_cast<double>(contrasts);
}

bool is_asymmetric_as_air(const Sharing& mean, std::size_t voxels, const Law& law) {  // (7)
  const double shape = law.shape(), contrasts = static_cast<double>(law.contrasts);
  const double expected = 2 * contrasts * contrasts / ((shape + 1) * (shape + 2));
  const double variance = mean.asymmetry_square - mean.asymmetry * mean.asymmetry;
  const double error = std::sqrt(variance / static_cast<double>(voxels)) / expected;
  return error <= kLargestAsymmetryError && near(mean.asymmetry, expected, kAsymmetryTolerance + 2.5 * error);
}

// --- the checks ---

struct Moments {
  double sum = 0, magnitude = 0, square = 0;  // means of m, |m| and m^2
};

Moments moments_of(const Plane& plane, Candidates air) {
  Moments moments;
  for (const Candidate& c : air) {
    const double m = static_cast<double>(plane[c.voxel]);
    moments.sum += m;
    moments.magnitude += std::abs(m);
    moments.square += m * m;
  }
  const double n = static_cast<double>(air.size());
  return {moments.sum / n, moments.magnitude / n, moments.square / n};
}

bool scatters_independently(Candidates air, const Law& law) {  // (3)
  double mean = 0, square = 0;
  for (const Candidate& c : air) mean += c.power;
  mean /= static_cast<double>(air.size());
  for (const Candidate& c : air) square += (c.power - mean) * (c.power - mean);
  const double relative = square / static_cast<double>(air.size()) / (mean * mean);
  return near(relative, 1 / law.shape(), law.combined() ? kCombinedScatterTolerance : kScatterTolerance);
}

// Correlation of the powers of gathered voxels with those a few columns on, where these were gathered too.
double correlation_at_distance(const Series& series, Candidates air, std::size_t distance) {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (const Candidate& c : air) {
    const std::size_t other = c.voxel + distance;
    if (other >= series.planes.front().size() || !usable(series, other)) continue;
    const double here = c.power, there = power_of(series, other);
    if (there < air.front().power || there > air.back().power) continue;
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

// The largest difference of the cumulative distributions of one contrast and of Rayleigh's (Kolmogorov), between the
// lowest and the highest value gathered. Compared half-way between neighbouring values: pixels may be rounded.
double departure_from_rayleigh(Candidates air) {
  const double power = power_of_air(air, 1);
  std::vector<std::pair<double, double>> steps;  // expected, counted
  for (std::size_t i = 0; i + 1 < air.size(); ++i) {
    if (air[i].power >= air[i + 1].power) continue;
    const double edge = (std::sqrt(air[i].power) + std::sqrt(air[i + 1].power)) / 2;
    steps.emplace_back(-std::expm1(-edge * edge / power), static_cast<double>(i));
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

bool is_no_mixture(const Series& series, Candidates air, const Law& law) {
  if (law.contrasts > kFewContrasts && !law.combined()) return true;
  const double chance = 1 / std::sqrt(static_cast<double>(air.size()));
  const auto is_correlated = [&](std::size_t distance) {
    return correlation_at_distance(series, air, distance) > kMostCorrelation + chance;
  };
  if (is_correlated(kDistance) || (law.combined() && is_correlated(kFilterDistance))) return false;  // (5)
  return law.contrasts > 1 || departure_from_rayleigh(air) <= kMostDeparture + chance;               // (6)
}

bool is_contrast_of_air(const Moments& moments, double power, const Law& law, bool signed_signal) {
  const double rms = std::sqrt(moments.square), expected = law.mean_over_rms();
  if (std::abs(moments.magnitude / rms - expected) > kRatioTolerance * (1 - expected)) return false;  // (1)
  const double tolerance = kContrastTolerance / std::sqrt(std::max(1.0, law.channels));
  if (!near(rms, std::sqrt(2 * power), tolerance)) return false;        // (2)
  return !signed_signal || std::abs(moments.sum) <= kMostOffset * rms;  // (8)
}

bool is_air(const Series& series, Candidates air, const Law& law) {
  double power = 0;
  for (const Candidate& c : air) power += c.power / static_cast<double>(air.size());
  const auto passes = [&](const Plane& plane) {
    return is_contrast_of_air(moments_of(plane, air), power, law, series.protocol.signed_signal);
  };
  return scatters_independently(air, law) && std::ranges::all_of(series.planes, passes) &&
         is_no_mixture(series, air, law);
}

// --- the search ---

std::string described(const Law& law, std::size_t voxels, bool signed_signal) {
  const std::string count = ", " + std::to_string(voxels) + " voxels";
  if (signed_signal) return "Gaussian background" + count;
  if (!law.combined()) return "Rayleigh background" + count;
  std::array<char, 16> channels{};
  std::snprintf(channels.data(), channels.size(), "%.2g", law.channels);
  return std::string("non-central chi background of about ") + channels.data() + " channels" + count;
}

Noise noise_from(Candidates air, const Law& law, bool signed_signal) {
  return {.sigma = std::sqrt(power_of_air(air, law.shape()) / law.channels),
          .channels = std::max(1.0, law.channels),
          .method = described(law, air.size(), signed_signal)};
}

// The air of known channels. The guesses ascend, and with them what they lead to: the first air is the one of the
// lowest power.
Noise noise_of_law(const Series& series, Candidates sorted, std::size_t least, const Law& law) {
  const double highest = sorted.back().power;
  for (double guess = sorted[least / 2].power; guess <= highest && guess > 0; guess *= 1.25) {
    const Candidates air = gather(sorted, guess, law.shape(), kDeviate);
    if (air.size() >= least && is_air(series, air, law)) return noise_from(air, law, series.protocol.signed_signal);
  }
  return {};
}

struct Combined {
  Law law;
  Candidates air;
};

// The air around a first guess of power and channels, and its channels, by the fixed point of "gather, estimate".
std::optional<Combined> gather_combined(Candidates sorted, const Sharings& sharings, double power, Law law) {
  for (int iteration = 0; iteration < 30; ++iteration) {
    const Candidates air = gather(sorted, power, law.shape(), kWideDeviate);
    if (air.empty()) return {};
    const double next = channels_of(sharings.mean(air), law.contrasts);
    if (!(next >= kFewestChannels && next <= kMostChannels)) return {};
    if (near(next, law.channels, 1e-4)) return Combined{law, air};
    law.channels = next;
    power = power_of_air(air, law.shape());
  }
  return {};
}

Noise noise_of_combined(const Series& series, Candidates sorted, std::size_t least) {
  const std::size_t contrasts = series.planes.size();
  if (contrasts < kLeastCombinedContrasts || series.protocol.axis_kind == Axis::TimeS) return {};
  const Sharings sharings(series, sorted);
  const double highest = sorted.back().power;
  double rejected = 0;  // power: many guesses lead to the same
  for (double guess = sorted[least / 2].power; guess <= highest && guess > 0; guess *= 1.1) {
    for (const double channels : {1.5, 4.0, 12.0}) {
      const auto found = gather_combined(sorted, sharings, guess, {channels, contrasts});
      if (!found || found->air.size() < least) continue;
      const auto& [law, air] = *found;
      const double power = power_of_air(air, law.shape());
      if (near(rejected, power, 1e-3)) continue;
      if (is_asymmetric_as_air(sharings.mean(air), air.size(), law) && is_air(series, air, law))
        return noise_from(air, law, false);
      rejected = power;
    }
  }
  return {};
}

// An average of several images is not distributed as one: such planes say nothing here.
Series single_images(const Series& series) {
  Series single{.geometry = series.geometry, .protocol = series.protocol, .planes = {}};
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
  if (series.protocol.signed_signal)
    return contrasts > 1 ? noise_of_law(series, sorted, least, {0.5, contrasts}) : Noise{};
  Noise noise = noise_of_law(series, sorted, least, {1, contrasts});
  return noise.sigma > 0 ? noise : noise_of_combined(series, sorted, least);
}

}  // namespace

Noise estimate_noise(const Series& series) {
  if (series.planes.size() < 2) return {};
  return has_averages(series) ? noise_of_air(single_images(series)) : noise_of_air(series);
}

}  // namespace fitting
