#include "fitting/registration.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "fitting/parallel.h"
#include "fitting/registration_itk.h"
#include "fitting/text.h"

namespace fitting {
namespace {

using itk_edge::Climb;
using itk_edge::Lattice;
using itk_edge::Pose;
using itk_edge::Summit;

// --- what can be registered ---

// Lattices of ITK have one spacing per axis.
bool evenly_stacked(const Geometry& g) {
  if (g.slices() < 2) return true;
  const Vec3 step = g.normal() * ((g.height_mm(g.slices() - 1) - g.height_mm(0)) / (g.slices() - 1));
  const double tolerance_mm = std::max(0.01, 0.02 * step.norm());
  for (int slice = 0; slice < g.slices(); ++slice) {
    const Vec3 expected = g.slice_origins_mm.front() + slice * step;
    if ((g.slice_origins_mm[static_cast<std::size_t>(slice)] - expected).norm() > tolerance_mm) return false;
  }
  return true;
}

std::string what_hinders(const Geometry& geometry, std::span<const float> values) {
  if (std::string wrong = what_is_wrong(geometry); !wrong.empty()) return wrong;
  if (values.size() != geometry.voxels())
    return "the volume has " + std::to_string(values.size()) + " values for " + std::to_string(geometry.voxels()) +
           " voxels";
  if (geometry.columns < 8 || geometry.rows < 8) return "images of fewer than 8 columns or rows cannot be registered";
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
    return "the volume has values that are not finite";
  if (std::ranges::all_of(values, [&](float v) { return v == values.front(); }))
    return "the volume has the same value everywhere";
  if (!evenly_stacked(geometry)) return "the slices are not evenly spaced along their normal";
  return "";
}

bool wants_in_plane(const Geometry& geometry) { return geometry.slices() < kLeastSlices; }

// Few slices are registered slice on slice: each needs its partner in the same plane.
bool same_planes(const Geometry& a, const Geometry& b) {
  constexpr double kLargestTilt = 2e-3;  // rad: 0.4 mm over a breast
  if (a.slices() != b.slices() || a.normal().cross(b.normal()).norm() > kLargestTilt || a.normal().dot(b.normal()) < 0)
    return false;
  for (int slice = 0; slice < a.slices(); ++slice) {
    const double other = b.slice_origins_mm[static_cast<std::size_t>(slice)].dot(a.normal());
    if (std::abs(a.height_mm(slice) - other) > 0.25 * a.slice_spacing_mm()) return false;
  }
  return true;
}

// --- the frame in which ITK works ---

// The fixed volume's own axes about its centre, in units of the RMS distance of its voxels from there: a turn of one
// radian then moves the volume as much as a shift of one unit, as climb() wants it.
struct Frame {
  Eigen::Matrix3d axes;  // columns: along rows, along columns, normal
  Vec3 centre_mm;
  double unit_mm = 1;

  [[nodiscard]] Vec3 to_frame(const Vec3& point_mm) const {
    return axes.transpose() * (point_mm - centre_mm) / unit_mm;
  }
};

Eigen::Matrix3d axes_of(const Geometry& g) {
  Eigen::Matrix3d axes;
  axes.col(0) = g.row_direction.normalized();
  axes.col(2) = g.normal().normalized();
  axes.col(1) = axes.col(2).cross(axes.col(0));
  return axes;
}

Vec3 extent_mm(const Geometry& g) {
  return {g.columns * g.column_spacing_mm, g.rows * g.row_spacing_mm, g.slices() * g.slice_spacing_mm()};
}

Frame frame_of(const Geometry& g) {
  const double column = 0.5 * (g.columns - 1), row = 0.5 * (g.rows - 1);
  return {.axes = axes_of(g),
          .centre_mm = 0.5 * (g.centre_mm(column, row, 0) + g.centre_mm(column, row, g.slices() - 1)),
          .unit_mm = extent_mm(g).norm() / std::sqrt(12.0)};
}

Pose to_pose(const RigidTransform& transform, const Frame& frame, bool in_plane_only) {
  Pose pose = itk_edge::pose_of(frame.axes.transpose() * transform.rotation * frame.axes,
                                frame.to_frame(transform(frame.centre_mm)));
  if (in_plane_only) pose.parameters[0] = pose.parameters[1] = pose.parameters[5] = 0;
  return pose;
}

RigidTransform from_pose(const Pose& pose, const Frame& frame) {
  return {.rotation = frame.axes * itk_edge::rotation_of(pose) * frame.axes.transpose(),
          .centre_mm = frame.centre_mm,
          .translation_mm = frame.unit_mm * (frame.axes * itk_edge::translation_of(pose))};
}

// --- levels ---

// From coarse to fine: voxels are averaged in blocks of about voxel_mm.
struct Level {
  double voxel_mm;      // 0: every voxel as it is
  double sample_share;  // of RegistrationOptions::samples
  double first_step_mm, last_step_mm;
};
constexpr std::array kLevels = {Level{4, 0.25, 4, 0.2}, Level{2, 0.5, 1, 0.05}, Level{0, 1, 0.3, 0.005}};
constexpr std::size_t kFine = kLevels.size() - 1;
constexpr std::size_t kMostSteps = 150;

using Block = std::array<std::size_t, 3>;

// A block leaves at least eight voxels along each axis.
Block block_of(const Geometry& g, double voxel_mm) {
  const auto along = [&](double spacing_mm, int count) {
    return static_cast<std::size_t>(std::clamp(std::floor(voxel_mm / spacing_mm), 1.0, std::max(1.0, count / 8.0)));
  };
  return {along(g.column_spacing_mm, g.columns), along(g.row_spacing_mm, g.rows),
          along(g.slice_spacing_mm(), g.slices())};
}

// Adds one row of voxels to the row of blocks it belongs to.
void add_row(const float* voxels, std::size_t block, std::span<float> sums) {
  for (std::size_t x = 0; x < sums.size(); ++x) {
    for (std::size_t k = 0; k < block; ++k) sums[x] += voxels[x * block + k];
  }
}

// Voxels beyond the last whole block are left out.
std::vector<float> averaged(const Geometry& g, std::span<const float> values, const Block& block,
                            const std::array<std::size_t, 3>& size) {
  std::vector<float> sums(size[0] * size[1] * size[2]);
  for (std::size_t z = 0; z < size[2] * block[2]; ++z) {
    for (std::size_t y = 0; y < size[1] * block[1]; ++y) {
      const std::size_t line = (z / block[2]) * size[1] + y / block[1];
      const float* row = values.data() + z * g.slice_voxels() + y * static_cast<std::size_t>(g.columns);
      add_row(row, block[0], std::span(sums).subspan(line * size[0], size[0]));
    }
  }
  const float share = 1.0F / static_cast<float>(block[0] * block[1] * block[2]);
  for (float& sum : sums) sum *= share;
  return sums;
}

Lattice lattice_of(const Geometry& g, std::span<const float> values, const Frame& frame, double voxel_mm) {
  const Block block = block_of(g, voxel_mm);
  const Vec3 blocks(static_cast<double>(block[0]), static_cast<double>(block[1]), static_cast<double>(block[2]));
  const double slice_step_mm =
      g.slices() < 2 ? g.slice_thickness_mm : (g.height_mm(g.slices() - 1) - g.height_mm(0)) / (g.slices() - 1);
  const Vec3 spacing_mm(g.column_spacing_mm, g.row_spacing_mm, slice_step_mm);
  const Eigen::Matrix3d axes = axes_of(g);
  const Vec3 to_first_centre = axes * (0.5 * (blocks - Vec3::Ones())).cwiseProduct(spacing_mm);
  Lattice lattice;
  lattice.size = {static_cast<std::size_t>(g.columns) / block[0], static_cast<std::size_t>(g.rows) / block[1],
                  static_cast<std::size_t>(g.slices()) / block[2]};
  lattice.spacing = blocks.cwiseProduct(spacing_mm) / frame.unit_mm;
  lattice.origin = frame.to_frame(g.slice_origins_mm.front() + to_first_centre);
  lattice.directions = frame.axes.transpose() * axes;
  lattice.values = averaged(g, values, block, lattice.size);
  return lattice;
}

// --- points ---

// SplitMix64 (Steele, Lea & Flood 2014) as a hash of a counter: chance without a stream, hence without an order.
double chance(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t x = seed * 0xD1342543DE82EF95ULL + counter * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1.0p-53;
}

// One voxel centre in each of `count` equal runs of voxels. Points between the centres (Mattes) would spare the grid's
// pull towards motions by whole voxels; but interpolating the fixed image too mixes tissues at every edge, and on
// slices of 5 mm between images of different contrast that cost more (0.20 mm in plane instead of 0.11 mm).
std::vector<Vec3> points_in(const Lattice& lattice, std::size_t count, std::uint64_t seed) {
  const auto& size = lattice.size;
  const std::size_t voxels = size[0] * size[1] * size[2];
  count = std::min(count, voxels);
  std::vector<Vec3> points;
  points.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double run = (static_cast<double>(k) + chance(seed, k)) / static_cast<double>(count);
    const std::size_t voxel = std::min(static_cast<std::size_t>(run * static_cast<double>(voxels)), voxels - 1);
    const Vec3 index(static_cast<double>(voxel % size[0]), static_cast<double>(voxel / size[0] % size[1]),
                     static_cast<double>(voxel / size[0] / size[1]));
    points.push_back(lattice.origin + lattice.directions * index.cwiseProduct(lattice.spacing));
  }
  return points;
}

// --- the search ---

// A fixed volume, ready for any number of moving ones.
class Fixed {
 public:
  Fixed(const Geometry& geometry, std::span<const float> values, const RegistrationOptions& options)
      : geometry_(geometry), options_(options), frame_(frame_of(geometry)), in_plane_only_(wants_in_plane(geometry)) {
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
      lattices_[level] = lattice_of(geometry, values, frame_, kLevels[level].voxel_mm);
      const double samples = static_cast<double>(options.samples) * kLevels[level].sample_share;
      points_[level] = points_in(lattices_[level], static_cast<std::size_t>(samples), options.seed);
    }
  }

  [[nodiscard]] const Frame& frame() const { return frame_; }
  [[nodiscard]] bool in_plane_only() const { return in_plane_only_; }

  [[nodiscard]] std::variant<Summit, Refusal> climb(std::size_t level, const Geometry& geometry,
                                                    std::span<const float> values, const Pose& start) const {
    Lattice moving = lattice_of(geometry, values, frame_, kLevels[level].voxel_mm);
    if (in_plane_only_) moving.origin.z() = lattices_[level].origin.z();
    const Climb how{.points = points_[level],
                    .histogram_bins = options_.histogram_bins,
                    .start = start,
                    .first_step = kLevels[level].first_step_mm / frame_.unit_mm,
                    .last_step = kLevels[level].last_step_mm / frame_.unit_mm,
                    .most_steps = kMostSteps,
                    .in_plane_only = in_plane_only_};
    return itk_edge::climb(lattices_[level], moving, how);
  }

  // All levels but the finest.
  [[nodiscard]] std::variant<Pose, Refusal> approach(const Geometry& geometry, std::span<const float> values,
                                                     Pose pose) const {
    for (std::size_t level = 0; level < kFine; ++level) {
      auto found = climb(level, geometry, values, pose);
      if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
      pose = std::get<Summit>(found).pose;
    }
    return pose;
  }

  // The finest level, and the verdict.
  [[nodiscard]] std::variant<RigidMotion, Refusal> finish(const Geometry& geometry, std::span<const float> values,
                                                          const Pose& pose) const;

 private:
  const Geometry& geometry_;
  const RegistrationOptions& options_;
  Frame frame_;
  bool in_plane_only_;
  std::array<Lattice, kLevels.size()> lattices_;
  std::array<std::vector<Vec3>, kLevels.size()> points_;
};

// --- the verdict ---

// The points at share (0..1, 0..1, 0..1) of the volume, faces included.
Vec3 point_at(const Geometry& g, const Vec3& share) {
  const double column = share.x() * g.columns - 0.5, row = share.y() * g.rows - 0.5;
  const Vec3 first = g.centre_mm(column, row, 0), last = g.centre_mm(column, row, g.slices() - 1);
  const Vec3 half_slice = 0.5 * g.slice_thickness_mm * g.normal();
  return first - half_slice + share.z() * (last - first + 2 * half_slice);
}

// Calls see(point) for 9 x 9 x 9 points of the volume, faces included.
template <class See>
void look_over(const Geometry& g, See see) {
  constexpr int kSteps = 8;
  for (int i = 0; i < (kSteps + 1) * (kSteps + 1) * (kSteps + 1); ++i) {
    const Vec3 index(i % (kSteps + 1), i / (kSteps + 1) % (kSteps + 1), i / (kSteps + 1) / (kSteps + 1));
    see(point_at(g, index / kSteps));
  }
}

// A displacement is affine in the point, so it is largest in one of the corners.
void measure_displacement(const Geometry& g, RigidMotion& motion) {
  const Vec3 voxel_mm(g.column_spacing_mm, g.row_spacing_mm, g.slice_spacing_mm());
  const Eigen::Matrix3d to_axes = axes_of(g).transpose();
  double sum = 0, points = 0;
  look_over(g, [&](const Vec3& point) {
    const Vec3 shift = motion.transform(point) - point;
    motion.largest_displacement_mm = std::max(motion.largest_displacement_mm, shift.norm());
    motion.largest_displacement_voxels =
        std::max(motion.largest_displacement_voxels, (to_axes * shift).cwiseQuotient(voxel_mm).cwiseAbs().maxCoeff());
    sum += shift.norm();
    points += 1;
  });
  motion.mean_displacement_mm = sum / points;
  motion.rotation_deg = motion.transform.angle_deg();
}

std::variant<RigidMotion, Refusal> Fixed::finish(const Geometry& geometry, std::span<const float> values,
                                                 const Pose& pose) const {
  const auto found = climb(kFine, geometry, values, pose);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const Summit& summit = std::get<Summit>(found);
  const bool better = summit.information > summit.information_at_rest;
  RigidMotion motion{.transform = from_pose(better ? summit.pose : Pose{}, frame_),
                     .metric_before = summit.information_at_rest,
                     .metric_after = better ? summit.information : summit.information_at_rest,
                     .converged = summit.converged,
                     .in_plane_only = in_plane_only_};
  measure_displacement(geometry_, motion);
  if (!(motion.largest_displacement_mm <= options_.largest_motion_mm) ||
      !(motion.rotation_deg <= options_.largest_rotation_deg))
    return Refusal{text("the best match is %.1f mm and %.1f deg away, which is no motion of a patient on the table",
                        motion.largest_displacement_mm, motion.rotation_deg)};
  return motion;
}

// Share of the fixed volume that lies in the moving one after `transform`.
double common_share(const Geometry& fixed, const Geometry& moving, const RigidTransform& transform) {
  const Eigen::Matrix3d to_axes = axes_of(moving).transpose();
  const Vec3 corner = point_at(moving, Vec3::Zero()), size = to_axes * (point_at(moving, Vec3::Ones()) - corner);
  double inside = 0, points = 0;
  look_over(fixed, [&](const Vec3& point) {
    const Vec3 at = (to_axes * (transform(point) - corner)).cwiseQuotient(size);
    inside += at.minCoeff() >= -1e-6 && at.maxCoeff() <= 1 + 1e-6 ? 1 : 0;
    points += 1;
  });
  return inside / points;
}

std::string what_separates(const Geometry& fixed, const Geometry& moving, const RigidTransform& start) {
  if ((wants_in_plane(fixed) || wants_in_plane(moving)) && !same_planes(fixed, moving))
    return text("fewer than %.0f slices can only be registered in plane, and these do not lie in the same planes",
                kLeastSlices);
  const double share = common_share(fixed, moving, start);
  if (share < 0.25) return text("the volumes have only %.0f %% in common", 100 * share);
  return "";
}

}  // namespace

std::variant<RigidMotion, Refusal> register_rigid(const Geometry& fixed_geometry, std::span<const float> fixed,
                                                  const Geometry& moving_geometry, std::span<const float> moving,
                                                  const RegistrationOptions& options) {
  if (std::string reason = what_hinders(fixed_geometry, fixed); !reason.empty()) return Refusal{"fixed: " + reason};
  if (std::string reason = what_hinders(moving_geometry, moving); !reason.empty()) return Refusal{"moving: " + reason};
  if (std::string reason = what_separates(fixed_geometry, moving_geometry, options.start); !reason.empty())
    return Refusal{std::move(reason)};
  const Fixed search(fixed_geometry, fixed, options);
  const Pose start = to_pose(options.start, search.frame(), search.in_plane_only());
  const auto near = search.approach(moving_geometry, moving, start);
  if (const auto* refusal = std::get_if<Refusal>(&near)) return *refusal;
  return search.finish(moving_geometry, moving, std::get<Pose>(near));
}

std::string described(const RigidMotion& motion) {
  std::string sentence = text("moved by up to %.2f mm (mean %.2f mm), rotated by %.2f deg",
                              motion.largest_displacement_mm, motion.mean_displacement_mm, motion.rotation_deg);
  if (motion.in_plane_only) sentence += ", looked for in plane only";
  if (!motion.converged) sentence += ", search not converged";
  return sentence;
}

// --- series ---

namespace {

std::string what_hinders(const Series& series, const AlignmentOptions& options) {
  if (series.planes.empty()) return "the series has no images";
  if (options.reference >= series.planes.size())
    return text("the series has %.0f images, no reference number %.0f", static_cast<double>(series.planes.size()),
                static_cast<double>(options.reference) + 1);
  for (const Plane& plane : series.planes) {
    if (plane.size() != series.geometry.voxels()) return "an image of the series has another size than the others";
  }
  if (std::string reason = what_hinders(series.geometry, series.planes[options.reference].values()); !reason.empty())
    return "reference: " + reason;
  return "";
}

// From the reference outwards: a patient who moved once stays where he is now.
std::vector<std::size_t> order_from(std::size_t reference, std::size_t planes) {
  std::vector<std::size_t> order;
  for (std::size_t k = reference + 1; k < planes; ++k) order.push_back(k);
  for (std::size_t k = reference; k > 0; --k) order.push_back(k - 1);
  return order;
}

// The coarse levels one plane after the other, each from where its neighbour ended: they are cheap. The finest level,
// which is not, on all planes at once: the order in which they finish changes nothing.
void find_motions(const Series& series, const AlignmentOptions& options, std::vector<PlaneMotion>& planes) {
  const std::vector<float> reference = series.planes[options.reference].values();
  const Fixed search(series.geometry, reference, options.registration);
  const std::vector<std::size_t> order = order_from(options.reference, series.planes.size());
  std::vector<std::optional<Pose>> starts(planes.size());
  Pose pose;
  for (const std::size_t k : order) {
    if (k + 1 == options.reference) pose = Pose{};  // the other side of the reference
    const std::vector<float> values = series.planes[k].values();
    planes[k].note = what_hinders(series.geometry, values);
    if (!planes[k].note.empty()) continue;
    const auto near = search.approach(series.geometry, values, pose);
    if (const auto* refusal = std::get_if<Refusal>(&near)) {
      planes[k].note = refusal->reason;
    } else {
      starts[k] = pose = std::get<Pose>(near);
    }
  }
  in_parallel(order.size(), options.threads, [&](std::size_t i) {
    const std::size_t k = order[i];
    if (!starts[k]) return;
    auto found = search.finish(series.geometry, series.planes[k].values(), *starts[k]);
    if (const auto* refusal = std::get_if<Refusal>(&found)) planes[k].note = refusal->reason;
    if (const auto* motion = std::get_if<RigidMotion>(&found)) planes[k].motion = *motion;
  });
}

std::string why_left(const RigidMotion& motion, const AlignmentOptions& options) {
  if (!motion.converged) return "the search for its motion did not converge";
  if (motion.largest_displacement_voxels < options.least_displacement_voxels)
    return text("moved by less than %.2g voxels", options.least_displacement_voxels);
  return "";
}

// Marks in `uncovered` what the moved plane no longer covers.
void resample_plane(Plane& plane, const Geometry& geometry, const RigidMotion& motion, unsigned threads,
                    PlaneMotion& report, std::vector<std::uint8_t>& uncovered) {
  auto resampled = resample(geometry, plane.values(), geometry, {.transform = motion.transform, .threads = threads});
  if (const auto* refusal = std::get_if<Refusal>(&resampled)) {
    report.note = refusal->reason;
    return;
  }
  auto& there = std::get<Resampled>(resampled);
  plane = Plane(std::move(there.values));
  for (std::size_t voxel = 0; voxel < uncovered.size(); ++voxel) {
    if (there.inside[voxel] == 0) uncovered[voxel] = 1;
  }
  report.resampled = true;
}

// A voxel that one contrast does not know cannot be fitted: without signal it fails, and says so.
std::size_t blank(Series& series, const std::vector<std::uint8_t>& uncovered) {
  const auto count = static_cast<std::size_t>(std::ranges::count(uncovered, 1));
  if (count == 0) return 0;
  for (Plane& plane : series.planes) {
    auto& values = plane.edit();
    for (std::size_t voxel = 0; voxel < values.size(); ++voxel) {
      if (uncovered[voxel] != 0) values[voxel] = 0;
    }
  }
  return count;
}

std::string described(const Alignment& alignment, std::size_t reference) {
  std::size_t moved = 0;
  double farthest_mm = 0;
  for (const PlaneMotion& plane : alignment.planes) {
    if (!plane.resampled) continue;
    ++moved;
    farthest_mm = std::max(farthest_mm, plane.motion->largest_displacement_mm);
  }
  std::string sentence = text("rigid registration to image %.0f by mutual information: %.0f of %.0f images moved",
                              static_cast<double>(reference) + 1, static_cast<double>(moved),
                              static_cast<double>(alignment.planes.size()));
  if (moved > 0) sentence += text(" by up to %.2f mm", farthest_mm);
  if (alignment.uncovered > 0) sentence += text(", %.0f voxels uncovered", static_cast<double>(alignment.uncovered));
  for (std::size_t k = 0; k < alignment.planes.size(); ++k) {
    const PlaneMotion& plane = alignment.planes[k];
    if (!plane.motion && !plane.note.empty()) sentence += "; image " + std::to_string(k + 1) + " left: " + plane.note;
  }
  return sentence;
}

}  // namespace

std::variant<Alignment, Refusal> align(const Series& series, const AlignmentOptions& options) {
  if (std::string hindrance = what_hinders(series, options); !hindrance.empty()) return Refusal{std::move(hindrance)};
  Alignment out{.series = series, .planes = std::vector<PlaneMotion>(series.planes.size()), .description = {}};
  find_motions(series, options, out.planes);
  std::vector<std::uint8_t> uncovered(series.geometry.voxels(), 0);
  for (std::size_t k = 0; k < out.planes.size(); ++k) {
    PlaneMotion& plane = out.planes[k];
    if (!plane.motion) continue;
    plane.note = why_left(*plane.motion, options);
    if (plane.note.empty())
      resample_plane(out.series.planes[k], series.geometry, *plane.motion, options.threads, plane, uncovered);
  }
  out.uncovered = blank(out.series, uncovered);
  out.description = described(out, options.reference);
  out.planes[options.reference].note = "the reference";
  return out;
}

}  // namespace fitting
