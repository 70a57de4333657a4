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
};

struct CarryOptions {
  double least_area = 0.5;  // share of a target voxel that the region must cover
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

// Carries `mask` to the grid of `target` by real-world position. A target slice takes the nearest source slice, if that
// lies within half a slice spacing (of the coarser of the two); a target voxel belongs to the region when at least
// `least_area` of it is covered. Refuses when the planes are not parallel (> 1 degree) or when nothing overlaps.
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
                                                std::optional<int> slice = std::nullopt);

// Outer outlines of the region in one slice along voxel edges, each closed (first point repeated), in DICOM
// image-relative coordinates (column, row), where (0, 0) is the top left corner of the top left voxel and (0.5, 0.5)
// its centre (PS3.3 C.10.5).
[[nodiscard]] std::vector<std::vector<std::pair<float, float>>> outlines(const Mask& mask, int slice);

}  // namespace fitting
