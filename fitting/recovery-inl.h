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
// (3) A magnitude within a few sigma of the null is no signed sample with Gaussian noise: its mean is never zero, and
// its
//     sign unknown. Taken for one, it biases T1 by up to 1 %. There the likelihood of the Rice distribution is
//     maximised instead, by expectation and maximisation: each sample m becomes what the signed signal S is expected to
//     have been, m I1(z)/I0(z), z = m S/sigma^2, S being the fit so far; and the fit moves on. Standard errors count of
//     each sample the information that it has left.
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
  V per_sample;      // 1 / number of samples; where these are weighted (3), 1 / sum of weights
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

  // Magnitudes of one channel, whose noise near the null is that of Rice; `y` gets the signs. (3)
  HWY_INLINE Recovered<V> fit_rician(V* y) const {
    const Recovered<V> best = fit_magnitudes(y);
    V weakest = abs(y[0]);
    contrasts_.each([&](int k) HERALD_LANES { weakest = min(weakest, abs(y[k])); });
    const auto in_noise = weakest < V(4 * noise_);
    if (none(in_noise)) return best;
    const Recovered<V> likeliest = most_likely(best, y);
    Recovered<V> r = chosen(in_noise && is_finite(likeliest.a), likeliest, best);
    r.other_rate = best.other_rate;
    r.ambiguous = best.ambiguous;
    return r;
  }

  // Variance of a function of (a, b, R) with that gradient, for noise of variance 1: g' (J'J)^-1 g, with a and b
  // eliminated as above.
  HWY_INLINE V variance(const Recovered<V>& r, V by_a, V by_b, V by_rate) const {
    const V in_b = by_b - r.e_mean * by_a;  // along centred e
    const V curvature = square(r.b) * (r.chh - square(r.ceh) / r.cee);
    // How a and b follow the rate: J_R = -b h = -b (h_mean + ceh/cee e_c + rest).
    const V along_rate = by_rate + r.b * (r.h_mean * by_a + r.ceh / r.cee * in_b);
    return square(by_a) * r.per_sample + square(in_b) / r.cee + square(along_rate) / curvature;
  }

 private:
  static constexpr int kGrid = 32;
  static constexpr int kSteps = std::is_same_v<Real, float> ? 6 : 40;
  static constexpr int kRounds = std::is_same_v<Real, float> ? 8 : 60;

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
    r.per_sample = V(per_sample());
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

  // (3) Starts at `r`.
  HWY_INLINE Recovered<V> most_likely(Recovered<V> r, const V* y) const {
    V magnitude[kRoom<K>], e[kRoom<K>], centred[kRoom<K>];
    contrasts_.each([&](int k) HERALD_LANES {
      magnitude[k] = abs(y[k]);
      e[k] = exp(-r.rate * V(times_[k]));
    });
    const V lowest = r.rate / V(step_), highest = r.rate * V(step_), per_variance(1 / (noise_ * noise_));
    V rate = r.rate;
    for (int i = 0; i < kRounds; ++i) {
      contrasts_.each([&](int k) HERALD_LANES {
        const V z = magnitude[k] * mul_add(r.b, e[k], r.a) * per_variance;
        centred[k] = magnitude[k] * bessel_ratio(z);
      });
      const V mean = sum(centred) * V(per_sample());
      contrasts_.each([&](int k) HERALD_LANES { centred[k] = centred[k] - mean; });
      r = at(rate, centred, mean, e);
      const V step = (r.b * r.ceh - r.rss) * r.cee / (r.b * (r.chh * r.cee - square(r.ceh)));
      rate = stepped(rate, step, lowest, highest);
    }
    return informed(r, magnitude, e);
  }

  // Residuals of the magnitudes, and the products with each sample weighted by its information. (3)
  HWY_INLINE Recovered<V> informed(Recovered<V> r, const V* magnitude, const V* e) const {
    V sw, se, sh, see, shh, seh;
    r.rss = V();
    contrasts_.each([&](int k) HERALD_LANES {
      const V signal = square(mul_add(r.b, e[k], r.a)), noise(noise_ * noise_);
      r.rss += square(magnitude[k] - sqrt(signal + noise));
      const V w = information(signal * V(1 / (noise_ * noise_))), h = V(times_[k]) * e[k];
      sw += w;
      se = mul_add(w, e[k], se);
      sh = mul_add(w, h, sh);
      see = mul_add(w * e[k], e[k], see);
      shh = mul_add(w * h, h, shh);
      seh = mul_add(w * e[k], h, seh);
    });
    r.per_sample = V(1) / sw;
    r.e_mean = se * r.per_sample;
    r.h_mean = sh * r.per_sample;
    r.cee = see - se * r.e_mean;
    r.chh = shh - sh * r.h_mean;
    r.ceh = seh - se * r.h_mean;
    return r;
  }

  // Fisher information of a magnitude about the signal, relative to that of a signed sample, of the squared SNR; to 2
  // %.
  static HWY_INLINE V information(V s) { return s * (s + V(5)) / mul_add(s, s + V(Real(5.5)), V(5)); }

  // I1(z) / I0(z), to 0.1 %: z / (1/2 + sqrt(z^2 + 9/4)) (Amos 1974, Math Comp 28:239) less what it is too small by.
  static HWY_INLINE V bessel_ratio(V z) {
    const V x = abs(z), square_of = x * x;
    const V excess = V(Real(0.75)) * square_of / mul_add(x, mul_add(x, x + V(Real(0.265)), V(Real(2.165))), V(Real(9)));
    return z / (V(Real(0.5)) + sqrt(square_of + V(Real(2.25))) - excess);
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
    r.per_sample = select(first, p.per_sample, q.per_sample);
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
