// Recovery of the longitudinal magnetisation after inversion or saturation: the kernel of T1 by inversion recovery and
// of MDME. For fitting/maps only.
//
//   S(t) = a + b exp(-R t)
//
// (1) a and b are linear and eliminated: what is maximised over R is <y_c, e_c>^2 / <e_c, e_c>, e = exp(-R t), c
// meaning
//     "less its mean" (RD-NLS, Barral et al. 2010, MRM 64:1057). The exhaustive search over 32 rates, logarithmic in
//     1/R, costs one multiplication for each sample, as the unit vectors are known beforehand; it cannot end in a wrong
//     minimum. Gauss-Newton steps on the projected problem finish it, never more than two grid points away.
// (2) Magnitudes have lost the sign. It changes once, at the smallest sample or just before it, so there are two
// candidates
//     (RD-NLS-PR); the smaller residual wins. Residuals relative to the sample, as published, are unstable at the null.
//     Where the noise could as well have chosen the other one, and it says another T1, the voxel is Questionable.
#if defined(HERALD_FITTING_RECOVERY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HERALD_FITTING_RECOVERY_INL_H
#undef HERALD_FITTING_RECOVERY_INL_H
#else
#define HERALD_FITTING_RECOVERY_INL_H
#endif

#include <cmath>

#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

template <class V>
struct Recovered {
  HWY_INLINE Recovered() {}
  V rate, a, b, rss;
  V cee, chh, ceh;   // centred products of e and h = t e at the rate
  V e_mean, h_mean;  // their means
  V other_rate;      // of the other candidate of the sign
  V ambiguous;       // 1 where noise could have chosen that one, else 0
};

template <class V, int K>
class RecoveryKernel {
 public:
  using Real = typename V::Real;

  // Rates from 1/longest to 1/shortest are looked for.
  RecoveryKernel(std::span<const double> times_ms, double shortest_ms, double longest_ms, double noise)
      : contrasts_(times_ms.size()), noise_(static_cast<Real>(noise)), times_(reals<Real, K>(times_ms)) {
    step_ = static_cast<Real>(std::pow(longest_ms / shortest_ms, 1.0 / (kGrid - 1)));
    for (int g = 0; g < kGrid; ++g) {
      const double rate = std::pow(longest_ms / shortest_ms, -g / (kGrid - 1.0)) / shortest_ms;
      grid_rate_[g] = static_cast<Real>(rate);
      double mean = 0, square = 0;
      for (const double t : times_ms) mean += std::exp(-rate * t) / static_cast<double>(times_ms.size());
      for (const double t : times_ms) square += std::pow(std::exp(-rate * t) - mean, 2);
      for (std::size_t k = 0; k < times_ms.size(); ++k)
        unit_[g][k] = static_cast<Real>((std::exp(-rate * times_ms[k]) - mean) / std::sqrt(square));
    }
  }

  // Signed samples.
  HWY_INLINE Recovered<V> fit(const V* y) const {
    V centred[kRoom<K>];
    const V mean = sum(y) * V(per_sample());
    contrasts_.each([&](int k) HERALD_LANES { centred[k] = y[k] - mean; });
    return refined(centred, mean, start(centred));
  }

  // Magnitudes; `y` gets the signs. (2)
  HWY_INLINE Recovered<V> fit_magnitudes(V* y) const {
    V weakest = y[0], turned[kRoom<K>];
    contrasts_.each([&](int k) HERALD_LANES { weakest = min(weakest, y[k]); });
    V before(1);  // until the smallest sample
    contrasts_.each([&](int k) HERALD_LANES {
      const V sign_before = V(1) - V(2) * before;
      turned[k] = sign_before * y[k];
      before = select(y[k] <= weakest, V(), before);
      y[k] *= V(1) - V(2) * before;
    });
    const Recovered<V> with = fit(turned), without = fit(y);
    const auto first = with.rss < without.rss;
    contrasts_.each([&](int k) HERALD_LANES { y[k] = select(first, turned[k], y[k]); });
    Recovered<V> best = chosen(first, with, without);
    best.other_rate = select(first, without.rate, with.rate);
    const auto near = abs(with.rss - without.rss) < V(2 * noise_ * noise_);
    const auto apart = abs(best.rate - best.other_rate) > V(Real(0.05)) * best.rate;
    best.ambiguous = select(near && apart, V(1), V());
    return best;
  }

  // Variance of a function of (a, b, R) with that gradient, for noise of variance 1: g' (J'J)^-1 g, with a and b
  // eliminated as above.
  HWY_INLINE V variance(const Recovered<V>& r, V by_a, V by_b, V by_rate) const {
    const V in_b = by_b - r.e_mean * by_a;  // along centred e
    const V curvature = square(r.b) * (r.chh - square(r.ceh) / r.cee);
    // How a and b follow the rate: J_R = -b h = -b (h_mean + ceh/cee e_c + rest).
    const V along_rate = by_rate + r.b * (r.h_mean * by_a + r.ceh / r.cee * in_b);
    return square(by_a) * V(per_sample()) + square(in_b) / r.cee + square(along_rate) / curvature;
  }

 private:
  static constexpr int kGrid = 32;
  static constexpr int kSteps = std::is_same_v<Real, float> ? 4 : 40;

  HWY_INLINE Real per_sample() const { return Real(1) / static_cast<Real>(contrasts_.size()); }

  HWY_INLINE V sum(const V* y) const {
    V total;
    contrasts_.each([&](int k) HERALD_LANES { total += y[k]; });
    return total;
  }

  HWY_INLINE V start(const V* centred) const {  // (1)
    V best(-1), rate(grid_rate_[0]);
    for (int g = 0; g < kGrid; ++g) {
      V product;
      contrasts_.each([&](int k) HERALD_LANES { product = mul_add(V(unit_[g][k]), centred[k], product); });
      product *= product;
      const auto better = product > best;
      best = select(better, product, best);
      rate = select(better, V(grid_rate_[g]), rate);
    }
    return rate;
  }

  // Everything of one rate but the residual.
  HWY_INLINE Recovered<V> at(V rate, const V* centred, V mean, V* e) const {
    V se, sh, see, shh, seh, sey, shy;
    contrasts_.each([&](int k) HERALD_LANES {
      e[k] = exp(-rate * V(times_[k]));
      const V h = V(times_[k]) * e[k];
      se += e[k];
      sh += h;
      see = mul_add(e[k], e[k], see);
      shh = mul_add(h, h, shh);
      seh = mul_add(e[k], h, seh);
      sey = mul_add(e[k], centred[k], sey);
      shy = mul_add(h, centred[k], shy);
    });
    Recovered<V> r;
    r.rate = rate;
    r.e_mean = se * V(per_sample());
    r.h_mean = sh * V(per_sample());
    r.cee = see - se * r.e_mean;
    r.chh = shh - sh * r.h_mean;
    r.ceh = seh - se * r.h_mean;
    r.b = sey / r.cee;
    r.a = mean - r.b * r.e_mean;
    r.rss = shy;  // for the step that follows
    return r;
  }

  HWY_INLINE Recovered<V> refined(const V* centred, V mean, V rate) const {
    const V lowest = rate / V(step_ * step_), highest = rate * V(step_ * step_);
    V e[kRoom<K>];
    for (int i = 0; i < kSteps; ++i) {
      const Recovered<V> r = at(rate, centred, mean, e);
      const V step = (r.b * r.ceh - r.rss) * r.cee / (r.b * (r.chh * r.cee - square(r.ceh)));
      rate = stepped(rate, step, lowest, highest);
    }
    Recovered<V> r = at(rate, centred, mean, e);
    r.rss = V();
    contrasts_.each([&](int k) HERALD_LANES { r.rss += square(centred[k] - r.b * (e[k] - r.e_mean)); });
    return r;
  }

  static HWY_INLINE Recovered<V> chosen(Truth<Real> first, const Recovered<V>& p, const Recovered<V>& q) {
    Recovered<V> r;
    r.rate = select(first, p.rate, q.rate);
    r.a = select(first, p.a, q.a);
    r.b = select(first, p.b, q.b);
    r.rss = select(first, p.rss, q.rss);
    r.cee = select(first, p.cee, q.cee);
    r.chh = select(first, p.chh, q.chh);
    r.ceh = select(first, p.ceh, q.ceh);
    r.e_mean = select(first, p.e_mean, q.e_mean);
    r.h_mean = select(first, p.h_mean, q.h_mean);
    return r;
  }

  Contrasts<K> contrasts_;
  Real noise_, step_;
  std::array<Real, kRoom<K>> times_;
  std::array<Real, kGrid> grid_rate_{};
  std::array<std::array<Real, kRoom<K>>, kGrid> unit_{};
};

}  // namespace fitting::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
