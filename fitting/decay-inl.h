// Mono-exponential decay of magnitude data over echo times: the kernel of T2 and T2*. For fitting/maps only.
//
//   S(TE) = S0 exp(-TE/T) = A x^n,   x = exp(-dTE/T),  n = (TE - TE1)/dTE
//
// (1) Variable projection: x is the only non-linear parameter. Along equidistant echoes its powers are products: there
// is no exponential in the loop. The curve is carried relative to the first echo, so that nothing underflows where TE
// is many T long.
//
// (2) Start: ARLO (Pei et al. 2015, MRM 73:843), which integrates three echoes at a time by Simpson's rule; where
// echoes are not equidistant, the straight line of the logarithms weighted with S^2. Data that grow end at x >= 1:
// NotFitted.
//
// (3) Noise floor. A magnitude never falls below the noise; echoes down there make the decay look slow. Which echoes
// are too low is decided on the *fitted* curve: deciding on the noisy samples keeps the lucky ones and biases T (T2* 10
// ms at SNR 60: +1.1 %). From the first echo whose fitted signal is below `floor_sigmas` x noise on, all are cut, three
// at least are kept, and the rest is fitted again; twice, because the first fit is itself slowed by the floor.
//
// (4) Rician bias of the echoes that stay: E|S| ~ sqrt(S^2 + sigma^2) from 3 sigma up (Gudbjartsson & Patz 1995, MRM
// 34:910), with N channels combined by sum of squares sqrt(S^2 + (2N-1) sigma^2) (Constantinides et al. 1997, MRM
// 38:852); what the noise adds is taken off before the fit.
//
// (5) Echoes from the first non-positive sample on are never used, whatever the noise.
#if defined(HERALD_FITTING_DECAY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HERALD_FITTING_DECAY_INL_H
#undef HERALD_FITTING_DECAY_INL_H
#else
#define HERALD_FITTING_DECAY_INL_H
#endif

#include <cmath>

#include "fitting/decay.h"
#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

template <class V, int K, bool kEquidistant>
class DecayKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  // Times from half of `shortest_ms` to infinity can be found.
  DecayKernel(const Protocol& protocol, const Tile& tile, double shortest_ms, double floor_sigmas)
      : Contrasts<K>(protocol.axis.size()) {
    const std::vector<double>& echoes = protocol.axis;
    const double spacing = (echoes.back() - echoes.front()) / static_cast<double>(echoes.size() - 1);
    spacing_ms_ = static_cast<Real>(spacing);
    first_ = static_cast<Real>(echoes.front() / spacing);
    least_ = static_cast<Real>(std::exp(-2 * spacing / shortest_ms));
    noise_ = static_cast<Real>(tile.noise);
    rician_square_ = static_cast<Real>(tile.rician_square);
    floor_ = static_cast<Real>(floor_sigmas) * noise_;
    for (int k = 0; k < size(); ++k)
      steps_[k] = static_cast<Real>((echoes[static_cast<std::size_t>(k)] - echoes.front()) / spacing);
  }

  // value = {decay time in ms, S0}; three echoes at least.
  HWY_INLINE Fitted<V, 2> operator()(const V* measured, V) const {
    V y[kRoom<K>], keep[kRoom<K>];
    V before(1);
    each([&](int k) HERALD_LANES {
      before = select(measured[k] > V(), before, V());  // (5)
      keep[k] = before;
      y[k] = before * without_noise(measured[k]);
    });
    const V leading = sum_of(keep);
    V x = refined(y, keep, start(y, keep), kSteps);
    V above[kRoom<K>];
    find_above(y, keep, x, above);
    if (!none(sum_of(above) < sum_of(keep))) x = cut(y, keep, above, x);
    return result(y, keep, x, leading);
  }

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 4 : 40;
  static constexpr Real kGrowth = Real(1.25);  // x beyond 1 is found, too, so that growth is seen

  // (3) `above` says what of `keep` stays. Few registers come here: a function of its own keeps the others' code small.
  HWY_NOINLINE V cut(V* y, V* keep, V* above, V x) const {
    for (int pass = 0; pass < 2; ++pass) {
      const auto changed = sum_of(above) < sum_of(keep);
      each([&](int k) HERALD_LANES { keep[k] = select(changed, above[k], keep[k]), y[k] *= keep[k]; });
      x = select(changed, refined(y, keep, start(y, keep), kSteps), x);
      if (pass == 0) find_above(y, keep, x, above);
    }
    return x;
  }

  HWY_INLINE V without_noise(V magnitude) const {  // (4)
    if (rician_square_ == 0) return magnitude;
    return sqrt(max(magnitude * magnitude - V(rician_square_), V()));
  }

  HWY_INLINE V sum_of(const V* values) const {
    V sum;
    each([&](int k) HERALD_LANES { sum += values[k]; });
    return sum;
  }

  // visit(k, x^n, d/dx x^n), both 0 where the echo is not kept; kept echoes come first. (1)
  template <class Visit>
  HWY_INLINE void along_curve(V x, const V* keep, Visit visit) const {
    if constexpr (kEquidistant) {
      V power;
      each([&](int k) HERALD_LANES {
        const V kept = k == 0 ? keep[0] : power * keep[k];
        power = k == 0 ? kept : kept * x;
        visit(k, power, k == 0 ? V() : V(static_cast<Real>(k)) * kept);
      });
    } else {
      const V logarithm = log(x), inverse = V(1) / x;
      each([&](int k) HERALD_LANES {
        const V power = keep[k] * exp(V(steps_[k]) * logarithm);
        visit(k, power, V(steps_[k]) * power * inverse);
      });
    }
  }

  HWY_INLINE Projection<V> project(const V* y, const V* keep, V x) const {
    Projection<V> sums;
    along_curve(x, keep, [&](int k, V g, V h) HERALD_LANES { sums.add(g, h, y[k]); });
    return sums;
  }

  HWY_INLINE V start(const V* y, const V* keep) const {  // (2)
    const V logarithm = kEquidistant ? -V(1) / arlo(y, keep) : line(y, keep);
    const V usable = select(is_finite(logarithm), logarithm, V(Real(-0.5)));
    return clamp(exp(min(usable, V(Real(0.2)))), V(least_), V(kGrowth));
  }

  // Decay time in echo spacings.
  HWY_INLINE V arlo(const V* y, const V* keep) const {
    V ss, dd, sd;
    each([&](int k) HERALD_LANES {
      if (k + 2 >= size()) return;
      const V s = keep[k + 2] * (y[k] + V(4) * y[k + 1] + y[k + 2]) * V(Real(1.0 / 3)),
              d = keep[k + 2] * (y[k] - y[k + 2]);
      ss = mul_add(s, s, ss);
      dd = mul_add(d, d, dd);
      sd = mul_add(s, d, sd);
    });
    const V third(Real(1.0 / 3));
    return (ss + third * sd) / (third * dd + sd);
  }

  // ln x by the weighted straight line of the logarithms.
  HWY_INLINE V line(const V* y, const V* keep) const {
    V w, wn, wl, wnn, wnl;
    const V scale = V(1) / y[0];
    each([&](int k) HERALD_LANES {
      const V relative = y[k] * scale, n(steps_[k]);
      const V weight = select(relative > V(), keep[k] * relative * relative, V());
      const V logarithm = select(relative > V(), log(relative), V());
      w += weight;
      wn = mul_add(weight, n, wn);
      wl = mul_add(weight, logarithm, wl);
      wnn = mul_add(weight * n, n, wnn);
      wnl = mul_add(weight * n, logarithm, wnl);
    });
    return (w * wnl - wn * wl) / (w * wnn - wn * wn);
  }

  HWY_INLINE V refined(const V* y, const V* keep, V x, int steps) const {
    for (int i = 0; i < steps; ++i) {
      const V lower = max(V(least_), V(Real(0.5)) * x), upper = V(Real(0.5)) * (x + V(kGrowth));
      x = stepped(x, project(y, keep, x).step(), lower, upper);
    }
    return x;
  }

  // The kept echoes whose fitted signal is above the floor, three at least.
  HWY_INLINE void find_above(const V* y, const V* keep, V x, V* above) const {
    const V amplitude = project(y, keep, x).amplitude();
    V before(1);
    along_curve(x, keep, [&](int k, V g, V) HERALD_LANES {
      if (k >= kLeastEchoes) before = select(amplitude * g >= V(floor_), before, V());
      above[k] = keep[k] * before;
    });
  }

  HWY_INLINE Fitted<V, 2> result(const V* y, const V* keep, V x, V leading) const {
    const Projection<V> sums = project(y, keep, x);
    const V amplitude = sums.amplitude();
    V rss;
    along_curve(x, keep, [&](int k, V g, V) HERALD_LANES { rss += square(y[k] - amplitude * g); });
    const V used = sum_of(keep), decays = -V(1) / log(x), inverse = V(1) / x;
    const V s0 = amplitude * exp(V(first_) / decays);
    // S0 = A x^-n: its error from the covariance of A and x.
    const V n = V(first_) * inverse;
    const V s0_variance = (sums.hh + V(2) * n * sums.gh + n * n * sums.gg) / sums.determinant();
    Fitted<V, 2> fit;
    fit.value[0] = V(spacing_ms_) * decays;
    fit.value[1] = s0;
    fit.error[0] = V(noise_ * spacing_ms_) * decays * decays * inverse * sums.error_of_q();
    fit.error[1] = V(noise_) * abs(s0 / amplitude) * sqrt(s0_variance);
    fit.rms = sqrt(rss / used);
    const auto hopeless = leading < V(static_cast<Real>(kLeastEchoes)) || x >= V(1) || y[0] <= V();
    const auto fewer = used < V(static_cast<Real>(size()));
    fit.status =
        select(hopeless, V(static_cast<Real>(VoxelStatus::NotFitted)), flag<V>(fewer, VoxelStatus::FewContrasts));
    return fit;
  }

  Real spacing_ms_, first_, least_, noise_, rician_square_, floor_;
  std::array<Real, kRoom<K>> steps_{};
};

}  // namespace fitting::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
