#include "fitting/polarity.h"

#include <cmath>
#include <string>
#include <vector>

namespace fitting {
namespace {

std::string mismatch(const Series& series, std::span<const Plane> others, const std::string& what) {
  if (series.protocol.signed_signal) return "the series carries its sign already";
  if (series.planes.size() != series.protocol.axis.size() || others.size() != series.planes.size())
    return std::to_string(others.size()) + " " + what + " for " + std::to_string(series.planes.size()) + " images";
  for (std::size_t k = 0; k < others.size(); ++k) {
    if (others[k].size() != series.planes[k].size() || others[k].size() != series.geometry.voxels())
      return "an image and its " + what + " differ in size";
  }
  return {};
}

// The plane whose phase is the one of recovered magnetisation: the last of the same echo, as the axis ascends.
std::size_t reference_of(const Protocol& protocol, std::size_t plane) {
  std::size_t reference = plane;
  for (std::size_t k = plane; k < protocol.axis.size(); ++k) {
    if (protocol.echo_times_ms.empty() || protocol.echo_times_ms[k] == protocol.echo_times_ms[plane]) reference = k;
  }
  return reference;
}

// value(k, voxel): signal of plane k along its reference.
template <class Value>
Series signed_series(const Series& like, Value value) {
  Series result{.geometry = like.geometry, .protocol = like.protocol, .planes = {}, .averages = like.averages};
  result.protocol.signed_signal = true;
  for (std::size_t k = 0; k < like.planes.size(); ++k) {
    const std::size_t reference = reference_of(like.protocol, k);
    std::vector<float> plane(like.planes[k].size());
    for (std::size_t i = 0; i < plane.size(); ++i) plane[i] = value(k, reference, i);
    result.planes.emplace_back(std::move(plane));
  }
  return result;
}

}  // namespace

std::variant<Series, Refusal> with_signs(const Series& magnitudes, std::span<const Plane> phases_rad) {
  if (std::string why = mismatch(magnitudes, phases_rad, "phase images"); !why.empty()) return Refusal{std::move(why)};
  return signed_series(magnitudes, [&](std::size_t k, std::size_t reference, std::size_t i) {
    return magnitudes.planes[k][i] * std::cos(phases_rad[k][i] - phases_rad[reference][i]);
  });
}

std::variant<Series, Refusal> with_signs_of_complex(const Series& real, std::span<const Plane> imaginary) {
  if (std::string why = mismatch(real, imaginary, "imaginary parts"); !why.empty()) return Refusal{std::move(why)};
  return signed_series(real, [&](std::size_t k, std::size_t reference, std::size_t i) {
    const float re = real.planes[reference][i], im = imaginary[reference][i], length = std::hypot(re, im);
    return length > 0 ? (real.planes[k][i] * re + imaginary[k][i] * im) / length : 0.0F;
  });
}

}  // namespace fitting
