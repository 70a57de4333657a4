#include "fitting/phantom.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace fitting {

const std::vector<Tissue>& tissues() {
  // T1 and T2 of fat and fibroglandular tissue near those of Rakow-Penner et al. 2006, J Magn Reson Imaging 23:87.
  static const std::vector<Tissue> kTissues = {
      // name, T1 before and after contrast, T2, T2* in ms, ADC in um2/ms, proton density
      {"air", 0, 0, 0, 0, 0, 0},
      {"fat", 370, 365, 60, 25, 0.15, 2700},
      {"fibroglandular", 1450, 1000, 55, 35, 1.9, 2400},
      {"muscle", 1400, 900, 40, 25, 1.6, 2200},
      {"lesion", 1780, 585, 82, 52, 1.05, 2600},
  };
  return kTissues;
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

std::uint8_t label_at(double x, double y, double z) {
  if (kChest.contains(x, y, z)) return kCavity.contains(x, y, z) ? kAir : kMuscle;
  if (kLesion.contains(x, y, z)) return kLesionLabel;
  const double side = std::abs(x);
  if (kGland.contains(side, y, z)) return kFibroglandular;
  return kBreast.contains(side, y, z) || kSkin.contains(x, y, z) ? kFat : kAir;
}

void label_row(const Geometry& geometry, int row, int slice, std::vector<std::uint8_t>& all) {
  const Vec3 first = geometry.centre_mm(0, row, slice), step = geometry.row_direction * geometry.column_spacing_mm;
  const double x = first.x(), y = first.y(), z = first.z(), dx = step.x(), dy = step.y(), dz = step.z();
  for (int column = 0; column < geometry.columns; ++column) {
    all.push_back(label_at(x + column * dx, y + column * dy, z + column * dz));
  }
}

}  // namespace

Vec3 lesion_centre_mm() { return {kLesion.x, kLesion.y, kLesion.z}; }

std::vector<std::uint8_t> labels(const Geometry& geometry) {
  std::vector<std::uint8_t> all;
  all.reserve(geometry.voxels());
  for (int slice = 0; slice < geometry.slices(); ++slice) {
    for (int row = 0; row < geometry.rows; ++row) label_row(geometry, row, slice, all);
  }
  return all;
}

// --- signals ---

namespace {

// The value of the model's first parameter.
double quantity_of(const Tissue& tissue, Quantity quantity) {
  switch (quantity) {
    case Quantity::T1Pre:
      return tissue.t1_pre_ms;
    case Quantity::T1Post:
      return tissue.t1_post_ms;
    case Quantity::T2:
      return tissue.t2_ms;
    case Quantity::T2star:
      return tissue.t2star_ms;
    case Quantity::Adc:
      return 1000 * tissue.adc_um2_per_ms;
  }
  return 0;
}

// signals[label][contrast] as a receiver would set its gain: the strongest of all is kFullScale, leaving room for noise
// in 12 bits.
constexpr double kFullScale = 3200;
std::vector<std::vector<double>> tissue_signals(const Protocol& protocol, const Model& model, Quantity quantity) {
  std::vector<std::vector<double>> signals;
  double strongest = 0;
  for (const Tissue& tissue : tissues()) {
    auto& signal = signals.emplace_back(protocol.axis.size(), 0.0);
    if (tissue.proton_density <= 0) continue;
    const std::array parameters = {quantity_of(tissue, quantity), tissue.proton_density};
    model.signal(protocol, parameters, signal);
    strongest = std::max(strongest, std::ranges::max(signal));
  }
  for (auto& signal : signals) {
    for (double& value : signal) value *= kFullScale / strongest;
  }
  return signals;
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

Series simulate(const Geometry& geometry, const Protocol& protocol, const Model& model, Quantity quantity, double sigma,
                std::uint64_t seed) {
  Series series{.geometry = geometry, .protocol = protocol, .planes = {}};
  const std::vector<std::uint8_t> label = labels(geometry);
  const auto signals = tissue_signals(protocol, model, quantity);
  for (std::size_t k = 0; k < protocol.axis.size(); ++k) {
    std::vector<float> plane(label.size());
    const std::uint64_t image = mixed(mixed(seed) + k);
    for (std::size_t i = 0; i < label.size(); ++i)
      plane[i] = static_cast<float>(rician(signals[label[i]][k], sigma, mixed(image + i)));
    series.planes.emplace_back(std::move(plane));
  }
  return series;
}

}  // namespace fitting
