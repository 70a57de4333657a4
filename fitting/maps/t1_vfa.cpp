// T1 by variable flip angle (spoiled gradient echo).
//
// Ernst equation in the coordinates of Dathe & Helms 2010, Phys Med Biol 55:4231 (see also Helms et al. 2011, MRM
// 66:669):
//
//   S = S0 sin(a) (1 - E) / (1 - E cos(a)),  E = exp(-TR/T1)
//     = S0 tau / (1 + q tau^2)               with tau = 2 tan(f a / 2),  q = 1 / (4 tanh(TR / (2 T1)))
//
// exactly; f is the flip-angle (B1) factor. S/tau = S0 - q (S tau) is a straight line: it starts the fit, first with
// equal weights, then with the inverse variance of S/tau, (tau / (1 + q tau^2))^2. Gauss-Newton steps on the projected
// non-linear problem finish it. Equal weights alone cost 1..16 % in standard deviation and bias long T1.
#include <cmath>
#include <numbers>

#include "fitting/model.h"
#include "fitting/voxel.h"

namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 10, .upper = 10000, .display_upper = 3000},
    {.name = "S0", .title = "M0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 65535},
};

constexpr int kSteps = 5;
// A transmit field outside of this is a failed B1 map rather than a coil (3 T breast: 0.6..1.4).
constexpr float kLeastB1 = 0.3F, kLargestB1 = 1.7F;

double slope_of(double t1_ms, double repetition_time_ms) {
  return 1 / (4 * std::tanh(repetition_time_ms / (2 * t1_ms)));
}

template <class Real>
class ErnstKernel {
 public:
  explicit ErnstKernel(const Protocol& protocol, double noise)
      : repetition_time_ms_(static_cast<Real>(protocol.repetition_time_ms)),
        noise_(static_cast<Real>(noise)),
        lowest_(static_cast<Real>(slope_of(kParameters[0].lower / 2, protocol.repetition_time_ms))),
        highest_(static_cast<Real>(slope_of(kParameters[0].upper * 2, protocol.repetition_time_ms))) {
    for (const double angle : protocol.axis) half_angle_.push_back(static_cast<Real>(angle * std::numbers::pi / 360));
    tau_.resize(half_angle_.size());
    turn(1);
  }

  // Sets the flip angles to `b1` times nominal.
  void turn(Real b1) {
    for (std::size_t k = 0; k < tau_.size(); ++k) tau_[k] = 2 * std::tan(b1 * half_angle_[k]);
  }

  VoxelFit<Real> operator()(std::span<const Real> y) const {
    if (std::ranges::min(y) <= 0) return {};
    Real q = line(y, [](Real) { return Real(1); });
    q = line(y, [q](Real tau) { return square(tau / (1 + q * tau * tau)); });
    for (int i = 0; i < kSteps; ++i) q = stepped(q, project(y, q).step(), Real(3), lowest_, highest_);
    return result(y, q);
  }

 private:
  static Real square(Real x) { return x * x; }

  // q of the weighted straight line S/tau = S0 - q (S tau). Noise can turn the line upwards: then T1 is long, and the
  // steps must show it.
  template <class Weight>
  Real line(std::span<const Real> y, Weight weight) const {
    Real w = 0, wu = 0, wv = 0, wuu = 0, wuv = 0;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const Real weight_k = weight(tau_[k]), u = y[k] * tau_[k], v = y[k] / tau_[k];
      w += weight_k;
      wu += weight_k * u;
      wv += weight_k * v;
      wuu += weight_k * u * u;
      wuv += weight_k * u * v;
    }
    const Real q = (wu * wv - w * wuv) / (w * wuu - wu * wu);
    return std::isfinite(q) ? std::clamp(q, lowest_, highest_) : highest_;
  }

  Real curve(std::size_t k, Real q) const { return tau_[k] / (1 + q * tau_[k] * tau_[k]); }

  Projection<Real> project(std::span<const Real> y, Real q) const {
    Projection<Real> sums;
    for (std::size_t k = 0; k < y.size(); ++k) sums.add(curve(k, q), -tau_[k] * square(curve(k, q)), y[k]);
    return sums;
  }

  VoxelFit<Real> result(std::span<const Real> y, Real q) const {
    const Projection<Real> sums = project(y, q);
    Real rss = 0;
    for (std::size_t k = 0; k < y.size(); ++k) rss += square(y[k] - sums.amplitude() * curve(k, q));
    const Real u = 1 / (4 * q), rate = std::atanh(u);
    const Real t1_per_q = repetition_time_ms_ * u / (2 * q * square(rate) * (1 - u * u));
    VoxelFit<Real> fit;
    fit.value = {repetition_time_ms_ / (2 * rate), sums.amplitude()};
    fit.error = {noise_ * t1_per_q * sums.error_of_q(), noise_ * std::sqrt(sums.hh / sums.determinant())};
    fit.rms = std::sqrt(rss / static_cast<Real>(y.size()));
    fit.status = VoxelStatus::Good;
    return fit;
  }

  Real repetition_time_ms_, noise_, lowest_, highest_;
  std::vector<Real> half_angle_, tau_;
};

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double e = std::exp(-protocol.repetition_time_ms / parameters[0]);
  for (std::size_t k = 0; k < signal.size(); ++k) {
    const double angle = protocol.axis[k] * std::numbers::pi / 180;
    signal[k] = parameters[1] * std::sin(angle) * (1 - e) / (1 - e * std::cos(angle));
  }
}

template <class Real>
void fit(const Protocol& protocol, const FitOptions& options, const Tile& tile, const TileFit& out) {
  ErnstKernel<Real> kernel(protocol, static_cast<double>(tile.noise));
  fit_voxels<Real>(kParameters, options, tile, out, [&](std::span<const Real> y, std::size_t voxel) {
    if (tile.b1 == nullptr) return kernel(y);
    const float b1 = tile.b1[voxel];
    if (!(b1 >= kLeastB1 && b1 <= kLargestB1)) return VoxelFit<Real>{};
    kernel.turn(static_cast<Real>(b1));
    return kernel(y);
  });
}

Protocol example_protocol() {
  return {.axis_kind = Axis::FlipAngleDeg, .axis = {2, 5, 8, 12, 15}, .repetition_time_ms = 4.54};
}

constexpr Example kExamples[] = {{.truth = {370, 30000}},
                                 {.truth = {1450, 25000}},
                                 {.truth = {1780, 28000}},
                                 {.truth = {585, 28000}},
                                 {.truth = {3000, 30000}}};

}  // namespace

const Model& t1_vfa() {
  static constexpr Model kModel{
      .name = "t1_vfa",
      .title = "T1 by variable flip angle",
      .equation = "S = M0 sin(a) (1-E) / (1-E cos(a)), E = exp(-TR/T1)",
      .citation = "Dathe & Helms 2010, Phys Med Biol 55:4231",
      .note = "non-linear least squares",
      .axis = Axis::FlipAngleDeg,
      .needs_repetition_time = true,
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
