#pragma once
// What the fits of all maps share: gathering a voxel, variable projection, judging and writing an estimate. For
// fitting/maps only.
//
// Templates over Real: float is the product, double its oracle. All loops have a fixed or data-independent order, so a
// voxel's result depends on its own signal alone, not on its tile or thread.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "fitting/model.h"

namespace fitting {

template <class Real>
struct VoxelFit {
  std::array<Real, kMaxParameters> value{};
  std::array<Real, kMaxParameters> error{};
  Real rms = 0;  // of the residuals, unit of the signal
  VoxelStatus status = VoxelStatus::NotFitted;
};

// Inner products of data y, curve g(q) and its derivative h = dg/dq: all that variable projection of y ~ A g(q) needs
// (Golub & Pereyra 1973, SIAM J Numer Anal 10:413; Kaufman 1975, BIT 15:49). A is eliminated; q is the only unknown
// left.
template <class Real>
struct Projection {
  Real gg = 0, gy = 0, gh = 0, hh = 0, hy = 0;

  void add(Real g, Real h, Real y) {
    gg += g * g;
    gy += g * y;
    gh += g * h;
    hh += h * h;
    hy += h * y;
  }
  [[nodiscard]] Real amplitude() const { return gy / gg; }
  [[nodiscard]] Real determinant() const { return gg * hh - gh * gh; }
  // The Gauss-Newton step of q.
  [[nodiscard]] Real step() const { return (hy - amplitude() * gh) * gg / (amplitude() * determinant()); }
  // Standard error of q for noise of standard deviation 1 (the inverse Fisher information).
  [[nodiscard]] Real error_of_q() const { return std::sqrt(gg / determinant()) / std::abs(amplitude()); }
};

// Keeps a Gauss-Newton step within a factor of the present value and within bounds; NaN leaves the value where it is.
template <class Real>
Real stepped(Real q, Real step, Real factor, Real lower, Real upper) {
  const Real next = q + step;
  if (!(std::abs(next) <= std::numeric_limits<Real>::max())) return q;
  return std::clamp(std::clamp(next, q / factor, q * factor), lower, upper);
}

namespace detail {

// Why a voxel need not be tried, or Good.
template <class Real>
VoxelStatus examine(std::span<const Real> y, Real strongest, Real floor) {
  if (!std::ranges::all_of(y, [](Real s) { return std::isfinite(s); })) return VoxelStatus::NotFitted;
  if (strongest <= 0 || strongest < floor) return VoxelStatus::BelowSnr;
  if (std::ranges::all_of(y, [&](Real s) { return s == y.front(); })) return VoxelStatus::NotFitted;
  return VoxelStatus::Good;
}

template <class Real>
bool finite(const VoxelFit<Real>& fit) {
  constexpr auto kIsStorable = [](Real x) {
    return std::abs(x) <= static_cast<Real>(std::numeric_limits<float>::max());
  };
  return std::ranges::all_of(fit.value, kIsStorable) && std::ranges::all_of(fit.error, kIsStorable) &&
         kIsStorable(fit.rms);
}

template <class Real>
bool inside(const Parameter& parameter, Real value) {
  return static_cast<double>(value) >= parameter.lower && static_cast<double>(value) <= parameter.upper;
}

// The verdict on an estimate: failures replace whatever the fit said, doubts are added to it.
template <class Real>
VoxelStatus judge(const VoxelFit<Real>& fit, std::span<const Parameter> parameters, const FitOptions& options,
                  Real strongest) {
  if (failed(fit.status)) return fit.status;
  if (!finite(fit)) return VoxelStatus::NotFitted;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    if (!inside(parameters[p], fit.value[p])) return VoxelStatus::AtBound;
  }
  VoxelStatus status = fit.status;
  if (fit.error[0] > static_cast<Real>(options.largest_relative_error) * fit.value[0])
    status = status | VoxelStatus::Uncertain;
  if (fit.rms > static_cast<Real>(options.largest_relative_residual) * strongest) status = status | VoxelStatus::Misfit;
  return status;
}

template <class Real>
void write(const VoxelFit<Real>& fit, std::size_t parameters, Real strongest, std::size_t voxel, const TileFit& out) {
  const bool valid = !failed(fit.status);
  for (std::size_t p = 0; p < parameters; ++p) {
    out.value[p][voxel] = valid ? static_cast<float>(fit.value[p]) : 0.0F;
    out.error[p][voxel] = valid ? static_cast<float>(fit.error[p]) : 0.0F;
  }
  out.residual[voxel] = valid ? static_cast<float>(fit.rms / strongest) : 0.0F;
  out.status[voxel] = fit.status;
}

}  // namespace detail

// Calls fit_voxel(signal of the voxel, its index in the tile) -> VoxelFit for every voxel worth a try, judges and
// writes the outcome.
template <class Real, class FitVoxel>
void fit_voxels(std::span<const Parameter> parameters, const FitOptions& options, const Tile& tile, const TileFit& out,
                FitVoxel fit_voxel) {
  std::vector<Real> y(tile.signal.size());
  const Real floor =
      std::max(static_cast<Real>(options.least_snr) * static_cast<Real>(tile.noise), static_cast<Real>(tile.floor));
  for (std::size_t i = 0; i < tile.size; ++i) {
    for (std::size_t k = 0; k < y.size(); ++k) y[k] = static_cast<Real>(tile.signal[k][i]);
    const std::span<const Real> signal(y);
    const Real strongest = std::ranges::max(signal);
    VoxelFit<Real> fit{.status = detail::examine(signal, strongest, floor)};
    if (fit.status == VoxelStatus::Good) {
      fit = fit_voxel(signal, i);
      fit.status = detail::judge(fit, parameters, options, strongest);
    }
    detail::write(fit, parameters.size(), strongest, i, out);
  }
}

}  // namespace fitting
