#pragma once
// Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16), as far as grids need them. Internal to
// dicom/input: shows DCMTK types.
#include <string>
#include <vector>

#include "dicom/dcmtk.h"
#include "fitting/geometry.h"

namespace dicom {

inline constexpr double kSameFrameHeightMm = 0.01;

class FunctionalGroups {
 public:
  // `dataset` must outlive it. Unwinds by Failure where the sequences or Number of Frames are missing or do not agree,
  // where so many frames share so much that reading them frame by frame would not end, and where more than a thousand
  // have less than 64 bytes each.
  explicit FunctionalGroups(DcmDataset& dataset);

  [[nodiscard]] unsigned long frames() const { return static_cast<unsigned long>(own_.size()); }
  // First item of the macro's sequence: of the frame, else of all frames; nullptr when absent.
  [[nodiscard]] DcmItem* macro(unsigned long frame, const DcmTagKey& sequence) const;
  // What the frame has of its own; nullptr when nothing.
  [[nodiscard]] DcmItem* own(unsigned long frame) const { return frame < own_.size() ? own_[frame] : nullptr; }
  // The grid of one frame: a geometry with one slice. Unwinds by Failure where position, orientation or spacing are
  // missing.
  [[nodiscard]] fitting::Geometry plane(unsigned long frame) const;

 private:
  DcmDataset& dataset_;
  DcmItem* shared_ = nullptr;
  std::vector<DcmItem*> own_;
};

// Same matrix, orientation and spacing: frames of one stack.
[[nodiscard]] bool same_stack(const fitting::Geometry& a, const fitting::Geometry& b);

// All items, for walks: DCMTK finds item n in n steps.
[[nodiscard]] std::vector<DcmItem*> items_of(DcmSequenceOfItems& sequence);
// Item 0 of a sequence, nullptr when absent.
[[nodiscard]] DcmItem* first_item(DcmItem& item, const DcmTagKey& sequence);
// An attribute that must be there.
[[nodiscard]] double required_number(DcmItem& item, const DcmTagKey& tag, unsigned long index, const char* name);
// 0 to 65535, as of US; a file may have written it with another VR.
[[nodiscard]] int required_count(DcmItem& item, const DcmTagKey& tag, const char* name);

// Loads a whole object after the nesting guard, its text as UTF-8; unwinds by Failure.
void open_object(DcmFileFormat& object, const std::string& file);
// The same for an object of one SOP class, not compressed, with the UIDs of an image in space.
void load_object(DcmFileFormat& object, const std::string& file, const char* sop_class_uid, const char* name);

}  // namespace dicom
