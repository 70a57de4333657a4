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
// Where the inversion times do not reach T1, three parameters cannot tell it (TI 100..800 ms, T1 1400 ms, SNR 100:
// 24 %). There, for plain inversion recovery, the ratio is fixed at that of a good inversion of efficiency k:
//
//   S(TI) = A (1 - k exp(-TI/T1) + (k - 1) exp(-TR/T1))
//
// which is certain to 1.4 % in that example and biased where the inversion was not that good; the voxel says
// Constrained. Scanners that change TR with TI break the first equation: t1_ir_tr.cpp.
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

template <class V, int K>
class InversionKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  InversionKernel(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        recovery_(protocol.axis, kShortestMs, kLongestMs, static_cast<double>(tile.noise)),
        signed_(protocol.signed_signal),
        look_locker_(protocol.look_locker),
        one_channel_(tile.noise > 0 && tile.rician_square == tile.noise * tile.noise),
        noise_(static_cast<Real>(tile.noise)),
        rician_square_(protocol.signed_signal ? Real(0) : static_cast<Real>(tile.rician_square)),
        delay_ms_(static_cast<Real>(protocol.slice_delay_ms * tile.slice)),
        repetition_time_ms_(static_cast<Real>(protocol.repetition_time_ms)),
        inversion_(static_cast<Real>(options.inversion_factor)),
        largest_free_error_(static_cast<Real>(options.largest_free_error)),
        times_(reals<Real, K>(protocol.axis)) {}

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* measured, V) const {
    V y[kRoom<K>];
    without_bias(measured, y);
    const Recovered<V> r = signed_ ? recovery_.fit(y) : recovery_.fit_magnitudes(y);
    return judged(r, measured, y);
  }

  // Magnitudes near the null, whose noise is Rice's: recovery-inl.h (3).
  HWY_INLINE Truth<Real> hard(const V* measured) const {
    return weakest_of(measured) < V(one_channel_ && !signed_ ? 4 * noise_ : Real(-1e30));
  }
  HWY_INLINE Fitted<V, std::size(kParameters)> careful(const V* measured, V) const {
    V y[kRoom<K>];
    without_bias(measured, y);
    const Recovered<V> r = recovery_.fit_rician(measured, y);
    return judged(r, measured, y);
  }

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 8 : 60;

  HWY_INLINE V weakest_of(const V* measured) const {
    V weakest = measured[0];
    each([&](int k) HERALD_LANES { weakest = min(weakest, measured[k]); });
    return weakest;
  }

  HWY_INLINE void without_bias(const V* measured, V* y) const {
    each([&](int k) HERALD_LANES {
      y[k] = rician_square_ == 0 ? measured[k] : sqrt(max(square(measured[k]) - V(rician_square_), V()));
    });
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> judged(const Recovered<V>& r, const V* measured, const V* y) const {
    Fitted<V, std::size(kParameters)> fit = free_fit(r);
    const auto loose = !(fit.error[0] <= V(largest_free_error_) * fit.value[0]);
    if (!look_locker_ && noise_ > 0 && !none(loose)) fit = select(loose, constrained(y, r.rate), fit);
    if (!signed_)
      fit.status = select(weakest_of(measured) < V(), V(static_cast<Real>(VoxelStatus::NotFitted)), fit.status);
    return fit;
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> free_fit(const Recovered<V>& r) const {
    const V b = r.b * exp(r.rate * V(delay_ms_)), ratio = -b / r.a, apparent = V(1) / r.rate;
    const V ratio_by_rate = ratio * V(delay_ms_), ratio_by_a = -ratio / r.a, ratio_by_b = ratio / r.b;
    Fitted<V, std::size(kParameters)> fit;
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
    return V(noise_) * sqrt(recovery_.variance(r, by_a, by_b, by_rate));
  }

  // A fixed ratio: A eliminated, Gauss-Newton in the rate. The sign of the samples stays.
  HWY_INLINE Fitted<V, std::size(kParameters)> constrained(const V* y, V rate) const {
    for (int i = 0; i < kSteps; ++i)
      rate = stepped(rate, project(y, rate).step(), max(V(Real(0.5)) * rate, V(Real(0.5 / kLongestMs))),
                     min(V(2) * rate, V(Real(2 / kShortestMs))));
    const Projection<V> sums = project(y, rate);
    const V amplitude = sums.amplitude(), late = recovered(rate);
    V rss;
    each([&](int k)
             HERALD_LANES { rss += square(y[k] - amplitude * (late - V(inversion_) * exp(-rate * V(times_[k])))); });
    Fitted<V, std::size(kParameters)> fit;
    fit.value[0] = V(1) / rate;
    fit.value[1] = amplitude * late;
    fit.value[2] = V(inversion_) / late;
    fit.error[0] = V(noise_) * square(fit.value[0]) * sums.error_of_q();
    fit.error[1] = V(noise_) * late * sqrt(sums.hh / sums.determinant());
    fit.rms = sqrt(rss / V(static_cast<Real>(size())));
    fit.status = V(static_cast<Real>(VoxelStatus::Constrained));
    return fit;
  }

  // 1 + (k - 1) exp(-TR R): what a is of A.
  HWY_INLINE V recovered(V rate) const {
    if (repetition_time_ms_ == 0) return V(1);
    return V(1) + V(inversion_ - 1) * exp(-rate * V(repetition_time_ms_));
  }

  HWY_INLINE Projection<V> project(const V* y, V rate) const {
    const V late = recovered(rate), late_by_rate = V(repetition_time_ms_) * (V(1) - late);
    Projection<V> sums;
    each([&](int k) HERALD_LANES {
      const V e = V(inversion_) * exp(-rate * V(times_[k]));
      sums.add(late - e, late_by_rate + V(times_[k]) * e, y[k]);
    });
    return sums;
  }

  RecoveryKernel<V, K> recovery_;
  bool signed_, look_locker_, one_channel_;
  Real noise_, rician_square_, delay_ms_, repetition_time_ms_, inversion_, largest_free_error_;
  std::array<Real, kRoom<K>> times_;
};

void fit_t1_ir(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
               const TileFit& out) {
  fit_tile<InversionKernel, 5, 6, 7, 8>(precision, kParameters, protocol, options, tile, out);
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
    const double recovered = parameters[1] * (1 - ratio * std::exp(-protocol.axis[k] / apparent));
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
      .note = "reduced-dimension non-linear least squares with polarity restoration; Rician likelihood near the null",
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
