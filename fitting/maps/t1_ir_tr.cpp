// T1 by inversion recovery whose repetition time changes with the inversion time.
//
//   S(TI, TR) = A (1 - k exp(-TI/T1) + (k - 1) exp(-TR/T1))
//
// A is the magnetisation, k = 2 a perfect inversion: what had recovered at the inversion, 1 - exp(-(TR - TI)/T1), is
// turned over with efficiency k - 1. With one TR this is a + b exp(-TI/T1), the model of t1_ir.cpp. Scanners that let
// TR grow with TI change a from image to image; three parameters that ignore it are 50 % off at T1 = 1000 ms for TR
// 1000 to 2460 ms.
//
// Linear in A and C = A (k - 1): S = A g + C h, g = 1 - e, h = f - e, e = exp(-TI R), f = exp(-TR R). Both are
// eliminated (h by what of it is orthogonal to g), R is looked for among 64 logarithmic values and refined by
// Gauss-Newton (Golub & Pereyra 1973). Magnitudes get their sign as in recovery-inl.h (2).
#include <cmath>

#include "fitting/model.h"

#ifndef HERALD_MAPS_T1_IR_TR  // once, not for each instruction set
#define HERALD_MAPS_T1_IR_TR
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 5, .upper = 10000, .display_upper = 3000},
    {.name = "S0", .title = "M0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 65535},
    {.name = "k", .title = "inversion factor", .unit = "1", .lower = 0, .upper = 100, .display_upper = 3},
};
constexpr double kShortestMs = 10, kLongestMs = 8000;

// TR of every sample; a protocol without such a list has one for all.
std::vector<double> repetition_times(const Protocol& protocol) {
  if (protocol.repetition_times_ms.size() == protocol.axis.size()) return protocol.repetition_times_ms;
  return std::vector<double>(protocol.axis.size(), protocol.repetition_time_ms);
}

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t1_ir_tr.cpp"
#include <hwy/foreach_target.h>

#include "fitting/recovery-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

// The best A and C of one rate, and what they leave.
template <class V>
struct Solved {
  HWY_INLINE Solved() {}
  V rate, a, c, rss;
  V gg, along;             // <g,g>; <g,h> / <g,g>
  V pp;                    // p: what of h is orthogonal to g
  V a_by_rate, c_by_rate;  // how A and C follow the rate
  V dd, rd;                // d: what of dS/dR is orthogonal to both; <residual, d>
};

template <class V, int K>
class VariedRepetition : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  VariedRepetition(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()), signed_(protocol.signed_signal), noise_(static_cast<Real>(tile.noise)) {
    std::vector<double> times = protocol.axis;
    for (double& time : times) time += protocol.slice_delay_ms * tile.slice;
    const std::vector<double> repetitions = repetition_times(protocol);
    times_ = reals<Real, K>(times);
    repetitions_ = reals<Real, K>(repetitions);
    for (int i = 0; i < kGrid; ++i) {
      grid_rate_[i] = static_cast<Real>(std::pow(kLongestMs / kShortestMs, -i / (kGrid - 1.0)) / kShortestMs);
      set_units(i, times, repetitions);
    }
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* measured, V) const {
    if (signed_) return fitted(solve(measured), V());
    V y[kRoom<K>], turned[kRoom<K>], least;
    each([&](int k) HERALD_LANES { y[k] = measured[k], least = min(least, measured[k]); });
    give_signs(static_cast<const Contrasts<K>&>(*this), y, turned);
    const Solved<V> with = solve(turned), without = solve(y);
    const auto first = with.rss < without.rss;
    const auto near = abs(with.rss - without.rss) < V(2 * noise_ * noise_);
    const auto apart = abs(with.rate - without.rate) > V(Real(0.05)) * select(first, with.rate, without.rate);
    Fitted<V, std::size(kParameters)> fit = select(first, fitted(with, V()), fitted(without, V()));
    fit.status = flag<V>(near && apart, VoxelStatus::Questionable);
    fit.status = select(least < V(), V(static_cast<Real>(VoxelStatus::NotFitted)), fit.status);
    return fit;
  }

 private:
  static constexpr int kGrid = 64;
  static constexpr int kSteps = std::is_same_v<Real, float> ? 5 : 40;

  // Orthonormal vectors that span g and h at a rate of the grid.
  void set_units(int i, const std::vector<double>& times, const std::vector<double>& repetitions) {
    const auto rate = static_cast<double>(grid_rate_[i]);
    std::vector<double> g, h;
    for (std::size_t k = 0; k < times.size(); ++k) {
      g.push_back(1 - std::exp(-rate * times[k]));
      h.push_back(std::exp(-rate * repetitions[k]) - std::exp(-rate * times[k]));
    }
    double gg = 0, gh = 0, pp = 0;
    for (std::size_t k = 0; k < g.size(); ++k) gg += g[k] * g[k], gh += g[k] * h[k];
    for (std::size_t k = 0; k < g.size(); ++k) pp += std::pow(h[k] - gh / gg * g[k], 2);
    for (std::size_t k = 0; k < g.size(); ++k) {
      first_[i][k] = static_cast<Real>(g[k] / std::sqrt(gg));
      second_[i][k] = static_cast<Real>((h[k] - gh / gg * g[k]) / std::sqrt(pp));
    }
  }

  HWY_NOINLINE V start(const V* y) const {
    V best(-1), rate(grid_rate_[0]);
    for (int i = 0; i < kGrid; ++i) {
      V one, two;
      each([&](int k) HERALD_LANES {
        one = mul_add(V(first_[i][k]), y[k], one);
        two = mul_add(V(second_[i][k]), y[k], two);
      });
      const V explained = square(one) + square(two);
      const auto better = explained > best;
      best = select(better, explained, best);
      rate = select(better, V(grid_rate_[i]), rate);
    }
    return rate;
  }

  HWY_NOINLINE Solved<V> solve(const V* y) const {
    V rate = start(y);
    const V step = V(static_cast<Real>(std::pow(kLongestMs / kShortestMs, 2.0 / (kGrid - 1))));
    const V lowest = rate / step, highest = rate * step;
    for (int i = 0; i < kSteps; ++i) {
      const Solved<V> s = at(rate, y);
      rate = stepped(rate, s.rd / s.dd, lowest, highest);
    }
    return at(rate, y);
  }

  HWY_INLINE Solved<V> at(V rate, const V* y) const {
    Solved<V> s;
    V e[kRoom<K>], f[kRoom<K>], g[kRoom<K>], p[kRoom<K>], d[kRoom<K>];
    V gh, gy, py, gd, pd;
    s.rate = rate;
    each([&](int k) HERALD_LANES {
      e[k] = exp(-rate * V(times_[k]));
      f[k] = exp(-rate * V(repetitions_[k]));
      g[k] = V(1) - e[k];
      s.gg = mul_add(g[k], g[k], s.gg);
      gh = mul_add(g[k], f[k] - e[k], gh);
      gy = mul_add(g[k], y[k], gy);
    });
    s.along = gh / s.gg;
    each([&](int k) HERALD_LANES {
      p[k] = f[k] - e[k] - s.along * g[k];
      s.pp = mul_add(p[k], p[k], s.pp);
      py = mul_add(p[k], y[k], py);
    });
    s.c = py / s.pp;
    s.a = gy / s.gg - s.c * s.along;
    each([&](int k) HERALD_LANES {
      d[k] = (s.a + s.c) * V(times_[k]) * e[k] - s.c * V(repetitions_[k]) * f[k];
      gd = mul_add(g[k], d[k], gd);
      pd = mul_add(p[k], d[k], pd);
    });
    s.c_by_rate = -pd / s.pp;
    s.a_by_rate = -gd / s.gg - s.c_by_rate * s.along;
    each([&](int k) HERALD_LANES {
      const V rest = d[k] - gd / s.gg * g[k] - pd / s.pp * p[k];
      const V residual = y[k] - s.a * g[k] - s.c * (f[k] - e[k]);
      s.dd = mul_add(rest, rest, s.dd);
      s.rd = mul_add(residual, rest, s.rd);
      s.rss = mul_add(residual, residual, s.rss);
    });
    return s;
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> fitted(const Solved<V>& s, V status) const {
    Fitted<V, std::size(kParameters)> fit;
    fit.value[0] = V(1) / s.rate;
    fit.value[1] = s.a;
    fit.value[2] = V(1) + s.c / s.a;
    fit.error[0] = error(s, V(), V(), -square(fit.value[0]));
    fit.error[1] = error(s, V(1), V(), V());
    fit.error[2] = error(s, -s.c / square(s.a), V(1) / s.a, V());
    fit.rms = sqrt(s.rss / V(static_cast<Real>(size())));
    fit.status = status;
    return fit;
  }

  // Standard error of a function of (A, C, R) with that gradient, along g, p and d, which are orthogonal.
  HWY_INLINE V error(const Solved<V>& s, V by_a, V by_c, V by_rate) const {
    const V in_p = by_c - s.along * by_a, in_d = by_rate + by_a * s.a_by_rate + by_c * s.c_by_rate;
    return V(noise_) * sqrt(square(by_a) / s.gg + square(in_p) / s.pp + square(in_d) / s.dd);
  }

  bool signed_;
  Real noise_;
  std::array<Real, kRoom<K>> times_{}, repetitions_{};
  std::array<Real, kGrid> grid_rate_{};
  std::array<std::array<Real, kRoom<K>>, kGrid> first_{}, second_{};
};

void fit_t1_ir_tr(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
                  const TileFit& out) {
  fit_tile<VariedRepetition, 5, 6>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t1_ir_tr)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double t1_ms = parameters[0], k = parameters[2];
  const std::vector<double> repetitions = repetition_times(protocol);
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double recovered =
        parameters[1] * (1 - k * std::exp(-protocol.axis[i] / t1_ms) + (k - 1) * std::exp(-repetitions[i] / t1_ms));
    signal[i] = protocol.signed_signal ? recovered : std::abs(recovered);
  }
}

Protocol example_protocol() {
  return {.axis_kind = Axis::InversionTimeMs,
          .axis = {50, 150, 400, 700, 2500},
          .repetition_time_ms = 1500,
          .repetition_times_ms = {1500, 1500, 1500, 2500, 5000}};
}

// No sample within five times the noise of its null, where the sign would be a guess.
constexpr Example kExamples[] = {{.truth = {400, 2500, 1.9}},
                                 {.truth = {1000, 3000, 1.95}},
                                 {.truth = {800, 2000, 1.8}},
                                 {.truth = {1600, 3000, 2}}};

}  // namespace

const Model& t1_ir_tr() {
  static constexpr Model kModel{
      .name = "t1_ir_tr",
      .title = "T1 by inversion recovery with varied TR",
      .equation = "S = |A (1 - k exp(-TI/T1) + (k-1) exp(-TR/T1))|",
      .citation = "Barral et al. 2010, Magn Reson Med 64:1057",
      .note = "TR of each inversion time; reduced-dimension non-linear least squares with polarity restoration",
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
