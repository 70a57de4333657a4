// Sizes of a region, and how far two regions agree.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fitting/roi.h"

namespace fitting {
namespace {

using Vec2 = Eigen::Vector2d;

double cross(const Vec2& o, const Vec2& a, const Vec2& b) {
  return (a.x() - o.x()) * (b.y() - o.y()) - (a.y() - o.y()) * (b.x() - o.x());
}

// One side of the convex hull of points in lexicographic order (Andrew 1979).
template <class Points>
std::vector<Vec2> chain(const Points& points) {
  std::vector<Vec2> kept;
  for (const Vec2& point : points) {
    while (kept.size() > 1 && cross(kept[kept.size() - 2], kept.back(), point) <= 0) kept.pop_back();
    kept.push_back(point);
  }
  return kept;
}

std::vector<Vec2> hull(std::vector<Vec2> points) {
  std::ranges::sort(points,
                    [](const Vec2& a, const Vec2& b) { return a.x() != b.x() ? a.x() < b.x() : a.y() < b.y(); });
  std::vector<Vec2> all = chain(points);
  std::ranges::reverse(points);
  const std::vector<Vec2> back = chain(points);
  all.insert(all.end(), back.begin(), back.end());
  return all;
}

// Which points stand for a voxel.
enum class At { Centre, Edges };  // its centre, or the middles of its four edges

void add_voxel(std::vector<Vec2>& points, double column, double row, At at) {
  if (at == At::Centre) {
    points.emplace_back(column, row);
    return;
  }
  for (const double half : {-0.5, 0.5}) {
    points.emplace_back(column + half, row);
    points.emplace_back(column, row + half);
  }
}

// Of the first and last voxel of every row, in units of the grid.
std::vector<Vec2> outermost(const Mask& mask, int slice, At at) {
  std::vector<Vec2> found;
  const std::size_t columns = static_cast<std::size_t>(mask.geometry.columns);
  for (int row = 0; row < mask.geometry.rows; ++row) {
    const auto begin = mask.inside.begin() +
                       static_cast<std::ptrdiff_t>(static_cast<std::size_t>(slice) * mask.geometry.slice_voxels() +
                                                   static_cast<std::size_t>(row) * columns);
    const auto end = begin + static_cast<std::ptrdiff_t>(columns);
    const auto is_inside = [](std::uint8_t voxel) { return voxel != 0; };
    const auto first = std::find_if(begin, end, is_inside);
    if (first == end) continue;
    const auto past =
        std::find_if(std::make_reverse_iterator(end), std::make_reverse_iterator(begin), is_inside).base();
    add_voxel(found, static_cast<double>(first - begin), row, at);
    add_voxel(found, static_cast<double>(past - begin) - 1, row, at);
  }
  return found;
}

// Convex hull of the region in one slice, mm in the patient, in the plane of the voxel centres.
std::vector<Vec3> hull_mm(const Mask& mask, int slice, At at) {
  std::vector<Vec3> points;
  for (const Vec2& point : hull(outermost(mask, slice, at)))
    points.push_back(mask.geometry.centre_mm(point.x(), point.y(), slice));
  return points;
}

double farthest(const std::vector<Vec3>& a, const std::vector<Vec3>& b, const Vec3& offset) {
  double most = 0;
  for (const Vec3& p : a)
    for (const Vec3& q : b) most = std::max(most, (q + offset - p).norm());
  return most;
}

// No point of `points` is farther from the first than this.
double radius(const std::vector<Vec3>& points) { return farthest({points.front()}, points, Vec3::Zero()); }

// The largest distance between points of any two slices, the upper one moved by `offset`.
double caliper(const Mask& mask, At at, const Vec3& offset) {
  std::vector<std::vector<Vec3>> hulls;
  std::vector<double> radii;
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    auto points = hull_mm(mask, slice, at);
    if (points.empty()) continue;
    radii.push_back(radius(points));
    hulls.push_back(std::move(points));
  }
  double most = 0;
  for (std::size_t low = 0; low < hulls.size(); ++low) {
    for (std::size_t high = low; high < hulls.size(); ++high) {
      const double at_most = (hulls[high].front() + offset - hulls[low].front()).norm() + radii[low] + radii[high];
      if (at_most > most) most = std::max(most, farthest(hulls[low], hulls[high], offset));
    }
  }
  return most;
}

}  // namespace

double max_diameter_mm(const Mask& mask, int slice) {
  if (slice < 0 || slice >= mask.geometry.slices()) return 0;
  const std::vector<Vec3> outer = hull_mm(mask, slice, At::Edges), inner = hull_mm(mask, slice, At::Centre);
  return (farthest(outer, outer, Vec3::Zero()) + farthest(inner, inner, Vec3::Zero())) / 2;
}

double feret_diameter_mm(const Mask& mask) {
  const Vec3 height = mask.geometry.normal() * mask.geometry.slice_spacing_mm();  // from one face to the other
  const double faces = std::max(caliper(mask, At::Edges, Vec3::Zero()), caliper(mask, At::Centre, height));
  return mask.count() == 0 ? 0 : (faces + caliper(mask, At::Centre, Vec3::Zero())) / 2;
}

double dice(const Mask& a, const Mask& b) {
  const std::size_t voxels = a.count();
  if (voxels == 0 || b.count() == 0) return 0;
  const double cosine = std::abs(a.geometry.normal().dot(b.geometry.normal()));
  const auto carried_or_not = carry(b, a.geometry);
  const auto* carried = std::get_if<Carried>(&carried_or_not);
  if (carried == nullptr) return cosine < kLeastParallel ? std::numeric_limits<double>::quiet_NaN() : 0;
  std::size_t both = 0;
  for (std::size_t i = 0; i < a.inside.size(); ++i) both += a.inside[i] != 0 && carried->mask.inside[i] != 0 ? 1U : 0U;
  const double whole_b = static_cast<double>(carried->mask.count()) / carried->covered_share;
  return 2 * static_cast<double>(both) / (static_cast<double>(voxels) + whole_b);
}

}  // namespace fitting
