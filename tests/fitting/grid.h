#pragma once
// Grids for the tests of fitting/.
#include "fitting/geometry.h"

namespace fitting {

inline Geometry axial(int columns, int rows, int slices, double spacing_mm = 1, double slice_spacing_mm = 1,
                      const Vec3& origin = Vec3::Zero()) {
  Geometry g{.columns = columns,
             .rows = rows,
             .column_spacing_mm = spacing_mm,
             .row_spacing_mm = spacing_mm,
             .slice_thickness_mm = slice_spacing_mm,
             .slice_origins_mm = {}};
  for (int s = 0; s < slices; ++s) g.slice_origins_mm.push_back(origin + Vec3(0, 0, s * slice_spacing_mm));
  return g;
}

}  // namespace fitting
