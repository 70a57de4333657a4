#include "dicom/input/grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>

namespace dicom {
namespace {

constexpr double kSamePositionMm = 0.1;  // between slices of two series; headers round to 0.01 mm or better
constexpr double kSameDirection = 2e-3;  // 0.1 degree
constexpr double kSameSpacing = 1e-3;    // relative
constexpr double kWideGapMm = 20, kWideGapSlices = 5;

fitting::Vec3 normal_of(const Instance& instance) { return instance.row_direction.cross(instance.column_direction); }

bool same_orientation(const Instance& a, const Instance& b) {
  return a.frame_of_reference_uid == b.frame_of_reference_uid &&
         (a.row_direction - b.row_direction).norm() < kSameDirection &&
         (a.column_direction - b.column_direction).norm() < kSameDirection;
}

bool close(double a, double b) { return std::abs(a - b) <= kSameSpacing * std::max(std::abs(a), std::abs(b)); }

bool same_plane(const Instance& a, const Instance& b) {
  if (!same_orientation(a, b) || a.rows != b.rows || a.columns != b.columns) return false;
  if (!close(a.row_spacing_mm, b.row_spacing_mm) || !close(a.column_spacing_mm, b.column_spacing_mm)) return false;
  const fitting::Vec3 shift = b.position_mm - a.position_mm;
  const double rounding =
      1e-4 * std::abs(shift.dot(normal_of(a)));  // of the direction cosines, over the height of the stack
  return std::abs(shift.dot(a.row_direction)) < kSamePositionMm + rounding &&
         std::abs(shift.dot(a.column_direction)) < kSamePositionMm + rounding;
}

template <class Same>
std::vector<Indices> split_by_first(const Indices& images, Instances instances, const Same& same) {
  std::vector<Indices> parts;
  for (const std::size_t i : images) {
    const auto found = std::find_if(parts.begin(), parts.end(),
                                    [&](const Indices& part) { return same(instances[part.front()], instances[i]); });
    if (found == parts.end()) {
      parts.push_back({i});
    } else {
      found->push_back(i);
    }
  }
  return parts;
}

// --- stacks ---

struct Block {  // the images of one series
  Indices images;
  std::vector<double> heights;
  std::optional<double> start_s;
};

std::vector<Block> blocks_of(const Indices& images, Instances instances) {
  std::map<std::string, Block> by_series;
  for (const std::size_t i : images) {
    Block& block = by_series[instances[i].series_uid];
    block.images.push_back(i);
    if (const auto time = instances[i].acquisition_time_s)
      block.start_s = std::min(block.start_s.value_or(*time), *time);
  }
  std::vector<Block> blocks;
  for (auto& [uid, block] : by_series) {
    block.heights = heights_of(block.images, instances);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

bool share_a_slice(const Block& a, const Block& b) {
  for (std::size_t i = 0, j = 0; i < a.heights.size() && j < b.heights.size();) {
    if (std::abs(a.heights[i] - b.heights[j]) <= kSamePositionMm) return true;
    a.heights[i] < b.heights[j] ? ++i : ++j;
  }
  return false;
}

std::vector<double> gaps_of(const std::vector<double>& heights) {
  std::vector<double> gaps(heights.size());
  std::adjacent_difference(heights.begin(), heights.end(), gaps.begin());
  if (!gaps.empty()) gaps.erase(gaps.begin());
  return gaps;
}

bool continues(const Block& a, const Block& b) {
  if (!a.start_s || !b.start_s || std::abs(*a.start_s - *b.start_s) > kContinuesWithinS) return false;
  std::vector<double> all = a.heights;
  all.insert(all.end(), b.heights.begin(), b.heights.end());
  std::sort(all.begin(), all.end());
  const std::vector<double> gaps = gaps_of(all);
  const auto [least, most] = std::minmax_element(gaps.begin(), gaps.end());
  return *most - *least <= kSamePositionMm;
}

std::size_t root_of(std::vector<std::size_t>& parent, std::size_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

std::vector<Indices> connected(const std::vector<Block>& blocks) {
  std::vector<std::size_t> parent(blocks.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  for (std::size_t a = 0; a < blocks.size(); ++a)
    for (std::size_t b = a + 1; b < blocks.size(); ++b)
      if (root_of(parent, a) != root_of(parent, b) &&
          (share_a_slice(blocks[a], blocks[b]) || continues(blocks[a], blocks[b])))
        parent[root_of(parent, b)] = root_of(parent, a);
  std::map<std::size_t, Indices> stacks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Indices& stack = stacks[root_of(parent, i)];
    stack.insert(stack.end(), blocks[i].images.begin(), blocks[i].images.end());
  }
  std::vector<Indices> result;
  for (auto& [root, stack] : stacks) result.push_back(std::move(stack));
  return result;
}

// Heights at which a new stack begins.
std::vector<double> starts_after_wide_gaps(const std::vector<double>& heights) {
  std::vector<double> gaps = gaps_of(heights);
  if (gaps.size() < 3) return {};
  std::vector<double> sorted = gaps;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  const double wide = std::max(kWideGapMm, kWideGapSlices * sorted[sorted.size() / 2]);
  std::vector<double> starts;
  for (std::size_t i = 0; i < gaps.size(); ++i)
    if (gaps[i] >= wide) starts.push_back(heights[i + 1]);
  return starts;
}

std::vector<Indices> split_at(const Indices& images, Instances instances, const std::vector<double>& starts) {
  std::vector<Indices> parts(starts.size() + 1);
  for (const std::size_t i : images) {
    const double height = height_mm(instances[i]) + kSamePositionMm;
    parts[static_cast<std::size_t>(std::upper_bound(starts.begin(), starts.end(), height) - starts.begin())].push_back(
        i);
  }
  return parts;
}

}  // namespace

double height_mm(const Instance& instance) { return instance.position_mm.dot(normal_of(instance)); }

std::vector<double> distinct(std::vector<double> values, const std::function<double(double)>& tolerance) {
  std::sort(values.begin(), values.end());
  std::vector<double> result;
  for (const double value : values)
    if (result.empty() || value - result.back() > tolerance(result.back())) result.push_back(value);
  return result;
}

std::size_t class_of(const std::vector<double>& ascending, double value) {
  const auto next = std::upper_bound(ascending.begin(), ascending.end(), value);
  return next == ascending.begin() ? 0 : static_cast<std::size_t>(next - ascending.begin()) - 1;
}

std::vector<double> heights_of(const Indices& images, Instances instances) {
  std::vector<double> heights;
  for (const std::size_t i : images) heights.push_back(height_mm(instances[i]));
  return distinct(std::move(heights), [](double) { return kSamePositionMm; });
}

std::vector<Indices> split_by_value(const Indices& images, Instances instances, const Value& value,
                                    const std::function<double(double)>& tolerance) {
  std::vector<double> values;
  for (const std::size_t i : images)
    if (const auto v = value(instances[i])) values.push_back(*v);
  const std::vector<double> classes = distinct(std::move(values), tolerance);
  std::vector<Indices> parts(classes.size() + 1);
  for (const std::size_t i : images) {
    const auto v = value(instances[i]);
    parts[v ? class_of(classes, *v) : classes.size()].push_back(i);
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

std::vector<Indices> split_by_orientation(const Indices& images, Instances instances) {
  return split_by_first(images, instances, same_orientation);
}

std::vector<Indices> split_by_plane(const Indices& images, Instances instances) {
  return split_by_first(images, instances, same_plane);
}

std::vector<Indices> split_into_stacks(const Indices& images, Instances instances) {
  std::vector<Indices> stacks;
  for (Indices& together : connected(blocks_of(images, instances))) {
    std::sort(together.begin(), together.end(),
              [&](std::size_t a, std::size_t b) { return precedes(instances[a], instances[b]); });
    for (Indices& part : split_at(together, instances, starts_after_wide_gaps(heights_of(together, instances))))
      stacks.push_back(std::move(part));
  }
  return stacks;
}

fitting::Geometry geometry_of(const Indices& stack, Instances instances) {
  const Instance& first = instances[stack.front()];
  fitting::Geometry geometry;
  geometry.columns = first.columns;
  geometry.rows = first.rows;
  geometry.row_direction = first.row_direction;
  geometry.column_direction = first.column_direction;
  geometry.column_spacing_mm = first.column_spacing_mm;
  geometry.row_spacing_mm = first.row_spacing_mm;
  geometry.slice_thickness_mm = first.slice_thickness_mm;
  const std::vector<double> heights = heights_of(stack, instances);
  geometry.slice_origins_mm.resize(heights.size());
  std::vector<bool> known(heights.size());
  for (const std::size_t i : stack) {
    const std::size_t slice = class_of(heights, height_mm(instances[i]));
    if (!known[slice]) geometry.slice_origins_mm[slice] = instances[i].position_mm;
    known[slice] = true;
  }
  return geometry;
}

}  // namespace dicom
