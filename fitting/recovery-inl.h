// Recovery of the longitudinal magnetisation after inversion or saturation: the kernel of T1 by inversion recovery and
// of MDME. For fitting/maps only.
//
//   S(t) = a + b exp(-R t)
//
// (1) a and b are linear and eliminated: what is maximised over R is <y_c, e_c>^2 / <e_c, e_c>, e = exp(-R t), c being
// "less its mean" (RD-NLS, Barral et al. 2010, MRM 64:1057). The exhaustive search over 32 rates, logarithmic in 1/R,
// costs one multiplication for each sample, as the unit vectors are known beforehand; it cannot end in a wrong minimum.
// Gauss-Newton steps on the projected problem finish it, never more than two grid points away.
//
// (2) Magnitudes have lost the sign. It changes once, at the smallest sample or just before it, so there are two
// candidates (RD-NLS-PR); the smaller residual wins. Residuals relative to the sample, as published, are unstable at
// the null. Where the noise could as well have chosen the other one, and it says another T1, the voxel is Questionable.
//
// (3) A magnitude within a few sigma of the null is no signed sample with Gaussian noise: its mean is never zero, and
// its sign is unknown. Taken for one, it biases T1 by up to 1.5 %. There the likelihood of the Rice distribution is
// maximised instead, by Fisher's scoring: a sample m says I1(z)/I0(z) m - S of the signed signal S, z = m S/sigma^2,
// with a weight that falls to zero at the null. The standard errors have the same weights. Such voxels cost three times
// as much and are fitted among themselves. Tried and left out: expectation and maximisation, which needs more rounds
// than scoring, and Aitken's extrapolation of the steps of (1), which magnifies what floats leave of them.
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
  V cee, ceh;        // centred products of e and h = t e at the rate
  V rest, slope;     // of h without its mean and what is along e: squared length, product with the residuals
  V e_mean, h_mean;  // their means
  V per_sample;      // 1 / number of samples; where these are weighted (3), 1 / sum of weights
  V other_rate;      // of the other candidate of the sign
  V ambiguous;       // 1 where noise could have chosen that one, else 0
};

// Of two fits the first where t, else the second.
template <class V, std::size_t P>
HWY_INLINE Fitted<V, P> select(Truth<typename V::Real> t, const Fitted<V, P>& first, const Fitted<V, P>& second) {
  Fitted<V, P> fit;
  for (std::size_t p = 0; p < P; ++p) {
    fit.value[p] = select(t, first.value[p], second.value[p]);
    fit.error[p] = select(t, first.error[p], second.error[p]);
  }
  fit.rms = select(t, first.rms, second.rms);
  fit.status = select(t, first.status, second.status);
  return fit;
}

// The two candidates for the signs of magnitudes (2): `turned` changes sign after the smallest sample, `y` before it.
template <class V, int K>
HWY_INLINE void give_signs(const Contrasts<K>& contrasts, V* y, V* turned) {
  V weakest = y[0];
  contrasts.each([&](int k) HERALD_LANES { weakest = min(weakest, y[k]); });
  V before(1);  // until the smallest sample
  contrasts.each([&](int k) HERALD_LANES {
    turned[k] = (V(1) - V(2) * before) * y[k];
    before = select(y[k] <= weakest, V(), before);
    y[k] *= V(1) - V(2) * before;
  });
}

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
    const V mean = centre(y, centred);
    return refined(centred, mean, start(centred), kSteps);
  }

  // Magnitudes; `y` gets the signs. (2)
  HWY_INLINE Recovered<V> fit_magnitudes(V* y) const {
    V turned[kRoom<K>], centred[kRoom<K>];
    give_signs(contrasts_, y, turned);
    V mean = centre(turned, centred);
    const Recovered<V> with = refined(centred, mean, start(centred), kStepsToChoose);
    mean = centre(y, centred);
    const Recovered<V> without = refined(centred, mean, start(centred), kStepsToChoose);
    const auto first = with.rss < without.rss;
    contrasts_.each([&](int k) HERALD_LANES { y[k] = select(first, turned[k], y[k]); });
    mean = centre(y, centred);
    Recovered<V> best = refined(centred, mean, select(first, with.rate, without.rate), kSteps - kStepsToChoose);
    best.other_rate = select(first, without.rate, with.rate);
    const auto near = abs(with.rss - without.rss) < V(2 * noise_ * noise_);
    const auto apart = abs(best.rate - best.other_rate) > V(Real(0.05)) * best.rate;
    best.ambiguous = select(near && apart, V(1), V());
    return best;
  }

  // Magnitudes of one channel; `y`, which are they less the Rician bias, gets the signs. (3)
  HWY_INLINE Recovered<V> fit_rician(const V* magnitude, V* y) const {
    const Recovered<V> best = fit_magnitudes(y);
    const Recovered<V> likeliest = most_likely(best, magnitude);
    Recovered<V> r = chosen(is_finite(likeliest.a), likeliest, best);
    r.other_rate = best.other_rate;
    r.ambiguous = best.ambiguous;
    return r;
  }

  // Variance of a function of (a, b, R) with that gradient, for noise of variance 1: g' (J'J)^-1 g, with a and b
  // eliminated as above.
  HWY_INLINE V variance(const Recovered<V>& r, V by_a, V by_b, V by_rate) const {
    const V in_b = by_b - r.e_mean * by_a;  // along centred e
    const V curvature = square(r.b) * r.rest;
    // How a and b follow the rate: J_R = -b h = -b (h_mean + ceh/cee e_c + rest).
    const V along_rate = by_rate + r.b * (r.h_mean * by_a + r.ceh / r.cee * in_b);
    return square(by_a) * r.per_sample + square(in_b) / r.cee + square(along_rate) / curvature;
  }

 private:
  static constexpr int kGrid = 32;
  static constexpr int kSteps = std::is_same_v<Real, float> ? 6 : 40;
  static constexpr int kStepsToChoose = 3;  // between the candidates for the sign
  static constexpr int kRounds = std::is_same_v<Real, float> ? 5 : 40;

  HWY_INLINE Real per_sample() const { return Real(1) / static_cast<Real>(contrasts_.size()); }

  // y less its mean, which is returned.
  HWY_INLINE V centre(const V* y, V* centred) const {
    const V mean = sum(y) * V(per_sample());
    contrasts_.each([&](int k) HERALD_LANES { centred[k] = y[k] - mean; });
    return mean;
  }

  HWY_INLINE V sum(const V* y) const {
    V total;
    contrasts_.each([&](int k) HERALD_LANES { total += y[k]; });
    return total;
  }

  HWY_NOINLINE V start(const V* centred) const {  // (1)
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

  // The residuals are taken before the products with them, and h without e: where the times do not reach 1/R, e and h
  // are all but parallel, and floats would leave nothing of the difference of their products.
  HWY_INLINE Recovered<V> at(V rate, const V* centred, V mean) const {
    V e[kRoom<K>], se, sh, see, seh, sey;
    contrasts_.each([&](int k) HERALD_LANES {
      e[k] = exp(-rate * V(times_[k]));
      const V h = V(times_[k]) * e[k];
      se += e[k];
      sh += h;
      see = mul_add(e[k], e[k], see);
      seh = mul_add(e[k], h, seh);
      sey = mul_add(e[k], centred[k], sey);
    });
    Recovered<V> r;
    r.rate = rate;
    r.per_sample = V(per_sample());
    r.e_mean = se * r.per_sample;
    r.h_mean = sh * r.per_sample;
    r.cee = see - se * r.e_mean;
    r.ceh = seh - se * r.h_mean;
    r.b = sey / r.cee;
    r.a = mean - r.b * r.e_mean;
    const V along = r.ceh / r.cee;
    contrasts_.each([&](int k) HERALD_LANES {
      const V of_e = e[k] - r.e_mean, of_h = V(times_[k]) * e[k] - r.h_mean - along * of_e;
      const V residual = centred[k] - r.b * of_e;
      r.rest = mul_add(of_h, of_h, r.rest);
      r.slope = mul_add(of_h, residual, r.slope);
      r.rss = mul_add(residual, residual, r.rss);
    });
    return r;
  }

  HWY_NOINLINE Recovered<V> refined(const V* centred, V mean, V rate, int steps) const {
    const V lowest = rate / V(step_ * step_), highest = rate * V(step_ * step_);
    for (int i = 0; i < steps; ++i) rate = stepped(rate, step_of(at(rate, centred, mean)), lowest, highest);
    return at(rate, centred, mean);
  }

  // The Gauss-Newton step of the rate.
  static HWY_INLINE V step_of(const Recovered<V>& r) { return -r.slope / (r.b * r.rest); }

  // (3) Starts at `r`.
  HWY_NOINLINE Recovered<V> most_likely(Recovered<V> r, const V* magnitude) const {
    const V lowest = r.rate / V(step_), highest = r.rate * V(step_);
    for (int i = 0; i < kRounds; ++i) {
      r = scored(r, magnitude);
      const V next = stepped(r.rate, step_of(r), lowest, highest);
      const V moved = r.b * (next - r.rate), along = r.ceh / r.cee;  // a and b follow
      r.a += moved * (r.h_mean - along * r.e_mean);
      r.b += moved * along;
      r.rate = next;
    }
    return scored(r, magnitude);
  }

  // What `at` says, of the samples that the magnitudes stand for at `from`, weighted.
  HWY_INLINE Recovered<V> scored(const Recovered<V>& from, const V* magnitude) const {
    const V noise(noise_ * noise_), per_noise(1 / (noise_ * noise_));
    V sw, se, sh, see, shh, seh, sy, sey, shy, rss;
    contrasts_.each([&](int k) HERALD_LANES {
      const V e = exp(-from.rate * V(times_[k])), h = V(times_[k]) * e, signal = mul_add(from.b, e, from.a);
      const V w = information(square(signal) * per_noise);
      const V y = w * signal + magnitude[k] * bessel_ratio(magnitude[k] * signal * per_noise) - signal;
      sw += w;
      sy += y;
      se = mul_add(w, e, se);
      sh = mul_add(w, h, sh);
      see = mul_add(w * e, e, see);
      shh = mul_add(w * h, h, shh);
      seh = mul_add(w * e, h, seh);
      sey = mul_add(e, y, sey);
      shy = mul_add(h, y, shy);
      rss += square(magnitude[k] - sqrt(square(signal) + noise));
    });
    Recovered<V> r;
    r.rate = from.rate;
    r.per_sample = V(1) / sw;
    r.e_mean = se * r.per_sample;
    r.h_mean = sh * r.per_sample;
    r.cee = see - se * r.e_mean;
    r.ceh = seh - se * r.h_mean;
    r.rest = shh - sh * r.h_mean - square(r.ceh) / r.cee;
    r.b = (sey - sy * r.e_mean) / r.cee;
    r.a = sy * r.per_sample - r.b * r.e_mean;
    r.rss = rss;
    r.slope = shy - sy * r.h_mean - r.b * r.ceh;
    return r;
  }

  // Fisher information of a magnitude about the signal, relative to that of a signed sample, of the squared SNR;
  // within 2 %.
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
    r.rest = select(first, p.rest, q.rest);
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
