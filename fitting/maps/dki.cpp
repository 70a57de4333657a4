// Diffusion kurtosis of powder averages or traces.
//
// Jensen et al. 2005, MRM 53:1432:
//
//   ln S(b) = ln S0 - b D + b^2 D^2 K / 6
//
// linear in (ln S0, D, C = D^2 K / 6): three normal equations, solved in closed form; weights as for ADC, first the
// squared signal, then the squared fit (Veraart et al. 2013, NeuroImage 81:335). The noise floor looks like kurtosis,
// so what the noise adds to a magnitude is taken off first. The expansion holds while S falls, up to b = 3/(D K): a
// voxel whose largest b is beyond that is Questionable. b is in s/mm2, D in 10-6 mm2/s, inside b in ms/um2.
// The residual is that of the logarithms times the fitted signal.
#include <cmath>

#include "fitting/model.h"

#ifndef HERALD_MAPS_DKI  // once, not for each instruction set
#define HERALD_MAPS_DKI
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "D", .title = "D", .unit = "10-6.mm2/s", .lower = 1, .upper = 6000, .display_upper = 3000},
    {.name = "K", .title = "K", .unit = "1", .lower = -0.5, .upper = 3, .display_upper = 2},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/dki.cpp"
#include <hwy/foreach_target.h>

#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

// Weighted normal equations of l = c0 - D b + C b^2, and their solution by Cramer's rule.
template <class V>
struct Parabola {
  HWY_INLINE Parabola() {}
  V m0, m1, m2, m3, m4, l0, l1, l2;  // sums of w b^i and of w b^i l

  HWY_INLINE void add(V weight, V b, V logarithm) {
    const V first = weight * b, second = first * b;
    m0 += weight;
    m1 += first;
    m2 += second;
    m3 = mul_add(second, b, m3);
    m4 = mul_add(second * b, b, m4);
    l0 = mul_add(weight, logarithm, l0);
    l1 = mul_add(first, logarithm, l1);
    l2 = mul_add(second, logarithm, l2);
  }
  // Cofactors of the matrix ((m0 m1 m2) (m1 m2 m3) (m2 m3 m4)), which is symmetric.
  HWY_INLINE V c00() const { return m2 * m4 - m3 * m3; }
  HWY_INLINE V c01() const { return m2 * m3 - m1 * m4; }
  HWY_INLINE V c02() const { return m1 * m3 - m2 * m2; }
  HWY_INLINE V c11() const { return m0 * m4 - m2 * m2; }
  HWY_INLINE V c12() const { return m1 * m2 - m0 * m3; }
  HWY_INLINE V c22() const { return m0 * m2 - m1 * m1; }
  HWY_INLINE V determinant() const { return m0 * c00() + m1 * c01() + m2 * c02(); }
};

template <class V, int K>
class KurtosisKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  KurtosisKernel(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        noise_(static_cast<Real>(tile.noise)),
        rician_square_(static_cast<Real>(tile.rician_square)),
        largest_b_(static_cast<Real>(protocol.axis.back() / 1000)) {
    for (int k = 0; k < size(); ++k) b_[k] = static_cast<Real>(protocol.axis[static_cast<std::size_t>(k)] / 1000);
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* measured, V) const {
    V y[kRoom<K>], scale, weakest(measured[0]);
    each([&](int k) HERALD_LANES {
      y[k] = rician_square_ == 0 ? measured[k] : sqrt(max(square(measured[k]) - V(rician_square_), V()));
      scale = max(scale, y[k]);
      weakest = min(weakest, min(y[k], measured[k]));
    });
    const V inverse = V(1) / scale;
    V logarithm[kRoom<K>], weight[kRoom<K>];
    Parabola<V> first, second;
    each([&](int k) HERALD_LANES {
      y[k] *= inverse;
      logarithm[k] = log(y[k]);
      first.add(y[k] * y[k], b_[k], logarithm[k]);
    });
    const Solution s = solved(first);
    each([&](int k) HERALD_LANES {
      weight[k] = exp(V(2) * V(b_[k]) * mul_add(s.c, V(b_[k]), -s.d));
      second.add(weight[k], b_[k], logarithm[k]);
    });
    return result(logarithm, weight, second, scale, weakest > V());
  }

 private:
  struct Solution {
    HWY_INLINE Solution() {}
    V intercept, d, c, determinant;
  };

  static HWY_INLINE Solution solved(const Parabola<V>& p) {
    Solution s;
    s.determinant = p.determinant();
    const V inverse = V(1) / s.determinant;
    s.intercept = (p.l0 * p.c00() + p.l1 * p.c01() + p.l2 * p.c02()) * inverse;
    s.d = -(p.l0 * p.c01() + p.l1 * p.c11() + p.l2 * p.c12()) * inverse;
    s.c = (p.l0 * p.c02() + p.l1 * p.c12() + p.l2 * p.c22()) * inverse;
    return s;
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> result(const V* logarithm, const V* weight, const Parabola<V>& p,
                                                      V scale, Truth<Real> usable) const {
    const Solution s = solved(p);
    const V s0 = exp(s.intercept), kurtosis = V(6) * s.c / square(s.d);
    V rss;
    each([&](int k) HERALD_LANES {
      rss = mul_add(weight[k], square(logarithm[k] - s.intercept - V(b_[k]) * mul_add(s.c, V(b_[k]), -s.d)), rss);
    });
    // The weights are the squared signal without its intercept, so the covariance is noise^2 times the inverse matrix.
    const V noise = V(noise_) / (scale * s0), variance = square(noise) / s.determinant;
    const V by_d = -V(2) * kurtosis / s.d, by_c = V(6) / square(s.d);  // the fitted coefficient of b is -D
    Fitted<V, std::size(kParameters)> fit;
    fit.value[0] = V(1000) * s.d;
    fit.value[1] = kurtosis;
    fit.value[2] = scale * s0;
    fit.error[0] = V(1000) * sqrt(variance * p.c11());
    fit.error[1] = sqrt(variance * (square(by_d) * p.c11() - V(2) * by_d * by_c * p.c12() + square(by_c) * p.c22()));
    fit.error[2] = fit.value[2] * sqrt(variance * p.c00());
    fit.rms = scale * s0 * sqrt(rss * V(Real(1) / static_cast<Real>(size())));
    const auto fits = usable && s.d > V();
    const auto rises = kurtosis * s.d * V(largest_b_) > V(3);
    fit.status = select(fits, flag<V>(rises, VoxelStatus::Questionable), V(static_cast<Real>(VoxelStatus::NotFitted)));
    return fit;
  }

  Real noise_, rician_square_, largest_b_;
  std::array<Real, kRoom<K>> b_{};
};

void fit_dki(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
             const TileFit& out) {
  fit_tile<KurtosisKernel, 3, 4, 5>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_dki)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  for (std::size_t k = 0; k < signal.size(); ++k) {
    const double bd = protocol.axis[k] * parameters[0] * 1e-6;
    signal[k] = parameters[2] * std::exp(-bd + bd * bd * parameters[1] / 6);
  }
}

Protocol example_protocol() {
  return {.axis_kind = Axis::BValueSPerMm2, .axis = {0, 800, 1400, 2000}, .repetition_time_ms = 5000};
}

constexpr Example kExamples[] = {{.truth = {1000, 1, 2500}},
                                 {.truth = {1500, 0.6, 2000}},
                                 {.truth = {700, 1.2, 2500}},
                                 {.truth = {1200, 0.8, 2000}}};

}  // namespace

const Model& dki() {
  static constexpr Model kModel{
      .name = "dki",
      .title = "Diffusion kurtosis",
      .equation = "ln S = ln S0 - b D + b^2 D^2 K / 6",
      .citation = "Jensen et al. 2005, Magn Reson Med 53:1432",
      .note = "iteratively weighted linear least squares, 2 passes, on magnitudes less the Rician bias",
      .axis = Axis::BValueSPerMm2,
      .least_contrasts = 3,
      .parameters = kParameters,
      .maps = 2,
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
