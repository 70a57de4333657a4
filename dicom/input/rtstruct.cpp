// RT Structure Sets (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8).
#include <charconv>
#include <cmath>
#include <map>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"

namespace dicom::roi {
namespace {

using fitting::Vec3;

constexpr double kGapMm = 1, kOnPlaneMm = 0.5;

// Decimal strings by the million: DCMTK would search each from the start.
std::vector<double> decimals(const OFString& text) {
  std::vector<double> values;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    while (at < end && (*at == ' ' || *at == '\\' || *at == '+')) ++at;
    double value = std::nan("");
    const auto [past, error] = std::from_chars(at, end, value);
    if (at < end) values.push_back(error == std::errc() ? value : std::nan(""));
    at = past;
    while (at < end && *at != '\\') ++at;
  }
  return values;
}

Points contour_points(DcmItem& contour, const std::string& name) {
  OFString text;
  if (contour.findAndGetOFStringArray(DCM_ContourData, text).bad()) throw NotTaken{name + " has no points"};
  const std::vector<double> values = decimals(text);
  if (values.size() % 3 != 0) throw NotTaken{name + " has coordinates that make no points"};
  Points points;
  for (std::size_t i = 0; i < values.size(); i += 3) points.emplace_back(values[i], values[i + 1], values[i + 2]);
  return points;
}

std::vector<const Plane*> images_of(DcmItem& item, Reading& reading) {
  std::vector<const Plane*> planes;
  for (DcmItem* image : items_in(item, DCM_ContourImageSequence)) {
    for (const int frame : frames_of(*image)) {
      const Plane* plane = reading.images.find(text(*image, DCM_ReferencedSOPInstanceUID), frame);
      if (plane != nullptr) planes.push_back(plane);
    }
  }
  return planes;
}

// The images of the structure set that are here, for contours that do not name theirs.
std::vector<const Plane*> listed_images(DcmDataset& dataset, Reading& reading) {
  std::vector<const Plane*> all;
  for (DcmItem* frame : items_in(dataset, DCM_ReferencedFrameOfReferenceSequence))
    for (DcmItem* study : items_in(*frame, DCM_RTReferencedStudySequence))
      for (DcmItem* series : items_in(*study, DCM_RTReferencedSeriesSequence)) {
        const auto planes = images_of(*series, reading);
        all.insert(all.end(), planes.begin(), planes.end());
      }
  return all;
}

// The image nearest to all of the points, of the same frame of reference; nullptr where none is near.
const Plane* lies_on(const Points& points, const std::vector<const Plane*>& planes, const std::string& frame) {
  const Plane* best = nullptr;
  double least = kOnPlaneMm;
  for (const Plane* plane : planes) {
    if (!frame.empty() && plane->frame_of_reference_uid != frame) continue;
    double off = 0;
    for (const Vec3& point : points) {
      off = std::max(off, std::abs((point - plane->grid.slice_origins_mm.front()).dot(plane->grid.normal())));
      if (off >= least) break;
    }
    if (off < least) best = plane, least = off;
  }
  return best;
}

// What the structure set says about one ROI.
struct Described {
  Region region;
  DcmItem* contours = nullptr;
};

std::map<int, Described> described(DcmDataset& dataset) {
  std::map<int, Described> rois;
  for (DcmItem* item : items_in(dataset, DCM_StructureSetROISequence)) {
    Region region;
    region.number = required_count(*item, DCM_ROINumber, "ROI Number");
    region.label = text(*item, DCM_ROIName);
    region.algorithm_type = text(*item, DCM_ROIGenerationAlgorithm);
    region.tracking_id = text(*item, DCM_TrackingID);
    set_tracking_uid(region, text(*item, DCM_TrackingUID));
    region.frame_of_reference_uid = text(*item, DCM_ReferencedFrameOfReferenceUID);
    if (!rois.emplace(region.number, Described{region, nullptr}).second)
      fail(Fault::Malformed, "ROI " + std::to_string(region.number) + " is described twice");
  }
  return rois;
}

void add_observations(DcmDataset& dataset, std::map<int, Described>& rois, RoiObject& object) {
  for (DcmItem* item : items_in(dataset, DCM_RTROIObservationsSequence)) {
    const auto roi = rois.find(required_count(*item, DCM_ReferencedROINumber, "Referenced ROI Number"));
    if (roi == rois.end()) continue;
    Region& region = roi->second.region;
    if (DcmItem* code = first_item(*item, DCM_RTROIIdentificationCodeSequence); code != nullptr) {
      region.type = code_of(*item, DCM_RTROIIdentificationCodeSequence);
      region.category = code_of(*code, DCM_SegmentedPropertyCategoryCodeSequence);
    }
    region.interpreted_type = text(*item, DCM_RTROIInterpretedType);
    if (object.creator.empty()) object.creator = text(*item, DCM_ROIInterpreter);
  }
}

void add_contours(DcmDataset& dataset, std::map<int, Described>& rois) {
  for (DcmItem* item : items_in(dataset, DCM_ROIContourSequence)) {
    const int number = required_count(*item, DCM_ReferencedROINumber, "Referenced ROI Number");
    const auto roi = rois.find(number);
    if (roi == rois.end())
      fail(Fault::Malformed, "contours name ROI " + std::to_string(number) + ", which is not described");
    roi->second.contours = item;
  }
}

Points closed_points(DcmItem& item, const std::string& name, Region& region) {
  const std::string type = text(item, DCM_ContourGeometricType);
  Points points = contour_points(item, name);
  if (type == "CLOSED_PLANAR" || type == "CLOSED_PLANAR_XOR") return points;
  if (type != "OPEN_PLANAR") throw NotTaken{name + " encloses no plane region (" + type.substr(0, 16) + ")"};
  if (const auto why = why_open("POLYLINE", points, kGapMm)) throw NotTaken{name + ": " + *why + " mm"};
  const std::string note = closing_note(name, points, "mm");
  if (!note.empty()) region.notes.push_back(note);
  return points;
}

std::vector<Contour> contours_of(Described& roi, const std::vector<const Plane*>& listed, Reading& reading) {
  std::vector<Contour> contours;
  if (roi.contours == nullptr) return contours;
  for (DcmItem* item : items_in(*roi.contours, DCM_ContourSequence)) {
    Contour contour{"contour " + std::to_string(contours.size() + 1), {}, nullptr};
    contour.points = closed_points(*item, contour.name, roi.region);
    reading.count(contour.points.size());
    const std::vector<const Plane*> named = images_of(*item, reading);
    if (!named.empty()) {
      contour.image = named.front();
    } else if (items_in(*item, DCM_ContourImageSequence).empty()) {
      contour.image = lies_on(contour.points, listed, roi.region.frame_of_reference_uid);
    }
    contours.push_back(std::move(contour));
  }
  return contours;
}

}  // namespace

void read_rt_structures(DcmDataset& dataset, Reading& reading) {
  RoiObject& object = reading.object;
  object.content_datetime = datetime(dataset, DCM_StructureSetDate, DCM_StructureSetTime);
  std::map<int, Described> rois = described(dataset);
  add_contours(dataset, rois);
  add_observations(dataset, rois, object);
  if (object.creator.empty()) object.creator = text(dataset, DCM_OperatorsName);
  const std::vector<const Plane*> listed = listed_images(dataset, reading);
  for (auto& [number, roi] : rois) {
    try {
      fill(roi.region, contours_of(roi, listed, reading), reading);
      object.regions.push_back(std::move(roi.region));
    } catch (const NotTaken& not_taken) {
      reading.refuse("ROI " + std::to_string(number), not_taken.why);
    }
  }
}

}  // namespace dicom::roi
