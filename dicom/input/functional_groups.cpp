#include "dicom/input/functional_groups.h"

#include <cmath>

#include "dicom/input/nesting.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr double kSameDirection = 1e-4, kSameSpacing = 1e-4;
constexpr double kMostFrames = 100000;
constexpr double kLargestSpacingMm = 1e3, kFarthestMm = 1e5;  // numbers beyond would turn infinite when multiplied
// What every frame asks the object and the shared groups for, times frames: bytes to copy and elements to walk past. A
// legacy converted object of 20,000 frames that share a Siemens header of 100 kB has 2 GB.
constexpr double kMostWork = 4e9, kWorkPerElement = 64;

fitting::Vec3 required_vector(DcmItem& item, const DcmTagKey& tag, unsigned long first, const char* name) {
  return {required_number(item, tag, first, name), required_number(item, tag, first + 1, name),
          required_number(item, tag, first + 2, name)};
}

bool is_spacing(double mm) { return mm > 0 && mm <= kLargestSpacingMm; }

bool is_direction(const fitting::Vec3& v) { return v.norm() > 0.9 && v.norm() < 10; }

DcmItem& required_macro(const FunctionalGroups& groups, unsigned long frame, const DcmTagKey& sequence,
                        const char* name) {
  DcmItem* item = groups.macro(frame, sequence);
  if (item == nullptr) fail(Fault::Malformed, "frame " + std::to_string(frame + 1) + " has no " + name);
  return *item;
}

// The standard wants a position and a content of every frame, some 100 bytes. An Instance takes 1 kB: a small file must
// not be able to ask for many.
constexpr double kFewFrames = 1000, kLeastBytes = 64;

double work_per_frame(DcmDataset& dataset, DcmItem* shared) {
  const double elements = static_cast<double>(dataset.card());
  const double bytes = shared != nullptr ? shared->calcElementLength(EXS_LittleEndianExplicit, EET_ExplicitLength) : 0;
  return elements * kWorkPerElement + bytes;
}

void to_utf8(DcmDataset& dataset) {
  if (dataset.convertToUTF8().good()) return;
  // 8-bit text whose character set is missing or wrong: Latin-1 gives every byte a character and loses none.
  check(dataset.convertCharacterSet("ISO_IR 100", "ISO_IR 192", 0, OFTrue), "convert the text to UTF-8");
}

}  // namespace

std::vector<DcmItem*> items_of(DcmSequenceOfItems& sequence) {
  std::vector<DcmItem*> items;
  for (DcmObject* at = sequence.nextInContainer(nullptr); at != nullptr; at = sequence.nextInContainer(at))
    items.push_back(static_cast<DcmItem*>(at));
  return items;
}

DcmItem* first_item(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* first = nullptr;
  return item.findAndGetSequenceItem(sequence, first, 0).good() ? first : nullptr;
}

double required_number(DcmItem& item, const DcmTagKey& tag, unsigned long index, const char* name) {
  const auto value = number(item, tag, index);
  if (!value) fail(Fault::Malformed, std::string(name) + " is missing or not a number");
  return *value;
}

int required_count(DcmItem& item, const DcmTagKey& tag, const char* name) {
  const double value = required_number(item, tag, 0, name);
  if (value < 0 || value > 65535) fail(Fault::Malformed, std::string(name) + " is out of range");
  return static_cast<int>(value);
}

void open_object(DcmFileFormat& object, const std::string& file) {
  initialise_dcmtk();
  if (const auto sound = check_nesting(file); !sound) throw Failure{sound.error()};
  check(object.loadFile(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_fileOnly), "read the object");
  to_utf8(*object.getDataset());
}

void load_object(DcmFileFormat& object, const std::string& file, const char* sop_class_uid, const char* name) {
  open_object(object, file);
  DcmDataset& dataset = *object.getDataset();
  if (text(dataset, DCM_SOPClassUID) != sop_class_uid) fail(Fault::Unsupported, std::string("not a ") + name);
  for (const DcmTagKey& tag :
       {DCM_SOPInstanceUID, DCM_StudyInstanceUID, DCM_SeriesInstanceUID, DCM_FrameOfReferenceUID})
    if (!is_uid(text(dataset, tag)))
      fail(Fault::Malformed, "a SOP instance, study, series or frame of reference UID is missing or is not a UID");
  if (DcmXfer(dataset.getOriginalXfer()).isEncapsulated()) fail(Fault::Unsupported, std::string("compressed ") + name);
}

FunctionalGroups::FunctionalGroups(DcmDataset& dataset) : dataset_(dataset) {
  const double frames = required_number(dataset, DCM_NumberOfFrames, 0, "Number of Frames");
  if (frames < 1 || frames > kMostFrames) fail(Fault::Malformed, "Number of Frames is out of range");
  shared_ = first_item(dataset, DCM_SharedFunctionalGroupsSequence);
  DcmSequenceOfItems* per_frame = nullptr;
  if (dataset.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, per_frame).bad() || per_frame == nullptr)
    fail(Fault::Malformed, "Per-Frame Functional Groups Sequence is missing");
  if (per_frame->card() != static_cast<unsigned long>(frames))
    fail(Fault::Malformed, "the per-frame functional groups are not as many as the frames");
  if (frames > kFewFrames &&
      per_frame->calcElementLength(EXS_LittleEndianExplicit, EET_ExplicitLength) < frames * kLeastBytes)
    fail(Fault::Malformed, "the per-frame functional groups are too small for so many frames");
  if (frames * work_per_frame(dataset, shared_) > kMostWork)
    fail(Fault::Malformed, "too many attributes for so many frames");
  own_ = items_of(*per_frame);
}

DcmItem* FunctionalGroups::macro(unsigned long frame, const DcmTagKey& sequence) const {
  DcmItem* mine = own(frame);
  DcmItem* found = mine != nullptr ? first_item(*mine, sequence) : nullptr;
  return found == nullptr && shared_ != nullptr ? first_item(*shared_, sequence) : found;
}

fitting::Geometry FunctionalGroups::plane(unsigned long frame) const {
  fitting::Geometry geometry;
  geometry.rows = required_count(dataset_, DCM_Rows, "Rows");
  geometry.columns = required_count(dataset_, DCM_Columns, "Columns");
  DcmItem& orientation = required_macro(*this, frame, DCM_PlaneOrientationSequence, "plane orientation");
  const fitting::Vec3 row = required_vector(orientation, DCM_ImageOrientationPatient, 0, "Image Orientation");
  const fitting::Vec3 column = required_vector(orientation, DCM_ImageOrientationPatient, 3, "Image Orientation");
  DcmItem& measures = required_macro(*this, frame, DCM_PixelMeasuresSequence, "pixel measures");
  geometry.row_spacing_mm = required_number(measures, DCM_PixelSpacing, 0, "Pixel Spacing");
  geometry.column_spacing_mm = required_number(measures, DCM_PixelSpacing, 1, "Pixel Spacing");
  geometry.slice_thickness_mm = number(measures, DCM_SliceThickness).value_or(1);
  const bool sound = geometry.rows > 0 && geometry.columns > 0 && is_spacing(geometry.row_spacing_mm) &&
                     is_spacing(geometry.column_spacing_mm) && is_direction(row) && is_direction(column) &&
                     std::abs(row.dot(column)) < 1e-3;
  if (!sound) fail(Fault::Malformed, "frame " + std::to_string(frame + 1) + " has no possible grid");
  geometry.row_direction = row.normalized();
  geometry.column_direction = column.normalized();
  DcmItem& position = required_macro(*this, frame, DCM_PlanePositionSequence, "plane position");
  geometry.slice_origins_mm = {required_vector(position, DCM_ImagePositionPatient, 0, "Image Position")};
  if (geometry.slice_origins_mm.front().cwiseAbs().maxCoeff() > kFarthestMm)
    fail(Fault::Malformed, "frame " + std::to_string(frame + 1) + " has no possible position");
  return geometry;
}

bool same_stack(const fitting::Geometry& a, const fitting::Geometry& b) {
  return a.rows == b.rows && a.columns == b.columns && (a.row_direction - b.row_direction).norm() < kSameDirection &&
         (a.column_direction - b.column_direction).norm() < kSameDirection &&
         std::abs(a.row_spacing_mm - b.row_spacing_mm) < kSameSpacing &&
         std::abs(a.column_spacing_mm - b.column_spacing_mm) < kSameSpacing;
}

}  // namespace dicom
