#include "fitting/enhancement.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "fitting/text.h"

namespace fitting {
namespace {

constexpr std::size_t kLeastVoxels = 3, kLeastCore = 5;
constexpr int kSide = 3;  // of the square whose curve is read

// --- curves ---

// Which planes are the baseline and the initial phase. The last plane is the late one.
struct Phases {
  std::size_t baseline = 0, early_end = 0;  // planes 0..baseline-1, baseline..early_end-1
};

std::variant<Phases, Refusal> phases_of(const Series& dynamic, double arrival_s, double early_s) {
  if (dynamic.protocol.axis_kind != Axis::TimeS || dynamic.planes.empty() ||
      dynamic.protocol.axis.size() != dynamic.planes.size())
    return Refusal{"curves need a dynamic series"};
  const auto& times = dynamic.protocol.axis;
  const auto up_to = [&](double time_s) {
    return static_cast<std::size_t>(std::ranges::upper_bound(times, time_s) - times.begin());
  };
  const Phases phases{up_to(arrival_s), up_to(arrival_s + early_s)};
  if (phases.baseline == 0) return Refusal{"no phase was acquired before the contrast agent arrived"};
  if (phases.early_end == phases.baseline)
    return Refusal{text("no phase lies within %g s after the arrival of the contrast agent", early_s)};
  if (phases.early_end == dynamic.planes.size())
    return Refusal{
        text("the series ends %g s after the arrival of the contrast agent, within the initial %g s: too "
             "early to tell the type of the curve",
             times.back() - arrival_s, early_s)};
  return phases;
}

// The signals of the lesion's voxels that have a baseline.
struct Curves {
  std::vector<std::size_t> voxel;  // of the grid, ascending
  std::vector<float> signal;       // [index * frames + frame]; frame 0 is the baseline
  std::size_t frames = 0;

  // Empty for a voxel that is none of them.
  [[nodiscard]] std::span<const float> of(std::size_t at) const {
    const auto found = std::ranges::lower_bound(voxel, at);
    if (found == voxel.end() || *found != at) return {};
    return std::span(signal).subspan(static_cast<std::size_t>(found - voxel.begin()) * frames, frames);
  }
};

Curves curves_of(const Series& dynamic, const Mask& lesion, const Phases& phases) {
  Curves curves;
  curves.frames = dynamic.planes.size() - phases.baseline + 1;
  for (std::size_t i = 0; i < lesion.inside.size(); ++i) {
    if (lesion.inside[i] == 0) continue;
    double baseline = 0;
    for (std::size_t k = 0; k < phases.baseline; ++k)
      baseline += dynamic.planes[k][i] / static_cast<double>(phases.baseline);
    if (!(baseline > 0)) continue;
    curves.voxel.push_back(i);
    curves.signal.push_back(static_cast<float>(baseline));
    for (std::size_t k = phases.baseline; k < dynamic.planes.size(); ++k) curves.signal.push_back(dynamic.planes[k][i]);
  }
  return curves;
}

struct Curve {
  std::size_t voxels = 0;
  double rise = 0, late = 0;
};

// Of the square about a voxel, as far as it lies in the lesion.
Curve curve_about(const Curves& curves, const Geometry& grid, std::size_t voxel, std::size_t early_frames) {
  const auto columns = static_cast<std::size_t>(grid.columns);
  const auto column = static_cast<int>(voxel % columns);
  const auto row = static_cast<int>(voxel / columns % static_cast<std::size_t>(grid.rows));
  const std::size_t slice = voxel / grid.slice_voxels() * grid.slice_voxels();
  std::vector<double> mean(curves.frames);
  Curve curve;
  for (int r = std::max(0, row - kSide / 2); r <= std::min(grid.rows - 1, row + kSide / 2); ++r) {
    for (int c = std::max(0, column - kSide / 2); c <= std::min(grid.columns - 1, column + kSide / 2); ++c) {
      const auto signal = curves.of(slice + static_cast<std::size_t>(r) * columns + static_cast<std::size_t>(c));
      if (signal.empty()) continue;
      ++curve.voxels;
      for (std::size_t k = 0; k < signal.size(); ++k) mean[k] += static_cast<double>(signal[k]);
    }
  }
  const double early =
      *std::max_element(mean.begin() + 1, mean.begin() + 1 + static_cast<std::ptrdiff_t>(early_frames));
  curve.rise = (early - mean.front()) / mean.front();
  curve.late = early > 0 ? (mean.back() - early) / early : 0;
  return curve;
}

std::vector<Curve> candidates(const Curves& curves, const Geometry& grid, std::size_t early_frames) {
  std::vector<Curve> all;
  std::size_t most = 0;
  for (const std::size_t voxel : curves.voxel) {
    all.push_back(curve_about(curves, grid, voxel, early_frames));
    most = std::max(most, all.back().voxels);
  }
  const std::size_t least = most == kSide * kSide ? most : kLeastVoxels;
  std::erase_if(all, [&](const Curve& curve) { return curve.voxels < least; });
  return all;
}

Curve worst(const std::vector<Curve>& curves, double strongest, double near_strongest) {
  std::optional<Curve> found;
  for (const Curve& curve : curves)
    if (curve.rise >= near_strongest * strongest && (!found || curve.late < found->late)) found = curve;
  return *found;
}

std::string described(const Kinetics& k, const Curve& curve, const KineticThresholds& t, double last_s) {
  return text("%g voxels near the strongest initial rise, worst curve; ", static_cast<double>(curve.voxels)) +
         text("initial rise %.1f %% (maximum of the first %g s), ", 100 * k.initial_rise, t.early_s) +
         text("late change %.1f %% (last phase, %g s after arrival); ", 100 * k.late_change, last_s) +
         text("persistent above %+g %%, washout below %+g %%; ", 100 * t.persistent, 100 * t.washout) +
         text("slow below %g %%, fast above %g %%; customary thresholds, to be confirmed by a reader", 100 * t.slow,
              100 * t.fast);
}

}  // namespace

std::variant<Kinetics, Refusal> kinetics(const Series& dynamic, double arrival_s, const Mask& lesion_on_its_grid,
                                         const KineticThresholds& thresholds) {
  if (lesion_on_its_grid.inside.size() != dynamic.geometry.voxels() ||
      !same_grid(dynamic.geometry, lesion_on_its_grid.geometry))
    return Refusal{"the region and the dynamic series are not on one grid"};
  const auto known = phases_of(dynamic, arrival_s, thresholds.early_s);
  if (const auto* refusal = std::get_if<Refusal>(&known)) return *refusal;
  const Phases& phases = std::get<Phases>(known);
  const Curves curves = curves_of(dynamic, lesion_on_its_grid, phases);
  const std::vector<Curve> all = candidates(curves, dynamic.geometry, phases.early_end - phases.baseline);
  if (all.empty()) return Refusal{"a curve needs three neighbouring voxels with signal"};
  const double strongest = std::ranges::max_element(all, {}, &Curve::rise)->rise;
  if (!(strongest >= thresholds.least_rise))
    return Refusal{text("the region enhances by %.1f %% only: there is no curve to classify", 100 * strongest)};

  const Curve curve = worst(all, strongest, thresholds.near_strongest);
  Kinetics found;
  found.initial_rise = curve.rise;
  found.late_change = curve.late;
  found.type = curve.late > thresholds.persistent ? "persistent"
               : curve.late < thresholds.washout  ? "washout"
                                                  : "plateau";
  found.rise = curve.rise < thresholds.slow ? "slow" : curve.rise > thresholds.fast ? "fast" : "medium";
  found.how = described(found, curve, thresholds, dynamic.protocol.axis.back() - arrival_s);
  return found;
}

// --- pattern ---

namespace {

struct Voxel {
  int column = 0, row = 0;
  double value = 0;
  bool shell = false, edge = false;
};

class Slice {
 public:
  Slice(std::span<const float> values, const Mask& mask, int slice)
      : grid_(mask.geometry),
        values_(values.subspan(static_cast<std::size_t>(slice) * grid_.slice_voxels(), grid_.slice_voxels())),
        inside_(std::span(mask.inside)
                    .subspan(static_cast<std::size_t>(slice) * grid_.slice_voxels(), grid_.slice_voxels())) {}

  // Voxels with a value, by how far they are from the edge of the region.
  [[nodiscard]] std::vector<Voxel> voxels(double shell_mm) const {
    std::vector<Voxel> all;
    for (int row = 0; row < grid_.rows; ++row) {
      for (int column = 0; column < grid_.columns; ++column) {
        if (!inside(column, row)) continue;
        const double value = values_[index(column, row)];
        if (value == 0 || !std::isfinite(value)) continue;
        const bool edge = !inside(column - 1, row) || !inside(column + 1, row) || !inside(column, row - 1) ||
                          !inside(column, row + 1);
        all.push_back({column, row, value, in_shell(column, row, shell_mm), edge});
      }
    }
    return all;
  }
  [[nodiscard]] double distance_mm(const Voxel& a, const Voxel& b) const {
    return std::hypot((a.column - b.column) * grid_.column_spacing_mm, (a.row - b.row) * grid_.row_spacing_mm);
  }

 private:
  [[nodiscard]] std::size_t index(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.columns) + static_cast<std::size_t>(column);
  }
  [[nodiscard]] bool inside(int column, int row) const {
    return column >= 0 && row >= 0 && column < grid_.columns && row < grid_.rows && inside_[index(column, row)] != 0;
  }
  // The centre lies within shell_mm of a voxel outside, measured to its edge along the line between them.
  [[nodiscard]] bool in_shell(int column, int row, double shell_mm) const {
    const double half_mm = std::min(grid_.column_spacing_mm, grid_.row_spacing_mm) / 2, reach_mm = shell_mm + half_mm;
    const int columns = static_cast<int>(reach_mm / grid_.column_spacing_mm),
              rows = static_cast<int>(reach_mm / grid_.row_spacing_mm);
    for (int r = -rows; r <= rows; ++r)
      for (int c = -columns; c <= columns; ++c)
        if (std::hypot(c * grid_.column_spacing_mm, r * grid_.row_spacing_mm) <= reach_mm &&
            !inside(column + c, row + r))
          return true;
    return false;
  }

  const Geometry& grid_;
  std::span<const float> values_;
  std::span<const std::uint8_t> inside_;
};

template <class Choose>
double mean_where(const std::vector<Voxel>& voxels, const Choose& choose) {
  double sum = 0;
  std::size_t count = 0;
  for (const Voxel& voxel : voxels) {
    if (!choose(voxel)) continue;
    sum += voxel.value;
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

double variation(const std::vector<Voxel>& voxels, double mean) {
  double squares = 0;
  for (const Voxel& voxel : voxels) squares += (voxel.value - mean) * (voxel.value - mean);
  return std::sqrt(squares / static_cast<double>(voxels.size() - 1)) / mean;
}

// Share of the edge voxels around which the shell is brighter than the core.
double bright_share(const Slice& slice, const std::vector<Voxel>& voxels, double core, double shell_mm) {
  std::size_t edges = 0, bright = 0;
  for (const Voxel& edge : voxels) {
    if (!edge.edge) continue;
    ++edges;
    const double local = mean_where(
        voxels, [&](const Voxel& voxel) { return voxel.shell && slice.distance_mm(voxel, edge) <= shell_mm; });
    bright += local > core ? 1U : 0U;
  }
  return edges == 0 ? 0 : static_cast<double>(bright) / static_cast<double>(edges);
}

}  // namespace

std::variant<Pattern, Refusal> enhancement_pattern(std::span<const float> enhancement, const Mask& mask, int slice,
                                                   const PatternThresholds& thresholds) {
  if (enhancement.size() != mask.geometry.voxels() || mask.inside.size() != enhancement.size())
    return Refusal{"the region and the map of enhancement are not on one grid"};
  if (slice < 0 || slice >= mask.geometry.slices()) return Refusal{"the region has no such slice"};
  const Slice plane(enhancement, mask, slice);
  const std::vector<Voxel> voxels = plane.voxels(thresholds.shell_mm);
  const auto core_voxels = std::ranges::count(voxels, false, &Voxel::shell);
  if (static_cast<std::size_t>(core_voxels) < kLeastCore)
    return Refusal{text("the region is too small for a pattern: inside a shell of %g mm it has %g voxels with a value",
                        thresholds.shell_mm, static_cast<double>(core_voxels))};
  const double mean = mean_where(voxels, [](const Voxel&) { return true; });
  const double core = mean_where(voxels, [](const Voxel& voxel) { return !voxel.shell; });
  const double shell = mean_where(voxels, [](const Voxel& voxel) { return voxel.shell; });
  if (!(mean > 0)) return Refusal{"the region does not enhance"};

  const double share = bright_share(plane, voxels, core, thresholds.shell_mm), cv = variation(voxels, mean);
  // A core that does not enhance at all is darker by any factor.
  const bool brighter = core > 0 ? shell / core >= thresholds.rim_ratio : shell > 0;
  const bool rim = brighter && share >= thresholds.rim_share;
  const std::string ratio = core > 0 ? text("%.2f", shell / core) : "no enhancement in the core";
  return Pattern{rim                               ? "rim"
                 : cv <= thresholds.homogeneous_cv ? "homogeneous"
                                                   : "heterogeneous",
                 text("shell of %g mm over core: ", thresholds.shell_mm) + ratio +
                     text(", brighter along %.0f %% of the edge (rim: at least %g and %g %%); ", 100 * share,
                          thresholds.rim_ratio, 100 * thresholds.rim_share) +
                     text("coefficient of variation %.2f (homogeneous: at most %.2f); %g voxels; ", cv,
                          thresholds.homogeneous_cv, static_cast<double>(voxels.size())) +
                     "thresholds are Herald's own and untested, to be confirmed by a reader"};
}

}  // namespace fitting
