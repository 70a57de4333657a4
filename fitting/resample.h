#pragma once
// A volume on another grid: trilinear interpolation through patient space, after a rigid motion if there was one.
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "fitting/geometry.h"
#include "fitting/series.h"

namespace fitting {

// x -> rotation (x - centre_mm) + centre_mm + translation_mm, in patient coordinates. As a motion it carries a point of
// the volume that stays (fixed) to where the same tissue lies in the one that moved: resampling the moved volume onto
// the fixed grid with it undoes the motion.
struct RigidTransform {
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();
  Vec3 centre_mm = Vec3::Zero();
  Vec3 translation_mm = Vec3::Zero();

  [[nodiscard]] Vec3 operator()(const Vec3& point_mm) const {
    return rotation * (point_mm - centre_mm) + centre_mm + translation_mm;
  }
  [[nodiscard]] RigidTransform inverse() const;
  [[nodiscard]] double angle_deg() const;  // of the rotation, 0..180
};

struct ResampleOptions {
  RigidTransform transform = {};  // from points of the target to points of the source
  unsigned threads = 1;
};

struct Resampled {
  std::vector<float> values;         // voxel order of the target; 0 where not inside
  std::vector<std::uint8_t> inside;  // 1 where the source knows the value, else 0
  std::size_t outside = 0;           // how many voxels of the target have no value
};

// The volume `values` on `source`, seen on the grid of `target`. A target voxel is inside when its centre lies in the
// source volume, that is in the box of a source voxel (half a voxel beyond the outermost centres, half the thickness
// beyond the outermost slices; there the nearest centre counts), and every voxel that takes part is finite: NaN marks
// what the source does not know. Between neighbouring slices more than one and a half slice spacings apart a slice is
// missing: nothing is interpolated across the gap, each slice serves half a spacing. The grids may have any
// orientation; no smoothing is done when the target is coarser. Refuses volumes without voxels, sizes that disagree and
// grids that do not touch. The result does not depend on the number of threads, to the bit. Safe from any thread.
[[nodiscard]] std::variant<Resampled, Refusal> resample(const Geometry& source, std::span<const float> values,
                                                        const Geometry& target, const ResampleOptions& options = {});

// What stops a geometry from being resampled or registered ("the volume has no voxels"), or "" when nothing does:
// counts and spacings positive and finite, directions orthonormal, slices finite and ascending along the normal.
[[nodiscard]] std::string what_is_wrong(const Geometry& geometry);

}  // namespace fitting
