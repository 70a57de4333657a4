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
// non-linear problem finish it; no transcendental function is in that loop. The line alone is a method too (VfaMethod).
#include <cmath>
#include <numbers>

#include "fitting/model.h"

#ifndef HERALD_MAPS_T1_VFA  // once, not for each instruction set
#define HERALD_MAPS_T1_VFA
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 10, .upper = 10000, .display_upper = 3000},
    {.name = "S0", .title = "M0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 65535},
};

// A transmit field outside of this is a failed B1 map rather than a coil (3 T breast: 0.6..1.4).
constexpr float kLeastB1 = 0.3F, kLargestB1 = 1.7F;

double slope_of(double t1_ms, double repetition_time_ms) {
  return 1 / (4 * std::tanh(repetition_time_ms / (2 * t1_ms)));
}

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t1_vfa.cpp"
#include <hwy/foreach_target.h>

#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

template <class V, int K>
class ErnstKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  ErnstKernel(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        repetition_time_ms_(static_cast<Real>(protocol.repetition_time_ms)),
        noise_(static_cast<Real>(tile.noise)),
        lowest_(static_cast<Real>(slope_of(kParameters[0].lower / 2, protocol.repetition_time_ms))),
        highest_(static_cast<Real>(slope_of(kParameters[0].upper * 2, protocol.repetition_time_ms))),
        method_(options.vfa_method),
        turned_(tile.b1 != nullptr),
        corrected_(options.spoiling != SpoilingCorrection{}),
        spoiling_a_(reals<Real, 3>(options.spoiling.a)),
        spoiling_b_(reals<Real, 3>(options.spoiling.b)) {
    for (int k = 0; k < size(); ++k) {
      const double half = protocol.axis[static_cast<std::size_t>(k)] * std::numbers::pi / 360;
      half_angle_[k] = static_cast<Real>(half);
      tau_[k] = static_cast<Real>(2 * std::tan(half));
    }
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* y, V b1) const {
    V tau[kRoom<K>], weakest = y[0];
    each([&](int k) HERALD_LANES {
      tau[k] = tau_[k];
      if (turned_) tau[k] = V(2) * sin(b1 * V(half_angle_[k])) / cos(b1 * V(half_angle_[k]));
      weakest = min(weakest, y[k]);
    });
    const auto usable = weakest > V() && b1 >= V(kLeastB1) && b1 <= V(kLargestB1);
    return corrected(result(y, tau, slope(y, tau), usable), b1);
  }

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 3 : 30;

  HWY_INLINE V slope(const V* y, const V* tau) const {
    V q = line<false>(y, tau, V());
    if (method_ == VfaMethod::Line) return q;
    q = line<true>(y, tau, q);
    if (method_ == VfaMethod::WeightedLine) return line<true>(y, tau, q);
    for (int i = 0; i < kSteps; ++i)
      q = stepped(q, project(y, tau, q).step(), max(V(lowest_), V(Real(0.3)) * q), min(V(highest_), V(3) * q));
    return q;
  }

  // q of the weighted straight line S/tau = S0 - q (S tau). Noise can turn the line upwards: then T1 is long, and the
  // steps must show it.
  template <bool kWeighted>
  HWY_INLINE V line(const V* y, const V* tau, V q) const {
    V w, wu, wv, wuu, wuv;
    each([&](int k) HERALD_LANES {
      const V weight = kWeighted ? square(curve(tau[k], q)) : V(1), u = y[k] * tau[k], v = y[k] / tau[k];
      w += weight;
      wu = mul_add(weight, u, wu);
      wv = mul_add(weight, v, wv);
      wuu = mul_add(weight * u, u, wuu);
      wuv = mul_add(weight * u, v, wuv);
    });
    const V next = (wu * wv - w * wuv) / (w * wuu - wu * wu);
    return select(is_finite(next), clamp(next, V(lowest_), V(highest_)), V(highest_));
  }

  static HWY_INLINE V curve(V tau, V q) { return tau / mul_add(q, tau * tau, V(1)); }

  HWY_INLINE Projection<V> project(const V* y, const V* tau, V q) const {
    Projection<V> sums;
    each([&](int k) HERALD_LANES {
      const V g = curve(tau[k], q);
      sums.add(g, -tau[k] * g * g, y[k]);
    });
    return sums;
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> result(const V* y, const V* tau, V q, Truth<Real> usable) const {
    const Projection<V> sums = project(y, tau, q);
    const V amplitude = sums.amplitude();
    V rss;
    each([&](int k) HERALD_LANES { rss += square(y[k] - amplitude * curve(tau[k], q)); });
    const V u = V(Real(0.25)) / q, rate = atanh(u);
    const V t1_per_q = V(repetition_time_ms_) * u / (V(2) * q * square(rate) * (V(1) - u * u));
    Fitted<V, std::size(kParameters)> fit;
    fit.value[0] = V(repetition_time_ms_ / 2) / rate;
    fit.value[1] = amplitude;
    fit.error[0] = V(noise_) * t1_per_q * sums.error_of_q();
    fit.error[1] = V(noise_) * sqrt(sums.hh / sums.determinant());
    fit.rms = sqrt(rss / V(static_cast<Real>(size())));
    fit.status = flag<V>(!usable, VoxelStatus::NotFitted);
    return fit;
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> corrected(Fitted<V, std::size(kParameters)> fit, V b1) const {
    if (!corrected_) return fit;
    const auto polynomial = [&](const std::array<Real, 3>& c)
                                HERALD_LANES { return V(c[0]) + b1 * (V(c[1]) + b1 * V(c[2])); };
    fit.value[0] = polynomial(spoiling_a_) + polynomial(spoiling_b_) * fit.value[0];
    fit.error[0] = abs(polynomial(spoiling_b_)) * fit.error[0];
    return fit;
  }

  Real repetition_time_ms_, noise_, lowest_, highest_;
  VfaMethod method_;
  bool turned_, corrected_;
  std::array<Real, 3> spoiling_a_, spoiling_b_;
  std::array<Real, kRoom<K>> half_angle_{}, tau_{};
};

void fit_t1_vfa(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
                const TileFit& out) {
  fit_tile<ErnstKernel, 2, 3, 4, 5, 6>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t1_vfa)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double e = std::exp(-protocol.repetition_time_ms / parameters[0]);
  for (std::size_t k = 0; k < signal.size(); ++k) {
    const double angle = protocol.axis[k] * std::numbers::pi / 180;
    signal[k] = parameters[1] * std::sin(angle) * (1 - e) / (1 - e * std::cos(angle));
  }
}

std::string method(const Protocol&, const FitOptions& options) {
  switch (options.vfa_method) {
    case VfaMethod::NonLinear:
      return "non-linear least squares";
    case VfaMethod::WeightedLine:
      return "straight line, weights by inverse variance, 2 passes";
    case VfaMethod::Line:
      return "straight line, equal weights";
  }
  return {};
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
      .method = method,
      .axis = Axis::FlipAngleDeg,
      .needs_repetition_time = true,
      .least_contrasts = 2,
      .parameters = kParameters,
      .signal = signal,
      .fit = fit,
      .fit_in_double = fit_in_double,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
#endif
