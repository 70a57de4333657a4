#include "fitting/geometry.h"

#include <Eigen/Geometry>
#include <algorithm>

namespace fitting {

Vec3 Geometry::normal() const { return row_direction.cross(column_direction); }

double Geometry::height_mm(int slice) const { return slice_origins_mm[static_cast<std::size_t>(slice)].dot(normal()); }

double Geometry::slice_spacing_mm() const {
  if (slices() < 2) return slice_thickness_mm;
  std::vector<double> distances;
  for (int slice = 1; slice < slices(); ++slice) distances.push_back(height_mm(slice) - height_mm(slice - 1));
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>((distances.size() - 1) / 2);
  std::ranges::nth_element(distances, middle);
  return *middle;
}

Vec3 Geometry::centre_mm(double column, double row, int slice) const {
  return slice_origins_mm[static_cast<std::size_t>(slice)] + row_direction * (column * column_spacing_mm) +
         column_direction * (row * row_spacing_mm);
}

namespace {

// Voxel positions are affine within a slice: if the corners agree, everything between them does.
bool same_slice(const Geometry& a, const Geometry& b, int slice, double tolerance_mm) {
  for (const int column : {0, a.columns - 1}) {
    for (const int row : {0, a.rows - 1}) {
      const double distance = (a.centre_mm(column, row, slice) - b.centre_mm(column, row, slice)).norm();
      if (!(distance <= tolerance_mm)) return false;
    }
  }
  return true;
}

}  // namespace

bool same_grid(const Geometry& a, const Geometry& b, double tolerance_mm) {
  if (a.columns != b.columns || a.rows != b.rows || a.slices() != b.slices()) return false;
  for (int slice = 0; slice < a.slices(); ++slice) {
    if (!same_slice(a, b, slice, tolerance_mm)) return false;
  }
  return true;
}

}  // namespace fitting
