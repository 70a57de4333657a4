// Between masks and outlines: filling, and outlines of a mask along voxel edges.
//
// Every edge between an inside and an outside voxel is walked once, the inside on its right hand (clockwise on the
// screen). Where two voxels touch by a corner only, the walk turns right and stays with its voxel, so that they are two
// outlines that share a point. A walk that closes counter-clockwise runs around a hole and is left out.
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "fitting/roi.h"

namespace fitting {
namespace {

struct Point {
  int column = 0, row = 0;
  bool operator==(const Point&) const = default;
};

// Steps along the grid lines, each the right turn of the one before.
constexpr std::array<Point, 4> kSteps = {{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};
constexpr std::size_t right_of(std::size_t direction) { return (direction + 1) % 4; }
constexpr std::size_t left_of(std::size_t direction) { return (direction + 3) % 4; }

class Walker {
 public:
  Walker(const Mask& mask, int slice)
      : columns_(mask.geometry.columns),
        rows_(mask.geometry.rows),
        inside_(
            std::span(mask.inside)
                .subspan(static_cast<std::size_t>(slice) * mask.geometry.slice_voxels(), mask.geometry.slice_voxels())),
        walked_(static_cast<std::size_t>(columns_ + 1) * static_cast<std::size_t>(rows_ + 1), false) {}

  // Top edges of the region that no walk has passed start a new one; every closed walk passes at least one.
  std::vector<std::vector<Point>> walks() {
    std::vector<std::vector<Point>> all;
    for (int row = 0; row < rows_; ++row) {
      for (int column = 0; column < columns_; ++column) {
        if (inside(column, row) && !inside(column, row - 1) && !walked_[vertex({column, row})])
          all.push_back(walk({column, row}));
      }
    }
    return all;
  }

 private:
  bool inside(int column, int row) const {
    if (column < 0 || row < 0 || column >= columns_ || row >= rows_) return false;
    return inside_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                   static_cast<std::size_t>(column)] != 0;
  }
  std::size_t vertex(Point p) const {
    return static_cast<std::size_t>(p.row) * static_cast<std::size_t>(columns_ + 1) +
           static_cast<std::size_t>(p.column);
  }
  // Is the voxel ahead of `p`, on the right (left) hand of `direction`, inside?
  bool right_ahead(Point p, std::size_t direction) const {
    constexpr std::array<Point, 4> kRight = {{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}}};
    return inside(p.column + kRight[direction].column, p.row + kRight[direction].row);
  }
  bool left_ahead(Point p, std::size_t direction) const { return right_ahead(p, left_of(direction)); }

  std::size_t turn(Point p, std::size_t direction) const {
    if (!right_ahead(p, direction)) return right_of(direction);
    return left_ahead(p, direction) ? left_of(direction) : direction;
  }

  // Corners only, the first repeated at the end.
  std::vector<Point> walk(Point start) {
    std::vector<Point> corners{start};
    Point p = start;
    std::size_t direction = 0;
    do {
      if (direction == 0) walked_[vertex(p)] = true;
      p = {p.column + kSteps[direction].column, p.row + kSteps[direction].row};
      const std::size_t next = turn(p, direction);
      if (next != direction || p == start) corners.push_back(p);
      direction = next;
    } while (p != start || direction != 0);
    return corners;
  }

  int columns_, rows_;
  std::span<const std::uint8_t> inside_;
  std::vector<bool> walked_;  // by vertex: the edge to its right, walked to the right
};

// Twice the area; positive when clockwise on the screen, where rows grow downwards.
long signed_area(const std::vector<Point>& closed) {
  long twice = 0;
  for (std::size_t i = 1; i < closed.size(); ++i) {
    twice += static_cast<long>(closed[i - 1].column) * closed[i].row -
             static_cast<long>(closed[i].column) * closed[i - 1].row;
  }
  return twice;
}

}  // namespace

std::vector<std::vector<std::pair<float, float>>> outlines(const Mask& mask, int slice) {
  std::vector<std::vector<std::pair<float, float>>> outer;
  if (slice < 0 || slice >= mask.geometry.slices()) return outer;
  for (const std::vector<Point>& walk : Walker(mask, slice).walks()) {
    if (signed_area(walk) < 0) continue;
    auto& outline = outer.emplace_back();
    for (const Point& p : walk) outline.emplace_back(static_cast<float>(p.column), static_cast<float>(p.row));
  }
  return outer;
}

// --- filling ---

namespace {

// Where an edge passes the line through the centres of a row of voxels, and which way.
struct Crossing {
  double column = 0;
  int row = 0, way = 0;
};

constexpr double kMostCrossings = 4e6;

// Coordinates that were mm, or single precision, come back to the grid lines that they were drawn on.
Eigen::Vector2d snapped(const Eigen::Vector2d& point) {
  constexpr double kPerVoxel = 1e4;
  return (point * kPerVoxel).array().round().matrix() / kPerVoxel;
}

// The first index whose centre is not before `coordinate`, within 0 to `size`.
int first_centre_from(double coordinate, int size) {
  return static_cast<int>(std::clamp(std::ceil(coordinate - 0.5), 0.0, static_cast<double>(size)));
}

template <class Visit>
void for_each_edge(const Outline& outline, Visit visit) {
  for (std::size_t i = 0; i < outline.size(); ++i)
    visit(snapped(outline[i]), snapped(outline[(i + 1) % outline.size()]));
}

double count_crossings(const Outline& outline, int rows) {
  double count = 0;
  for_each_edge(outline, [&](const Eigen::Vector2d& a, const Eigen::Vector2d& b) {
    count += std::abs(first_centre_from(a.y(), rows) - first_centre_from(b.y(), rows));
  });
  return count;
}

std::vector<Crossing> crossings(const Outline& outline, int rows) {
  std::vector<Crossing> all;
  for_each_edge(outline, [&](const Eigen::Vector2d& a, const Eigen::Vector2d& b) {
    const int from = first_centre_from(a.y(), rows), to = first_centre_from(b.y(), rows);
    for (int row = std::min(from, to); row < std::max(from, to); ++row) {
      const double share = (row + 0.5 - a.y()) / (b.y() - a.y());
      all.push_back({a.x() + share * (b.x() - a.x()), row, from < to ? 1 : -1});
    }
  });
  std::ranges::sort(
      all, [](const Crossing& a, const Crossing& b) { return a.row != b.row ? a.row < b.row : a.column < b.column; });
  return all;
}

}  // namespace

Fill toggle_inside(const Outline& outline, int columns, int rows, std::span<std::uint8_t> slice) {
  assert(slice.size() == static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
  if (count_crossings(outline, rows) > kMostCrossings) return Fill::TooComplicated;
  const std::vector<Crossing> sorted = crossings(outline, rows);
  int winding = 0, lowest = 0, highest = 0;  // a simple outline winds once around what is inside, one way
  for (std::size_t i = 0; i + 1 < sorted.size(); ++i) {
    winding += sorted[i].way;
    if (sorted[i + 1].row != sorted[i].row) continue;  // every row is crossed as often to and fro
    const int from = first_centre_from(sorted[i].column, columns);
    const int to = first_centre_from(sorted[i + 1].column, columns);
    if (from >= to) continue;
    lowest = std::min(lowest, winding);
    highest = std::max(highest, winding);
    if (winding % 2 == 0) continue;
    const auto begin = slice.begin() + static_cast<std::ptrdiff_t>(sorted[i].row) * columns;
    std::for_each(begin + from, begin + to, [](std::uint8_t& voxel) { voxel ^= 1U; });
  }
  return highest - lowest > 1 ? Fill::CrossesItself : Fill::Plain;
}

}  // namespace fitting
