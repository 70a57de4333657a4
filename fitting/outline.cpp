// Outlines of a mask along voxel edges.
//
// Every edge between an inside and an outside voxel is walked once, the inside on its right hand (clockwise on the
// screen). Where two voxels touch by a corner only, the walk turns right and stays with its voxel, so that they are two
// outlines that share a point. A walk that closes counter-clockwise runs around a hole and is left out.
#include <array>

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

}  // namespace fitting
