#pragma once
// Which images lie on one grid: parallel planes of equal matrix and spacing, stacked along their normal. Internal to
// dicom/input. Every function takes indices in canonical order (by SOP Instance UID), so that the answer does not
// depend on the order of arrival.
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "dicom/input/instance.h"
#include "fitting/geometry.h"

namespace dicom {

inline constexpr double kContinuesWithinS = 10;  // a volume that was stored as two series was acquired at one time

using Indices = std::vector<std::size_t>;
using Instances = std::span<const Instance>;

// Position along the normal of the slice, mm.
[[nodiscard]] double height_mm(const Instance& instance);

// Ascending values that differ by more than `tolerance` from the one before.
[[nodiscard]] std::vector<double> distinct(std::vector<double> values, const std::function<double(double)>& tolerance);
// The last of `ascending` that is not larger than `value` (within rounding): the class of `value` in what distinct()
// returned.
[[nodiscard]] std::size_t class_of(const std::vector<double>& ascending, double value);
// Distinct positions along the normal.
[[nodiscard]] std::vector<double> heights_of(const Indices& images, Instances instances);

// Parts with one value each (within tolerance), ascending; images without the value are a part of their own, last.
using Value = std::function<std::optional<double>(const Instance&)>;
[[nodiscard]] std::vector<Indices> split_by_value(const Indices& images, Instances instances, const Value& value,
                                                  const std::function<double(double)>& tolerance);

// Parts with the same frame of reference and orientation; split_by_plane: and the same matrix, spacing and position
// within the plane.
[[nodiscard]] std::vector<Indices> split_by_orientation(const Indices& images, Instances instances);
[[nodiscard]] std::vector<Indices> split_by_plane(const Indices& images, Instances instances);

// Parts of one split_by_plane() part that are stacks: series that share slice positions belong together, a series that
// continues another one at the same time does too; a wide gap (20 mm and five slices) separates two stacks, e.g. the
// two breasts.
[[nodiscard]] std::vector<Indices> split_into_stacks(const Indices& images, Instances instances);

// The grid of a stack, slices ascending.
[[nodiscard]] fitting::Geometry geometry_of(const Indices& stack, Instances instances);

}  // namespace dicom
