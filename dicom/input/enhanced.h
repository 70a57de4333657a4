#pragma once
// Enhanced multi-frame MR (PS3.3 A.36): every frame as the classic image that it would have been, so that one reader
// serves both. What the functional groups say is written where classic images say it; private attributes are left to
// the vendor's own functions. Internal to dicom/input: shows a DCMTK type.
#include "dicom/dcmtk.h"
#include "dicom/input/functional_groups.h"

namespace dicom {

class EnhancedImage {
 public:
  // `dataset` must outlive it. Unwinds by Failure where the functional groups are missing or not one for each frame.
  explicit EnhancedImage(DcmDataset& dataset) : dataset_(dataset), groups_(dataset) {}

  [[nodiscard]] unsigned long frames() const { return groups_.frames(); }
  // Fills an empty item. Attributes that the object does not have are absent.
  void write_classic_header(unsigned long frame, DcmItem& header) const;

 private:
  DcmDataset& dataset_;
  FunctionalGroups groups_;
};

// Rescale of one frame: its Pixel Value Transformation, and Philips' private scale slope where it is there. An empty
// item stands for an object without it. Used where pixels are read.
void write_rescale(const FunctionalGroups& groups, unsigned long frame, DcmItem& header);

}  // namespace dicom
