#pragma once
// From a series of images to maps: plans, estimates the noise, fans the voxels out over threads, collects the doubt.
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "fitting/model.h"
#include "fitting/series.h"

namespace fitting {

struct ParameterMap {
  Parameter parameter;
  std::vector<float> value;  // 0 where failed(status)
  std::vector<float> error;  // standard error, same unit; 0 where failed
};

// The outcome of one fit. All vectors are in the voxel order of `geometry`.
struct Fit {
  const Model* model = nullptr;
  Geometry geometry;
  Protocol protocol;               // the contrasts that were used, after dropping
  std::vector<ParameterMap> maps;  // one per Model::parameters
  std::vector<float> residual;     // relative to the strongest signal
  std::vector<VoxelStatus> status;
  double noise = 0;            // standard deviation of the signal, its unit; 0 = unknown
  std::string noise_method;    // how it was estimated
  std::string description;     // model, contrasts used, what was dropped, options: one line for people and DICOM
  std::size_t fitted = 0;      // voxels with a value
  std::size_t considered = 0;  // voxels above the noise floor; noise unknown: of a tenth of the bright signal or more
};

// Fits `model` to `series`. A Refusal says what is missing; nothing is guessed. The result does not depend on the
// number of threads, to the bit; between instruction sets (SSE4, AVX2, AVX-512, NEON) it differs in the last digits, so
// Fit::description names the one used. `b1`, where given, is a flip-angle factor on the grid of the series (1 =
// nominal) or empty. A request to stop ends the fit after a tile of each thread, with a Refusal.
[[nodiscard]] std::variant<Fit, Refusal> fit_series(const Series& series, const Model& model, const FitOptions& options,
                                                    const std::vector<float>& b1 = {},
                                                    const std::stop_token& stop = {});

// Standard deviation of the noise of a magnitude series, its unit, and how it was found; 0 when nothing reveals it.
struct Noise {
  double sigma = 0;
  std::string method;
};
[[nodiscard]] Noise estimate_noise(const Series& series);

}  // namespace fitting
