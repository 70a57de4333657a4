#include "server/simulation/reader.h"

#include <array>
#include <cmath>
#include <numbers>
#include <random>

namespace server::simulation {
namespace {

using fitting::Vec3;

constexpr double kBias_mm = 0.6, kReading_mm = 0.3, kWander_mm = 0.6;
constexpr int kWaves = 3;  // along the edge

class Hand {
 public:
  Hand(const SimulateOptions& options, int reader, int repeat)
      : bias_(generator(options, {reader, 0})), reading_(generator(options, {reader, repeat})) {
    offset_mm_ = kBias_mm * swing(bias_) + kReading_mm * swing(reading_);
  }
  // The next slice.
  void move_on() {
    for (int wave = 0; wave < kWaves; ++wave) {
      height_mm_[wave] = kWander_mm / kWaves * swing(reading_);
      phase_[wave] = std::numbers::pi * swing(reading_);
    }
  }
  // How far outside the edge the line is, in that direction.
  [[nodiscard]] double off_mm(double angle) const {
    double off = offset_mm_;
    for (int wave = 0; wave < kWaves; ++wave) off += height_mm_[wave] * std::cos((wave + 1) * angle + phase_[wave]);
    return off;
  }

 private:
  static std::mt19937_64 generator(const SimulateOptions& options, std::array<int, 2> numbers) {
    std::seed_seq seed{static_cast<std::uint32_t>(options.seed), static_cast<std::uint32_t>(options.seed >> 32),
                       static_cast<std::uint32_t>(numbers[0]), static_cast<std::uint32_t>(numbers[1])};
    return std::mt19937_64(seed);
  }
  // -1..1. The standard says what the generator gives, not what its distributions make of it.
  static double swing(std::mt19937_64& generator) { return static_cast<double>(generator() >> 11) * 0x1.0p-52 - 1; }

  std::mt19937_64 bias_, reading_;
  double offset_mm_ = 0;
  std::array<double, kWaves> height_mm_{}, phase_{};
};

// The radius of the lesion at that angle in the slice at that height; nullopt above and below it.
std::optional<double> edge_mm(const Vec3& half, double height_mm, double angle) {
  const double share = 1 - height_mm * height_mm / (half.z() * half.z());
  if (share < 0) return std::nullopt;
  return std::sqrt(share) / std::hypot(std::cos(angle) / half.x(), std::sin(angle) / half.y());
}

}  // namespace

fitting::Mask drawn_by(const SimulateOptions& options, double field_mm, int reader, int repeat) {
  fitting::Mask mask{slab(options, field_mm), {}};
  const Vec3 centre = fitting::lesion_centre_mm(), half = fitting::lesion_half_axes_mm(phantom_of(options));
  Hand hand(options, reader, repeat);
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    hand.move_on();
    for (int row = 0; row < mask.geometry.rows; ++row) {
      for (int column = 0; column < mask.geometry.columns; ++column) {
        const Vec3 from = mask.geometry.centre_mm(column, row, slice) - centre;
        const double angle = std::atan2(from.y(), from.x());
        const auto edge = edge_mm(half, from.z(), angle);
        mask.inside.push_back(edge && std::hypot(from.x(), from.y()) <= *edge + hand.off_mm(angle));
      }
    }
  }
  return mask;
}

std::string reader_name(int reader) {
  static constexpr std::array kNames{"One", "Two", "Three", "Four", "Five"};
  static_assert(kNames.size() == kMostReaders);
  return std::string("Reader^") + kNames[static_cast<std::size_t>(reader - 1)];
}

}  // namespace server::simulation
