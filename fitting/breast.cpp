#include "fitting/breast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "fitting/text.h"

namespace fitting {
namespace {

constexpr int kInARow = 3;              // voxels of signal that make a surface
constexpr double kForemost = 0.1;       // of the slices: the surface of a column of the profile
constexpr double kLeastCovered = 0.1;   // of the slices in which it has a surface
constexpr double kCentralShare = 0.25;  // of the width on either side of the middle: where the valley is looked for

// One axis of the grid, named by the patient's direction that it is nearest to.
struct GridAxis {
  int size = 0;
  std::size_t stride = 0;
  double spacing_mm = 1;
  bool reversed = false;  // the index falls along the patient's direction

  [[nodiscard]] std::size_t offset(int index) const {
    return static_cast<std::size_t>(reversed ? size - 1 - index : index) * stride;
  }
};

// x to the left, y to the back, z to the head.
using PatientAxes = std::array<GridAxis, 3>;

std::optional<PatientAxes> patient_axes(const Geometry& g) {
  const auto columns = static_cast<std::size_t>(g.columns);
  const std::array<std::pair<Vec3, GridAxis>, 3> own{
      {{g.row_direction, {g.columns, 1, g.column_spacing_mm}},
       {g.column_direction, {g.rows, columns, g.row_spacing_mm}},
       {g.normal(), {g.slices(), g.slice_voxels(), g.slice_spacing_mm()}}}};
  PatientAxes axes;
  for (const auto& [direction, axis] : own) {
    Eigen::Index nearest = 0;
    direction.cwiseAbs().maxCoeff(&nearest);
    GridAxis& named = axes[static_cast<std::size_t>(nearest)];
    if (named.size != 0) return std::nullopt;  // oblique by 45 degrees
    named = axis;
    named.reversed = direction[nearest] < 0;
  }
  return axes;
}

constexpr int kNone = -1;  // no surface

// For every x and z: the first y with signal.
class Surface {
 public:
  Surface(const PatientAxes& axes, std::span<const float> image, double least)
      : axes_(axes), depth_(static_cast<std::size_t>(axes[0].size) * static_cast<std::size_t>(axes[2].size), kNone) {
    for (int z = 0; z < axes_[2].size; ++z)
      for (int x = 0; x < axes_[0].size; ++x)
        depth_[at(x, z)] = first(image, least, axes_[0].offset(x) + axes_[2].offset(z));
  }
  [[nodiscard]] int depth(int x, int z) const { return depth_[at(x, z)]; }

  // The foremost surface of every x over the slices, kNone where hardly any has one.
  [[nodiscard]] std::vector<int> profile() const {
    std::vector<int> foremost;
    for (int x = 0; x < axes_[0].size; ++x) {
      std::vector<int> depths;
      for (int z = 0; z < axes_[2].size; ++z)
        if (depth(x, z) != kNone) depths.push_back(depth(x, z));
      const bool enough = !depths.empty() && static_cast<double>(depths.size()) >= kLeastCovered * axes_[2].size;
      if (enough) {
        const auto place = depths.begin() + static_cast<std::ptrdiff_t>(kForemost * static_cast<double>(depths.size()));
        std::nth_element(depths.begin(), place, depths.end());
        foremost.push_back(*place);
      } else {
        foremost.push_back(kNone);
      }
    }
    return foremost;
  }

 private:
  [[nodiscard]] std::size_t at(int x, int z) const {
    return static_cast<std::size_t>(z) * static_cast<std::size_t>(axes_[0].size) + static_cast<std::size_t>(x);
  }
  [[nodiscard]] int first(std::span<const float> image, double least, std::size_t base) const {
    int run = 0;
    for (int y = 0; y < axes_[1].size; ++y) {
      run = static_cast<double>(image[base + axes_[1].offset(y)]) >= least ? run + 1 : 0;
      if (run == kInARow) return y - kInARow + 1;
    }
    return kNone;
  }

  const PatientAxes& axes_;
  std::vector<int> depth_;
};

// The depth of the surface between two breasts; nullopt where there is no valley that deep.
std::optional<int> sternum(const std::vector<int>& profile, double spacing_mm, double least_valley_mm) {
  const auto covered = [](int depth) { return depth != kNone; };
  const auto first = std::ranges::find_if(profile, covered);
  if (first == profile.end()) return std::nullopt;
  const auto last = std::find_if(profile.rbegin(), profile.rend(), covered).base();
  const auto width = last - first, middle = (first - profile.begin()) + width / 2;
  const auto reach = static_cast<std::ptrdiff_t>(kCentralShare * static_cast<double>(width));
  std::ptrdiff_t valley = kNone;
  for (std::ptrdiff_t x = middle - reach; x <= middle + reach && x < std::ssize(profile); ++x) {
    const int depth = profile[static_cast<std::size_t>(x)];
    if (depth != kNone && (valley == kNone || depth > profile[static_cast<std::size_t>(valley)])) valley = x;
  }
  if (valley == kNone) return std::nullopt;
  const int depth = profile[static_cast<std::size_t>(valley)];
  const auto tip = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    int foremost = depth;
    for (std::ptrdiff_t x = from; x < to; ++x)
      if (profile[static_cast<std::size_t>(x)] != kNone)
        foremost = std::min(foremost, profile[static_cast<std::size_t>(x)]);
    return (depth - foremost) * spacing_mm;
  };
  const bool two = tip(0, valley) >= least_valley_mm && tip(valley + 1, std::ssize(profile)) >= least_valley_mm;
  return two ? std::optional(depth) : std::nullopt;
}

// Shrinks `inside` along one axis by `voxels` on both sides; the border of the field of view is no edge.
void erode_along(const PatientAxes& axes, std::size_t along, int voxels, std::vector<std::uint8_t>& inside) {
  const GridAxis &line = axes[along], &other = axes[(along + 1) % 3], &third = axes[(along + 2) % 3];
  std::vector<std::uint8_t> before(static_cast<std::size_t>(line.size));
  for (int b = 0; b < third.size; ++b) {
    for (int a = 0; a < other.size; ++a) {
      const std::size_t base = other.offset(a) + third.offset(b);
      for (int i = 0; i < line.size; ++i) before[static_cast<std::size_t>(i)] = inside[base + line.offset(i)];
      int outside = -voxels - 1;  // the last voxel outside so far
      for (int i = 0; i < line.size + voxels; ++i) {
        if (i < line.size && before[static_cast<std::size_t>(i)] == 0) outside = i;
        const int judged = i - voxels;
        if (judged >= 0 && outside >= judged - voxels) inside[base + line.offset(judged)] = 0;
      }
    }
  }
}

}  // namespace

std::variant<Mask, Refusal> breasts(const Geometry& geometry, std::span<const float> image,
                                    const BreastOptions& options) {
  const auto axes = patient_axes(geometry);
  if (!axes) return Refusal{"the slices are too oblique to tell front and back"};
  const Surface surface(*axes, image, options.least_signal);
  const auto line = sternum(surface.profile(), (*axes)[1].spacing_mm, options.least_valley_mm);
  if (!line)
    return Refusal{text("no valley of %g mm between two breasts is seen, so the chest wall cannot be told",
                        options.least_valley_mm)};
  Mask mask{geometry, std::vector<std::uint8_t>(geometry.voxels())};
  const auto& [x_axis, y_axis, z_axis] = *axes;
  for (int z = 0; z < z_axis.size; ++z)
    for (int x = 0; x < x_axis.size; ++x)
      if (const int depth = surface.depth(x, z); depth != kNone)
        for (int y = depth; y < y_axis.size; ++y)
          mask.inside[x_axis.offset(x) + y_axis.offset(y) + z_axis.offset(z)] = 1;
  for (std::size_t along = 0; along < 3; ++along)
    erode_along(*axes, along, static_cast<int>(std::lround(options.skin_mm / (*axes)[along].spacing_mm)), mask.inside);
  for (int z = 0; z < z_axis.size; ++z)
    for (int x = 0; x < x_axis.size; ++x)
      for (int y = *line; y < y_axis.size; ++y) mask.inside[x_axis.offset(x) + y_axis.offset(y) + z_axis.offset(z)] = 0;
  return mask;
}

}  // namespace fitting
