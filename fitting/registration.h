#pragma once
// How far the patient moved between two images: rigid, by mutual information.
//
// Mutual information asks only that one image predicts the other, not that they look alike: echoes and flip angles of
// one anatomy, images before and after contrast (Mattes et al. 2003, IEEE Trans Med Imaging 22:120). ITK computes the
// metric and descends its gradient, from coarse images to the full resolution (registration_itk.h).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fitting/resample.h"
#include "fitting/series.h"

namespace fitting {

struct RegistrationOptions {
  std::size_t samples = 100000;  // voxels of the fixed volume that are compared at full resolution
  int histogram_bins = 32;       // of each image
  std::uint64_t seed = 1;        // of their choice
  double largest_motion_mm =
      50;  // a displacement (of any point) beyond it is no motion of a patient on the table: refused
  double largest_rotation_deg = 15;  // likewise
  RigidTransform start = {};         // where the search begins
};

// What was found, and what a person wants to read about it.
struct RigidMotion {
  RigidTransform transform;  // carries points of the fixed volume to the same tissue in the moving one
  double rotation_deg = 0;
  double largest_displacement_mm = 0;          // of any point of the fixed volume
  double mean_displacement_mm = 0;             // over the fixed volume
  double largest_displacement_voxels = 0;      // of any point, along the axis of the fixed grid where it is most
  double metric_before = 0, metric_after = 0;  // mutual information in nats, without and with the motion
  bool converged = false;  // the search ended by itself; false: it ran out of steps, the motion is the best so far
  bool in_plane_only = false;
};

// The rigid motion that carries `fixed` onto `moving`: two images of one anatomy, of any contrast, grid and
// orientation; slices evenly spaced along their normal. Fewer than kLeastSlices slices cannot tell a motion through the
// plane: such volumes are registered in plane, slice on slice, and said so. Where no motion predicts better than none,
// none is returned. Refuses volumes that cannot be compared (sizes, values that are not finite, one value everywhere,
// less than a quarter in common) and motions beyond the limits of `options`. Result depends on the arguments alone,
// to the bit; uses the calling thread only. Safe from any thread.
inline constexpr int kLeastSlices = 8;
[[nodiscard]] std::variant<RigidMotion, Refusal> register_rigid(const Geometry& fixed_geometry,
                                                                std::span<const float> fixed,
                                                                const Geometry& moving_geometry,
                                                                std::span<const float> moving,
                                                                const RegistrationOptions& options = {});

// "moved by up to 2.1 mm (mean 1.4 mm), rotated by 0.8 deg".
[[nodiscard]] std::string described(const RigidMotion& motion);

struct AlignmentOptions {
  std::size_t reference = 0;               // the plane that stays
  double least_displacement_voxels = 0.1;  // a smaller motion is left in: interpolation would cost more than it mends
  RegistrationOptions registration = {};   // `start` is not used: a plane starts where the previous one ended
  unsigned threads = 1;
};

// One plane of a series against the reference.
struct PlaneMotion {
  std::optional<RigidMotion> motion;  // none for the reference, and where it was refused
  bool resampled = false;
  std::string note;  // why it was left as acquired; empty when it was resampled
};

struct Alignment {
  Series series;  // every plane on the grid of the reference. A voxel that one of the planes does not cover is 0 in all
  std::vector<PlaneMotion> planes;  // as the planes of the series
  std::size_t uncovered = 0;        // voxels that were set to 0 for that reason
  std::string description;          // one line for people and DICOM
};

// Brings all planes of `series` to the reference plane. Planes that hardly moved, and those that cannot be registered,
// are left as acquired and say why. Refuses a series without planes, without that reference or with planes of another
// size. The result does not depend on the number of threads, to the bit.
[[nodiscard]] std::variant<Alignment, Refusal> align(const Series& series, const AlignmentOptions& options = {});

}  // namespace fitting
