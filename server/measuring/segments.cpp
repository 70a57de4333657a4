#include "server/measuring/segments.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <tuple>

namespace server::measuring {
namespace {

constexpr double kSame_mm = 0.01;         // far below a voxel, above rounding
constexpr double kSameVoxel = 1.0 / 3;    // of a voxel or of the distance of slices: nearer than to any other
constexpr double kSameDirection = 0.001;  // 0.06 degrees: a third of a millimetre at the far end of a breast

// What lies on one stack of planes.
struct Drawn {
  fitting::Geometry grid;  // slices: of all its masks, ascending
  std::string frame_of_reference_uid;
  std::vector<std::pair<const Lesion*, const Reading*>> readings;
};

bool same_planes(const fitting::Geometry& a, const fitting::Geometry& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) <= kSame_mm; };
  const fitting::Vec3 offset = b.slice_origins_mm.front() - a.slice_origins_mm.front();
  return a.columns == b.columns && a.rows == b.rows && near(a.column_spacing_mm, b.column_spacing_mm) &&
         near(a.row_spacing_mm, b.row_spacing_mm) && (a.row_direction - b.row_direction).norm() < 1e-4 &&
         (a.column_direction - b.column_direction).norm() < 1e-4 && near(offset.dot(a.row_direction), 0) &&
         near(offset.dot(a.column_direction), 0);
}

void add_slices(fitting::Geometry& grid, const fitting::Geometry& more) {
  for (const fitting::Vec3& origin : more.slice_origins_mm) {
    const double height = origin.dot(grid.normal());
    const auto after = std::ranges::find_if(grid.slice_origins_mm, [&](const fitting::Vec3& known) {
      return known.dot(grid.normal()) > height - kSame_mm;
    });
    const bool known = after != grid.slice_origins_mm.end() && after->dot(grid.normal()) < height + kSame_mm;
    if (!known) grid.slice_origins_mm.insert(after, origin);
  }
}

std::vector<Drawn> by_grid(const std::vector<Lesion>& lesions) {
  std::vector<Drawn> all;
  for (const Lesion& lesion : lesions) {
    for (const Reading& reading : lesion.readings) {
      const dicom::Region& region = reading.region;
      const auto known = std::ranges::find_if(all, [&](const Drawn& drawn) {
        return drawn.frame_of_reference_uid == region.frame_of_reference_uid &&
               same_planes(drawn.grid, region.mask.geometry);
      });
      Drawn& drawn = known != all.end()
                         ? *known
                         : all.emplace_back(Drawn{region.mask.geometry, region.frame_of_reference_uid, {}});
      add_slices(drawn.grid, region.mask.geometry);
      drawn.readings.emplace_back(&lesion, &reading);
    }
  }
  return all;
}

fitting::Mask on(const fitting::Geometry& grid, const fitting::Mask& mask) {
  fitting::Mask whole{grid, std::vector<std::uint8_t>(grid.voxels(), 0)};
  const auto size = static_cast<std::ptrdiff_t>(grid.slice_voxels());
  for (int from = 0; from < mask.geometry.slices(); ++from) {
    for (int to = 0; to < grid.slices(); ++to) {
      if (std::abs(mask.geometry.height_mm(from) - grid.height_mm(to)) > kSame_mm) continue;
      std::copy_n(mask.inside.begin() + from * size, size, whole.inside.begin() + to * size);
    }
  }
  return whole;
}

// Images of the series that the outlines refer to, in their own order: so that of several contrasts in one place the
// same is the first on every slice.
std::vector<dicom::Instance> images_of(Context& context, const std::string& study,
                                       const std::set<std::string>& series) {
  std::vector<dicom::Instance> all;
  for (const auto& row : need(storage::Index(context.database).instances_of(study), "list instances")) {
    if (!series.contains(row.series_uid)) continue;
    if (auto images = dicom::read_instances(row.path)) std::ranges::move(*images, std::back_inserter(all));
  }
  std::ranges::stable_sort(all, {}, [](const dicom::Instance& image) {
    return std::tie(image.series_uid, image.instance_number, image.frame);
  });
  return all;
}

bool lies_along(const dicom::Instance& image, const fitting::Geometry& grid) {
  return image.has_geometry && image.rows == grid.rows && image.columns == grid.columns &&
         (image.row_direction - grid.row_direction).norm() < kSameDirection &&
         (image.column_direction - grid.column_direction).norm() < kSameDirection;
}

// Of the slices as they were acquired: an outline may occupy the first and the fourth only.
double slice_distance_mm(const fitting::Geometry& grid) {
  const double spacing = grid.slice_spacing_mm();
  return grid.slice_thickness_mm > 0 ? std::min(spacing, grid.slice_thickness_mm) : spacing;
}

// How far the image's first voxel lies from that of the slice, mm; nullopt where it shows other voxels.
std::optional<double> distance_mm(const dicom::Instance& image, const fitting::Geometry& grid, int slice) {
  const fitting::Vec3 offset = image.position_mm - grid.slice_origins_mm[static_cast<std::size_t>(slice)];
  const auto within = [&](const fitting::Vec3& direction, double spacing_mm) {
    return std::abs(offset.dot(direction)) <= kSameVoxel * spacing_mm;
  };
  if (!within(grid.row_direction, grid.column_spacing_mm) || !within(grid.column_direction, grid.row_spacing_mm) ||
      !within(grid.normal(), slice_distance_mm(grid)))
    return std::nullopt;
  return offset.norm();
}

dicom::SegmentToWrite segment_of(const Lesion& lesion, const Reading& reading, const fitting::Geometry& grid) {
  dicom::SegmentToWrite segment;
  segment.label = lesion.several() ? lesion.tracking_id + ", " + reading_label(lesion, reading) : lesion.tracking_id;
  segment.tracking_id = lesion.tracking_id;
  segment.tracking_uid = lesion.tracking_uid;
  segment.category = lesion.category;
  segment.type = lesion.type;
  segment.laterality = lesion.laterality;
  segment.algorithm_type = reading.region.algorithm_type.empty() ? "MANUAL" : reading.region.algorithm_type;
  segment.algorithm_name = segment.algorithm_type == "MANUAL" ? "" : "as outlined";
  if (lesion.proposal) segment.description = "unreviewed";
  segment.mask = on(grid, reading.region.mask);
  return segment;
}

}  // namespace

std::vector<std::vector<dicom::Reference>> images_on(const fitting::Geometry& grid,
                                                     const std::string& frame_of_reference_uid,
                                                     const std::vector<dicom::Instance>& images) {
  std::vector<std::vector<dicom::Reference>> per_slice(static_cast<std::size_t>(grid.slices()));
  std::vector<double> nearest(per_slice.size(), std::numeric_limits<double>::infinity());
  for (const dicom::Instance& image : images) {
    const bool same_frame = frame_of_reference_uid.empty() || image.frame_of_reference_uid == frame_of_reference_uid;
    if (!same_frame || !lies_along(image, grid)) continue;
    for (int slice = 0; slice < grid.slices(); ++slice) {
      const auto distance = distance_mm(image, grid, slice);
      const auto index = static_cast<std::size_t>(slice);
      // Of several contrasts in one place the first: one says where it was drawn.
      if (!distance || *distance > nearest[index] - kSame_mm) continue;
      nearest[index] = *distance;
      per_slice[index] = {{image.sop_class_uid, image.sop_instance_uid, image.series_uid, image.frame}};
    }
  }
  return per_slice;
}

std::vector<dicom::SegmentationRequest> segmentations_of(Context& context, const std::string& study,
                                                         const Outlines& outlines) {
  const auto images = images_of(context, study, outlines.drawn_on);
  std::vector<dicom::SegmentationRequest> requests;
  for (const Drawn& drawn : by_grid(outlines.lesions)) {
    dicom::SegmentationRequest request;
    request.frame_of_reference_uid = drawn.frame_of_reference_uid;
    request.per_slice = images_on(drawn.grid, drawn.frame_of_reference_uid, images);
    for (const auto& [lesion, reading] : drawn.readings)
      request.segments.push_back(segment_of(*lesion, *reading, drawn.grid));
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace server::measuring
