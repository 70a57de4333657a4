#pragma once
// Private to classifier/: a perceptually ordered colour map.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace classifier {

// Viridis (Smith and van der Walt, CC0) by control points at ninths, straight lines between: dark blue at 0, yellow at
// 1, lightness even in between, also in grey and to the colour-blind. Values beyond are those of the ends.
[[nodiscard]] inline std::array<std::uint8_t, 3> viridis(double part) {
  constexpr std::array<std::array<double, 3>, 10> kPoints{{{68, 1, 84},
                                                           {72, 40, 120},
                                                           {62, 74, 137},
                                                           {49, 104, 142},
                                                           {38, 130, 142},
                                                           {31, 158, 137},
                                                           {53, 183, 121},
                                                           {109, 205, 89},
                                                           {180, 222, 44},
                                                           {253, 231, 37}}};
  const double at = std::clamp(part, 0., 1.) * (kPoints.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(at), kPoints.size() - 2);
  std::array<std::uint8_t, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c)
    colour[c] = static_cast<std::uint8_t>(
        std::lround(std::lerp(kPoints[below][c], kPoints[below + 1][c], at - static_cast<double>(below))));
  return colour;
}

}  // namespace classifier
