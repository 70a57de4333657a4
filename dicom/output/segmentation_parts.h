#pragma once
// What every BINARY Segmentation has, whoever drew it. Included by .cpp files of dicom/output only.
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/output/object.h"
#include "fitting/roi.h"

namespace dicom::output {

// One frame: a slice of one segment's mask that has voxels.
struct SegmentFrame {
  const fitting::Mask* mask = nullptr;
  int segment = 0;   // from 1
  int slice = 0;     // of the grid
  int position = 0;  // dimension index: rank of the slice among those that any segment occupies, from 1
};
// By segment, then ascending slices.
[[nodiscard]] std::vector<SegmentFrame> frames_of(const std::vector<const fitting::Mask*>& masks);

// Image Pixel and Segmentation Image modules without the pixels themselves.
void put_binary_format(DcmItem& to, const fitting::Geometry& geometry, std::size_t frames);
// Dimensions: segment, then position.
void put_segment_dimensions(DcmItem& to, const std::string& organization_uid);
// Shared functional groups: pixel measures and orientation.
void put_segment_grid(DcmItem& to, const fitting::Geometry& geometry);
// Per-frame functional groups but the derivation, which is the caller's.
DcmItem& add_segment_frame(DcmItem& to, const SegmentFrame& frame);
// Bits run on from frame to frame without padding, the first in the lowest bit (PS3.5 8.1.1 and A.1); only the end is
// filled up, to an even number of bytes. Own packing: dcmseg 3.6.7 gets it wrong (reference: dicom.md 3, defect 1).
void put_binary_pixels(DcmItem& to, const std::vector<SegmentFrame>& frames);

}  // namespace dicom::output
