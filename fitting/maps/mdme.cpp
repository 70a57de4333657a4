// T1, T2, proton density and B1 from one saturation-recovery multi-echo sequence (MDME, the raw data of synthetic MRI).
//
// Warntjes et al. 2008, MRM 60:320 (QRAPMASTER): a selective saturation pulse theta, a delay TD, an excitation alpha
// and two or more spin echoes, repeated every TR. Steady state of the longitudinal magnetisation (f = B1 factor, c =
// cos(f theta), c_a = cos(f alpha), E = exp(-TR/T1)):
//
//   M(TD) = M0 (1 - (1-c) exp(-TD/T1) - c E) / (1 - c c_a E)
//   S(TD, TE) = PD sin(f alpha) M(TD)/M0 exp(-TE/T2)
//
// Two echoes, any number of delays. In closed form but for one step:
//
// (1) Delays x echoes is a matrix of rank one, u v': its dominant singular vectors give exp(-dTE/T2) and the recovery
// u.
//
// (2) u = a + b exp(-TD/T1) by recovery-inl.h: three parameters, because the saturation is not known beforehand.
//
// (3) k = -b/a, c = (1-k)/(1-kE), f = acos(c)/theta; then PD.
//
// (4) B1 is smooth: with the smoothed f given (Tile::b1), (2) has one parameter less, which narrows T1 by a third
// (PD/sigma 100, T1 1300 ms: 4.9 % to 2.9 %). fit_series() makes both passes; where f is 0 it is not known and fitted.
//
// The planes carry the sign (from phases or complex images); magnitudes get theirs from the recovery, for both echoes.
// Standard errors propagate the errors of the ratio and of (a, b, 1/T1) to first order; where f is given it is taken as
// exact.
#include <cmath>
#include <numbers>

#include "fitting/model.h"

#ifndef HERALD_MAPS_MDME  // once, not for each instruction set
#define HERALD_MAPS_MDME
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 10, .upper = 10000, .display_upper = 3000},
    {.name = "T2", .title = "T2", .unit = "ms", .lower = 5, .upper = 4000, .display_upper = 200},
    {.name = "PD", .title = "PD", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 65535},
    {.name = "B1", .title = "B1", .unit = "1", .lower = 0.3, .upper = 1.49, .display_upper = 1.5},
};
// Fat: its saturation is displaced by the chemical shift, and what looks like B1 there is not.
constexpr double kLeastT1ForB1Ms = 500;
constexpr double kShortestMs = 40, kLongestMs = 6000;  // the search goes two steps further
// Of exp(-dTE/T2).
constexpr double kLeastRatio = 1e-3, kLargestRatio = 0.9999;

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/mdme.cpp"
#include <hwy/foreach_target.h>

#include "fitting/recovery-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

// K = number of planes: two echoes of K/2 delays.
template <class V, int K>
class SaturationKernel : public Contrasts<K / 2> {
 public:
  using Real = typename V::Real;
  static constexpr int kDelays = K / 2;
  using Contrasts<kDelays>::size, Contrasts<kDelays>::each;
  using Fit = Fitted<V, std::size(kParameters)>;

  SaturationKernel(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : Contrasts<kDelays>(protocol.axis.size() / 2),
        delays_(every_second(protocol.axis)),
        recovery_(delays_, kShortestMs, kLongestMs, static_cast<double>(tile.noise)),
        signed_(protocol.signed_signal),
        b1_given_(tile.b1 != nullptr),
        noise_(static_cast<Real>(tile.noise)),
        repetition_time_ms_(static_cast<Real>(protocol.repetition_time_ms)),
        first_echo_ms_(static_cast<Real>(protocol.echo_times_ms[0])),
        spacing_ms_(static_cast<Real>(protocol.echo_times_ms[1] - protocol.echo_times_ms[0])),
        saturation_(static_cast<Real>(protocol.saturation_deg * std::numbers::pi / 180)),
        excitation_(static_cast<Real>(protocol.excitation_deg * std::numbers::pi / 180)),
        times_(reals<Real, kDelays>(delays_)) {}

  HWY_INLINE Fit operator()(const V* y, V b1) const {
    const Decay decay = decay_of(y);
    V u[kRoom<kDelays>];
    each([&](int d) HERALD_LANES { u[d] = (y[2 * d] + decay.ratio * y[2 * d + 1]) * decay.per_square; });
    const Recovered<V> r = signed_ ? recovery_.fit(u) : recovery_.fit_magnitudes(u);
    Projection<V> sums;
    const Fit free = result<false>(y, u, decay, r, sums, b1);
    const auto known = b1 > V();
    if (!b1_given_ || none(known)) return free;
    const Recovered<V> held = with_known_b1(r, u, cos(b1 * V(saturation_)), sums);
    return select(known, result<true>(y, u, decay, held, sums, b1), free);
  }

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 6 : 40;

  struct Decay {
    HWY_INLINE Decay() {}
    V ratio, logarithm, per_square, error;  // exp(-dTE/T2), its ln, 1/(1 + ratio^2), and the error of ratio for noise 1
  };

  static std::vector<double> every_second(const std::vector<double>& axis) {
    std::vector<double> result;
    for (std::size_t k = 0; k < axis.size(); k += 2) result.push_back(axis[k]);
    return result;
  }

  HWY_INLINE Decay decay_of(const V* y) const {  // (1)
    V p, q, product;
    each([&](int d) HERALD_LANES {
      p = mul_add(y[2 * d], y[2 * d], p);
      q = mul_add(y[2 * d + 1], y[2 * d + 1], q);
      product = mul_add(y[2 * d], y[2 * d + 1], product);
    });
    const V half = V(Real(0.5)) * (p - q), largest = V(Real(0.5)) * (p + q) + sqrt(half * half + product * product);
    Decay decay;
    decay.ratio =
        clamp(product / (largest - q), V(static_cast<Real>(kLeastRatio)), V(static_cast<Real>(kLargestRatio)));
    decay.logarithm = log(decay.ratio);
    decay.per_square = V(1) / mul_add(decay.ratio, decay.ratio, V(1));
    // u_d and ratio: each delay tells of the ratio what is orthogonal to (1, ratio), u_d^2 / (1 + ratio^2); |u|^2 is
    // largest / (1 + ratio^2).
    decay.error = V(1) / (decay.per_square * sqrt(largest));
    return decay;
  }

  // (4) S ~ A g, g = 1 - (1-c) exp(-TD R) - c exp(-TR R). Gives a and b back in the form of (2), and what the errors of
  // A and R follow from.
  HWY_INLINE Recovered<V> with_known_b1(Recovered<V> r, const V* u, V c, Projection<V>& sums) const {
    const V lowest = V(Real(0.25)) * r.rate, highest = V(4) * r.rate;
    for (int i = 0; i < kSteps; ++i) r.rate = stepped(r.rate, project(u, r.rate, c).step(), lowest, highest);
    sums = project(u, r.rate, c);
    const V amplitude = sums.amplitude();
    r.a = amplitude * (V(1) - c * exp(-r.rate * V(repetition_time_ms_)));
    r.b = -amplitude * (V(1) - c);
    r.ambiguous = V();
    return r;
  }

  HWY_INLINE Projection<V> project(const V* u, V rate, V c) const {
    const V late = c * exp(-rate * V(repetition_time_ms_));
    Projection<V> sums;
    each([&](int d) HERALD_LANES {
      const V early = (V(1) - c) * exp(-rate * V(times_[d]));
      sums.add(V(1) - early - late, V(times_[d]) * early + V(repetition_time_ms_) * late, u[d]);
    });
    return sums;
  }

  template <bool kGiven>
  HWY_INLINE Fit result(const V* y, const V* u, const Decay& decay, const Recovered<V>& r, const Projection<V>& sums,
                        V given) const {
    const V e = exp(-r.rate * V(repetition_time_ms_)), k = -r.b / r.a, below = V(1) / (V(1) - k * e);
    const V c = kGiven ? cos(given * V(saturation_)) : (V(1) - k) * below;
    const V b1 = kGiven ? given : acos(clamp(c, V(-1), V(1))) * V(1 / saturation_);
    const V turn = b1 * V(excitation_), c_a = cos(turn), s_a = sin(turn);
    const V full = V(1) - c * c_a * e, rest = V(1) - c * e;
    const V pd = r.a * full / (rest * s_a) * exp(-decay.logarithm * V(first_echo_ms_ / spacing_ms_));
    Fit fit;
    fit.value[0] = V(1) / r.rate;
    fit.value[1] = -V(spacing_ms_) / decay.logarithm;
    fit.value[2] = pd;
    fit.value[3] = b1;

    const V noise_u = V(noise_) * sqrt(decay.per_square);
    const V ratio_error = V(noise_) * decay.error / decay.ratio;  // relative
    fit.error[1] = square(fit.value[1]) * ratio_error * V(1 / spacing_ms_);
    // ln PD follows the ratio by exp(TE1/T2) and by the length of u.
    const V by_ratio = V(first_echo_ms_ / spacing_ms_) + square(decay.ratio) * decay.per_square;
    if constexpr (kGiven) {
      // PD = A (1 - c c_a E) / sin(alpha): it follows A, R, and what both have in common.
      const V pd_by_rate = c * c_a * e * V(repetition_time_ms_) / full;  // of ln PD
      const V pd_variance = (sums.hh + pd_by_rate * (pd_by_rate * sums.gg - V(2) * sums.gh)) / sums.determinant();
      fit.error[0] = noise_u * square(fit.value[0]) * sums.error_of_q();
      fit.error[2] = pd * sqrt(square(noise_u / sums.amplitude()) * pd_variance + square(by_ratio * ratio_error));
      fit.error[3] = V();
    } else {
      const V c_by_k = (e - V(1)) * below * below, c_by_e = k * (V(1) - k) * below * below;
      const V f_by_c = -V(1 / saturation_) / sqrt(V(1) - c * c);
      const V k_by_a = -k / r.a, k_by_b = -V(1) / r.a, e_by_rate = -V(repetition_time_ms_) * e;
      const V f_by_k = f_by_c * c_by_k, f_by_rate = f_by_c * c_by_e * e_by_rate;
      const V pd_by_f = V(excitation_) * (c * e * s_a / full - c_a / s_a);  // of ln PD, as what follows
      const V pd_by_c = e / rest - c_a * e / full + pd_by_f * f_by_c;
      const V pd_by_rate = (c / rest - c * c_a / full) * e_by_rate + pd_by_c * c_by_e * e_by_rate;
      const V pd_by_k = pd_by_c * c_by_k;
      fit.error[0] = noise_u * sqrt(recovery_.variance(r, V(), V(), -square(fit.value[0])));
      fit.error[3] = noise_u * sqrt(recovery_.variance(r, f_by_k * k_by_a, f_by_k * k_by_b, f_by_rate));
      const V pd_error = recovery_.variance(r, V(1) / r.a + pd_by_k * k_by_a, pd_by_k * k_by_b, pd_by_rate);
      fit.error[2] = pd * sqrt(square(noise_u) * pd_error + square(by_ratio * ratio_error));
    }
    V rss;
    each([&](int d) HERALD_LANES {
      const V m = r.a + r.b * exp(-r.rate * V(times_[d]));
      const V sign = signed_ ? V(1) : select(u[d] < V(), V(-1), V(1));
      rss += square(sign * y[2 * d] - m) + square(sign * y[2 * d + 1] - m * decay.ratio);
    });
    fit.rms = sqrt(rss / V(static_cast<Real>(2 * size())));
    const auto hopeless = !(abs(c) < V(1)) || r.a <= V();
    fit.status = select(hopeless, V(static_cast<Real>(VoxelStatus::NotFitted)),
                        flag<V>(r.ambiguous > V(), VoxelStatus::Questionable));
    return fit;
  }

  std::vector<double> delays_;
  RecoveryKernel<V, kDelays> recovery_;
  bool signed_, b1_given_;
  Real noise_, repetition_time_ms_, first_echo_ms_, spacing_ms_, saturation_, excitation_;
  std::array<Real, kRoom<kDelays>> times_;
};

void fit_mdme(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
              const TileFit& out) {
  fit_tile<SaturationKernel, 8>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_mdme)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double t1 = parameters[0], t2 = parameters[1], pd = parameters[2], f = parameters[3];
  const double c = std::cos(f * protocol.saturation_deg * std::numbers::pi / 180);
  const double alpha = f * protocol.excitation_deg * std::numbers::pi / 180;
  const double e = std::exp(-protocol.repetition_time_ms / t1);
  for (std::size_t k = 0; k < signal.size(); ++k) {
    const double recovered = (1 - (1 - c) * std::exp(-protocol.axis[k] / t1) - c * e) / (1 - c * std::cos(alpha) * e);
    const double value = pd * std::sin(alpha) * recovered * std::exp(-protocol.echo_times_ms[k] / t2);
    signal[k] = protocol.signed_signal ? value : std::abs(value);
  }
}

// GE, TR 4000 ms; the delays depend on the number of slices.
Protocol example_protocol() {
  return {.axis_kind = Axis::SaturationDelayMs,
          .axis = {130, 130, 530, 530, 1730, 1730, 3730, 3730},
          .repetition_time_ms = 4000,
          .signed_signal = true,
          .echo_times_ms = {21.3, 85.3, 21.3, 85.3, 21.3, 85.3, 21.3, 85.3}};
}

constexpr Example kExamples[] = {{.truth = {400, 60, 3000, 1}, .relative_tolerance = 1e-3},
                                 {.truth = {1300, 80, 3000, 1}, .relative_tolerance = 1e-3},
                                 {.truth = {1000, 70, 2500, 0.9}, .relative_tolerance = 1e-3},
                                 {.truth = {800, 90, 2500, 1.1}, .relative_tolerance = 1e-3}};

}  // namespace

const Model& mdme() {
  static constexpr Model kModel{
      .name = "mdme",
      .title = "T1, T2 and proton density by saturation recovery multi-echo",
      .equation =
          "S = PD sin(a) (1-(1-c) exp(-TD/T1) - c E) / (1 - c cos(a) E) exp(-TE/T2), E = exp(-TR/T1), c = cos(theta)",
      .citation = "Warntjes et al. 2008, Magn Reson Med 60:320",
      .note = "rank-one decomposition, reduced-dimension non-linear least squares",
      .axis = Axis::SaturationDelayMs,
      .needs_repetition_time = true,
      .least_contrasts = 3,
      .parameters = kParameters,
      .own_b1 = {.parameter = 3, .least = kLeastT1ForB1Ms},
      .maps = 4,
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
