#pragma once
// The part of the registration that ITK does: climbing the mutual information of two images. For fitting/registration*
// only; no type of ITK's gets out of registration_itk.cpp.
//
// ITK adds up a metric in an order that depends on its threads. Here it works in the calling thread alone, so that the
// outcome depends on the arguments only; several registrations may run at once.
#include <Eigen/Core>
#include <array>
#include <span>
#include <variant>
#include <vector>

#include "fitting/series.h"

namespace fitting::itk_edge {

// Values on a rectangular lattice of any position and orientation, x fastest. Length unit: see climb().
struct Lattice {
  std::array<std::size_t, 3> size = {0, 0, 0};
  Vec3 spacing = Vec3::Ones();
  Vec3 origin = Vec3::Zero();                                // centre of the first voxel
  Eigen::Matrix3d directions = Eigen::Matrix3d::Identity();  // column k: direction of axis k
  std::vector<float> values;
};

// Rotation by three angles (ITK's Euler3DTransform) about the origin, then translation: x of the fixed lattice lies at
// R x + t in the moving one.
struct Pose {
  std::array<double, 6> parameters = {0, 0, 0, 0, 0, 0};
};
[[nodiscard]] Pose pose_of(const Eigen::Matrix3d& rotation, const Vec3& translation);
[[nodiscard]] Eigen::Matrix3d rotation_of(const Pose& pose);
[[nodiscard]] Vec3 translation_of(const Pose& pose);

struct Climb {
  std::span<const Vec3> points;  // of the fixed lattice, to be compared
  int histogram_bins = 32;
  Pose start;
  double first_step = 0;
  double last_step = 0;  // shorter steps end the search
  std::size_t most_steps = 0;
  bool in_plane_only = false;  // the fixed lattice's third axis: nothing moves along it or turns out of it
};

struct Summit {
  Pose pose;
  double information = 0;          // mutual information at `pose`, nats
  double information_at_rest = 0;  // without any motion
  bool converged = false;
};

// Climbs from `start`. A step is as long for a turn of one radian as for a shift of one length unit: the caller chooses
// the unit so that these move the volume alike. Refuses where ITK cannot compare the images.
[[nodiscard]] std::variant<Summit, Refusal> climb(const Lattice& fixed, const Lattice& moving, const Climb& how);

}  // namespace fitting::itk_edge
