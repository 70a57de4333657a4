// T2 by multi-echo spin echo, mono-exponential.
//
// Hahn 1950, Phys Rev 80:580; Meiboom & Gill 1958, Rev Sci Instrum 29:688:
//
//   S(TE) = S0 exp(-TE / T2)
//
// fitted to the magnitudes by non-linear least squares (fitting/decay.h). Log-linear fits are biased by +0.6..+1.9 %
// because their weights carry the noise; this one is not. Imperfect refocusing pulses feed stimulated echoes into every
// echo but the first, which is why the first is left out (refocusing at 0.8 of nominal: T2 +9 % with it, +1 % without
// it).
#include <cmath>

#include "fitting/decay.h"
#include "fitting/model.h"

namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T2", .title = "T2", .unit = "ms", .lower = 1, .upper = 4000, .display_upper = 200},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

// The Rician correction holds down to here; below, a sample says more about the noise than about T2.
constexpr double kFloorSigmas = 3;

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
          "non-linear least squares on magnitudes less the Rician bias; echoes whose fitted signal is under 3 sigma "
          "left out, 3 kept",
      .axis = Axis::EchoTimeMs,
      .least_contrasts = kLeastEchoes,
      .first_echo_differs = true,
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
