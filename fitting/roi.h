#pragma once
// Outlined regions: carried from the grid on which they were drawn to the grid of a map, in patient space, and
// measured.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "fitting/geometry.h"
#include "fitting/model.h"
#include "fitting/series.h"

namespace fitting {

// inside[i] is 1 for voxels of the region, 0 elsewhere; voxel order of `geometry`.
struct Mask {
  Geometry geometry;
  std::vector<std::uint8_t> inside;

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t count(int slice) const;
  [[nodiscard]] double volume_mm3() const;
  // The slice with most voxels; the lower one of equals. nullopt when empty.
  [[nodiscard]] std::optional<int> largest_slice() const;
  [[nodiscard]] std::vector<int> occupied_slices() const;  // ascending
};

// These slices of a region, ascending, as a region of its own.
[[nodiscard]] Mask slices_of(const Mask& mask, std::span<const int> slices);

// Planes whose normals have a smaller cosine (1 degree) are not parallel.
inline constexpr double kLeastParallel = 0.99984769515639124;

struct CarryOptions {
  // Share of a target voxel that the region must exceed. A voxel of which exactly half is covered is left out: between
  // grids of which one is twice as fine as the other that is a quarter of the boundary, and what lies beside a lesion
  // may differ from it more than anything in it.
  double more_than = 0.5;
};

struct Carried {
  Mask mask;                     // on the target grid
  double slice_distance_mm = 0;  // largest distance between a source slice that was used and the target slice it served
  double covered_share =
      1;  // share of the region's volume that lies inside the target volume; below 1 the caller must say so
  // Per target slice, to the source slice that served it; infinite for slices that got no voxel.
  std::vector<double> slice_distances_mm;

  // The slice with most voxels; of equals the one nearest to the slice that was outlined, of equally near ones the
  // lower. A coarse outline serves several finer slices alike: only the nearest is the one that was drawn on.
  [[nodiscard]] std::optional<int> largest_slice() const;
};

// Carries `mask` to the grid of `target` by real-world position. A target slice takes the nearest source slice, if its
// centre lies within half a slice spacing of the source: within the region, and not beyond its ends. Where no target
// slice does, the region being thinner than they are apart, the nearest one takes it, up to half of their spacing away.
// A target voxel belongs to the region when more than `more_than` of it is covered. Refuses when the planes are not
// parallel (> 1 degree) or when nothing overlaps.
[[nodiscard]] std::variant<Carried, Refusal> carry(const Mask& mask, const Geometry& target,
                                                   const CarryOptions& options = {});

// Statistics of one map over one region (models.md 6). Failed voxels are left out and counted.
struct Statistics {
  std::size_t voxels = 0;                                                          // of the region
  std::size_t measured = 0;                                                        // with a value
  double mean = 0, sd = 0, median = 0, p5 = 0, p95 = 0, minimum = 0, maximum = 0;  // unit of the map; sd with n-1
  // Of the shape of the distribution, by population moments: m3 / m2^1.5 and m4 / m2^2 - 3 (scipy.stats.skew and
  // kurtosis with their defaults). 0 where all values are equal.
  double skewness = 0, excess_kurtosis = 0;
  // Shannon entropy of the histogram with bins floor(value / width). Width 0: not computed.
  double entropy_bits = 0, entropy_bin_width = 0;
  double area_mm2 = 0;  // of the region in this slice, or in all slices together
  [[nodiscard]] double failed_share() const {
    return voxels == 0 ? 0 : 1.0 - static_cast<double>(measured) / static_cast<double>(voxels);
  }
};
// Over `slice` alone, or over all slices. nullopt when no voxel of the region carries a value (value != 0).
// Percentiles are linear between order statistics (R type 7, numpy default).
[[nodiscard]] std::optional<Statistics> measure(std::span<const float> map, const Mask& mask,
                                                std::optional<int> slice = std::nullopt, double entropy_bin_width = 0);

// --- sizes (models.md 6.3) ---

// The largest caliper of the region in that slice, within its plane, mm; 0 when empty. Between the middles of voxel
// edges it is too large, for an outline along edges is a staircase around the shape that it stands for; between voxel
// centres it is too small. Of disks of 5 to 28 voxels the first errs by +0.4 to +0.8 voxel, the second by -0.5 to -0.1;
// this is their mean, which errs by less than 0.4.
[[nodiscard]] double max_diameter_mm(const Mask& mask, int slice);
// The same in space; a voxel reaches half a slice spacing above and below its centre.
[[nodiscard]] double feret_diameter_mm(const Mask& mask);

// Overlap 2 V(a and b) / (V(a) + V(b)) of two regions in patient space, 0..1; b is carried to a's grid, and what of it
// lies beyond that grid counts as not overlapping. 0 when either is empty or they do not touch; NaN when their planes
// are not parallel, for which there is no answer here.
[[nodiscard]] double dice(const Mask& a, const Mask& b);

// --- outlines ---

// A closed polygon in image-relative coordinates (column, row) as below; the first point is not repeated.
using Outline = std::vector<Eigen::Vector2d>;

enum class Fill {
  Plain,
  CrossesItself,   // filled, but another rule than even-odd would have filled it otherwise
  TooComplicated,  // more than four million crossings with the rows: nothing was filled
};
// Toggles every voxel of `slice` (rows x columns) whose centre lies inside `outline` by the even-odd rule; a centre on
// the line belongs to the voxel on the right of it, or below. Outlines that are filled one after the other into one
// slice make holes and islands. Points must be finite; those outside the slice are welcome.
Fill toggle_inside(const Outline& outline, int columns, int rows, std::span<std::uint8_t> slice);

// Outer outlines of the region in one slice along voxel edges, each closed (first point repeated), in DICOM
// image-relative coordinates (column, row), where (0, 0) is the top left corner of the top left voxel and (0.5, 0.5)
// its centre (PS3.3 C.10.5).
[[nodiscard]] std::vector<std::vector<std::pair<float, float>>> outlines(const Mask& mask, int slice);

}  // namespace fitting
