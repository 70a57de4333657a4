// Registration of what real scanners wrote: echoes moved by a known motion and found again.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "dicom/input/acquisition.h"
#include "fitting/registration.h"
#include "tests/support/test_data.h"

namespace {

using fitting::Geometry;
using fitting::RigidMotion;
using fitting::RigidTransform;
using fitting::Vec3;

fitting::Series series_in(const char* folder) {
  std::vector<dicom::Instance> images;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "dicom" / folder)) {
    if (!entry.is_regular_file()) continue;
    if (auto image = dicom::read_instance(entry.path())) images.push_back(std::move(*image));
  }
  const dicom::Grouping grouping = dicom::group(images);
  return dicom::load_series(grouping.acquisitions.at(0), images, 2).value().series;
}

Vec3 centre_of(const Geometry& g) { return g.centre_mm(0.5 * (g.columns - 1), 0.5 * (g.rows - 1), g.slices() / 2); }

// Angles about, and shifts along, the volume's own axes: columns, rows, slices.
RigidTransform motion_in(const Geometry& g, const Vec3& angles_deg, const Vec3& shift_mm) {
  Eigen::Matrix3d axes;
  axes << g.row_direction, g.column_direction, g.normal();
  const Vec3 turn = axes * angles_deg * std::numbers::pi / 180;
  return {.rotation = Eigen::AngleAxisd(turn.norm(), turn.normalized()).toRotationMatrix(),
          .centre_mm = centre_of(g),
          .translation_mm = axes * shift_mm};
}

// An image after a motion, on a grid smaller than that of the series by kMargin voxels on every side of its slices: a
// scanner would have seen tissue where the series ends, the interpolation sees nothing.
struct Image {
  Geometry geometry;
  std::vector<float> values;
};
constexpr int kMargin = 8;

Geometry cropped(Geometry g) {
  for (int slice = 0; slice < g.slices(); ++slice)
    g.slice_origins_mm[static_cast<std::size_t>(slice)] = g.centre_mm(kMargin, kMargin, slice);
  g.columns -= 2 * kMargin;
  g.rows -= 2 * kMargin;
  return g;
}

Image moved(const fitting::Series& series, std::size_t plane, const RigidTransform& motion) {
  const Geometry grid = cropped(series.geometry);
  const auto outcome =
      fitting::resample(series.geometry, series.planes[plane].values(), grid, {.transform = motion.inverse()});
  const auto& there = std::get<fitting::Resampled>(outcome);
  EXPECT_LT(there.outside, grid.voxels() / 50);
  return {grid, there.values};
}

struct Error {
  double in_plane_mm = 0, through_plane_mm = 0, angle_deg = 0;
};

Error error_of(const RigidMotion& found, const RigidTransform& truth, const Geometry& g) {
  const Vec3 centre = centre_of(g), away = found.transform(centre) - truth(centre);
  const double through = away.dot(g.normal());
  const RigidTransform turn{.rotation = found.transform.rotation * truth.rotation.transpose()};
  return {(away - through * g.normal()).norm(), std::abs(through), turn.angle_deg()};
}

// Registers echo `plane`, moved, to the first echo.
Error recovered(const fitting::Series& series, std::size_t plane, const RigidTransform& truth) {
  const Image image = moved(series, plane, truth);
  const auto outcome =
      fitting::register_rigid(series.geometry, series.planes[0].values(), image.geometry, image.values);
  const auto* motion = std::get_if<RigidMotion>(&outcome);
  EXPECT_NE(motion, nullptr) << std::get<fitting::Refusal>(outcome).reason;
  return motion != nullptr ? error_of(*motion, truth, series.geometry) : Error{1e9, 1e9, 1e9};
}

void expect_recovered(const fitting::Series& series, std::size_t plane, const RigidTransform& motion) {
  const Error error = recovered(series, plane, motion);
  EXPECT_LT(error.in_plane_mm, 0.2) << "echo " << plane + 1;
  EXPECT_LT(error.through_plane_mm, 1e-6) << "echo " << plane + 1;
  EXPECT_LT(error.angle_deg, 0.2) << "echo " << plane + 1;
}

TEST(RealMotion, IsFoundInPlaneInFiveSlicesOfAPrisma) {
  HERALD_NEEDS_DATA("dicom/shimtb_t2star_siemens_prisma_6echo");
  const fitting::Series series = series_in("shimtb_t2star_siemens_prisma_6echo");
  expect_recovered(series, 1, motion_in(series.geometry, {0, 0, 3}, {3, -2, 0}));
  expect_recovered(series, 3, motion_in(series.geometry, {0, 0, -2}, {-4, 5, 0}));
}

TEST(RealMotion, IsFoundInOneSliceOfAnAera) {
  HERALD_NEEDS_DATA("dicom/hazen_t2se_siemens_aera_p4");
  const fitting::Series series = series_in("hazen_t2se_siemens_aera_p4");
  expect_recovered(series, 1, motion_in(series.geometry, {0, 0, 2}, {3, -4, 0}));
  expect_recovered(series, 15, motion_in(series.geometry, {0, 0, -5}, {-5, 1, 0}));
}

TEST(RealMotion, IsNotSeenInAPhantomThatLayStill) {
  HERALD_NEEDS_DATA("dicom/hazen_t2se_siemens_aera_p4");
  fitting::Series series = series_in("hazen_t2se_siemens_aera_p4");
  series.planes.resize(8);
  const auto outcome = fitting::align(series, {.threads = 2});
  const auto& alignment = std::get<fitting::Alignment>(outcome);
  for (std::size_t k = 1; k < series.planes.size(); ++k) {
    ASSERT_TRUE(alignment.planes[k].motion) << alignment.planes[k].note;
    EXPECT_FALSE(alignment.planes[k].resampled) << "echo " << k + 1 << ": " << described(*alignment.planes[k].motion);
  }
}

}  // namespace
