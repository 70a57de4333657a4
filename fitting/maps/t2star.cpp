// T2* by multi-echo gradient echo, mono-exponential.
//
//   S(TE) = S0 exp(-TE / T2*)
//
// fitted to the magnitudes by non-linear least squares (fitting/decay.h).
//
// "Pixels with an SNR below 5 in the last echo were excluded" can be read in two ways: leave out the pixel, or leave
// out the echo. Taken for the pixel it would void every short T2* (fat, haemorrhage) and keep the map of long ones
// only. Here it is the echo: from the first echo whose *fitted* signal is below 5 sigma on, echoes are cut; three at
// least stay; the pixel keeps its value and says FewContrasts, so that a reader who wants the other rule can have it.
// The lesion's SNR as published is reported with the measurement.
//
// Not modelled: fat-water beating (in-phase and opposed-phase echoes zig-zag; look at the residual map) and
// through-plane field gradients.
#include <cmath>

#include "fitting/decay.h"
#include "fitting/model.h"

namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T2star", .title = "T2*", .unit = "ms", .lower = 0.5, .upper = 1000, .display_upper = 100},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

constexpr double kFloorSigmas = 5;

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  for (std::size_t k = 0; k < signal.size(); ++k)
    signal[k] = parameters[1] * std::exp(-protocol.axis[k] / parameters[0]);
}

template <class Real>
void fit(const Protocol& protocol, const FitOptions& options, const Tile& tile, const TileFit& out) {
  DecayKernel<Real> kernel(protocol.axis, kParameters[0].lower, kParameters[0].upper, kFloorSigmas,
                           static_cast<double>(tile.noise));
  fit_voxels<Real>(kParameters, options, tile, out, [&](std::span<const Real> y, std::size_t) { return kernel(y); });
}

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
      .signal = signal,
      .fit = fit<float>,
      .fit_in_double = fit<double>,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
