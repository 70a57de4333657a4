#pragma once
// Where the voxels of a volume lie in the patient.
#include <Eigen/Core>
#include <Eigen/Geometry>
#include <cstddef>
#include <vector>

namespace fitting {

using Vec3 = Eigen::Vector3d;

// A stack of parallel planes in patient coordinates (LPS, mm), as DICOM PS3.3 C.7.6.2.1.1 defines them.
// Voxels are stored slice by slice, row by row, column fastest: index = (slice * rows + row) * columns + column.
// Slices ascend along normal(); their spacing need not be uniform (a mask may cover slices 3, 4 and 7).
struct Geometry {
  int columns = 0;
  int rows = 0;
  Vec3 row_direction = Vec3::UnitX();     // unit vector in which the column index grows
  Vec3 column_direction = Vec3::UnitY();  // unit vector in which the row index grows
  double column_spacing_mm = 1;           // between the centres of neighbouring columns (second value of Pixel Spacing)
  double row_spacing_mm = 1;              // between the centres of neighbouring rows (first value of Pixel Spacing)
  double slice_thickness_mm = 1;
  std::vector<Vec3> slice_origins_mm;  // centre of voxel (row 0, column 0) of each slice, ascending along normal()

  [[nodiscard]] int slices() const { return static_cast<int>(slice_origins_mm.size()); }
  [[nodiscard]] std::size_t slice_voxels() const {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }
  [[nodiscard]] std::size_t voxels() const { return slice_voxels() * slice_origins_mm.size(); }
  [[nodiscard]] Vec3 normal() const;
  // Position of a slice along normal(), mm.
  [[nodiscard]] double height_mm(int slice) const;
  // Median distance between neighbouring slices (of an even number, the lower of the middle two: a missing slice must
  // not stretch it); the thickness where there is one slice only.
  [[nodiscard]] double slice_spacing_mm() const;
  [[nodiscard]] Vec3 centre_mm(double column, double row, int slice) const;
};

// True when every voxel of `a` lies within `tolerance_mm` of the same voxel of `b`.
[[nodiscard]] bool same_grid(const Geometry& a, const Geometry& b, double tolerance_mm = 0.01);

}  // namespace fitting
