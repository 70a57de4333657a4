// From outlines in the patient to masks: which grid, which slices, filling, and what belongs together.
#include <algorithm>
#include <cmath>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"

namespace dicom::roi {
namespace {

using fitting::Geometry;
using fitting::Vec3;

constexpr double kSamePlaneMm = 0.1, kMostOffPlaneMm = 0.5, kFarthestMm = 1e4;
constexpr double kOwnVoxelMm = 0.25, kMostOwnVoxels = 1024;
constexpr std::size_t kMostVoxels = std::size_t{1} << 28;  // of one region; of an object twice as many

std::string printed(double mm) {
  std::string digits = std::to_string(std::round(mm * 10) / 10);
  return digits.substr(0, digits.find('.') + 2);
}

bool is_possible(const Geometry& grid) {
  return grid.rows > 0 && grid.columns > 0 && grid.row_spacing_mm > 0 && grid.column_spacing_mm > 0 &&
         std::isfinite(grid.row_spacing_mm + grid.column_spacing_mm) &&
         (grid.slice_origins_mm.front().array().abs() <= 10 * kFarthestMm).all() &&
         std::abs(grid.row_direction.cross(grid.column_direction).norm() - 1) < 1e-3;
}

std::optional<Plane> plane_of(const Instance& image) {
  if (!image.has_geometry) return std::nullopt;
  Plane plane;
  plane.frame_of_reference_uid = image.frame_of_reference_uid;
  plane.grid.rows = image.rows;
  plane.grid.columns = image.columns;
  plane.grid.row_direction = image.row_direction;
  plane.grid.column_direction = image.column_direction;
  plane.grid.row_spacing_mm = image.row_spacing_mm;
  plane.grid.column_spacing_mm = image.column_spacing_mm;
  plane.grid.slice_thickness_mm =
      image.slice_thickness_mm > 0 ? image.slice_thickness_mm : image.spacing_between_slices_mm.value_or(0);
  plane.grid.slice_origins_mm = {image.position_mm};
  return is_possible(plane.grid) ? std::optional(plane) : std::nullopt;
}

double height(const Geometry& grid, const Vec3& point) { return point.dot(grid.normal()); }

void check_points(const Contour& contour) {
  if (contour.points.size() < 3) throw NotTaken{contour.name + " has fewer than three points"};
  if (!is_sound(contour)) throw NotTaken{contour.name + " has coordinates that are no place in a patient"};
}

// Twice the area that a contour encloses, along its normal (Newell's method).
Vec3 area_vector(const Contour& contour) {
  Vec3 sum = Vec3::Zero();
  for (std::size_t i = 0; i < contour.points.size(); ++i) {
    const Vec3 a = contour.points[i] - contour.points[0];
    sum += a.cross(contour.points[(i + 1) % contour.points.size()] - contour.points[0]);
  }
  return sum;
}

Vec3 common_normal(const std::vector<Contour>& contours) {
  Vec3 largest = Vec3::Zero();
  for (const Contour& contour : contours) {
    const Vec3 area = area_vector(contour);
    if (area.norm() > largest.norm()) largest = area;
  }
  if (largest.norm() < 1e-3) throw NotTaken{"its outlines enclose no area"};
  Eigen::Index axis = 0;
  largest.cwiseAbs().maxCoeff(&axis);
  return (largest[axis] < 0 ? -largest : largest).normalized();
}

// The grid for outlines whose images are not here; its slice is where the patient's origin is.
Geometry own_grid(const std::vector<Contour>& contours) {
  Geometry grid;
  const Vec3 normal = common_normal(contours);
  const Vec3 axis = std::abs(normal.x()) < 0.9 ? Vec3::UnitX() : Vec3::UnitY();
  grid.row_direction = (axis - normal * normal.dot(axis)).normalized();
  grid.column_direction = normal.cross(grid.row_direction);
  Eigen::Vector2d low = Eigen::Vector2d::Constant(1e9), high = -low;
  for (const Contour& contour : contours) {
    for (const Vec3& point : contour.points) {
      const Eigen::Vector2d at(point.dot(grid.row_direction), point.dot(grid.column_direction));
      low = low.cwiseMin(at);
      high = high.cwiseMax(at);
    }
  }
  const double spacing = std::max(kOwnVoxelMm, (high - low).maxCoeff() / kMostOwnVoxels);
  grid.row_spacing_mm = grid.column_spacing_mm = spacing;
  grid.columns = std::max(1, static_cast<int>(std::ceil((high.x() - low.x()) / spacing)));
  grid.rows = std::max(1, static_cast<int>(std::ceil((high.y() - low.y()) / spacing)));
  const Eigen::Vector2d first = low.array() + spacing / 2;
  grid.slice_thickness_mm = 0;
  grid.slice_origins_mm = {grid.row_direction * first.x() + grid.column_direction * first.y()};
  return grid;
}

const Plane* common_image(const std::vector<Contour>& contours) {
  const Plane* first = nullptr;
  for (const Contour& contour : contours) {
    if (contour.image == nullptr) continue;
    if (first == nullptr) first = contour.image;
    if (!same_stack(contour.image->grid, first->grid)) throw NotTaken{"its outlines lie on images of unequal grids"};
    if (contour.image->frame_of_reference_uid != first->frame_of_reference_uid)
      throw NotTaken{"its outlines lie in different frames of reference"};
  }
  return first;
}

// One contour and the slice that it lies in.
struct Placed {
  const Contour* contour = nullptr;
  double height_mm = 0;
  Vec3 origin = Vec3::Zero();
};

Placed placed(const Contour& contour, const Geometry& grid) {
  Placed at{&contour, 0, Vec3::Zero()};
  if (contour.image != nullptr) {
    at.origin = contour.image->grid.slice_origins_mm.front();
    at.height_mm = height(grid, at.origin);
  } else {
    for (const Vec3& point : contour.points)
      at.height_mm += height(grid, point) / static_cast<double>(contour.points.size());
    const Vec3& origin = grid.slice_origins_mm.front();
    at.origin = origin + grid.normal() * (at.height_mm - height(grid, origin));
  }
  double off = 0;
  for (const Vec3& point : contour.points) off = std::max(off, std::abs(height(grid, point) - at.height_mm));
  if (off > kMostOffPlaneMm)
    throw NotTaken{contour.name + " lies up to " + printed(off) + " mm off " +
                   (contour.image != nullptr ? "the image it was drawn on" : "its plane")};
  return at;
}

// By slice, ascending; those of one slice in their order, images first: their origin is exact.
std::vector<std::vector<Placed>> slices_of(const std::vector<Contour>& contours, const Geometry& grid) {
  std::vector<Placed> all;
  for (const Contour& contour : contours) all.push_back(placed(contour, grid));
  std::stable_sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) { return a.height_mm < b.height_mm; });
  std::vector<std::vector<Placed>> slices;
  for (const Placed& next : all) {
    if (slices.empty() || next.height_mm - slices.back().back().height_mm > kSamePlaneMm) slices.emplace_back();
    slices.back().push_back(next);
  }
  for (auto& slice : slices)
    std::stable_partition(slice.begin(), slice.end(), [](const Placed& p) { return p.contour->image != nullptr; });
  return slices;
}

fitting::Outline in_image(const Contour& contour, const Geometry& grid, const Vec3& origin) {
  fitting::Outline outline;
  for (const Vec3& point : contour.points)
    outline.emplace_back((point - origin).dot(grid.row_direction) / grid.column_spacing_mm + 0.5,
                         (point - origin).dot(grid.column_direction) / grid.row_spacing_mm + 0.5);
  return outline;
}

void add_slice(fitting::Mask& mask, const std::vector<Placed>& contours, std::vector<std::string>& notes) {
  const Geometry& grid = mask.geometry;
  const Vec3& origin = contours.front().origin;
  std::vector<std::uint8_t> inside(grid.slice_voxels());
  for (const Placed& at : contours) {
    const auto filled = fitting::toggle_inside(in_image(*at.contour, grid, origin), grid.columns, grid.rows, inside);
    if (filled == fitting::Fill::TooComplicated) throw NotTaken{at.contour->name + " is too complicated"};
    if (filled == fitting::Fill::CrossesItself)
      notes.push_back(at.contour->name + " crosses itself: filled by the even-odd rule");
  }
  if (std::none_of(inside.begin(), inside.end(), [](std::uint8_t voxel) { return voxel != 0; })) return;
  mask.geometry.slice_origins_mm.push_back(origin);
  mask.inside.insert(mask.inside.end(), inside.begin(), inside.end());
}

void check_size(const Geometry& grid, std::size_t slices, std::size_t before) {
  const std::size_t voxels = grid.slice_voxels() * slices;
  if (voxels > kMostVoxels || before + voxels > 2 * kMostVoxels)
    throw NotTaken{"its grid of " + std::to_string(voxels) + " voxels is too large"};
}

}  // namespace

const Plane* Images::find(const std::string& sop_instance_uid, int frame) {
  constexpr std::size_t kMostImages = 50'000;
  const auto [at, is_new] = found_.try_emplace({sop_instance_uid, frame});
  if (is_new && find_) {
    if (found_.size() > kMostImages) fail(Fault::Malformed, "outlines on too many images");
    auto image = find_(sop_instance_uid, frame);
    if (!image && frame == 1) image = find_(sop_instance_uid, 0);  // frame 1 of an object that has no frames
    if (image) at->second = plane_of(*image);
  }
  return at->second ? &*at->second : nullptr;
}

const Plane& Images::need(const std::string& sop_instance_uid, int frame) {
  const Plane* plane = find(sop_instance_uid, frame);
  if (plane == nullptr) throw NotTaken{"it names an image that is not here, or that has no position in the patient"};
  return *plane;
}

// Comparisons are false of NaN, which minima and maxima may pass over.
bool is_sound(const Contour& contour) {
  return std::all_of(contour.points.begin(), contour.points.end(),
                     [](const Vec3& point) { return (point.array().abs() <= kFarthestMm).all(); });
}

void fill(Region& region, const std::vector<Contour>& contours, Reading& reading,
          const std::vector<Contour>& of_one_lesion) {
  if (contours.empty()) throw NotTaken{"it has no closed outline"};
  for (const Contour& contour : contours) check_points(contour);
  const Plane* image = common_image(contours);
  const Geometry grid = image != nullptr ? image->grid : own_grid(of_one_lesion.empty() ? contours : of_one_lesion);
  const auto slices = slices_of(contours, grid);
  check_size(grid, slices.size(), reading.voxels);

  fitting::Mask mask{grid, {}};
  mask.geometry.slice_origins_mm.clear();
  std::vector<std::string> notes;
  for (const auto& slice : slices) add_slice(mask, slice, notes);
  if (mask.inside.empty()) throw NotTaken{"it encloses the centre of no voxel"};
  if (image == nullptr)
    notes.push_back("its images are not here: it was filled on a grid of its own of " +
                    std::to_string(grid.row_spacing_mm).substr(0, 4) + " mm");
  reading.voxels += mask.inside.size();
  region.mask = std::move(mask);
  region.notes.insert(region.notes.end(), notes.begin(), notes.end());
  if (image != nullptr) region.frame_of_reference_uid = image->frame_of_reference_uid;
}

void settle_thickness(Region& region) {
  fitting::Geometry& grid = region.mask.geometry;
  if (grid.slice_thickness_mm > 0) return;
  grid.slice_thickness_mm = grid.slices() > 1 ? grid.slice_spacing_mm() : 1;
  if (grid.slices() == 1) region.notes.emplace_back("its thickness is not known: 1 mm was taken");
}

// --- joining ---
namespace {

// Regions of one lesion that are taken for one, their slices by height.
struct Lesion {
  std::size_t first = 0;  // index of the region that stands for it
  std::map<double, std::pair<Vec3, std::vector<std::uint8_t>>> slices;
  std::vector<std::string> notes;
};

using Bits = std::span<const std::uint8_t>;

Bits bits_of(const fitting::Mask& mask, int slice) {
  const std::size_t size = mask.geometry.slice_voxels();
  return Bits(mask.inside).subspan(static_cast<std::size_t>(slice) * size, size);
}

auto slice_at(Lesion& lesion, double height_mm) {
  const auto near = lesion.slices.lower_bound(height_mm - kSamePlaneMm);
  return near != lesion.slices.end() && near->first <= height_mm + kSamePlaneMm ? near : lesion.slices.end();
}

bool overlap(Bits a, Bits b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != 0 && b[i] != 0) return true;
  return false;
}

bool fits(Lesion& lesion, const Region& of, const Region& region) {
  if (of.frame_of_reference_uid != region.frame_of_reference_uid) return false;
  if (!same_stack(of.mask.geometry, region.mask.geometry)) return false;
  for (int slice = 0; slice < region.mask.geometry.slices(); ++slice) {
    const auto there = slice_at(lesion, region.mask.geometry.height_mm(slice));
    if (there != lesion.slices.end() && overlap(there->second.second, bits_of(region.mask, slice))) return false;
  }
  return true;
}

void add(Lesion& lesion, const Region& region) {
  for (int slice = 0; slice < region.mask.geometry.slices(); ++slice) {
    const Bits bits = bits_of(region.mask, slice);
    const double at = region.mask.geometry.height_mm(slice);
    const auto there = slice_at(lesion, at);
    if (there == lesion.slices.end()) {
      lesion.slices[at] = {region.mask.geometry.slice_origins_mm[static_cast<std::size_t>(slice)],
                           {bits.begin(), bits.end()}};
    } else {
      for (std::size_t i = 0; i < bits.size(); ++i) there->second.second[i] |= bits[i];
    }
  }
  lesion.notes.insert(lesion.notes.end(), region.notes.begin(), region.notes.end());
}

Region finished(Lesion& lesion, Region region) {
  region.mask.geometry.slice_origins_mm.clear();
  region.mask.inside.clear();
  for (const auto& [height_mm, slice] : lesion.slices) {
    region.mask.geometry.slice_origins_mm.push_back(slice.first);
    region.mask.inside.insert(region.mask.inside.end(), slice.second.begin(), slice.second.end());
  }
  region.notes = std::move(lesion.notes);
  return region;
}

}  // namespace

void join(std::vector<Region>& regions, const std::vector<std::string>& keys) {
  std::map<std::string, std::vector<Lesion>> by_key;
  std::vector<Region> joined;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    auto& lesions = by_key[keys[i].empty() ? "\n" + std::to_string(i) : keys[i]];
    auto home = std::find_if(lesions.begin(), lesions.end(),
                             [&](Lesion& lesion) { return fits(lesion, regions[lesion.first], regions[i]); });
    if (home == lesions.end()) {
      if (!lesions.empty())
        regions[i].notes.emplace_back(
            "another outline has the same identifier and overlaps it, or lies on another grid: "
            "it is taken for a reading of its own");
      home = lesions.insert(lesions.end(), {.first = i, .slices = {}, .notes = {}});
    }
    add(*home, regions[i]);
  }
  for (auto& [key, lesions] : by_key)
    for (Lesion& lesion : lesions) joined.push_back(finished(lesion, regions[lesion.first]));
  std::sort(joined.begin(), joined.end(), [](const Region& a, const Region& b) { return a.number < b.number; });
  regions = std::move(joined);
}

}  // namespace dicom::roi
