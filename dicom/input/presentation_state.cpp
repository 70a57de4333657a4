// Graphics of Grayscale Softcopy Presentation States (PS3.3 C.10.5).
#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"

namespace dicom::roi {
namespace {

constexpr double kGapPixels = 1;

// Where a graphic is shown: the images of its annotation, else those of the whole presentation state.
struct Shown {
  std::string sop_instance_uid;
  int frame = 0;
};

void add_references(DcmItem& item, std::vector<Shown>& shown) {
  for (DcmItem* image : items_in(item, DCM_ReferencedImageSequence))
    for (const int frame : frames_of(*image)) shown.push_back({text(*image, DCM_ReferencedSOPInstanceUID), frame});
}

std::vector<Shown> images_of_all(DcmItem& dataset) {
  std::vector<Shown> shown;
  for (DcmItem* series : items_in(dataset, DCM_ReferencedSeriesSequence)) add_references(*series, shown);
  return shown;
}

std::vector<Shown> images_of(DcmItem& annotation, const std::vector<Shown>& all) {
  std::vector<Shown> shown;
  add_references(annotation, shown);
  return shown.empty() ? all : shown;
}

// What stands beside the graphics: the only text of the annotation, else the name of its layer.
std::string label_of(DcmItem& annotation) {
  const auto texts = items_in(annotation, DCM_TextObjectSequence);
  if (texts.size() == 1) {
    std::string label = text(*texts.front(), DCM_UnformattedTextValue);
    if (const auto end = label.find_first_of("\r\n"); end != std::string::npos) label.resize(end);
    if (!label.empty()) return label;
  }
  return text(annotation, DCM_GraphicLayer);
}

Contour contour_of(DcmItem& graphic, const std::vector<Shown>& shown, Reading& reading, Region& region) {
  const std::string type = text(graphic, DCM_GraphicType), units = text(graphic, DCM_GraphicAnnotationUnits);
  const Points points = graphic_points(graphic, 2);
  if (const auto why = why_open(type, points, kGapPixels)) throw NotTaken{*why};
  if (units != "PIXEL")
    throw NotTaken{"it is drawn in " + units.substr(0, 16) + " units, which are no place in an image"};
  if (shown.size() != 1)
    throw NotTaken{"it is shown on " + std::to_string(shown.size()) + " images: which of them it outlines is not said"};
  const std::string note = closing_note("its outline", points, "pixels");
  if (!note.empty() && (type == "POLYLINE" || type == "INTERPOLATED")) region.notes.push_back(note);
  const Plane& image = reading.images.need(shown.front().sop_instance_uid, shown.front().frame);
  return drawn("its outline", type, points, image, reading);
}

// One region; what the graphic belongs to, in `key`.
Region region_of(DcmItem& graphic, const std::vector<Shown>& shown, Reading& reading, std::string& key) {
  Region region;
  region.tracking_id = text(graphic, DCM_TrackingID);
  set_tracking_uid(region, text(graphic, DCM_TrackingUID));
  const std::string group = text(graphic, DCM_GraphicGroupID);
  key = !region.tracking_uid.empty() ? region.tracking_uid : group.empty() ? std::string() : "group " + group;
  const Contour contour = contour_of(graphic, shown, reading, region);
  fill(region, {contour}, reading);
  return region;
}

}  // namespace

bool has_closed_graphics(DcmItem& dataset) {
  for (DcmItem* annotation : items_in(dataset, DCM_GraphicAnnotationSequence))
    for (DcmItem* graphic : items_in(*annotation, DCM_GraphicObjectSequence))
      if (!why_open(text(*graphic, DCM_GraphicType), graphic_points(*graphic, 2), kGapPixels)) return true;
  return false;
}

void read_graphics(DcmDataset& dataset, Reading& reading) {
  RoiObject& object = reading.object;
  object.content_datetime = datetime(dataset, DCM_PresentationCreationDate, DCM_PresentationCreationTime);
  std::vector<std::string> keys;
  const std::vector<Shown> all = images_of_all(dataset);
  int number = 0;
  for (DcmItem* annotation : items_in(dataset, DCM_GraphicAnnotationSequence)) {
    const auto shown = images_of(*annotation, all);
    const std::string label = label_of(*annotation);
    for (DcmItem* graphic : items_in(*annotation, DCM_GraphicObjectSequence)) {
      ++number;
      try {
        std::string key;
        Region region = region_of(*graphic, shown, reading, key);
        region.number = number;
        region.label = label;
        object.regions.push_back(std::move(region));
        keys.push_back(key);
      } catch (const NotTaken& not_taken) {
        reading.refuse("graphic " + std::to_string(number), not_taken.why);
      }
    }
  }
  join(object.regions, keys);
}

}  // namespace dicom::roi
