// T2 by multi-echo spin echo, mono-exponential.
//
// Hahn 1950, Phys Rev 80:580; Meiboom & Gill 1958, Rev Sci Instrum 29:688:
//
//   S(TE) = S0 exp(-TE / T2)
//
// fitted to the magnitudes by non-linear least squares (fitting/decay-inl.h). Log-linear fits are biased by +0.6..+1.9
// % because their weights carry the noise; this one is not. Imperfect refocusing pulses feed stimulated echoes into
// every echo but the first, which is why the first is left out (refocusing at 0.8 of nominal: T2 +9 % with it, +1 %
// without it). The map t2_epg models them instead.
#include "fitting/decay.h"
#include "fitting/model.h"

#ifndef HERALD_MAPS_T2  // once, not for each instruction set
#define HERALD_MAPS_T2
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T2", .title = "T2", .unit = "ms", .lower = 1, .upper = 4000, .display_upper = 200},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

// The Rician correction holds down to here; below, a sample says more about the noise than about T2.
constexpr double kFloorSigmas = 3;

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t2.cpp"
#include <hwy/foreach_target.h>

#include "fitting/decay-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

template <class V, int K, bool kEquidistant>
struct Kernel : DecayKernel<V, K, kEquidistant> {
  Kernel(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : DecayKernel<V, K, kEquidistant>(protocol, tile, kParameters[0].lower, kFloorSigmas) {}
};
template <class V, int K>
using Even = Kernel<V, K, true>;
template <class V, int K>
using Uneven = Kernel<V, K, false>;

void fit_t2(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
            const TileFit& out) {
  if (!equidistant(protocol.axis)) return fit_tile<Uneven>(precision, kParameters, protocol, options, tile, out);
  fit_tile<Even, 3, 4, 5, 6, 7, 8>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t2)

Protocol example_protocol() {
  return {.axis_kind = Axis::EchoTimeMs,
          .axis = {13.8, 27.6, 41.4, 55.2, 69.0, 82.8, 96.6, 110.4},
          .repetition_time_ms = 2000};
}

constexpr Example kExamples[] = {
    {.truth = {60, 2800}}, {.truth = {82, 2500}}, {.truth = {35, 3000}}, {.truth = {250, 1500}}};

}  // namespace

const Model& t2() {
  static constexpr Model kModel{
      .name = "t2",
      .title = "T2 by multi-echo spin echo",
      .equation = "S = S0 exp(-TE/T2)",
      .citation = "Meiboom & Gill 1958, Rev Sci Instrum 29:688",
      .note =
          "mono-exponential non-linear least squares on magnitudes less the Rician bias; echoes whose fitted signal is "
          "under 3 sigma "
          "left out, 3 kept",
      .axis = Axis::EchoTimeMs,
      .least_contrasts = kLeastEchoes,
      .first_echo_differs = true,
      .parameters = kParameters,
      .signal = decay_signal,
      .fit = fit,
      .fit_in_double = fit_in_double,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
#endif
