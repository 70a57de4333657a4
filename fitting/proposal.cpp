#include "fitting/proposal.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "fitting/breast.h"
#include "fitting/fit.h"
#include "fitting/registration.h"
#include "fitting/text.h"

namespace fitting {
namespace {

constexpr std::size_t kLooked = 1 << 20;    // voxels that tell how bright the image is
constexpr double kLeastMotionVoxels = 0.1;  // less is left in: interpolation would cost more than it mends
constexpr double kPeakPercentile = 0.95;

using Voxels = std::vector<std::size_t>;

// --- phases ---

struct Phases {
  std::size_t baseline = 0;  // planes 0..baseline-1
  std::size_t early = 0;
};

std::variant<Phases, Refusal> phases_of(const Series& dynamic, double arrival_s, const ProposalOptions& options) {
  const auto& times = dynamic.protocol.axis;
  if (dynamic.protocol.axis_kind != Axis::TimeS || times.empty() || times.size() != dynamic.planes.size())
    return Refusal{"lesions are proposed from a dynamic series only"};
  if (std::string wrong = what_is_wrong(dynamic.geometry); !wrong.empty()) return Refusal{wrong};
  for (const Plane& plane : dynamic.planes)
    if (plane.size() != dynamic.geometry.voxels()) return Refusal{"a phase does not fit the grid of its series"};
  Phases phases{.baseline = static_cast<std::size_t>(std::ranges::upper_bound(times, arrival_s) - times.begin())};
  if (phases.baseline == 0) return Refusal{"no phase was acquired before the contrast agent arrived"};
  if (phases.baseline == times.size()) return Refusal{"no phase was acquired after the contrast agent arrived"};
  const auto off = [&](double time) { return std::abs(time - arrival_s - options.phase_s); };
  const auto nearest = std::min_element(times.begin() + static_cast<std::ptrdiff_t>(phases.baseline), times.end(),
                                        [&](double a, double b) { return off(a) < off(b); });
  phases.early = static_cast<std::size_t>(nearest - times.begin());
  if (off(*nearest) > options.phase_tolerance_s)
    return Refusal{text("no phase lies within %g s of %g s after the arrival of the contrast agent",
                        options.phase_tolerance_s, options.phase_s)};
  return phases;
}

std::vector<float> mean_of(std::span<const Plane> planes) {
  std::vector<float> mean = planes.front().values();
  for (const Plane& plane : planes.subspan(1))
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += plane[i];
  for (float& value : mean) value /= static_cast<float>(planes.size());
  return mean;
}

// What 99 % of the voxels are darker than, of voxels spread over the volume.
double brightest(std::span<const float> values) {
  std::vector<float> looked;
  const std::size_t step = std::max<std::size_t>(1, values.size() / kLooked);
  for (std::size_t i = 0; i < values.size(); i += step) looked.push_back(values[i]);
  const auto place = looked.end() - 1 - static_cast<std::ptrdiff_t>(looked.size() / 100);
  std::nth_element(looked.begin(), place, looked.end());
  return static_cast<double>(*place);
}

// --- enhancement ---

struct Moved {
  std::vector<float> values;         // on the grid of the baseline
  std::vector<std::uint8_t> inside;  // empty: everywhere
  std::string note;
};

Moved brought_back(const Geometry& grid, std::span<const float> baseline, const Plane& early, unsigned threads) {
  Moved moved;
  moved.values = early.values();
  const auto registered = register_rigid(grid, baseline, grid, moved.values);
  if (const auto* refusal = std::get_if<Refusal>(&registered)) {
    moved.note = "phases were not aligned: " + refusal->reason;
    return moved;
  }
  const auto& motion = std::get<RigidMotion>(registered);
  if (motion.largest_displacement_voxels < kLeastMotionVoxels) {
    moved.note = "rigid alignment found no motion";
    return moved;
  }
  auto resampled = resample(grid, moved.values, grid, {.transform = motion.transform, .threads = threads});
  if (const auto* refusal = std::get_if<Refusal>(&resampled)) {
    moved.note = "phases were not aligned: " + refusal->reason;
    return moved;
  }
  moved.values = std::move(std::get<Resampled>(resampled).values);
  moved.inside = std::move(std::get<Resampled>(resampled).inside);
  moved.note = "rigid alignment: " + described(motion);
  return moved;
}

// (S - S0) / S0 in the breasts where S0 has signal; 0 elsewhere.
std::vector<float> enhancement_in(const Mask& breast, std::span<const float> baseline, Moved moved, double least) {
  std::vector<float> enhancement = std::move(moved.values);
  for (std::size_t i = 0; i < enhancement.size(); ++i) {
    const bool known = breast.inside[i] != 0 && static_cast<double>(baseline[i]) >= least &&
                       (moved.inside.empty() || moved.inside[i] != 0);
    enhancement[i] = known ? (enhancement[i] - baseline[i]) / baseline[i] : 0;
  }
  return enhancement;
}

// --- morphology ---

// The smallest (erode) or largest of three neighbours along the axis of that stride; the border stands for its own
// neighbour.
void window(std::vector<std::uint8_t>& volume, std::size_t stride, std::size_t size, bool erode) {
  if (size < 2) return;
  const std::vector<std::uint8_t> before = volume;
  for (std::size_t block = 0; block < volume.size(); block += stride * size) {
    for (std::size_t at = 0; at < size; ++at) {
      const std::size_t here = block + at * stride, below = at == 0 ? here : here - stride,
                        above = at + 1 == size ? here : here + stride;
      for (std::size_t j = 0; j < stride; ++j) {
        const std::uint8_t a = before[below + j], b = before[here + j], c = before[above + j];
        volume[here + j] = erode ? a & b & c : a | b | c;
      }
    }
  }
}

struct OpenedAxis {
  std::size_t stride, size;
  bool opened;
};

std::array<OpenedAxis, 3> axes_of(const Geometry& grid, double widest_mm) {
  return {
      {{1, static_cast<std::size_t>(grid.columns), grid.column_spacing_mm <= widest_mm},
       {static_cast<std::size_t>(grid.columns), static_cast<std::size_t>(grid.rows), grid.row_spacing_mm <= widest_mm},
       {grid.slice_voxels(), static_cast<std::size_t>(grid.slices()), grid.slice_spacing_mm() <= widest_mm}}};
}

std::string open(const Geometry& grid, double widest_mm, std::vector<std::uint8_t>& volume) {
  const auto axes = axes_of(grid, widest_mm);
  for (const bool erode : {true, false})
    for (const auto& axis : axes)
      if (axis.opened) window(volume, axis.stride, axis.size, erode);
  std::string element;
  for (const auto& axis : axes) element += (element.empty() ? "" : " x ") + std::string(axis.opened ? "3" : "1");
  return element;
}

// --- components ---

// Neighbours of a voxel within the grid: those that differ by one in at most `most` axes.
template <class Visit>
void each_neighbour(const Geometry& grid, std::size_t voxel, int most, const Visit& visit) {
  const auto columns = static_cast<std::size_t>(grid.columns), rows = static_cast<std::size_t>(grid.rows);
  const int column = static_cast<int>(voxel % columns), row = static_cast<int>(voxel / columns % rows),
            slice = static_cast<int>(voxel / grid.slice_voxels());
  for (int s = std::max(0, slice - 1); s <= std::min(grid.slices() - 1, slice + 1); ++s)
    for (int r = std::max(0, row - 1); r <= std::min(grid.rows - 1, row + 1); ++r)
      for (int c = std::max(0, column - 1); c <= std::min(grid.columns - 1, column + 1); ++c)
        if (const int apart = (s != slice) + (r != row) + (c != column); apart > 0 && apart <= most)
          visit((static_cast<std::size_t>(s) * rows + static_cast<std::size_t>(r)) * columns +
                static_cast<std::size_t>(c));
}

constexpr int kFaces = 1, kFacesEdgesCorners = 3;

// Takes the component of `seed` out of `volume`.
Voxels taken_out(const Geometry& grid, std::size_t seed, std::vector<std::uint8_t>& volume) {
  Voxels component{seed};
  volume[seed] = 0;
  for (std::size_t next = 0; next < component.size(); ++next) {
    each_neighbour(grid, component[next], kFacesEdgesCorners, [&](std::size_t neighbour) {
      if (volume[neighbour] == 0) return;
      volume[neighbour] = 0;
      component.push_back(neighbour);
    });
  }
  std::ranges::sort(component);
  return component;
}

Vec3 centre_of(const Geometry& grid, std::size_t voxel) {
  const auto columns = static_cast<std::size_t>(grid.columns), rows = static_cast<std::size_t>(grid.rows);
  return grid.centre_mm(static_cast<double>(voxel % columns), static_cast<double>(voxel / columns % rows),
                        static_cast<int>(voxel / grid.slice_voxels()));
}

// Lengths along the principal axes, longest first, from edge to edge of the voxels.
std::array<double, 3> lengths_mm(const Geometry& grid, const Voxels& component) {
  Vec3 mean = Vec3::Zero();
  for (const std::size_t voxel : component) mean += centre_of(grid, voxel) / static_cast<double>(component.size());
  Eigen::Matrix3d scatter = Eigen::Matrix3d::Zero();
  for (const std::size_t voxel : component) {
    const Vec3 from = centre_of(grid, voxel) - mean;
    scatter += from * from.transpose();
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> principal(scatter);
  std::array<double, 3> lengths{};
  for (int k = 0; k < 3; ++k) {
    const Vec3 axis = principal.eigenvectors().col(k);
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const std::size_t voxel : component) {
      const double along = axis.dot(centre_of(grid, voxel));
      low = std::min(low, along);
      high = std::max(high, along);
    }
    const double voxel_mm = std::abs(axis.dot(grid.row_direction)) * grid.column_spacing_mm +
                            std::abs(axis.dot(grid.column_direction)) * grid.row_spacing_mm +
                            std::abs(axis.dot(grid.normal())) * grid.slice_spacing_mm();
    lengths[static_cast<std::size_t>(k)] = high - low + voxel_mm;
  }
  std::ranges::sort(lengths, std::greater());
  return lengths;
}

struct Component {
  Voxels voxels;
  double score = 0;  // sum of the enhancement: volume x mean, up to a factor
};

struct Sorted {
  std::vector<Component> kept;  // best first
  std::size_t vessels = 0, small = 0;
};

Sorted components_of(const Geometry& grid, std::vector<std::uint8_t> volume, std::span<const float> enhancement,
                     const ProposalOptions& options) {
  Sorted sorted;
  for (std::size_t i = 0; i < volume.size(); ++i) {
    if (volume[i] == 0) continue;
    Component component{.voxels = taken_out(grid, i, volume)};
    const auto lengths = lengths_mm(grid, component.voxels);
    if (lengths[0] < options.least_extent_mm) {
      ++sorted.small;
    } else if (lengths[0] > options.vessel_elongation * lengths[1]) {
      ++sorted.vessels;
    } else {
      for (const std::size_t voxel : component.voxels) component.score += static_cast<double>(enhancement[voxel]);
      sorted.kept.push_back(std::move(component));
    }
  }
  std::ranges::stable_sort(sorted.kept, std::greater(), &Component::score);
  return sorted;
}

// --- growing ---

float peak_of(const Component& component, std::span<const float> enhancement) {
  std::vector<float> values;
  for (const std::size_t voxel : component.voxels) values.push_back(enhancement[voxel]);
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(kPeakPercentile * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// The voxels that hang together with the component's bright ones, all above `least`; the component itself where that
// leaks.
Voxels grown(const Geometry& grid, const Component& component, std::span<const float> enhancement, float least,
             double leak, std::vector<std::uint8_t>& taken) {
  Voxels region;
  const auto add = [&](std::size_t voxel) {
    if (taken[voxel] != 0 || enhancement[voxel] < least) return;
    taken[voxel] = 1;
    region.push_back(voxel);
  };
  std::ranges::for_each(component.voxels, add);
  const double most = leak * static_cast<double>(component.voxels.size());
  for (std::size_t next = 0; next < region.size() && static_cast<double>(region.size()) <= most; ++next)
    each_neighbour(grid, region[next], kFaces, add);
  if (static_cast<double>(region.size()) <= most) return region;
  for (const std::size_t voxel : region) taken[voxel] = 0;
  region.clear();
  for (const std::size_t voxel : component.voxels) {
    if (taken[voxel] == 0) region.push_back(voxel);
    taken[voxel] = 1;
  }
  return region;
}

ProposedLesion lesion_of(const Geometry& grid, const Voxels& region, std::span<const float> enhancement) {
  ProposedLesion lesion{.mask = {grid, std::vector<std::uint8_t>(grid.voxels())}};
  for (const std::size_t voxel : region) {
    lesion.mask.inside[voxel] = 1;
    lesion.mean_enhancement += static_cast<double>(enhancement[voxel]) / static_cast<double>(region.size());
  }
  lesion.volume_mm3 = lesion.mask.volume_mm3();
  lesion.largest_slice = lesion.mask.largest_slice().value_or(0);
  return lesion;
}

std::vector<ProposedLesion> lesions_of(const Geometry& grid, const Sorted& sorted, std::span<const float> enhancement,
                                       const ProposalOptions& options) {
  std::vector<ProposedLesion> lesions;
  std::vector<std::uint8_t> taken(grid.voxels());
  for (const Component& component : sorted.kept) {
    if (lesions.size() == options.most) break;
    const auto swallowed =
        std::ranges::count_if(component.voxels, [&](std::size_t voxel) { return taken[voxel] != 0; });
    if (2 * static_cast<std::size_t>(swallowed) > component.voxels.size()) continue;  // a part of a better one
    const float least = static_cast<float>(options.grown_share) * peak_of(component, enhancement);
    lesions.push_back(lesion_of(grid, grown(grid, component, enhancement, least, options.leak, taken), enhancement));
  }
  return lesions;
}

std::string described(const ProposalOptions& o, double phase_s, const std::string& motion, const std::string& element,
                      const Sorted& sorted) {
  return text(
             "Automatic proposal, unreviewed: enhancement of %g %% or more %g s after the arrival of the contrast "
             "agent; ",
             100 * o.least_enhancement, phase_s) +
         motion + text("; breasts in front of the sternum line without %g mm of skin; opening ", o.skin_mm) + element +
         text("; components longer than %g mm, no vessels (%g times longer than wide), ", o.least_extent_mm,
              o.vessel_elongation) +
         text("ranked by volume times enhancement, grown to %g %% of their peak; ", 100 * o.grown_share) +
         text("%g candidates, %g vessels and %g small ones left out", static_cast<double>(sorted.kept.size()),
              static_cast<double>(sorted.vessels), static_cast<double>(sorted.small));
}

}  // namespace

std::variant<Proposal, Refusal> propose_lesions(const Series& dynamic, double arrival_s,
                                                const ProposalOptions& options) {
  const auto known = phases_of(dynamic, arrival_s, options);
  if (const auto* refusal = std::get_if<Refusal>(&known)) return *refusal;
  const Phases& phases = std::get<Phases>(known);
  const Geometry& grid = dynamic.geometry;

  const std::vector<float> baseline = mean_of(std::span(dynamic.planes).first(phases.baseline));
  const double bright = brightest(baseline), noise = options.noise_ratio * estimate_noise(dynamic).sigma;
  if (!(bright > noise) || !(bright > 0)) return Refusal{"the images before the contrast agent show noise only"};
  const double least = std::max(noise, options.signal_share * bright);
  const auto found = breasts(
      grid, baseline, {.least_signal = least, .skin_mm = options.skin_mm, .least_valley_mm = options.least_valley_mm});
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const Mask& breast = std::get<Mask>(found);

  Moved moved = brought_back(grid, baseline, dynamic.planes[phases.early], options.threads);
  const std::string motion = moved.note;
  const std::vector<float> enhancement = enhancement_in(breast, baseline, std::move(moved), least);
  std::vector<std::uint8_t> candidates(enhancement.size());
  std::ranges::transform(enhancement, candidates.begin(), [&](float value) {
    return static_cast<std::uint8_t>(static_cast<double>(value) >= options.least_enhancement);
  });
  const auto passing = static_cast<double>(std::ranges::count(candidates, 1));
  const double share = passing / static_cast<double>(std::max<std::size_t>(1, breast.count()));
  if (share > options.background_share)
    return Refusal{text("%.0f %% of the breasts enhance by %g %% or more: no lesion can be told from the background",
                        100 * share, 100 * options.least_enhancement)};
  const std::string element = open(grid, options.open_spacing_mm, candidates);
  const Sorted sorted = components_of(grid, std::move(candidates), enhancement, options);
  return Proposal{lesions_of(grid, sorted, enhancement, options),
                  described(options, dynamic.protocol.axis[phases.early] - arrival_s, motion, element, sorted)};
}

}  // namespace fitting
