#include "fitting/series.h"

#include <algorithm>
#include <cassert>

namespace fitting {

Plane::Plane(std::vector<std::uint16_t> stored, std::vector<Scale> scales)
    : stored_(std::move(stored)), scales_(std::move(scales)), run_(size() / std::max<std::size_t>(scales_.size(), 1)) {
  assert(run_ * scales_.size() == size());
}

Plane::Plane(std::vector<std::int16_t> stored, std::vector<Scale> scales)
    : stored_(std::move(stored)), scales_(std::move(scales)), run_(size() / std::max<std::size_t>(scales_.size(), 1)) {
  assert(run_ * scales_.size() == size());
}

std::size_t Plane::size() const {
  return std::visit([](const auto& stored) { return stored.size(); }, stored_);
}

float Plane::operator[](std::size_t voxel) const {
  float value = 0;
  read(voxel, {&value, 1});
  return value;
}

void Plane::read(std::size_t begin, std::span<float> out) const {
  if (const auto here = floats(); !here.empty()) {
    std::ranges::copy(here.subspan(begin, out.size()), out.begin());
    return;
  }
  const auto convert = [&](const auto* stored) {
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t voxel = begin + done, run = voxel / run_;
      const std::size_t end = std::min(out.size(), done + (run + 1) * run_ - voxel);
      const auto [slope, intercept] = scales_[run];
      for (; done < end; ++done) out[done] = static_cast<float>(stored[begin + done]) * slope + intercept;
    }
  };
  if (const auto* words = std::get_if<std::vector<std::uint16_t>>(&stored_)) convert(words->data());
  if (const auto* words = std::get_if<std::vector<std::int16_t>>(&stored_)) convert(words->data());
}

std::span<const float> Plane::floats() const {
  const auto* values = std::get_if<std::vector<float>>(&stored_);
  return values != nullptr ? std::span<const float>(*values) : std::span<const float>();
}

std::vector<float> Plane::values() const {
  std::vector<float> all(size());
  read(0, all);
  return all;
}

std::vector<float>& Plane::edit() {
  if (!std::holds_alternative<std::vector<float>>(stored_)) *this = Plane(values());
  return std::get<std::vector<float>>(stored_);
}

}  // namespace fitting
