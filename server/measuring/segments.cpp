#include "server/measuring/segments.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace server::measuring {
namespace {

constexpr double kSame_mm = 0.01;  // far below a voxel, above rounding

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

// Images of the series that the outlines refer to, by slice of the grid; none where no image lies on it.
std::vector<std::vector<dicom::Reference>> images_on(Context& context, const std::string& study,
                                                     const std::set<std::string>& series,
                                                     const fitting::Geometry& grid) {
  std::vector<std::vector<dicom::Reference>> per_slice(static_cast<std::size_t>(grid.slices()));
  for (const auto& row : need(storage::Index(context.database).instances_of(study), "list instances")) {
    if (!series.contains(row.series_uid)) continue;
    const auto images = dicom::read_instances(row.path);
    if (!images) continue;
    for (const dicom::Instance& image : *images) {
      if (!image.has_geometry || image.rows != grid.rows || image.columns != grid.columns) continue;
      for (int slice = 0; slice < grid.slices(); ++slice) {
        const auto& origin = grid.slice_origins_mm[static_cast<std::size_t>(slice)];
        if ((image.position_mm - origin).norm() > kSame_mm) continue;
        auto& references = per_slice[static_cast<std::size_t>(slice)];
        if (references.empty())  // of several contrasts one says where it was drawn
          references.push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid, image.frame});
      }
    }
  }
  return per_slice;
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

std::vector<dicom::SegmentationRequest> segmentations_of(Context& context, const std::string& study,
                                                         const Outlines& outlines) {
  std::vector<dicom::SegmentationRequest> requests;
  for (const Drawn& drawn : by_grid(outlines.lesions)) {
    dicom::SegmentationRequest request;
    request.per_slice = images_on(context, study, outlines.drawn_on, drawn.grid);
    for (const auto& [lesion, reading] : drawn.readings)
      request.segments.push_back(segment_of(*lesion, *reading, drawn.grid));
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace server::measuring
