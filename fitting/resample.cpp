#include "fitting/resample.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numbers>
#include <numeric>

#include "fitting/parallel.h"

namespace fitting {

// --- rigid transforms ---

RigidTransform RigidTransform::inverse() const {
  const Eigen::Matrix3d back = rotation.transpose();
  return {.rotation = back, .centre_mm = centre_mm, .translation_mm = -(back * translation_mm)};
}

double RigidTransform::angle_deg() const {
  const double sine =
      Vec3(rotation(2, 1) - rotation(1, 2), rotation(0, 2) - rotation(2, 0), rotation(1, 0) - rotation(0, 1)).norm();
  return std::atan2(sine, rotation.trace() - 1) * 180 / std::numbers::pi;
}

// --- what can be resampled ---

namespace {

bool positive(double value) { return std::isfinite(value) && value > 0; }

bool orthonormal(const Vec3& a, const Vec3& b) {
  constexpr double kTolerance = 1e-3;  // direction cosines have six digits, in old exports four
  return std::abs(a.norm() - 1) < kTolerance && std::abs(b.norm() - 1) < kTolerance && std::abs(a.dot(b)) < kTolerance;
}

bool ascending(const Geometry& geometry) {
  for (int slice = 0; slice < geometry.slices(); ++slice) {
    if (!geometry.slice_origins_mm[static_cast<std::size_t>(slice)].allFinite()) return false;
    if (slice > 0 && !(geometry.height_mm(slice) > geometry.height_mm(slice - 1))) return false;
  }
  return true;
}

}  // namespace

std::string what_is_wrong(const Geometry& geometry) {
  if (geometry.columns < 1 || geometry.rows < 1 || geometry.slices() < 1) return "the volume has no voxels";
  if (!positive(geometry.column_spacing_mm) || !positive(geometry.row_spacing_mm) ||
      !positive(geometry.slice_thickness_mm))
    return "the volume has a voxel size that is not positive";
  if (!orthonormal(geometry.row_direction, geometry.column_direction))
    return "the volume's directions of rows and columns are not at right angles";
  if (!ascending(geometry)) return "the volume's slices do not ascend along their normal";
  return "";
}

// --- interpolation ---

namespace {

// Where a coordinate falls on an axis: between two neighbours, of which the second may weigh nothing.
struct Between {
  int first = 0, second = 0;
  float second_weight = 0;
};

constexpr double kRounding = 1e-4;  // of a voxel: what arithmetic may add to a point on a face

// On an axis of `count` voxels at 0, 1, 2, …; false outside their boxes.
bool locate(double at, int count, Between& between) {
  if (!(at >= -0.5 - kRounding && at <= count - 0.5 + kRounding)) return false;
  const double inside = std::clamp(at, 0.0, static_cast<double>(count - 1));
  between.first = std::min(static_cast<int>(inside), count - 1);
  between.second_weight = static_cast<float>(inside - between.first);
  if (between.second_weight < kRounding) between.second_weight = 0;
  between.second = std::min(between.first + 1, count - 1);
  return true;
}

// A source volume, ready to be asked for its value anywhere.
class Source {
 public:
  Source(const Geometry& geometry, std::span<const float> values)
      : geometry_(geometry), values_(values), normal_(geometry.normal()), spacing_(geometry.slice_spacing_mm()) {
    for (int slice = 0; slice < geometry.slices(); ++slice) heights_.push_back(geometry.height_mm(slice));
  }

  // False where the volume does not know.
  bool value_at(const Vec3& point_mm, float& value) const {
    Between slices;
    if (!locate_slice(point_mm.dot(normal_), slices)) return false;
    if (!value_in(slices.first, point_mm, value)) return false;
    if (slices.second_weight == 0) return true;
    float above = 0;
    if (!value_in(slices.second, point_mm, above)) return false;
    value += slices.second_weight * (above - value);
    return true;
  }

 private:
  bool locate_slice(double height, Between& slices) const {
    const auto above = std::ranges::upper_bound(heights_, height);
    const auto count = static_cast<int>(heights_.size()), upper = static_cast<int>(above - heights_.begin());
    if (upper == 0 || upper == count) return nearest_slice(height, upper == 0 ? 0 : count - 1, slices, reach());
    const double below_height = heights_[static_cast<std::size_t>(upper - 1)];
    const double gap = heights_[static_cast<std::size_t>(upper)] - below_height, share = (height - below_height) / gap;
    if (gap > 1.5 * spacing_) return nearest_slice(height, share < 0.5 ? upper - 1 : upper, slices, 0.5 * spacing_);
    slices = {upper - 1, upper, static_cast<float>(share)};
    if (share < kRounding) slices.second_weight = 0;
    return true;
  }

  // Half the outermost slices' thickness.
  [[nodiscard]] double reach() const { return 0.5 * geometry_.slice_thickness_mm; }

  bool nearest_slice(double height, int slice, Between& slices, double reach_mm) const {
    slices = {slice, slice, 0};
    return std::abs(height - heights_[static_cast<std::size_t>(slice)]) <= reach_mm + kRounding * spacing_;
  }

  // Bilinear within one slice.
  bool value_in(int slice, const Vec3& point_mm, float& value) const {
    const Vec3 from_origin = point_mm - geometry_.slice_origins_mm[static_cast<std::size_t>(slice)];
    Between columns, rows;
    if (!locate(from_origin.dot(geometry_.row_direction) / geometry_.column_spacing_mm, geometry_.columns, columns) ||
        !locate(from_origin.dot(geometry_.column_direction) / geometry_.row_spacing_mm, geometry_.rows, rows))
      return false;
    const float* plane = values_.data() + static_cast<std::size_t>(slice) * geometry_.slice_voxels();
    value = value_in_row(plane, rows.first, columns);
    if (rows.second_weight != 0) value += rows.second_weight * (value_in_row(plane, rows.second, columns) - value);
    return std::isfinite(value);
  }
  // A voxel without weight is not read: what it does not know does not matter.
  [[nodiscard]] float value_in_row(const float* plane, int row, const Between& columns) const {
    const float* voxels = plane + static_cast<std::size_t>(row) * static_cast<std::size_t>(geometry_.columns);
    const float first = voxels[columns.first];
    return columns.second_weight == 0 ? first : first + columns.second_weight * (voxels[columns.second] - first);
  }

  const Geometry& geometry_;
  std::span<const float> values_;
  Vec3 normal_;
  double spacing_;
  std::vector<double> heights_;
};

// Positions are affine along a row of the target, and so they are after a rigid motion.
std::size_t resample_row(const Source& source, const Geometry& target, const RigidTransform& transform,
                         std::size_t line, Resampled& out) {
  const auto rows = static_cast<std::size_t>(target.rows), columns = static_cast<std::size_t>(target.columns);
  const Vec3 first = transform(target.centre_mm(0, static_cast<double>(line % rows), static_cast<int>(line / rows)));
  const Vec3 step = transform.rotation * target.row_direction * target.column_spacing_mm;
  std::size_t outside = 0;
  for (std::size_t column = 0, voxel = line * columns; column < columns; ++column, ++voxel) {
    float value = 0;
    const bool inside = source.value_at(first + static_cast<double>(column) * step, value);
    out.values[voxel] = inside ? value : 0.0F;
    out.inside[voxel] = inside ? 1 : 0;
    outside += inside ? 0U : 1U;
  }
  return outside;
}

std::string what_hinders(const Geometry& source, std::size_t values, const Geometry& target) {
  if (std::string wrong = what_is_wrong(source); !wrong.empty()) return "source: " + wrong;
  if (std::string wrong = what_is_wrong(target); !wrong.empty()) return "target: " + wrong;
  if (values != source.voxels())
    return "the source has " + std::to_string(values) + " values for " + std::to_string(source.voxels()) + " voxels";
  return "";
}

}  // namespace

std::variant<Resampled, Refusal> resample(const Geometry& source, std::span<const float> values, const Geometry& target,
                                          const ResampleOptions& options) {
  if (std::string hindrance = what_hinders(source, values.size(), target); !hindrance.empty())
    return Refusal{std::move(hindrance)};
  Resampled out{std::vector<float>(target.voxels()), std::vector<std::uint8_t>(target.voxels()), 0};
  const Source from(source, values);
  const std::size_t lines = static_cast<std::size_t>(target.rows) * target.slice_origins_mm.size();
  std::atomic<std::size_t> outside = 0;
  in_parallel(lines, options.threads,
              [&](std::size_t line) { outside += resample_row(from, target, options.transform, line, out); });
  out.outside = outside;
  if (out.outside == target.voxels()) return Refusal{"no voxel of the target lies where the source has a value"};
  return out;
}

}  // namespace fitting
