#pragma once
// The phantom as a patient who moves: images of it at rest and displaced, with slices as thick as a scanner's.
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "fitting/model.h"
#include "fitting/phantom.h"
#include "fitting/resample.h"

namespace fitting {

// An axial grid around the breasts, 300 mm wide.
inline Geometry breast_grid(int matrix, int slices, double slice_spacing_mm) {
  const double spacing = 300.0 / matrix;
  Geometry g{.columns = matrix,
             .rows = matrix,
             .column_spacing_mm = spacing,
             .row_spacing_mm = spacing,
             .slice_thickness_mm = slice_spacing_mm,
             .slice_origins_mm = {}};
  for (int s = 0; s < slices; ++s) {
    const double z = (s - 0.5 * (slices - 1)) * slice_spacing_mm;
    g.slice_origins_mm.emplace_back(-0.5 * spacing * (matrix - 1), -0.5 * spacing * (matrix - 1) - 20, z);
  }
  return g;
}

// Turns about the centre of breast_grid() and shifts.
inline RigidTransform motion_of(const Vec3& angles_deg, const Vec3& shift_mm) {
  const Vec3 angles = angles_deg * std::numbers::pi / 180;
  return {.rotation = (Eigen::AngleAxisd(angles.x(), Vec3::UnitX()) * Eigen::AngleAxisd(angles.y(), Vec3::UnitY()) *
                       Eigen::AngleAxisd(angles.z(), Vec3::UnitZ()))
                          .toRotationMatrix(),
          .centre_mm = Vec3(0, -20, 0),
          .translation_mm = shift_mm};
}

// Three angles and three shifts, each anywhere in +-largest (deg, mm).
inline RigidTransform random_motion(unsigned seed, double largest) {
  std::mt19937 random(seed);
  const auto next = [&] { return largest * (2 * static_cast<double>(random()) * 0x1.0p-32 - 1); };
  const Vec3 angles(next(), next(), next());
  const Vec3 shift(next(), next(), next());
  return motion_of(angles, shift);
}

inline Geometry displaced(Geometry g, const RigidTransform& transform) {
  for (Vec3& origin : g.slice_origins_mm) origin = transform(origin);
  g.row_direction = transform.rotation * g.row_direction;
  g.column_direction = transform.rotation * g.column_direction;
  return g;
}

// Four thin slices for each one of `g`.
inline Geometry thin_slices(const Geometry& g) {
  Geometry thin = g;
  thin.slice_origins_mm.clear();
  for (const Vec3& origin : g.slice_origins_mm) {
    for (const double share : {-0.375, -0.125, 0.125, 0.375})
      thin.slice_origins_mm.push_back(origin + g.normal() * (share * g.slice_thickness_mm));
  }
  return thin;
}

// Spin echo of the phantom after `motion`, as a scanner with the grid `g` sees it: tissue at p is seen at motion(p).
inline std::vector<float> image_after(const RigidTransform& motion, const Geometry& g, double echo_time_ms,
                                      double sigma, std::uint64_t seed) {
  const Protocol protocol{.axis_kind = Axis::EchoTimeMs, .axis = {echo_time_ms, 2 * echo_time_ms}};
  const Series thin =
      simulate(thin_slices(displaced(g, motion.inverse())), protocol, *find_model("t2"), Quantity::T2, 2 * sigma, seed);
  std::vector<float> image(g.voxels(), 0.0F);
  for (std::size_t i = 0; i < thin.planes[0].size(); ++i) {
    const std::size_t slice = i / g.slice_voxels() / 4;
    image[slice * g.slice_voxels() + i % g.slice_voxels()] += 0.25F * thin.planes[0][i];
  }
  return image;
}

}  // namespace fitting
