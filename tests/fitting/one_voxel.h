#pragma once
// Runs a model on single voxels, as the engine would.
#include <array>
#include <random>
#include <span>
#include <vector>

#include "fitting/model.h"

namespace fitting {

struct Estimates {
  std::array<std::vector<float>, kMaxParameters> value, error;
  std::vector<float> residual;
  std::vector<VoxelStatus> status;
};

using FitFunction = void (*)(const Protocol&, const FitOptions&, const Tile&, const TileFit&);

inline Estimates run(FitFunction fit, const Protocol& protocol, const std::vector<std::vector<float>>& planes,
                     float noise, const FitOptions& options = {}, const std::vector<float>& b1 = {}) {
  Estimates e;
  const std::size_t voxels = planes.front().size();
  std::vector<std::vector<float>> padded = planes;
  std::vector<const float*> signal;
  for (auto& plane : padded) {
    plane.resize(voxels + Tile::kPadding, 1e30F);  // must not matter
    signal.push_back(plane.data());
  }
  std::vector<float> padded_b1 = b1;
  padded_b1.resize(voxels + Tile::kPadding, 1e30F);
  TileFit out;
  for (std::size_t p = 0; p < kMaxParameters; ++p) {
    e.value[p].assign(voxels, -1.0F);
    e.error[p].assign(voxels, -1.0F);
    out.value[p] = e.value[p].data();
    out.error[p] = e.error[p].data();
  }
  e.residual.assign(voxels, -1.0F);
  e.status.assign(voxels, VoxelStatus::Good);
  out.residual = e.residual.data();
  out.status = e.status.data();
  fit(protocol, options,
      {.size = voxels,
       .signal = signal,
       .b1 = b1.empty() ? nullptr : padded_b1.data(),
       .noise = noise,
       .rician_square = protocol.signed_signal ? 0 : noise * noise},
      out);
  return e;
}

// One voxel with the given signal.
inline Estimates run_one(const Model& model, const Protocol& protocol, const std::vector<double>& signal,
                         float noise = 0, const FitOptions& options = {}, const std::vector<float>& b1 = {}) {
  std::vector<std::vector<float>> planes;
  for (const double s : signal) planes.push_back({static_cast<float>(s)});
  return run(model.fit, protocol, planes, noise, options, b1);
}

inline std::vector<double> signal_of(const Model& model, const Protocol& protocol, std::span<const double> truth) {
  std::vector<double> signal(protocol.axis.size());
  model.signal(protocol, truth, signal);
  return signal;
}

// `voxels` values per contrast of one noise-free signal: magnitudes of complex noise, or signed.
inline std::vector<std::vector<float>> noisy(const std::vector<double>& signal, double sigma, std::size_t voxels,
                                             unsigned seed, bool is_signed = false) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, sigma);
  std::vector<std::vector<float>> planes;
  for (const double s : signal) {
    auto& plane = planes.emplace_back(voxels);
    for (float& value : plane) {
      const double real = s + normal(random);
      value = static_cast<float>(is_signed ? real : std::hypot(real, normal(random)));
    }
  }
  return planes;
}

}  // namespace fitting
