#include "dicom/output/segmentation_parts.h"

#include <array>
#include <cstdint>
#include <set>

#include "dicom/output/elements.h"
#include "dicom/output/map_parts.h"

namespace dicom::output {

std::vector<SegmentFrame> frames_of(const std::vector<const fitting::Mask*>& masks) {
  std::vector<SegmentFrame> frames;
  std::set<int> slices;
  for (std::size_t i = 0; i < masks.size(); ++i)
    for (const int slice : masks[i]->occupied_slices()) {
      frames.push_back({masks[i], static_cast<int>(i) + 1, slice, 0});
      slices.insert(slice);
    }
  for (SegmentFrame& frame : frames)
    frame.position = static_cast<int>(std::distance(slices.begin(), slices.find(frame.slice))) + 1;
  return frames;
}

void put_binary_format(DcmItem& to, const fitting::Geometry& geometry, std::size_t frames) {
  put_text(to, DCM_ImageType, "DERIVED\\PRIMARY");
  put_text(to, DCM_SegmentationType, "BINARY");
  put_text(to, DCM_LossyImageCompression, "00");
  put_unsigned(to, DCM_SamplesPerPixel, 1);
  put_text(to, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_text(to, DCM_NumberOfFrames, std::to_string(frames));
  put_unsigned(to, DCM_Rows, geometry.rows);
  put_unsigned(to, DCM_Columns, geometry.columns);
  put_unsigned(to, DCM_BitsAllocated, 1);
  put_unsigned(to, DCM_BitsStored, 1);
  put_unsigned(to, DCM_HighBit, 0);
  put_unsigned(to, DCM_PixelRepresentation, 0);
}

void put_segment_dimensions(DcmItem& to, const std::string& uid) {
  put_text(add_item(to, DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, uid);
  add_dimension(to, uid, DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence);
  add_dimension(to, uid, DCM_ImagePositionPatient, DCM_PlanePositionSequence);
}

void put_segment_grid(DcmItem& to, const fitting::Geometry& geometry) {
  DcmItem& shared = add_item(to, DCM_SharedFunctionalGroupsSequence);
  DcmItem& measures = add_item(shared, DCM_PixelMeasuresSequence);
  put_text(measures, DCM_PixelSpacing, pixel_spacing(geometry));
  put_decimal(measures, DCM_SliceThickness, geometry.slice_thickness_mm);
  put_decimal(measures, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
  put_text(add_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, orientation(geometry));
}

DcmItem& add_segment_frame(DcmItem& to, const SegmentFrame& frame) {
  DcmItem& item = add_item(to, DCM_PerFrameFunctionalGroupsSequence);
  const std::array<Uint32, 2> indices{static_cast<Uint32>(frame.segment), static_cast<Uint32>(frame.position)};
  check(add_item(item, DCM_FrameContentSequence)
            .putAndInsertUint32Array(DCM_DimensionIndexValues, indices.data(), indices.size()),
        "insert dimension indices");
  put_text(add_item(item, DCM_PlanePositionSequence), DCM_ImagePositionPatient,
           position(frame.mask->geometry, frame.slice));
  put_unsigned(add_item(item, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber, frame.segment);
  return item;
}

void put_binary_pixels(DcmItem& to, const std::vector<SegmentFrame>& frames) {
  const std::size_t size = frames.front().mask->geometry.slice_voxels();
  std::vector<std::uint8_t> bytes((frames.size() * size + 15) / 16 * 2);
  std::size_t bit = 0;
  for (const SegmentFrame& frame : frames) {
    const std::uint8_t* inside = frame.mask->inside.data() + static_cast<std::size_t>(frame.slice) * size;
    for (std::size_t voxel = 0; voxel < size; ++voxel, ++bit)
      if (inside[voxel] != 0) bytes[bit / 8] |= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  check(to.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bytes.data(), bytes.size()), "insert pixels");
}

}  // namespace dicom::output
