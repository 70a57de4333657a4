// T2* by multi-echo gradient echo, mono-exponential.
//
//   S(TE) = S0 exp(-TE / T2*)
//
// fitted to the magnitudes by non-linear least squares (fitting/decay-inl.h).
//
// "Pixels with an SNR below 5 in the last echo were excluded" can be read in two ways: leave out the pixel, or leave
// out the echo. Taken for the pixel it would void every short T2* (fat, haemorrhage) and keep the map of long ones
// only. Here it is the echo: from the first echo whose *fitted* signal is below 5 sigma on, echoes are cut; three at
// least stay; the pixel keeps its value and says FewContrasts, so that a reader who wants the other rule can have it.
// The lesion's SNR as published is reported with the measurement.
//
// Not modelled: fat-water beating (in-phase and opposed-phase echoes zig-zag; look at the residual map) and
// through-plane field gradients.
#include "fitting/decay.h"
#include "fitting/model.h"

#ifndef HERALD_MAPS_T2STAR  // once, not for each instruction set
#define HERALD_MAPS_T2STAR
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T2star", .title = "T2*", .unit = "ms", .lower = 0.5, .upper = 1000, .display_upper = 100},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

constexpr double kFloorSigmas = 5;

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t2star.cpp"
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

void fit_t2star(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
                const TileFit& out) {
  if (!equidistant(protocol.axis)) return fit_tile<Uneven>(precision, kParameters, protocol, options, tile, out);
  fit_tile<Even, 4, 5, 6, 7, 8>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t2star)

Protocol example_protocol() {
  return {.axis_kind = Axis::EchoTimeMs,
          .axis = {3.54, 7.08, 10.62, 14.16, 17.7, 21.24, 24.78, 28.32},
          .repetition_time_ms = 150};
}

constexpr Example kExamples[] = {
    {.truth = {52, 2500}}, {.truth = {35, 2400}}, {.truth = {10, 3000}}, {.truth = {100, 1500}}};

}  // namespace

const Model& t2star() {
  static constexpr Model kModel{
      .name = "t2star",
      .title = "T2* by multi-echo gradient echo",
      .equation = "S = S0 exp(-TE/T2*)",
      .citation = "Chavhan et al. 2009, RadioGraphics 29:1433",
      .note =
          "non-linear least squares on magnitudes less the Rician bias; echoes whose fitted signal is under 5 sigma "
          "left out, 3 kept",
      .axis = Axis::EchoTimeMs,
      .least_contrasts = kLeastEchoes,
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
