// Apparent diffusion coefficient, mono-exponential.
//
// Stejskal & Tanner 1965, J Chem Phys 42:288; Le Bihan et al. 1986, Radiology 161:401:
//
//   ln S(b) = ln S0 - b ADC
//
// A straight line; its weights are the squared signal, first the measured one, then the fitted one (Salvador et al.
// 2005, Hum Brain Mapp 24:144; Veraart et al. 2013, NeuroImage 81:335). With the measured weights alone the noise is
// counted twice: ADC -0.2..-1.0 % at SNR 50. Images are traces, or directions averaged geometrically. b is in s/mm2,
// the map in 10-6 mm2/s, inside b in ms/um2.
#include <cmath>

#include "fitting/model.h"
#include "fitting/voxel.h"

namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "ADC", .title = "ADC", .unit = "10-6.mm2/s", .lower = 1, .upper = 6000, .display_upper = 3000},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

template <class Real>
struct Line {
  Real w = 0, wb = 0, wl = 0, wbb = 0, wbl = 0;

  void add(Real weight, Real b, Real logarithm) {
    w += weight;
    wb += weight * b;
    wl += weight * logarithm;
    wbb += weight * b * b;
    wbl += weight * b * logarithm;
  }
  [[nodiscard]] Real determinant() const { return w * wbb - wb * wb; }
  [[nodiscard]] Real decay() const { return (wb * wl - w * wbl) / determinant(); }
  [[nodiscard]] Real intercept() const { return (wl + decay() * wb) / w; }
};

template <class Real>
class DiffusionKernel {
 public:
  DiffusionKernel(const Protocol& protocol, double noise)
      : noise_(static_cast<Real>(noise)), logarithm_(protocol.axis.size()) {
    for (const double b : protocol.axis) b_.push_back(static_cast<Real>(b / 1000));
  }

  VoxelFit<Real> operator()(std::span<const Real> y) {
    if (std::ranges::min(y) <= 0) return {};
    const Real scale = std::ranges::max(y);
    Line<Real> line;
    for (std::size_t k = 0; k < y.size(); ++k) {
      logarithm_[k] = std::log(y[k] / scale);
      line.add((y[k] / scale) * (y[k] / scale), b_[k], logarithm_[k]);
    }
    return result(y, scale, reweighted(line));
  }

 private:
  Line<Real> reweighted(const Line<Real>& first) const {
    Line<Real> line;
    for (std::size_t k = 0; k < b_.size(); ++k) {
      line.add(std::exp(2 * (first.intercept() - first.decay() * b_[k])), b_[k], logarithm_[k]);
    }
    return line;
  }

  VoxelFit<Real> result(std::span<const Real> y, Real scale, const Line<Real>& line) const {
    const Real s0 = scale * std::exp(line.intercept());
    Real rss = 0;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const Real residual = y[k] - s0 * std::exp(-line.decay() * b_[k]);
      rss += residual * residual;
    }
    const Real relative_noise = noise_ / scale;
    VoxelFit<Real> fit;
    fit.value = {1000 * line.decay(), s0};
    fit.error = {1000 * relative_noise * std::sqrt(line.w / line.determinant()),
                 s0 * relative_noise * std::sqrt(line.wbb / line.determinant())};
    fit.rms = std::sqrt(rss / static_cast<Real>(y.size()));
    fit.status = line.decay() > 0 ? VoxelStatus::Good : VoxelStatus::NotFitted;
    return fit;
  }

  Real noise_;
  std::vector<Real> b_, logarithm_;
};

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  for (std::size_t k = 0; k < signal.size(); ++k)
    signal[k] = parameters[1] * std::exp(-protocol.axis[k] * parameters[0] * 1e-6);
}

template <class Real>
void fit(const Protocol& protocol, const FitOptions& options, const Tile& tile, const TileFit& out) {
  DiffusionKernel<Real> kernel(protocol, static_cast<double>(tile.noise));
  fit_voxels<Real>(kParameters, options, tile, out, [&](std::span<const Real> y, std::size_t) { return kernel(y); });
}

Protocol example_protocol() {
  return {.axis_kind = Axis::BValueSPerMm2, .axis = {0, 800, 1000}, .repetition_time_ms = 5000};
}

constexpr Example kExamples[] = {
    {.truth = {1050, 2500}}, {.truth = {1900, 2000}}, {.truth = {700, 2500}}, {.truth = {2900, 1500}}};

}  // namespace

const Model& adc() {
  static constexpr Model kModel{
      .name = "adc",
      .title = "Apparent diffusion coefficient",
      .equation = "S = S0 exp(-b ADC)",
      .citation = "Le Bihan et al. 1986, Radiology 161:401",
      .note = "iteratively weighted linear least squares, 2 passes",
      .axis = Axis::BValueSPerMm2,
      .least_contrasts = 2,
      .parameters = kParameters,
      .signal = signal,
      .fit = fit<float>,
      .fit_in_double = fit<double>,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
