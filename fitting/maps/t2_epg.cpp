// T2 by multi-echo spin echo with the stimulated echoes of imperfect refocusing pulses.
//
// Hennig 1988, J Magn Reson 78:397; Lebel & Wilman 2010, MRM 64:1005; Weigel 2015, J Magn Reson Imaging 41:266:
//
//   S(n) = S0 EPG(n; exp(-spacing/T2), f a)
//
// with EPG the extended phase graph (fitting/epg.h), a the nominal refocusing angle and f the flip-angle factor: of a
// B1 map where there is one, else estimated beside T2. All echoes take part: the first, which no stimulated echo
// reaches, tells the angle. T1 is not in these data and taken as FitOptions::assumed_t1_ms. A factor and its mirror at
// 180 degrees give the same echoes; the lower one is reported. S0 holds the excitation pulse.
#include "fitting/epg.h"

#include <cmath>
#include <numbers>

#include "fitting/model.h"

#ifndef HERALD_MAPS_T2_EPG  // once, not for each instruction set
#define HERALD_MAPS_T2_EPG
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "T2", .title = "T2", .unit = "ms", .lower = 1, .upper = 4000, .display_upper = 200},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
    {.name = "B1", .title = "B1", .unit = "1", .lower = 0.3, .upper = 1.7, .display_upper = 1.5},
};

std::unique_ptr<const Prepared> prepare(const Protocol& protocol, const FitOptions& options) {
  return std::make_unique<EpgDictionary>(protocol, options.assumed_t1_ms);
}

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/t2_epg.cpp"
#include <hwy/foreach_target.h>

#include "fitting/epg-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

void fit_t2_epg(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
                const TileFit& out) {
  const auto own = tile.prepared == nullptr ? prepare(protocol, options) : nullptr;
  Tile prepared = tile;
  if (own) prepared.prepared = own.get();
  fit_tile<EpgKernel, 8>(precision, kParameters, protocol, options, prepared, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_t2_epg)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double angle = parameters[2] * protocol.refocusing_deg * std::numbers::pi / 180;
  echo_amplitudes({.spacing_ms = protocol.axis.back() / static_cast<double>(protocol.axis.size()),
                   .cos_refocusing = std::cos(angle),
                   .t1_ms = FitOptions{}.assumed_t1_ms,
                   .t2_ms = parameters[0]},
                  signal);
  for (double& echo : signal) echo = std::abs(parameters[1] * echo);
}

std::string method(const Protocol& protocol, const FitOptions& options) {
  return "refocusing " + std::to_string(std::lround(protocol.refocusing_deg)) + " deg, T1 taken as " +
         std::to_string(std::lround(options.assumed_t1_ms)) + " ms";
}

Protocol example_protocol() {
  return {.axis_kind = Axis::EchoTimeMs,
          .axis = {13.8, 27.6, 41.4, 55.2, 69.0, 82.8, 96.6, 110.4},
          .repetition_time_ms = 2000};
}

constexpr Example kExamples[] = {
    {.truth = {60, 2800, 0.9}}, {.truth = {82, 2500, 0.8}}, {.truth = {35, 3000, 0.85}}, {.truth = {250, 1500, 0.7}}};

}  // namespace

const Model& t2_epg() {
  static constexpr Model kModel{
      .name = "t2_epg",
      .title = "T2 by multi-echo spin echo with stimulated echoes",
      .equation = "S = S0 EPG(TE/dTE; exp(-dTE/T2), B1 a)",
      .citation = "Hennig 1988, J Magn Reson 78:397",
      .note =
          "extended phase graph, non-linear least squares on magnitudes less the Rician bias; echoes whose fitted "
          "signal is under 3 sigma left out, 4 kept",
      .method = method,
      .axis = Axis::EchoTimeMs,
      .needs_echo_train = true,
      .least_contrasts = 4,
      .parameters = kParameters,
      .signal = signal,
      .prepare = prepare,
      .fit = fit,
      .fit_in_double = fit_in_double,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
#endif
