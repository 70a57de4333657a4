#include "fitting/phantom.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fitting {

const std::vector<Tissue>& tissues() {
  // T1 and T2 of fat and fibroglandular tissue near those of Rakow-Penner et al. 2006, J Magn Reson Imaging 23:87.
  static const std::vector<Tissue> kTissues = {
      // name, T1 before and after contrast, T2 before and after, T2* in ms, ADC and D in um2/ms, K, PD before and after
      // in %, uptake. D and K give the ADC at b = 800 s/mm2: ADC = D - b D^2 K / 6.
      {"air", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 1, 0}},
      {"fat", 370, 365, 60, 60, 25, 0.15, 0.155, 1.56, 84.375, 85, {0.03, 60, 0}},
      {"fibroglandular", 1450, 1000, 55, 52, 35, 1.9, 2.1, 0.34, 75, 78, {0.45, 150, 0}},
      {"muscle", 1400, 900, 40, 38, 25, 1.6, 1.8, 0.463, 68.75, 71, {0.35, 60, 0}},
      {"lesion", 1780, 585, 82, 68, 52, 1.05, 1.25, 0.96, 81.25, 92, {1.8, 25, 600}},
  };
  return kTissues;
}

namespace {

// The rate after so many times the dose.
double shortened(double before_ms, double after_ms, double agent) {
  return 1 / (1 / before_ms + agent * (1 / after_ms - 1 / before_ms));
}

}  // namespace

std::vector<Tissue> tissues_of(const Phantom& phantom) {
  std::vector<Tissue> all = tissues();
  if (phantom.agent == 1) return all;  // not a digit of theirs changes
  for (Tissue& tissue : all) {
    if (tissue.t1_pre_ms <= 0) continue;
    tissue.t1_post_ms = shortened(tissue.t1_pre_ms, tissue.t1_post_ms, phantom.agent);
    tissue.t2_post_ms = shortened(tissue.t2_ms, tissue.t2_post_ms, phantom.agent);
    tissue.pd_post_percent = tissue.pd_pre_percent + phantom.agent * (tissue.pd_post_percent - tissue.pd_pre_percent);
    tissue.uptake.amplitude *= phantom.agent;
  }
  return all;
}

// --- anatomy ---
//
// The patient lies prone: anterior is -y. The chest wall is 25 mm of muscle with a curved front that touches y = 0
// between the breasts, under 6 mm of skin and fat; behind it the lungs give no signal. Each breast is the part of an
// ellipsoid in front of it, 110 mm across and 100 mm deep, of fat around fibroglandular tissue.
namespace {

constexpr std::uint8_t kAir = 0, kFat = 1, kFibroglandular = 2, kMuscle = 3;

// Plain numbers rather than vectors: millions of voxels ask, in unoptimised builds too.
struct Ellipsoid {
  double x, y, z, half_x, half_y, half_z;
  [[nodiscard]] constexpr bool contains(double at_x, double at_y, double at_z) const {
    const double u = (at_x - x) / half_x, v = (at_y - y) / half_y, w = (at_z - z) / half_z;
    return u * u + v * v + w * w <= 1;
  }
};

constexpr Ellipsoid kSkin{0, 160, 0, 216, 166, 176}, kChest{0, 160, 0, 210, 160, 170},
    kCavity{0, 160, 0, 185, 135, 145};
constexpr Ellipsoid kBreast{75, 0, 0, 55, 100, 55}, kGland{76, -48, 2, 34, 36, 38};
constexpr Ellipsoid kLesion{78, -58, 4, 11, 11, 10};

Ellipsoid lesion_of(const Phantom& phantom) {
  const Vec3 half = lesion_half_axes_mm(phantom);
  return {kLesion.x, kLesion.y, kLesion.z, half.x(), half.y(), half.z()};
}

std::uint8_t label_at(const Ellipsoid& lesion, double x, double y, double z) {
  if (kChest.contains(x, y, z)) return kCavity.contains(x, y, z) ? kAir : kMuscle;
  if (lesion.contains(x, y, z)) return kLesionLabel;  // no point lies in one of no size
  const double side = std::abs(x);
  if (kGland.contains(side, y, z)) return kFibroglandular;
  return kBreast.contains(side, y, z) || kSkin.contains(x, y, z) ? kFat : kAir;
}

void label_row(const Geometry& geometry, const Ellipsoid& lesion, int row, int slice, std::vector<std::uint8_t>& all) {
  const Vec3 first = geometry.centre_mm(0, row, slice), step = geometry.row_direction * geometry.column_spacing_mm;
  const double x = first.x(), y = first.y(), z = first.z(), dx = step.x(), dy = step.y(), dz = step.z();
  for (int column = 0; column < geometry.columns; ++column) {
    all.push_back(label_at(lesion, x + column * dx, y + column * dy, z + column * dz));
  }
}

}  // namespace

Vec3 lesion_centre_mm() { return {kLesion.x, kLesion.y, kLesion.z}; }

Vec3 lesion_half_axes_mm(const Phantom& phantom) {
  return Vec3(kLesion.half_x, kLesion.half_y, kLesion.half_z) * (phantom.lesion_diameter_mm / (2 * kLesion.half_x));
}

std::vector<std::uint8_t> labels(const Geometry& geometry, const Phantom& phantom) {
  const Ellipsoid lesion = lesion_of(phantom);
  std::vector<std::uint8_t> all;
  all.reserve(geometry.voxels());
  for (int slice = 0; slice < geometry.slices(); ++slice) {
    for (int row = 0; row < geometry.rows; ++row) label_row(geometry, lesion, row, slice, all);
  }
  return all;
}

// --- signals ---

namespace {

// In 12 bits this leaves room for noise.
constexpr double kFullScale = 3200;

// signals[label][contrast] before the receiver.
std::vector<std::vector<double>> tissue_signals(const Protocol& protocol, const Model& model, Quantity quantity,
                                                double after_injection_s, const Phantom& phantom) {
  std::vector<std::vector<double>> signals;
  for (const Tissue& tissue : tissues_of(phantom)) {
    auto& signal = signals.emplace_back(protocol.axis.size(), 0.0);
    if (tissue.pd_pre_percent <= 0) continue;
    model.signal(protocol, parameters_of(tissue, quantity), signal);
    for (double& value : signal) value *= 1 + relative_enhancement(tissue.uptake, after_injection_s);
  }
  return signals;
}

double gain_of(const std::vector<std::vector<double>>& signals) {
  double strongest = 0;
  for (const auto& signal : signals) strongest = std::max(strongest, std::ranges::max(signal));
  return kFullScale / strongest;
}

// SplitMix64 (Steele, Lea & Flood 2014) as a hash of a counter: noise without a stream, hence without an order.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// In (0, 1].
double uniform(std::uint64_t bits) { return (static_cast<double>(bits >> 11) + 1) * 0x1.0p-53; }

// Magnitude of a signal with complex Gaussian noise (Box & Muller 1958).
double rician(double signal, double sigma, std::uint64_t key) {
  if (sigma <= 0) return signal;
  const double radius = sigma * std::sqrt(-2 * std::log(uniform(mixed(key))));
  const double angle = 2 * std::numbers::pi * uniform(mixed(~key));
  return std::hypot(signal + radius * std::cos(angle), radius * std::sin(angle));
}

}  // namespace

std::vector<double> parameters_of(const Tissue& tissue, Quantity quantity) {
  switch (quantity) {
    case Quantity::T1Pre:
      return {tissue.t1_pre_ms, tissue.pd_pre_percent};
    case Quantity::T1Post:
      return {tissue.t1_post_ms, tissue.pd_pre_percent};
    case Quantity::T2:
      return {tissue.t2_ms, tissue.pd_pre_percent};
    case Quantity::T2star:
      return {tissue.t2star_ms, tissue.pd_pre_percent};
    case Quantity::Adc:
      return {1000 * tissue.adc_um2_per_ms, tissue.pd_pre_percent};
    case Quantity::Kurtosis:
      return {1000 * tissue.diffusivity_um2_per_ms, tissue.kurtosis, tissue.pd_pre_percent};
    case Quantity::SymriPre:
      return {tissue.t1_pre_ms, tissue.t2_ms, tissue.pd_pre_percent, 1};
    case Quantity::SymriPost:
      return {tissue.t1_post_ms, tissue.t2_post_ms, tissue.pd_post_percent, 1};
  }
  return {};
}

double relative_enhancement(const Uptake& uptake, double after_injection_s) {
  if (after_injection_s <= 0) return 0;
  const double left = uptake.washout_s > 0 ? std::exp(-after_injection_s / uptake.washout_s) : 1;
  return uptake.amplitude * (1 - std::exp(-after_injection_s / uptake.rise_s)) * left;
}

double receiver_gain(const Protocol& protocol, const Model& model, Quantity quantity,
                     std::span<const double> after_injection_s, const Phantom& phantom) {
  double gain = gain_of(tissue_signals(protocol, model, quantity, 0, phantom));
  for (const double time_s : after_injection_s)
    gain = std::min(gain, gain_of(tissue_signals(protocol, model, quantity, time_s, phantom)));
  return gain;
}

Series simulate(const Geometry& geometry, const Protocol& protocol, const Model& model, Quantity quantity, double sigma,
                std::uint64_t seed, const Exposure& exposure) {
  Series series{.geometry = geometry, .protocol = protocol, .planes = {}};
  const std::vector<std::uint8_t> label = labels(geometry, exposure.phantom);
  const auto signals = tissue_signals(protocol, model, quantity, exposure.after_injection_s, exposure.phantom);
  const double gain = exposure.gain.value_or(gain_of(signals));
  for (std::size_t k = 0; k < protocol.axis.size(); ++k) {
    std::vector<float> plane(label.size());
    const std::uint64_t image = mixed(mixed(seed) + k);
    for (std::size_t i = 0; i < label.size(); ++i)
      plane[i] = static_cast<float>(rician(signals[label[i]][k] * gain, sigma, mixed(image + i)));
    series.planes.emplace_back(std::move(plane));
  }
  return series;
}

}  // namespace fitting
