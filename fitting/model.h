#pragma once
// One quantitative map = one Model = one file in fitting/maps/. The build collects the files into catalog().
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "fitting/series.h"

namespace fitting {

inline constexpr std::size_t kMaxParameters = 10;

// A fitted parameter. `unit` is UCUM ("ms", "10-6.mm2/s", "1"). Estimates outside [lower, upper] are failures, not
// values.
struct Parameter {
  std::string_view name;   // short key: "T1", "T2", "T2star", "ADC", "S0"
  std::string_view title;  // as a person reads it: "T1", "T2*", "ADC"
  std::string_view unit;
  double lower = 0;
  double upper = 0;
  double display_upper = 0;  // top of the usual display window, same unit; the window starts at 0
};

// Why a voxel has no value, or a doubtful one. Bits; 0 = a good fit.
enum class VoxelStatus : std::uint8_t {
  Good = 0,
  BelowSnr = 1,        // signal under FitOptions::least_snr, or under Tile::floor: not fitted, value 0
  AtBound = 2,         // the estimate left [lower, upper]: value 0
  Uncertain = 4,       // relative standard error over FitOptions::largest_relative_error: value kept
  Misfit = 8,          // residual over FitOptions::largest_relative_residual: value kept
  NotFitted = 16,      // degenerate data (all equal, non-positive, growing with TE): value 0
  FewContrasts = 32,   // fewer contrasts were used than the series has (T2* cut at the noise floor): value kept
  Constrained = 64,    // a parameter was held fixed because the data cannot tell it (T1 by IR: efficiency): value kept
  Questionable = 128,  // the model hardly holds here (kurtosis past its b limit, polarity ambiguous, B1 extrapolated)
};
constexpr VoxelStatus operator|(VoxelStatus a, VoxelStatus b) {
  return static_cast<VoxelStatus>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(VoxelStatus set, VoxelStatus bit) {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(bit)) != 0;
}
// True when the voxel carries no value (its maps hold 0).
constexpr bool failed(VoxelStatus s) {
  return has(s, VoxelStatus::BelowSnr) || has(s, VoxelStatus::AtBound) || has(s, VoxelStatus::NotFitted);
}

// How T1 by variable flip angle is estimated: by non-linear least squares; by the straight line of Helms with the
// inverse variance of its points as weights, twice (biased by -1 % at SNR 30); or by that line with equal weights, as
// published elsewhere (standard deviation up to 16 % larger).
enum class VfaMethod { NonLinear, WeightedLine, Line };

// Incomplete radio-frequency spoiling (Preibisch & Deichmann 2009, MRM 61:125): T1 = a(f) + b(f) T1apparent, quadratic
// in the flip-angle factor f, computed once for each protocol by simulation. The default changes nothing.
struct SpoilingCorrection {
  std::array<double, 3> a = {0, 0, 0};  // ms
  std::array<double, 3> b = {1, 0, 0};
  bool operator==(const SpoilingCorrection&) const = default;
};

struct FitOptions {
  unsigned threads = 1;
  double least_snr = 5;                    // strongest contrast / noise below which a voxel is not fitted
  double largest_relative_error = 0.5;     // standard error / value above which a voxel is Uncertain
  double largest_relative_residual = 0.3;  // RMS residual / strongest signal above which a voxel is a Misfit
  bool drop_first_echo = true;  // T2 only, while more than 3 echoes remain: stimulated echoes spare the first
  VfaMethod vfa_method = VfaMethod::NonLinear;
  SpoilingCorrection spoiling = {};
  // T1 by inversion recovery: -b/a of S = a + b exp(-TI/T1) that stands where three parameters leave T1 uncertain by
  // more than the share below. 1.9 is the inversion of an adiabatic pulse.
  double inversion_factor = 1.9;
  double largest_free_error = 0.15;
  // Dynamic series: a late signal that differs from the early maximum by no more than this share is a plateau.
  double plateau = 0.1;
};

// More images than this in one series are no set of contrasts.
inline constexpr std::size_t kMostContrasts = 128;

// A run of voxels, structure of arrays: signal[k][i] is contrast k of voxel i. `noise` is the standard deviation of the
// signal in the same unit, one for the whole series; 0 = unknown, then nothing is judged against it.
struct Tile {
  // Behind the voxels of the tile, so many more values can be read of each signal and of b1; what they are does not
  // matter.
  static constexpr std::size_t kPadding = 32;

  std::size_t size = 0;
  std::span<const float* const> signal;
  const float* b1 = nullptr;  // flip-angle factor per voxel (1 = nominal), or nullptr
  float noise = 0;
  float rician_square =
      0;            // E|S| ~ sqrt(S^2 + this): sigma^2 for one channel, (2 N - 1) sigma^2 for a sum of squares of N
  float floor = 0;  // strongest contrast below which a voxel is not fitted, whatever the noise
  int slice = 0;    // of the voxels, where Protocol::slice_delay_ms asks for it
};

// Where a model writes: value[p][i] and error[p][i] for its parameter p, relative residual and status per voxel.
// Whatever cannot be fitted is written as 0 with a status; non-finite numbers never leave a model.
struct TileFit {
  std::array<float*, kMaxParameters> value{};
  std::array<float*, kMaxParameters> error{};  // standard error, unit of the parameter
  float* residual = nullptr;                   // RMS residual / strongest signal
  VoxelStatus* status = nullptr;
};

struct Example {
  std::array<double, kMaxParameters> truth{};
  double relative_tolerance = 1e-4;  // of parameter 0, fitted from noiseless float signals
};

// Pure functions and constants; everything has static storage. Safe from any thread.
struct Model {
  std::string_view name;      // the file's name: "t1_vfa", "t2", "t2star", "adc"
  std::string_view title;     // "T1 by variable flip angle"
  std::string_view equation;  // as printed in the Derivation Description
  std::string_view citation;
  // What the fit does beyond the equation (weights, noise floor), for Fit::description; may be empty.
  std::string_view note;
  Axis axis = Axis::EchoTimeMs;
  bool needs_repetition_time = false;
  std::size_t least_contrasts = 2;
  // The first echo does not follow `signal` (T2: no stimulated echo reaches it); fit_series() leaves it out on request.
  bool first_echo_differs = false;
  std::span<const Parameter> parameters;
  std::size_t maps = 1;  // the first of the parameters, each a map of its own; the others are nuisance (S0)
  // Noise-free signal of one voxel; parameters and protocol in their units.
  void (*signal)(const Protocol&, std::span<const double> parameters, std::span<double> signal) = nullptr;
  // Fits every voxel of the tile. Never allocates per voxel, never throws, same result for any tile boundaries.
  void (*fit)(const Protocol&, const FitOptions&, const Tile&, const TileFit&) = nullptr;
  // The same arithmetic in double precision: what `fit` should have found. The oracle of the tests.
  void (*fit_in_double)(const Protocol&, const FitOptions&, const Tile&, const TileFit&) = nullptr;
  Protocol (*example_protocol)() = nullptr;
  std::span<const Example> examples;
};
static_assert(std::is_trivially_copyable_v<Model>);

// Every model, by file name. Generated by the build from fitting/maps/*.cpp.
[[nodiscard]] std::span<const Model> catalog();
// The model of that name, or nullptr.
[[nodiscard]] const Model* find_model(std::string_view name);

}  // namespace fitting
