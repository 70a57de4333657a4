#pragma once
// What was measured as a Segmentation: the outlines on the grid on which they were drawn, whatever object carried them.
#include <vector>

#include "dicom/output/result_segmentation.h"
#include "server/measuring/lesions.h"

namespace server::measuring {

// The image that shows each slice of the grid, among `images` (headers): of the same frame of reference where the
// outline states one, of the same matrix and direction, and with voxels less than a third of a voxel and of the
// distance of slices away; the nearest of several. Empty where there is none.
[[nodiscard]] std::vector<std::vector<dicom::Reference>> images_on(const fitting::Geometry& grid,
                                                                   const std::string& frame_of_reference_uid,
                                                                   const std::vector<dicom::Instance>& images);

// One request for each grid on which something was drawn; of several readings of a lesion each is a segment. Template,
// date, digest, equipment and predecessors are the caller's to fill in.
[[nodiscard]] std::vector<dicom::SegmentationRequest> segmentations_of(Context& context, const std::string& study,
                                                                       const Outlines& outlines);

}  // namespace server::measuring
