#include "dicom/input/roi.h"

#include <algorithm>
#include <array>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"
#include "dicom/uid.h"

namespace dicom {

// --- attributes that the carriers share ---
namespace roi {

Code code_of(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* code = first_item(item, sequence);
  if (code == nullptr) return {};
  std::string value = text(*code, DCM_CodeValue);
  if (value.empty()) value = text(*code, DCM_LongCodeValue);
  return {value, text(*code, DCM_CodingSchemeDesignator), text(*code, DCM_CodeMeaning)};
}

bool is(const Code& code, const char* value, const char* scheme) {
  return code.value == value && code.scheme == scheme;
}

std::string laterality_of(const Code& code) {
  struct Row {
    const char *value, *scheme, *side;
  };
  static constexpr std::array<Row, 6> kSides{{{"24028007", "SCT", "R"},
                                              {"7771000", "SCT", "L"},
                                              {"51440002", "SCT", "B"},
                                              {"G-A100", "SRT", "R"},
                                              {"G-A101", "SRT", "L"},
                                              {"G-A102", "SRT", "B"}}};
  for (const Row& row : kSides)
    if (is(code, row.value, row.scheme)) return row.side;
  return {};
}

std::string laterality_of(const std::string& value) {
  return value == "R" || value == "L" || value == "B" ? value : std::string();
}

std::vector<DcmItem*> items_in(DcmItem& item, const DcmTagKey& tag) {
  DcmSequenceOfItems* sequence = nullptr;
  if (item.findAndGetSequence(tag, sequence).bad() || sequence == nullptr) return {};
  return items_of(*sequence);
}

std::vector<int> frames_of(DcmItem& reference) {
  DcmElement* element = nullptr;
  if (reference.findAndGetElement(DCM_ReferencedFrameNumber, element).bad() || element->getVM() == 0) return {0};
  // More than one is refused by whoever asks: two tell that as well as a thousand.
  std::vector<int> frames;
  for (unsigned long i = 0; i < std::min(element->getVM(), 2UL); ++i)
    frames.push_back(
        static_cast<int>(std::clamp(number(reference, DCM_ReferencedFrameNumber, i).value_or(0), 0.0, 1e6)));
  return frames;
}

// It goes out again as a UID, which "lesion-1" is not; and two such words need not mean one lesion.
void set_tracking_uid(Region& region, const std::string& uid) {
  if (is_uid(uid)) {
    region.tracking_uid = uid;
  } else if (!uid.empty()) {
    region.notes.emplace_back("its Tracking UID is not a UID and was left aside");
  }
}

std::string datetime(DcmItem& item, const DcmTagKey& date_tag, const DcmTagKey& time_tag) {
  const std::string date = text(item, date_tag), time = text(item, time_tag).substr(0, 6);
  const auto digits = [](const std::string& value) {
    return std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  return date.size() == 8 && time.size() == 6 && digits(date) && digits(time) ? date + time : std::string();
}

void Reading::count(std::size_t points_of_a_contour) {
  constexpr std::size_t kMostContours = 100'000, kMostPoints = 4'000'000;
  points += points_of_a_contour;
  if (++contours > kMostContours || points > kMostPoints) fail(Fault::Malformed, "too many outlines");
}

}  // namespace roi

// --- which carrier ---
namespace {

using Reader = void (*)(DcmDataset&, roi::Reading&);
struct Carrier {
  const char* name;
  Reader read;
};

Carrier carrier_of(const std::string& sop_class) {
  if (sop_class == UID_SegmentationStorage) return {"SEG", roi::read_segments};
  if (sop_class == UID_RTStructureSetStorage) return {"RTSTRUCT", roi::read_rt_structures};
  if (sop_class == UID_GrayscaleSoftcopyPresentationStateStorage) return {"GSPS", roi::read_graphics};
  if (roi::is_report(sop_class)) return {"SR", roi::read_report_regions};
  if (sop_class == "1.2.840.10008.5.1.4.1.1.66.7")  // younger than DCMTK's dictionary
    fail(Fault::Unsupported, "a Label Map Segmentation is not read: export it as a binary Segmentation");
  const char* known = dcmFindNameOfUID(sop_class.c_str());
  if (known == nullptr)
    fail(Fault::Unsupported,
         "a private object: outlines in a vendor's own form are not read, export them as SEG, RTSTRUCT, SR or GSPS");
  fail(Fault::Unsupported, std::string("not a carrier of regions (") + known + ")");
}

std::vector<std::string> referenced_series(DcmDataset& dataset) {
  std::vector<std::string> uids;
  const auto add = [&](DcmItem& within, const DcmTagKey& sequence) {
    for (DcmItem* series : roi::items_in(within, sequence)) {
      const std::string uid = text(*series, DCM_SeriesInstanceUID);
      if (is_uid(uid) && std::find(uids.begin(), uids.end(), uid) == uids.end()) uids.push_back(uid);
    }
  };
  add(dataset, DCM_ReferencedSeriesSequence);
  for (DcmItem* frame : roi::items_in(dataset, DCM_ReferencedFrameOfReferenceSequence))
    for (DcmItem* study : roi::items_in(*frame, DCM_RTReferencedStudySequence))
      add(*study, DCM_RTReferencedSeriesSequence);
  for (DcmItem* study : roi::items_in(dataset, DCM_CurrentRequestedProcedureEvidenceSequence))
    add(*study, DCM_ReferencedSeriesSequence);
  return uids;
}

void read_identity_of(DcmDataset& dataset, RoiObject& object) {
  object.sop_instance_uid = text(dataset, DCM_SOPInstanceUID);
  object.series_uid = text(dataset, DCM_SeriesInstanceUID);
  object.study_uid = text(dataset, DCM_StudyInstanceUID);
  for (const std::string* uid : {&object.sop_instance_uid, &object.series_uid, &object.study_uid})
    if (!is_uid(*uid)) fail(Fault::Malformed, "a SOP instance, study or series UID is missing or is not a UID");
  object.creator = text(dataset, DCM_ContentCreatorName);
  object.content_datetime = roi::datetime(dataset, DCM_ContentDate, DCM_ContentTime);
  object.referenced_series = referenced_series(dataset);
}

}  // namespace

Result<RoiObject> read_roi(const std::filesystem::path& file, const FindImage& find_image) {
  return guarded([&] {
    DcmFileFormat loaded;
    open_object(loaded, file.string());
    DcmDataset& dataset = *loaded.getDataset();
    RoiObject object;
    object.sop_class_uid = text(dataset, DCM_SOPClassUID);
    const Carrier carrier = carrier_of(object.sop_class_uid);
    object.carrier = carrier.name;
    if (DcmXfer(dataset.getOriginalXfer()).isEncapsulated()) fail(Fault::Unsupported, "compressed regions");
    read_identity_of(dataset, object);
    roi::Reading reading(object, find_image);
    carrier.read(dataset, reading);
    std::stable_sort(object.regions.begin(), object.regions.end(),
                     [](const Region& a, const Region& b) { return a.number < b.number; });
    const std::string side = roi::laterality_of(text(dataset, DCM_Laterality));
    for (Region& region : object.regions) {
      if (region.laterality.empty()) region.laterality = side;
      roi::settle_thickness(region);
    }
    return object;
  });
}

}  // namespace dicom
