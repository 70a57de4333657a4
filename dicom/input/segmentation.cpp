// DICOM Segmentations. Own unpacking: dcmseg 3.6.7 is not trusted (reference: dicom.md 3, defect 1).
#include <algorithm>
#include <map>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"
#include "dicom/uid.h"

namespace dicom::roi {
namespace {

// The stored values of all frames, whatever their packing.
class Voxels {
 public:
  Voxels(DcmDataset& dataset, unsigned long frames) {
    const std::string type = text(dataset, DCM_SegmentationType);
    if (type != "BINARY" && type != "FRACTIONAL")
      fail(Fault::Unsupported, "segmentation type is neither BINARY nor FRACTIONAL");
    binary_ = type == "BINARY";
    if (required_number(dataset, DCM_BitsAllocated, 0, "Bits Allocated") != (binary_ ? 1 : 8))
      fail(Fault::Malformed, "Bits Allocated does not fit the segmentation type");
    if (!binary_) threshold_ = required_number(dataset, DCM_MaximumFractionalValue, 0, "Maximum Fractional Value") / 2;
    frame_voxels_ = static_cast<std::size_t>(required_count(dataset, DCM_Rows, "Rows")) *
                    static_cast<std::size_t>(required_count(dataset, DCM_Columns, "Columns"));
    const std::size_t voxels = frame_voxels_ * frames;
    find_bytes(dataset, binary_ ? (voxels + 7) / 8 : voxels);
  }

  // PS3.5 8.1.1: bits are packed across frames without padding, the first voxel in the least significant bit.
  [[nodiscard]] bool inside(unsigned long frame, std::size_t voxel) const {
    const std::size_t at = frame * frame_voxels_ + voxel;
    return binary_ ? (bytes_[at / 8] >> (at % 8) & 1u) != 0 : bytes_[at] > 0 && bytes_[at] >= threshold_;
  }
  [[nodiscard]] bool empty(unsigned long frame) const {
    for (std::size_t voxel = 0; voxel < frame_voxels_; ++voxel)
      if (inside(frame, voxel)) return false;
    return true;
  }

 private:
  void find_bytes(DcmDataset& dataset, std::size_t needed) {
    DcmElement* element = nullptr;
    Uint8* bytes = nullptr;
    if (dataset.findAndGetElement(DCM_PixelData, element).bad() || element->getUint8Array(bytes).bad() ||
        bytes == nullptr)
      fail(Fault::Malformed, "the segmentation has no pixel data");
    if (element->getLengthField() < needed) fail(Fault::Malformed, "the pixel data are shorter than the frames");
    bytes_ = bytes;
  }

  bool binary_ = true;
  double threshold_ = 0;
  std::size_t frame_voxels_ = 0;
  const Uint8* bytes_ = nullptr;  // owned by the data set
};

// Of the segment's anatomic region, by its modifiers.
std::string side_of(DcmItem& segment) {
  for (DcmItem* anatomy : items_in(segment, DCM_AnatomicRegionSequence)) {
    const std::string side = laterality_of(code_of(*anatomy, DCM_AnatomicRegionModifierSequence));
    if (!side.empty()) return side;
  }
  return {};
}

std::map<int, Region> described_segments(DcmDataset& dataset) {
  std::map<int, Region> regions;
  const std::string frame_of_reference = text(dataset, DCM_FrameOfReferenceUID);
  if (!is_uid(frame_of_reference)) fail(Fault::Malformed, "the frame of reference UID is missing or is not a UID");
  DcmSequenceOfItems* sequence = nullptr;
  if (dataset.findAndGetSequence(DCM_SegmentSequence, sequence).bad() || sequence == nullptr)
    fail(Fault::Malformed, "Segment Sequence is missing");
  for (DcmItem* item : items_of(*sequence)) {
    Region region;
    region.number = required_count(*item, DCM_SegmentNumber, "Segment Number");
    region.label = text(*item, DCM_SegmentLabel);
    region.tracking_id = text(*item, DCM_TrackingID);
    set_tracking_uid(region, text(*item, DCM_TrackingUID));
    region.category = code_of(*item, DCM_SegmentedPropertyCategoryCodeSequence);
    region.type = code_of(*item, DCM_SegmentedPropertyTypeCodeSequence);
    region.algorithm_type = text(*item, DCM_SegmentAlgorithmType);
    region.laterality = side_of(*item);
    region.frame_of_reference_uid = frame_of_reference;
    if (!regions.emplace(region.number, region).second)
      fail(Fault::Malformed, "segment " + std::to_string(region.number) + " is described twice");
  }
  return regions;
}

struct Frame {
  unsigned long index = 0;
  double height_mm = 0;
  fitting::Geometry plane;
};

std::map<int, std::vector<Frame>> occupied_frames(const FunctionalGroups& groups, const Voxels& voxels) {
  std::map<int, std::vector<Frame>> frames;
  for (unsigned long i = 0; i < groups.frames(); ++i) {
    DcmItem* identification = groups.macro(i, DCM_SegmentIdentificationSequence);
    if (identification == nullptr) fail(Fault::Malformed, "frame " + std::to_string(i + 1) + " names no segment");
    const int segment = required_count(*identification, DCM_ReferencedSegmentNumber, "Referenced Segment Number");
    if (voxels.empty(i)) continue;
    Frame frame{i, 0, groups.plane(i)};
    frame.height_mm =
        frame.plane.slice_origins_mm.front().dot(frame.plane.row_direction.cross(frame.plane.column_direction));
    frames[segment].push_back(std::move(frame));
  }
  return frames;
}

void add_frame(fitting::Mask& mask, const Frame& frame, const Voxels& voxels, bool new_slice) {
  const std::size_t size = frame.plane.slice_voxels();
  if (new_slice) {
    mask.geometry.slice_origins_mm.push_back(frame.plane.slice_origins_mm.front());
    mask.inside.resize(mask.inside.size() + size);
  }
  const auto slice = mask.inside.end() - static_cast<std::ptrdiff_t>(size);
  for (std::size_t voxel = 0; voxel < size; ++voxel)
    if (voxels.inside(frame.index, voxel)) slice[static_cast<std::ptrdiff_t>(voxel)] = 1;
}

fitting::Mask mask_of(std::vector<Frame> frames, const Voxels& voxels, int segment) {
  std::stable_sort(frames.begin(), frames.end(),
                   [](const Frame& a, const Frame& b) { return a.height_mm < b.height_mm; });
  fitting::Mask mask;
  mask.geometry = frames.front().plane;
  mask.geometry.slice_origins_mm.clear();
  double last_mm = 0;
  for (const Frame& frame : frames) {
    if (!same_stack(frame.plane, frames.front().plane))
      fail(Fault::Unsupported, "segment " + std::to_string(segment) + " has frames of unequal orientation or spacing");
    const bool new_slice = mask.geometry.slice_origins_mm.empty() || frame.height_mm - last_mm > kSameFrameHeightMm;
    add_frame(mask, frame, voxels, new_slice);
    if (new_slice) last_mm = frame.height_mm;
  }
  return mask;
}

// Of the frames of one segment, where they say it.
std::string side_of(const FunctionalGroups& groups, const std::vector<Frame>& frames) {
  DcmItem* anatomy = groups.macro(frames.front().index, DCM_FrameAnatomySequence);
  return anatomy != nullptr ? laterality_of(text(*anatomy, DCM_FrameLaterality)) : std::string();
}

}  // namespace

void read_segments(DcmDataset& dataset, Reading& reading) {
  const FunctionalGroups groups(dataset);
  const Voxels voxels(dataset, groups.frames());
  std::map<int, Region> regions = described_segments(dataset);
  for (auto& [number, frames] : occupied_frames(groups, voxels)) {
    const auto region = regions.find(number);
    if (region == regions.end())
      fail(Fault::Malformed, "frames name segment " + std::to_string(number) + ", which is not described");
    if (region->second.laterality.empty()) region->second.laterality = side_of(groups, frames);
    region->second.mask = mask_of(std::move(frames), voxels, number);
    reading.object.regions.push_back(std::move(region->second));
  }
}

}  // namespace dicom::roi
