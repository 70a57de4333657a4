#include "fitting/roi.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace fitting {

// --- masks ---

namespace {

std::span<const std::uint8_t> slice_of(const Mask& mask, int slice) {
  const std::size_t size = mask.geometry.slice_voxels();
  return std::span(mask.inside).subspan(static_cast<std::size_t>(slice) * size, size);
}

std::size_t count_inside(std::span<const std::uint8_t> inside) {
  return static_cast<std::size_t>(std::ranges::count_if(inside, [](std::uint8_t v) { return v != 0; }));
}

double pixel_area_mm2(const Geometry& geometry) { return geometry.column_spacing_mm * geometry.row_spacing_mm; }

}  // namespace

std::size_t Mask::count() const { return count_inside(inside); }

std::size_t Mask::count(int slice) const {
  return slice < 0 || slice >= geometry.slices() ? 0 : count_inside(slice_of(*this, slice));
}

double Mask::volume_mm3() const {
  return static_cast<double>(count()) * pixel_area_mm2(geometry) * geometry.slice_spacing_mm();
}

std::vector<int> Mask::occupied_slices() const {
  std::vector<int> occupied;
  for (int slice = 0; slice < geometry.slices(); ++slice)
    if (count(slice) > 0) occupied.push_back(slice);
  return occupied;
}

Mask slices_of(const Mask& mask, std::span<const int> slices) {
  Mask part{.geometry = mask.geometry, .inside = {}};
  part.geometry.slice_origins_mm.clear();
  for (const int slice : slices) {
    part.geometry.slice_origins_mm.push_back(mask.geometry.slice_origins_mm[static_cast<std::size_t>(slice)]);
    const auto inside = slice_of(mask, slice);
    part.inside.insert(part.inside.end(), inside.begin(), inside.end());
  }
  return part;
}

std::optional<int> Mask::largest_slice() const {
  std::optional<int> largest;
  std::size_t most = 0;
  for (int slice = 0; slice < geometry.slices(); ++slice) {
    if (count(slice) <= most) continue;
    most = count(slice);
    largest = slice;
  }
  return largest;
}

// --- carrying ---
//
// The planes are parallel, so that the third dimension is a choice of slices, and within a slice the source voxels are
// parallelograms on the target grid. Their overlap with each target voxel is clipped exactly: no sampling, so that the
// same grid gives the same mask, a coarser one the true share, at any rotation.
namespace {

using Vec2 = Eigen::Vector2d;

// A convex polygon with room for a quadrilateral clipped by four edges.
struct Polygon {
  std::array<Vec2, 8> corner;
  std::size_t size = 0;
  void add(const Vec2& point) {
    assert(size < corner.size());
    corner[size++] = point;
  }
};

double area(const Polygon& polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size; ++i) {
    const Vec2 a = polygon.corner[i], b = polygon.corner[(i + 1) % polygon.size];
    twice += a.x() * b.y() - b.x() * a.y();
  }
  return std::abs(twice) / 2;
}

// The part of the polygon with sign * coordinate[axis] <= sign * limit (Sutherland & Hodgman 1974).
Polygon cut(const Polygon& polygon, int axis, double sign, double limit) {
  Polygon kept;
  for (std::size_t i = 0; i < polygon.size; ++i) {
    const Vec2 a = polygon.corner[i], b = polygon.corner[(i + 1) % polygon.size];
    const double beyond_a = sign * (a[axis] - limit), beyond_b = sign * (b[axis] - limit);
    if (beyond_a <= 0) kept.add(a);
    if ((beyond_a <= 0) != (beyond_b <= 0)) kept.add(a + (b - a) * (beyond_a / (beyond_a - beyond_b)));
  }
  return kept;
}

Polygon clipped(Polygon polygon, const Vec2& low, const Vec2& high) {
  for (const int axis : {0, 1}) {
    polygon = cut(polygon, axis, 1, high[axis]);
    polygon = cut(polygon, axis, -1, low[axis]);
  }
  return polygon;
}

// Where a point lies in a slice of `grid`: (column, row), (0, 0) the outer corner of the first voxel, as in outlines().
Vec2 image_coordinates(const Geometry& grid, int slice, const Vec3& point) {
  const Vec3 offset = point - grid.slice_origins_mm[static_cast<std::size_t>(slice)];
  return {offset.dot(grid.row_direction) / grid.column_spacing_mm + 0.5,
          offset.dot(grid.column_direction) / grid.row_spacing_mm + 0.5};
}

Polygon voxel_outline(const Geometry& source, int slice, int column, int row, const Geometry& target,
                      int target_slice) {
  Polygon outline;
  for (const auto& [dx, dy] : {std::pair{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}}) {
    outline.add(image_coordinates(target, target_slice, source.centre_mm(column + dx, row + dy, slice)));
  }
  return outline;
}

template <class Visit>
void for_each_inside(const Mask& mask, int slice, Visit visit) {
  const auto inside = slice_of(mask, slice);
  for (int row = 0; row < mask.geometry.rows; ++row) {
    for (int column = 0; column < mask.geometry.columns; ++column) {
      if (inside[static_cast<std::size_t>(row) * static_cast<std::size_t>(mask.geometry.columns) +
                 static_cast<std::size_t>(column)] != 0) {
        visit(column, row);
      }
    }
  }
}

// Adds to `covered` the share of each voxel of the target slice that this outline covers.
void cover(const Polygon& outline, const Geometry& target, std::vector<double>& covered) {
  Vec2 low = outline.corner[0], high = outline.corner[0];
  for (std::size_t i = 1; i < outline.size; ++i) {
    low = low.cwiseMin(outline.corner[i]);
    high = high.cwiseMax(outline.corner[i]);
  }
  const Vec2 size(target.columns, target.rows);
  low = low.array().floor().matrix().cwiseMax(Vec2::Zero());
  high = high.array().ceil().matrix().cwiseMin(size);
  for (int row = static_cast<int>(low.y()); row < high.y(); ++row) {
    for (int column = static_cast<int>(low.x()); column < high.x(); ++column) {
      const Vec2 corner(column, row);
      const double share = area(clipped(outline, corner, corner + Vec2::Ones()));
      covered[static_cast<std::size_t>(row) * static_cast<std::size_t>(target.columns) +
              static_cast<std::size_t>(column)] += share;
    }
  }
}

// Half of what one slice stands for. Neighbours farther apart than one and a half thicknesses have slices missing
// between them, which a region must not jump.
double reach_mm(const Geometry& geometry) {
  const double spacing = geometry.slice_spacing_mm();
  const double thickness = geometry.slice_thickness_mm;
  return 0.5 * (thickness > 0 ? std::min(spacing, 1.5 * thickness) : spacing);
}

// Heights of the source slices along the target's normal, taken below the middle of the region: planes may differ by a
// degree.
std::vector<double> heights_of(const Mask& mask, const Geometry& target) {
  double columns = 0, rows = 0, voxels = 0;
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    for_each_inside(mask, slice, [&](int column, int row) {
      columns += column;
      rows += row;
      voxels += 1;
    });
  }
  std::vector<double> heights;
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    heights.push_back(mask.geometry.centre_mm(columns / voxels, rows / voxels, slice).dot(target.normal()));
  }
  return heights;
}

// The index of the height nearest to `height`, the lower of equals; nullopt when farther than `reach`.
std::optional<std::size_t> nearest(std::span<const double> heights, double height, double reach) {
  const auto distance = [&](double h) { return std::abs(h - height); };
  const auto found = std::ranges::min_element(heights, {}, distance);
  constexpr double kTolerance = 1e-6;
  if (found == heights.end() || distance(*found) > reach + kTolerance) return std::nullopt;
  return static_cast<std::size_t>(found - heights.begin());
}

// Per target slice the source slice that serves it: the nearest one, if the centre of the target slice lies in what
// that one stands for (`own`, half of it). A region that is thinner than the target's slices are apart may hold no such
// centre: then the one target slice nearest to it, within `reach`, is served.
std::vector<std::optional<std::size_t>> served_slices(std::span<const double> source_heights,
                                                      std::span<const double> target_heights, double own,
                                                      double reach) {
  std::vector<std::optional<std::size_t>> served;
  for (const double height : target_heights) served.push_back(nearest(source_heights, height, own));
  if (std::ranges::any_of(served, [](const auto& source) { return source.has_value(); })) return served;
  const auto distance = [&](double height) {
    const auto source = nearest(source_heights, height, reach);
    return source ? std::abs(source_heights[*source] - height) : std::numeric_limits<double>::infinity();
  };
  const auto closest = std::ranges::min_element(target_heights, {}, distance);
  if (closest != target_heights.end())
    served[static_cast<std::size_t>(closest - target_heights.begin())] = nearest(source_heights, *closest, reach);
  return served;
}

// Share of the region's volume that lies inside the target volume.
double covered_share(const Mask& mask, const Geometry& target, std::span<const double> source_heights,
                     std::span<const double> target_heights, double reach) {
  double whole = 0, covered = 0;
  const Vec2 size(target.columns, target.rows);
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    const auto served = nearest(target_heights, source_heights[static_cast<std::size_t>(slice)], reach);
    const int target_slice = static_cast<int>(served.value_or(0));
    for_each_inside(mask, slice, [&](int column, int row) {
      const Polygon outline = voxel_outline(mask.geometry, slice, column, row, target, target_slice);
      whole += area(outline);
      if (served) covered += area(clipped(outline, Vec2::Zero(), size));
    });
  }
  return covered / whole;
}

// Fills one slice of `carried` from one slice of `mask`; true when any voxel was set.
bool carry_slice(const Mask& mask, int slice, const CarryOptions& options, int target_slice, Mask& carried) {
  const Geometry& target = carried.geometry;
  std::vector<double> covered(target.slice_voxels(), 0.0);
  for_each_inside(mask, slice, [&](int column, int row) {
    cover(voxel_outline(mask.geometry, slice, column, row, target, target_slice), target, covered);
  });
  constexpr double kRounding = 1e-6;
  const double least = options.more_than + kRounding;
  bool any = false;
  for (std::size_t i = 0; i < covered.size(); ++i) {
    if (covered[i] <= least) continue;
    carried.inside[static_cast<std::size_t>(target_slice) * target.slice_voxels() + i] = 1;
    any = true;
  }
  return any;
}

std::optional<Refusal> why_not(const Mask& mask, const Geometry& target) {
  if (mask.count() == 0) return Refusal{"the region is empty"};
  if (target.voxels() == 0) return Refusal{"the map has no voxels"};
  const double cosine = std::abs(mask.geometry.normal().dot(target.normal()));
  if (cosine < kLeastParallel) return Refusal{"the region's planes are not parallel to the map's"};
  return std::nullopt;
}

}  // namespace

std::optional<int> Carried::largest_slice() const {
  constexpr double kTolerance = 1e-6;  // as in nearest()
  std::optional<int> largest = mask.largest_slice();
  if (!largest) return std::nullopt;
  const auto distance = [&](int slice) { return slice_distances_mm[static_cast<std::size_t>(slice)]; };
  const std::size_t most = mask.count(*largest);
  for (int slice = *largest + 1; slice < mask.geometry.slices(); ++slice) {
    if (mask.count(slice) == most && distance(slice) < distance(*largest) - kTolerance) largest = slice;
  }
  return largest;
}

std::variant<Carried, Refusal> carry(const Mask& mask, const Geometry& target, const CarryOptions& options) {
  if (auto refusal = why_not(mask, target)) return *refusal;
  const std::vector<double> source_heights = heights_of(mask, target);
  std::vector<double> target_heights;
  for (int slice = 0; slice < target.slices(); ++slice) target_heights.push_back(target.height_mm(slice));
  const double reach = std::max(reach_mm(mask.geometry), reach_mm(target));
  const auto served = served_slices(source_heights, target_heights, reach_mm(mask.geometry), reach);

  Carried carried{.mask = {target, std::vector<std::uint8_t>(target.voxels(), 0)}, .slice_distances_mm = {}};
  carried.slice_distances_mm.assign(target_heights.size(), std::numeric_limits<double>::infinity());
  carried.covered_share = covered_share(mask, target, source_heights, target_heights, reach);
  if (carried.covered_share <= 0) return Refusal{"the region lies outside the map"};
  for (int slice = 0; slice < target.slices(); ++slice) {
    const double height = target_heights[static_cast<std::size_t>(slice)];
    const auto source = served[static_cast<std::size_t>(slice)];
    if (!source || !carry_slice(mask, static_cast<int>(*source), options, slice, carried.mask)) continue;
    const double distance = std::abs(source_heights[*source] - height);
    carried.slice_distances_mm[static_cast<std::size_t>(slice)] = distance;
    carried.slice_distance_mm = std::max(carried.slice_distance_mm, distance);
  }
  if (carried.mask.count() == 0) return Refusal{"the region covers no voxel of the map sufficiently"};
  return carried;
}

// --- measuring ---

namespace {

// R type 7, numpy's default: linear between the order statistics.
double percentile(std::span<const double> sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

std::vector<double> sorted_values(std::span<const float> map, std::span<const std::uint8_t> inside) {
  std::vector<double> values;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != 0 && map[i] != 0 && std::isfinite(map[i])) values.push_back(static_cast<double>(map[i]));
  }
  std::ranges::sort(values);
  return values;
}

// Central moments of the population: skewness and excess kurtosis (models.md 1.3).
void add_shape(std::span<const double> sorted, Statistics& s) {
  double second = 0, third = 0, fourth = 0;
  for (const double value : sorted) {
    const double d = value - s.mean;
    second += d * d;
    third += d * d * d;
    fourth += d * d * d * d;
  }
  const double n = static_cast<double>(sorted.size());
  // Equal values that have no exact mean: what is left of them is rounding.
  if (second / n <= 1e-24 * s.mean * s.mean) return;
  second /= n;
  s.skewness = third / n / std::pow(second, 1.5);
  s.excess_kurtosis = fourth / n / (second * second) - 3;
}

// Equal bins are neighbours, since the values are in order.
double entropy_bits(std::span<const double> sorted, double width) {
  double entropy = 0;
  for (std::size_t first = 0; first < sorted.size();) {
    const double bin = std::floor(sorted[first] / width);
    std::size_t next = first + 1;
    while (next < sorted.size() && std::floor(sorted[next] / width) == bin) ++next;
    const double share = static_cast<double>(next - first) / static_cast<double>(sorted.size());
    entropy -= share * std::log2(share);
    first = next;
  }
  return std::max(entropy, 0.0);
}

void summarise(std::span<const double> sorted, Statistics& s) {
  const double n = static_cast<double>(sorted.size());
  s.measured = sorted.size();
  s.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
  double squares = 0;
  for (const double value : sorted) squares += (value - s.mean) * (value - s.mean);
  s.sd = sorted.size() < 2 ? 0 : std::sqrt(squares / (n - 1));
  s.median = percentile(sorted, 0.5);
  s.p5 = percentile(sorted, 0.05);
  s.p95 = percentile(sorted, 0.95);
  s.minimum = sorted.front();
  s.maximum = sorted.back();
  add_shape(sorted, s);
}

}  // namespace

std::optional<Statistics> measure(std::span<const float> map, const Mask& mask, std::optional<int> slice,
                                  double entropy_bin_width) {
  assert(map.size() == mask.inside.size() && mask.inside.size() == mask.geometry.voxels());
  if (slice && (*slice < 0 || *slice >= mask.geometry.slices())) return std::nullopt;
  const std::size_t size = mask.geometry.slice_voxels();
  const std::span<const std::uint8_t> inside = slice ? slice_of(mask, *slice) : std::span(mask.inside);
  const std::span<const float> values = slice ? map.subspan(static_cast<std::size_t>(*slice) * size, size) : map;
  const std::vector<double> sorted = sorted_values(values, inside);
  if (sorted.empty()) return std::nullopt;
  Statistics statistics{.voxels = count_inside(inside)};
  statistics.area_mm2 = static_cast<double>(statistics.voxels) * pixel_area_mm2(mask.geometry);
  summarise(sorted, statistics);
  if (entropy_bin_width > 0) {
    statistics.entropy_bin_width = entropy_bin_width;
    statistics.entropy_bits = entropy_bits(sorted, entropy_bin_width);
  }
  return statistics;
}

}  // namespace fitting
