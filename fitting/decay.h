#pragma once
// Mono-exponential decay of magnitude data over echo times: the kernel of T2 and T2*. For fitting/maps only.
//
//   S(TE) = S0 exp(-R TE)
//
// (1) Variable projection: R is the only non-linear parameter. The curve is carried relative to the first echo, so that
// nothing
//     underflows where TE is many T2 long. Along equidistant echoes the exponential is a power: one exp() per spacing,
//     not per echo.
// (2) Start: log-linear fit weighted with S^2. It decays or the voxel is NotFitted; growing data get no value.
// (3) Noise floor. A magnitude never falls below the noise; echoes down there make the decay look slow. Which echoes
// are too low is
//     decided on the *fitted* curve: deciding on the noisy samples keeps the lucky ones and biases R (T2* 10 ms at SNR
//     60: +1.1 %). From the first echo whose fitted signal is below `floor_sigmas` x noise on, all are cut, three at
//     least are kept, and the rest is fitted again; twice, because the first fit is itself slowed by the floor.
// (4) Rician bias of the echoes that stay: E|S| ~ sqrt(S^2 + sigma^2) from 3 sigma up (Gudbjartsson & Patz 1995, MRM
// 34:910), so
//     sqrt(S^2 - sigma^2) is fitted.
// (5) Echoes from the first non-positive sample on are never used, whatever the noise: the logarithm has nothing to say
// about them.
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "fitting/voxel.h"

namespace fitting {

inline constexpr std::size_t kLeastEchoes = 3;

template <class Real>
class DecayKernel {
 public:
  // Times between `shortest_ms` and `longest_ms` can be found; echo times ascend.
  DecayKernel(std::span<const double> echo_times_ms, double shortest_ms, double longest_ms, double floor_sigmas,
              double noise)
      : first_ms_(static_cast<Real>(echo_times_ms.front())),
        lowest_rate_(static_cast<Real>(0.5 / longest_ms)),
        highest_rate_(static_cast<Real>(2 / shortest_ms)),
        floor_(static_cast<Real>(floor_sigmas * noise)),
        noise_(static_cast<Real>(noise)),
        signal_(echo_times_ms.size()) {
    for (const double echo_time : echo_times_ms)
      time_ms_.push_back(static_cast<Real>(echo_time - echo_times_ms.front()));
  }

  // value = {decay time in ms, S0}; three echoes at least.
  VoxelFit<Real> operator()(std::span<const Real> measured) {
    std::size_t used = leading_positive(measured);
    for (std::size_t k = 0; k < used; ++k) signal_[k] = without_rician_bias(measured[k]);
    if (used < kLeastEchoes || !start(used)) return {};
    refine(used);
    for (int pass = 0; pass < 2; ++pass) {
      const std::size_t above = above_floor(used);
      if (above == used) break;
      used = above;
      if (!start(used)) return {};
      refine(used);
    }
    return result(used);
  }

 private:
  static constexpr int kSteps = 6;

  static std::size_t leading_positive(std::span<const Real> measured) {
    std::size_t n = 0;
    while (n < measured.size() && measured[n] > 0) ++n;
    return n;
  }

  Real without_rician_bias(Real magnitude) const {  // (4)
    const Real square = magnitude * magnitude - noise_ * noise_;
    return square > 0 ? std::sqrt(square) : Real(0);
  }

  // visit(k, exp(-rate time_k)) for the first `used` echoes. (1)
  template <class Visit>
  void along_curve(std::size_t used, Visit visit) const {
    Real g = 1, spacing = 0, factor = 1;
    visit(std::size_t{0}, g);
    for (std::size_t k = 1; k < used; ++k) {
      const Real next = time_ms_[k] - time_ms_[k - 1];
      if (std::abs(next - spacing) > Real(1e-4) * next) {
        spacing = next;
        factor = std::exp(-rate_ * spacing);
      }
      g *= factor;
      visit(k, g);
    }
  }

  Projection<Real> project(std::size_t used) const {
    Projection<Real> sums;
    along_curve(used, [&](std::size_t k, Real g) { sums.add(g, -time_ms_[k] * g, signal_[k]); });
    return sums;
  }

  // False when the data do not decay. (2)
  bool start(std::size_t used) {
    Real w = 0, wt = 0, wl = 0, wtt = 0, wtl = 0;
    for (std::size_t k = 0; k < used; ++k) {
      if (signal_[k] <= 0) continue;
      const Real weight = signal_[k] * signal_[k] / (signal_[0] * signal_[0]);
      const Real logarithm = std::log(signal_[k] / signal_[0]);
      w += weight;
      wt += weight * time_ms_[k];
      wl += weight * logarithm;
      wtt += weight * time_ms_[k] * time_ms_[k];
      wtl += weight * time_ms_[k] * logarithm;
    }
    const Real rate = (wt * wl - w * wtl) / (w * wtt - wt * wt);
    if (!(rate > 0)) return false;
    rate_ = std::clamp(rate, lowest_rate_, highest_rate_);
    return true;
  }

  void refine(std::size_t used) {
    for (int i = 0; i < kSteps; ++i) rate_ = stepped(rate_, project(used).step(), Real(2), lowest_rate_, highest_rate_);
  }

  // How many of the echoes lie above the noise floor by the fitted curve. (3)
  std::size_t above_floor(std::size_t used) const {
    const Real amplitude = project(used).amplitude();
    std::size_t above = 0;
    along_curve(used, [&](std::size_t k, Real g) {
      if (above == k && (k < kLeastEchoes || amplitude * g >= floor_)) ++above;
    });
    return above;
  }

  VoxelFit<Real> result(std::size_t used) const {
    const Projection<Real> sums = project(used);
    Real rss = 0;
    along_curve(used, [&](std::size_t k, Real g) {
      const Real residual = signal_[k] - sums.amplitude() * g;
      rss += residual * residual;
    });
    const Real to_s0 = std::exp(rate_ * first_ms_);
    // S0 = A exp(R TE1): its error from the covariance of A and R.
    const Real s0_variance = (sums.hh - 2 * first_ms_ * sums.gh + first_ms_ * first_ms_ * sums.gg) / sums.determinant();
    VoxelFit<Real> fit;
    fit.value = {1 / rate_, sums.amplitude() * to_s0};
    fit.error = {noise_ * sums.error_of_q() / (rate_ * rate_), noise_ * to_s0 * std::sqrt(s0_variance)};
    fit.rms = std::sqrt(rss / static_cast<Real>(used));
    fit.status = used < signal_.size() ? VoxelStatus::FewContrasts : VoxelStatus::Good;
    return fit;
  }

  Real first_ms_, lowest_rate_, highest_rate_, floor_, noise_;
  Real rate_ = 0;
  std::vector<Real> time_ms_;  // after the first echo
  std::vector<Real> signal_;
};

}  // namespace fitting
