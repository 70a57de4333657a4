#pragma once
// What was measured as a Segmentation: the outlines on the grid on which they were drawn, whatever object carried them.
#include <vector>

#include "dicom/output/result_segmentation.h"
#include "server/measuring/lesions.h"

namespace server::measuring {

// One request for each grid on which something was drawn; of several readings of a lesion each is a segment. `images`
// finds the images of a series (headers) that the outlines refer to. Template, date, digest, equipment and predecessors
// are the caller's to fill in.
[[nodiscard]] std::vector<dicom::SegmentationRequest> segmentations_of(Context& context, const std::string& study,
                                                                       const Outlines& outlines);

}  // namespace server::measuring
