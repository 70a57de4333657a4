// T1 by inversion recovery, and by Look-Locker readouts of one recovery (MOLLI).
//
//   S(TI) = a + b exp(-TI / T1*)
//
// Inversion recovery spin echo or gradient echo: T1 = T1*; three parameters, so neither the inversion nor the recovery
// between inversions need be complete (Barral et al. 2010, MRM 64:1057). Many readouts after one inversion disturb the
// recovery: T1 = T1* (B/A - 1) with A = a, B = -b (Messroghli et al. 2004, MRM 52:141). Which of the two it is says the
// protocol; magnitudes get their sign as recovery-inl.h says. 2D slices may be read one after the other: slice n sees
// TI + n delay, which changes b by exp(R n delay) and nothing else.
//
// After an inversion of efficiency k, from what has recovered since the readout before, the magnetisation is
//
//   S(TI, TR) = A (1 - k exp(-TI/T1) + (k - 1) exp(-TR/T1))
//
// Where TR is the same for all TI, that is a + b exp(-TI/T1). Some scanners lengthen TR with TI: then a is no constant,
// and the equation itself is fitted, linear in A and A k for a given T1 (UnequalKernel).
//
// Where the inversion times do not reach T1, three parameters cannot tell it (TI 100..800 ms, T1 1400 ms, SNR 100:
// 24 %). There, for plain inversion recovery, k is fixed at that of a good inversion, which is certain to 1.4 % in that
// example and biased where the inversion was not that good; the voxel says Constrained.
#include <cmath>

#include "fitting/model.h"

#ifndef HERALD_MAPS_T1_IR  // once, not for each instruction set
#define HERALD_MAPS_T1_IR
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 5, .upper = 10000, .display_upper = 3000},
    {.name = "S0", .title = "M0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 65535},
    {.name = "B_A", .title = "B/A", .unit = "1", .lower = 0, .upper = 100, .display_upper = 3},
};
// T1* that are looked for: the search goes two steps further.
constexpr double kShortestMs = 10, kLongestMs = 8000;

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t1_ir.cpp"
#include <hwy/foreach_target.h>

#include "fitting/recovery-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

// The equation with k fixed: A eliminated, Gauss-Newton in the rate.
template <class V, int K>
class FixedInversion : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  FixedInversion(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        noise_(static_cast<Real>(tile.noise)),
        inversion_(static_cast<Real>(options.inversion_factor)),
        largest_free_error_(static_cast<Real>(options.largest_free_error)),
        times_(reals<Real, K>(protocol.axis)) {
    const double same = protocol.repetition_time_ms > 0 ? protocol.repetition_time_ms : 1e6;  // unknown: all recovered
    if (protocol.repetition_times_ms.empty()) {
      for (int k = 0; k < size(); ++k) repetition_times_[k] = static_cast<Real>(same);
    } else {
      repetition_times_ = reals<Real, K>(protocol.repetition_times_ms);
    }
  }

  // `fit`, or where its T1 is too uncertain the fit of the signed samples `y` with k fixed.
  HWY_INLINE Fitted<V> or_constrained(const Fitted<V>& fit, const V* y) const {
    if (noise_ == 0) return fit;
    const auto loose = !(fit.error[0] <= V(largest_free_error_) * fit.value[0]);
    return none(loose) ? fit : merged(loose, constrained(y, V(1) / fit.value[0]), fit);
  }

 protected:
  Real noise_, inversion_, largest_free_error_;
  std::array<Real, kRoom<K>> times_, repetition_times_{};

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 8 : 60;

  HWY_INLINE Fitted<V> constrained(const V* y, V rate) const {
    const V lowest(Real(0.5 / kLongestMs)), highest(Real(2 / kShortestMs));
    rate = clamp(rate, lowest, highest);
    for (int i = 0; i < kSteps; ++i)
      rate = stepped(rate, project(y, rate).step(), max(V(Real(0.5)) * rate, lowest), min(V(2) * rate, highest));
    const Projection<V> sums = project(y, rate);
    V rss;
    each([&](int k) HERALD_LANES { rss += square(y[k] - sums.amplitude() * curve(k, rate)); });
    Fitted<V> fit;
    fit.value[0] = V(1) / rate;
    fit.value[1] = sums.amplitude();
    fit.value[2] = V(inversion_);
    fit.error[0] = V(noise_) * square(fit.value[0]) * sums.error_of_q();
    fit.error[1] = V(noise_) * sqrt(sums.hh / sums.determinant());
    fit.rms = sqrt(rss / V(static_cast<Real>(size())));
    fit.status = V(static_cast<Real>(VoxelStatus::Constrained));
    return fit;
  }

  HWY_INLINE V curve(int k, V rate) const {
    return V(1) - V(inversion_) * exp(-rate * V(times_[k])) + V(inversion_ - 1) * exp(-rate * V(repetition_times_[k]));
  }

  HWY_INLINE Projection<V> project(const V* y, V rate) const {
    Projection<V> sums;
    each([&](int k) HERALD_LANES {
      const V e = V(inversion_) * exp(-rate * V(times_[k]));
      const V late = V(inversion_ - 1) * exp(-rate * V(repetition_times_[k]));
      sums.add(V(1) - e + late, V(times_[k]) * e - V(repetition_times_[k]) * late, y[k]);
    });
    return sums;
  }

  static HWY_INLINE Fitted<V> merged(Truth<Real> first, const Fitted<V>& p, const Fitted<V>& q) {
    Fitted<V> fit;
    for (std::size_t i = 0; i < std::size(kParameters); ++i) {
      fit.value[i] = select(first, p.value[i], q.value[i]);
      fit.error[i] = select(first, p.error[i], q.error[i]);
    }
    fit.rms = select(first, p.rms, q.rms);
    fit.status = select(first, p.status, q.status);
    return fit;
  }
};

template <class V, int K>
class InversionKernel : public FixedInversion<V, K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  InversionKernel(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : FixedInversion<V, K>(protocol, options, tile),
        recovery_(protocol.axis, kShortestMs, kLongestMs, static_cast<double>(tile.noise)),
        signed_(protocol.signed_signal),
        look_locker_(protocol.look_locker),
        delay_ms_(static_cast<Real>(protocol.slice_delay_ms * tile.slice)) {}

  HWY_INLINE Fitted<V> operator()(const V* measured, V) const {
    V y[kRoom<K>];
    V weakest;
    each([&](int k) HERALD_LANES { y[k] = measured[k], weakest = min(weakest, y[k]); });
    const Recovered<V> r = signed_            ? recovery_.fit(y)
                           : this->noise_ > 0 ? recovery_.fit_rician(y)
                                              : recovery_.fit_magnitudes(y);
    Fitted<V> fit = look_locker_ ? free_fit(r) : this->or_constrained(free_fit(r), y);
    if (!signed_) fit.status = select(weakest < V(), V(static_cast<Real>(VoxelStatus::NotFitted)), fit.status);
    return fit;
  }

 private:
  HWY_INLINE Fitted<V> free_fit(const Recovered<V>& r) const {
    const V b = r.b * exp(r.rate * V(delay_ms_)), ratio = -b / r.a, apparent = V(1) / r.rate;
    const V ratio_by_rate = ratio * V(delay_ms_), ratio_by_a = -ratio / r.a, ratio_by_b = ratio / r.b;
    Fitted<V> fit;
    fit.value[0] = look_locker_ ? apparent * (ratio - V(1)) : apparent;
    fit.value[1] = r.a;
    fit.value[2] = ratio;
    const V by_rate = -square(apparent);
    fit.error[0] = look_locker_ ? error(r, apparent * ratio_by_a, apparent * ratio_by_b,
                                        by_rate * (ratio - V(1)) + apparent * ratio_by_rate)
                                : error(r, V(), V(), by_rate);
    fit.error[1] = error(r, V(1), V(), V());
    fit.error[2] = error(r, ratio_by_a, ratio_by_b, ratio_by_rate);
    fit.rms = sqrt(r.rss / V(static_cast<Real>(size())));
    fit.status = flag<V>(r.ambiguous > V(), VoxelStatus::Questionable);
    return fit;
  }

  HWY_INLINE V error(const Recovered<V>& r, V by_a, V by_b, V by_rate) const {
    return V(this->noise_) * sqrt(recovery_.variance(r, by_a, by_b, by_rate));
  }

  RecoveryKernel<V, K> recovery_;
  bool signed_, look_locker_;
  Real delay_ms_;
};

// TR changes with TI: S = A m + (A k) n with m = 1 - exp(-R TR), n = exp(-R TR) - exp(-R TI). Both change with the
// rate, so every sum is taken anew; any number of contrasts.
template <class V, int K>
class UnequalKernel : public FixedInversion<V, K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  UnequalKernel(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : FixedInversion<V, K>(protocol, options, tile), signed_(protocol.signed_signal) {}

  HWY_INLINE Fitted<V> operator()(const V* measured, V) const {
    V y[kRoom<K>], turned[kRoom<K>], weakest;
    each([&](int k) HERALD_LANES { y[k] = measured[k], weakest = min(weakest, y[k]); });
    if (signed_) return this->or_constrained(free_fit(at(y, refined(y))), y);
    give_signs(static_cast<const Contrasts<K>&>(*this), y, turned);
    const Sums with = at(turned, refined(turned)), without = at(y, refined(y));
    const auto first = with.rss < without.rss;
    each([&](int k) HERALD_LANES { y[k] = select(first, turned[k], y[k]); });
    Fitted<V> fit = this->or_constrained(free_fit(at(y, select(first, with.rate, without.rate))), y);
    fit.status = select(weakest < V(), V(static_cast<Real>(VoxelStatus::NotFitted)), fit.status);
    return fit;
  }

 private:
  static constexpr int kGrid = 48;
  static constexpr int kRefinements = std::is_same_v<Real, float> ? 6 : 40;
  static constexpr double kStep = 1.153;  // kShortestMs * kStep^(kGrid - 1) is kLongestMs

  struct Sums {
    HWY_INLINE Sums() {}
    V rate, a, b, rss;
    V mm, mn, nn, determinant;
    V step, curvature;       // of the rate: Gauss-Newton step, and the squared derivative orthogonal to m and n
    V a_by_rate, b_by_rate;  // how the linear ones give way
  };

  HWY_INLINE Sums at(const V* y, V rate) const {
    Sums s;
    V m[kRoom<K>], n[kRoom<K>], dm[kRoom<K>], dn[kRoom<K>], my, ny;
    s.rate = rate;
    each([&](int k) HERALD_LANES {
      const V late = exp(-rate * V(this->repetition_times_[k])), early = exp(-rate * V(this->times_[k]));
      m[k] = V(1) - late;
      n[k] = late - early;
      dm[k] = V(this->repetition_times_[k]) * late;
      dn[k] = V(this->times_[k]) * early - dm[k];
      s.mm = mul_add(m[k], m[k], s.mm);
      s.mn = mul_add(m[k], n[k], s.mn);
      s.nn = mul_add(n[k], n[k], s.nn);
      my = mul_add(m[k], y[k], my);
      ny = mul_add(n[k], y[k], ny);
    });
    s.determinant = s.mm * s.nn - s.mn * s.mn;
    s.a = (my * s.nn - ny * s.mn) / s.determinant;
    s.b = (ny * s.mm - my * s.mn) / s.determinant;
    V mj, nj, jj, jr;
    each([&](int k) HERALD_LANES {
      const V j = s.a * dm[k] + s.b * dn[k], r = y[k] - s.a * m[k] - s.b * n[k];
      s.rss = mul_add(r, r, s.rss);
      mj = mul_add(m[k], j, mj);
      nj = mul_add(n[k], j, nj);
      jj = mul_add(j, j, jj);
      jr = mul_add(j, r, jr);
    });
    s.a_by_rate = -(mj * s.nn - nj * s.mn) / s.determinant;
    s.b_by_rate = -(nj * s.mm - mj * s.mn) / s.determinant;
    s.curvature = jj + s.a_by_rate * mj + s.b_by_rate * nj;
    s.step = jr / s.curvature;
    return s;
  }

  HWY_INLINE V refined(const V* y) const {
    V best(Real(1e30)), rate(Real(1 / kShortestMs)), tried = rate;
    for (int g = 0; g < kGrid; ++g) {
      const V rss = at(y, tried).rss;
      const auto better = rss < best;
      best = select(better, rss, best);
      rate = select(better, tried, rate);
      tried *= V(Real(1 / kStep));
    }
    const V lowest = rate * V(Real(1 / (kStep * kStep))), highest = rate * V(Real(kStep * kStep));
    for (int i = 0; i < kRefinements; ++i) rate = stepped(rate, at(y, rate).step, lowest, highest);
    return rate;
  }

  HWY_INLINE Fitted<V> free_fit(const Sums& s) const {
    const V ratio = s.b / s.a, by_a = -ratio / s.a, by_b = V(1) / s.a;
    const V along_rate = by_a * s.a_by_rate + by_b * s.b_by_rate;
    const V linear = (by_a * by_a * s.nn - V(2) * by_a * by_b * s.mn + by_b * by_b * s.mm) / s.determinant;
    Fitted<V> fit;
    fit.value[0] = V(1) / s.rate;
    fit.value[1] = s.a;
    fit.value[2] = ratio;
    fit.error[0] = V(this->noise_) * square(fit.value[0]) / sqrt(s.curvature);
    fit.error[1] = V(this->noise_) * sqrt(s.nn / s.determinant + square(s.a_by_rate) / s.curvature);
    fit.error[2] = V(this->noise_) * sqrt(linear + square(along_rate) / s.curvature);
    fit.rms = sqrt(s.rss / V(static_cast<Real>(size())));
    return fit;
  }

  bool signed_;
};

void fit_t1_ir(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
               const TileFit& out) {
  if (!protocol.repetition_times_ms.empty() && !protocol.look_locker)
    return fit_tile<UnequalKernel>(precision, kParameters, protocol, options, tile, out);
  fit_tile<InversionKernel, 3, 4, 5, 6, 7, 8>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t1_ir)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double ratio = parameters[2];
  const double apparent = protocol.look_locker ? parameters[0] / (ratio - 1) : parameters[0];
  for (std::size_t k = 0; k < signal.size(); ++k) {
    double recovered = parameters[1] * (1 - ratio * std::exp(-protocol.axis[k] / apparent));
    if (!protocol.repetition_times_ms.empty() && !protocol.look_locker)
      recovered += parameters[1] * (ratio - 1) * std::exp(-protocol.repetition_times_ms[k] / apparent);
    signal[k] = protocol.signed_signal ? recovered : std::abs(recovered);
  }
}

Protocol example_protocol() {
  return {.axis_kind = Axis::InversionTimeMs, .axis = {50, 150, 400, 700, 2500}, .repetition_time_ms = 6000};
}

constexpr Example kExamples[] = {{.truth = {400, 2500, 1.9}},
                                 {.truth = {1300, 3000, 1.95}},
                                 {.truth = {800, 2000, 1.8}},
                                 {.truth = {1600, 3000, 2}}};

}  // namespace

const Model& t1_ir() {
  static constexpr Model kModel{
      .name = "t1_ir",
      .title = "T1 by inversion recovery",
      .equation = "S = |A - B exp(-TI/T1)|",
      .citation = "Barral et al. 2010, Magn Reson Med 64:1057",
      .note = "reduced-dimension non-linear least squares with polarity restoration",
      .axis = Axis::InversionTimeMs,
      .least_contrasts = 3,
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
