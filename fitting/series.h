#pragma once
// What a fit reads: several images of one anatomy that differ in one acquisition parameter.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fitting/geometry.h"

namespace fitting {

// The acquisition parameter that varies from image to image, and its unit.
enum class Axis { EchoTimeMs, FlipAngleDeg, BValueSPerMm2, InversionTimeMs, SaturationDelayMs, TimeS };

// How the images were acquired. axis[k] belongs to planes[k] and ascends (several planes may share a value).
struct Protocol {
  Axis axis_kind = Axis::EchoTimeMs;
  std::vector<double> axis;
  double repetition_time_ms = 0;  // 0 where the model does not need it

  // Inversion and saturation recovery.
  bool signed_signal = false;  // the planes carry the sign of the magnetisation; otherwise they are magnitudes
  // Where TR changes with the inversion time, that of every plane; empty: repetition_time_ms is all planes'.
  std::vector<double> repetition_times_ms = {};
  bool look_locker = false;   // read out many times after one inversion (MOLLI): T1 = T1* (B/A - 1)
  double slice_delay_ms = 0;  // 2D multi-slice: slice n is read this much later than slice n - 1
  // Saturation recovery with several echoes (MDME): axis is the delay, and planes of one delay ascend in echo time.
  std::vector<double> echo_times_ms = {};
  double saturation_deg = 120, excitation_deg = 90;
  // Dynamic series: when the contrast agent arrives, on the clock of `axis`; frames up to then are the baseline.
  double contrast_arrival_s = 0;
};

// The signal of one contrast for every voxel of a geometry, in its voxel order. Scanners store integers of 16 bits and
// a scale; they are kept as such and become floats where they are used, which halves what a fit holds and reads. A
// value: safe to read from any thread.
class Plane {
 public:
  // value = stored * slope + intercept
  struct Scale {
    float slope = 1, intercept = 0;
    bool operator==(const Scale&) const = default;
  };

  Plane() = default;
  Plane(std::vector<float> values) : stored_(std::move(values)) {}  // NOLINT(google-explicit-constructor): it is one
  // `scales` holds one scale for each of as many equal runs of voxels (slices); stored.size() is a multiple of it.
  Plane(std::vector<std::uint16_t> stored, std::vector<Scale> scales);
  Plane(std::vector<std::int16_t> stored, std::vector<Scale> scales);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] float operator[](std::size_t voxel) const;
  // The values of out.size() voxels from `begin` on.
  void read(std::size_t begin, std::span<float> out) const;
  // The values themselves where they are floats, else empty: saves read() a copy.
  [[nodiscard]] std::span<const float> floats() const;
  [[nodiscard]] std::vector<float> values() const;
  // The values as floats from now on, to be changed.
  [[nodiscard]] std::vector<float>& edit();
  // Equal values, however they are stored.
  [[nodiscard]] bool operator==(const Plane& other) const { return values() == other.values(); }

 private:
  std::variant<std::vector<float>, std::vector<std::uint16_t>, std::vector<std::int16_t>> stored_;
  std::vector<Scale> scales_;  // of integers
  std::size_t run_ = 0;        // voxels that share a scale
};

// planes[k] holds contrast k; all planes share one arbitrary unit. Values are finite; a reader replaces nothing: NaN or
// infinite pixels make it refuse.
struct Series {
  Geometry geometry;
  Protocol protocol;
  std::vector<Plane> planes;
  std::vector<unsigned> averages = {};  // images averaged (geometrically) into planes[k]; empty: one each
};

// A "no" that a person can read: "T2 needs 3 echo times, the series has 2".
struct Refusal {
  std::string reason;
};

}  // namespace fitting
