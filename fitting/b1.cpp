#include "fitting/b1.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "fitting/parallel.h"
#include "fitting/resample.h"
#include "fitting/text.h"

namespace fitting {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

std::string wrong_size(std::size_t values, std::size_t voxels) {
  return "the B1 map has " + std::to_string(values) + " values for " + std::to_string(voxels) + " voxels";
}

// --- scales ---

bool in_degrees(B1Scale scale) { return scale == B1Scale::SiemensTfl || scale == B1Scale::SiemensRfMap; }

double factor_of(double pixel, B1Scale scale, double nominal_flip_deg) {
  switch (scale) {
    case B1Scale::Fraction:
      return pixel;
    case B1Scale::Percent:
      return pixel / 100;
    case B1Scale::SiemensTfl:
      return pixel / 10 / nominal_flip_deg;
    case B1Scale::SiemensRfMap:
      return (std::abs(pixel) - 2048) * 180 / 2048 / nominal_flip_deg;  // as the hMRI toolbox reads it
  }
  return 0;
}

float known_or_nan(double factor) {
  return factor > 0 && std::isfinite(factor) ? static_cast<float>(factor) : kUnknown;
}

}  // namespace

std::variant<std::vector<float>, Refusal> factors_of(const B1Pixels& map) {
  if (map.pixels.size() != map.geometry.voxels()) return Refusal{wrong_size(map.pixels.size(), map.geometry.voxels())};
  if (in_degrees(map.scale) && !(map.nominal_flip_deg > 0))
    return Refusal{"a B1 map in degrees needs the nominal flip angle of its sequence"};
  std::vector<float> factors(map.pixels.size());
  std::ranges::transform(map.pixels, factors.begin(), [&](float pixel) {
    return known_or_nan(factor_of(static_cast<double>(pixel), map.scale, map.nominal_flip_deg));
  });
  return factors;
}

// The difference is known modulo 2 pi. Of the candidates the one nearest to the middle of those that factors within
// [least, largest] have is taken: as long as these span less than a turn, it is the only one among them.
std::variant<std::vector<float>, Refusal> factors_of(const BlochSiegert& pair, const B1Options& options) {
  constexpr double kTurn = 2 * std::numbers::pi;
  const std::size_t voxels = pair.geometry.voxels();
  if (pair.phase_plus.size() != voxels) return Refusal{wrong_size(pair.phase_plus.size(), voxels)};
  if (pair.phase_minus.size() != voxels) return Refusal{wrong_size(pair.phase_minus.size(), voxels)};
  const double nominal = 2 * pair.k_rad_per_gauss2 * pair.nominal_peak_gauss * pair.nominal_peak_gauss;
  if (!(nominal > 0) || !std::isfinite(nominal))
    return Refusal{"Bloch-Siegert phases need K_BS and the nominal peak of B1 of the pulse"};
  const double low = nominal * options.least * options.least, high = nominal * options.largest * options.largest;
  if (high - low >= kTurn)
    return Refusal{text("a nominal Bloch-Siegert phase of %.2f rad cannot be told modulo 2 pi", nominal)};
  const double middle = 0.5 * (low + high);
  std::vector<float> factors(voxels);
  for (std::size_t i = 0; i < voxels; ++i) {
    const double difference = static_cast<double>(pair.phase_plus[i]) - static_cast<double>(pair.phase_minus[i]);
    const double nearest = middle + std::remainder(difference - middle, kTurn);
    factors[i] = nearest > 0 ? known_or_nan(std::sqrt(nearest / nominal)) : kUnknown;
  }
  return factors;
}

namespace {

// --- what is known ---

std::vector<float> masked(std::span<const float> factors, std::span<const std::uint8_t> mask) {
  std::vector<float> kept(factors.begin(), factors.end());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const bool in_mask = mask.empty() || mask[i] != 0;
    kept[i] = in_mask ? known_or_nan(static_cast<double>(kept[i])) : kUnknown;
  }
  return kept;
}

// 0 where there is nothing to take a median of.
double median_of(const std::vector<float>& factors) {
  std::vector<float> known;
  std::ranges::copy_if(factors, std::back_inserter(known), [](float f) { return std::isfinite(f); });
  if (known.empty()) return 0;
  const auto middle = known.begin() + static_cast<std::ptrdiff_t>((known.size() - 1) / 2);
  std::ranges::nth_element(known, middle);
  return static_cast<double>(*middle);
}

void drop_outside(std::vector<float>& factors, const B1Options& options) {
  for (float& factor : factors) {
    const auto value = static_cast<double>(factor);
    if (!(value >= options.least && value <= options.largest)) factor = kUnknown;
  }
}

// --- smoothing ---

// One axis of a volume: `count` voxels at `positions_mm`, `stride` apart in memory.
struct Line {
  std::size_t count = 0, stride = 0;
  std::vector<double> positions_mm;
};

// Gaussian sums along one line, cut at three standard deviations. Unknown voxels have value and weight 0, so that
// sum / weight is the mean of what is known.
void smooth_line(const Line& line, double sigma_mm, float* values) {
  std::vector<float> before(line.count);
  for (std::size_t i = 0; i < line.count; ++i) before[i] = values[i * line.stride];
  std::size_t first = 0;
  for (std::size_t i = 0; i < line.count; ++i) {
    const double here = line.positions_mm[i];
    while (line.positions_mm[first] < here - 3 * sigma_mm) ++first;
    double sum = 0;
    for (std::size_t j = first; j < line.count && line.positions_mm[j] <= here + 3 * sigma_mm; ++j) {
      const double distance = (line.positions_mm[j] - here) / sigma_mm;
      sum += std::exp(-0.5 * distance * distance) * static_cast<double>(before[j]);
    }
    values[i * line.stride] = static_cast<float>(sum);
  }
}

std::array<Line, 3> lines_of(const Geometry& g) {
  const auto columns = static_cast<std::size_t>(g.columns), rows = static_cast<std::size_t>(g.rows);
  std::array<Line, 3> lines = {Line{columns, 1, {}}, Line{rows, columns, {}},
                               Line{g.slice_origins_mm.size(), rows * columns, {}}};
  for (int c = 0; c < g.columns; ++c) lines[0].positions_mm.push_back(c * g.column_spacing_mm);
  for (int r = 0; r < g.rows; ++r) lines[1].positions_mm.push_back(r * g.row_spacing_mm);
  for (int s = 0; s < g.slices(); ++s) lines[2].positions_mm.push_back(g.height_mm(s));
  return lines;
}

void smooth_all(const Geometry& g, double sigma_mm, unsigned threads, std::vector<float>& values) {
  for (const Line& line : lines_of(g)) {
    in_parallel(values.size() / line.count, threads, [&](std::size_t k) {
      const std::size_t begin = k / line.stride * line.stride * line.count + k % line.stride;
      smooth_line(line, sigma_mm, values.data() + begin);
    });
  }
}

// A normalised convolution (Knutsson & Westin 1993, Proc CVPR 515): known voxels become the weighted mean of the known
// ones around them, unknown ones stay unknown.
void smooth(const Geometry& g, const B1Options& options, std::vector<float>& factors) {
  if (!(options.smoothing_fwhm_mm > 0)) return;
  const double sigma_mm = options.smoothing_fwhm_mm / std::sqrt(8 * std::numbers::ln2);
  std::vector<float> weight(factors.size()), sum(factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    weight[i] = std::isfinite(factors[i]) ? 1.0F : 0.0F;
    sum[i] = std::isfinite(factors[i]) ? factors[i] : 0.0F;
  }
  smooth_all(g, sigma_mm, options.threads, sum);
  smooth_all(g, sigma_mm, options.threads, weight);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (std::isfinite(factors[i])) factors[i] = sum[i] / weight[i];
  }
}

// --- to the target ---

std::variant<B1Map, Refusal> carried(const Geometry& source, const std::vector<float>& factors, const Geometry& target,
                                     unsigned threads) {
  std::vector<float> weight(factors.size()), value(factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    weight[i] = std::isfinite(factors[i]) ? 1.0F : 0.0F;
    value[i] = std::isfinite(factors[i]) ? factors[i] : 0.0F;
  }
  const auto values = resample(source, value, target, {.threads = threads});
  const auto weights = resample(source, weight, target, {.threads = threads});
  if (const auto* refusal = std::get_if<Refusal>(&values)) return Refusal{"B1 map: " + refusal->reason};
  const auto& sum = std::get<Resampled>(values).values;
  const auto& share = std::get<Resampled>(weights).values;
  B1Map map;
  map.factor.resize(target.voxels(), 0.0F);
  for (std::size_t i = 0; i < map.factor.size(); ++i) {
    if (share[i] < 0.5F) continue;
    map.factor[i] = sum[i] / share[i];
    ++map.known;
  }
  if (map.known == 0) return Refusal{"no voxel of the images lies where the B1 map is known"};
  return map;
}

std::string what_hinders(const Geometry& source, std::size_t factors, std::size_t mask) {
  if (std::string wrong = what_is_wrong(source); !wrong.empty()) return "B1 map: " + wrong;
  if (factors != source.voxels()) return wrong_size(factors, source.voxels());
  if (mask != 0 && mask != factors) return "the mask of the B1 map has another size than the map";
  return "";
}

}  // namespace

std::variant<B1Map, Refusal> b1_map(const Geometry& source, std::span<const float> factors,
                                    std::span<const std::uint8_t> mask, const Geometry& target,
                                    const B1Options& options) {
  if (std::string hindrance = what_hinders(source, factors.size(), mask.size()); !hindrance.empty())
    return Refusal{std::move(hindrance)};
  std::vector<float> kept = masked(factors, mask);
  const double median = median_of(kept);
  if (median <= 0) return Refusal{"the B1 map is not known anywhere"};
  if (!(median >= options.least_median && median <= options.largest_median))
    return Refusal{text("the B1 map has a median of %.3g times nominal, expected %.2g..%.2g: another scale?", median,
                        options.least_median, options.largest_median)};
  drop_outside(kept, options);
  smooth(source, options, kept);
  auto map = carried(source, kept, target, options.threads);
  if (auto* there = std::get_if<B1Map>(&map)) {
    there->median = median;
    there->description =
        text("B1 map: median %.3f of nominal, smoothed over %.3g mm", median, options.smoothing_fwhm_mm) +
        text(", known in %.1f %% of the voxels",
             100.0 * static_cast<double>(there->known) / static_cast<double>(target.voxels()));
  }
  return map;
}

}  // namespace fitting
