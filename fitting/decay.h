#pragma once
// What T2 and T2* share beside the kernel in decay-inl.h. For fitting/maps only.
#include <cmath>
#include <span>
#include <vector>

#include "fitting/series.h"

namespace fitting {

inline constexpr int kLeastEchoes = 3;

// Headers round echo times to 10 microseconds or so.
inline bool equidistant(std::span<const double> echo_times_ms) {
  const double spacing = (echo_times_ms.back() - echo_times_ms.front()) / static_cast<double>(echo_times_ms.size() - 1);
  for (std::size_t k = 0; k < echo_times_ms.size(); ++k) {
    if (std::abs(echo_times_ms[k] - echo_times_ms.front() - static_cast<double>(k) * spacing) > 1e-3 * spacing)
      return false;
  }
  return true;
}

inline void decay_signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  for (std::size_t k = 0; k < signal.size(); ++k)
    signal[k] = parameters[1] * std::exp(-protocol.axis[k] / parameters[0]);
}

}  // namespace fitting
