// Regions of structured reports: SCOORD and SCOORD3D (PS3.3 C.18.6, C.18.9) in groups after TID 1410 and in whatever
// other vendors nest them.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"
#include "dicom/input/sr_content.h"

namespace dicom::roi {
namespace {

using fitting::Vec3;
using sr::child;

constexpr double kGapPixels = 1, kGapMm = 1, kOnPlaneMm = 0.5;

struct Graphic {
  std::string type;
  Points points;
  bool in_space = false;  // SCOORD3D
  std::string frame_of_reference_uid;
  std::string sop_instance_uid;  // of the image that it was selected from
  std::vector<int> frames;
};

struct Group {
  DcmItem* item = nullptr;
  std::vector<Graphic> graphics;
};

std::optional<std::string> why_open(const Graphic& graphic) {
  if (graphic.points.empty()) return "its coordinates make no points";
  return roi::why_open(graphic.type, graphic.points, graphic.in_space ? kGapMm : kGapPixels);
}

Graphic graphic_of(DcmItem& item, bool in_space) {
  Graphic graphic;
  graphic.in_space = in_space;
  graphic.type = text(item, DCM_GraphicType);
  graphic.points = graphic_points(item, in_space ? 3 : 2);
  graphic.frame_of_reference_uid = text(item, DCM_ReferencedFrameOfReferenceUID);
  for (DcmItem* below : sr::children(item)) {
    DcmItem* image = sr::value_type(*below) == "IMAGE" ? first_item(*below, DCM_ReferencedSOPSequence) : nullptr;
    if (image == nullptr) continue;
    graphic.sop_instance_uid = text(*image, DCM_ReferencedSOPInstanceUID);
    graphic.frames = frames_of(*image);
  }
  return graphic;
}

// The groups of a report in document order. Items are asked once whether they are groups, and graphics are told apart
// by their bytes: a report of a hundred thousand must not take their square.
class Groups {
 public:
  explicit Groups(DcmItem& document) {
    sr::walk(document, [this](DcmItem& item, const std::vector<DcmItem*>& path) {
      const std::string type = sr::value_type(item);
      if (type == "SCOORD" || type == "SCOORD3D") add(graphic_of(item, type == "SCOORD3D"), group_of(path));
    });
  }
  [[nodiscard]] const std::vector<Group>& all() const { return all_; }

 private:
  // Writers repeat the outline under each number that was taken from it: once is enough.
  void add(Graphic graphic, DcmItem* group) {
    const auto [at, is_new] = known_.try_emplace(group, all_.size());
    if (is_new) all_.push_back({group, {}});
    if (seen_.emplace(at->second, key_of(graphic)).second) all_[at->second].graphics.push_back(std::move(graphic));
  }

  static std::string key_of(const Graphic& graphic) {
    std::string key = graphic.type + "|" + graphic.sop_instance_uid + "|" + graphic.frame_of_reference_uid;
    for (const int frame : graphic.frames) key += "|" + std::to_string(frame);
    const auto* bytes = reinterpret_cast<const char*>(graphic.points.data());
    return key.append(bytes, graphic.points.size() * sizeof(Vec3));
  }

  bool is_tracked(DcmItem* item) {
    const auto [at, is_new] = tracked_.try_emplace(item);
    if (is_new) at->second = child(*item, "112039", "DCM") != nullptr || child(*item, "112040", "DCM") != nullptr;
    return at->second;
  }

  // The nearest item around a graphic that has a tracking identifier; else the nearest container.
  DcmItem* group_of(const std::vector<DcmItem*>& path) {
    for (auto at = path.rbegin(); at != path.rend(); ++at)
      if (is_tracked(*at)) return *at;
    for (auto at = path.rbegin(); at != path.rend(); ++at)
      if (sr::value_type(**at) == "CONTAINER") return *at;
    return path.front();
  }

  std::vector<Group> all_;
  std::map<const DcmItem*, std::size_t> known_;
  std::map<const DcmItem*, bool> tracked_;
  std::set<std::pair<std::size_t, std::string>> seen_;
};

// --- what a report says about a group ---

std::string text_of(DcmItem* item) { return item != nullptr ? text(*item, DCM_TextValue) : std::string(); }

std::string side_of(DcmItem& item) {
  for (const auto& [value, scheme] : {std::pair{"272741003", "SCT"}, {"G-C171", "SRT"}})
    if (DcmItem* side = child(item, value, scheme)) return laterality_of(sr::code_value(*side));
  return {};
}

Region described(DcmItem& group) {
  Region region;
  region.tracking_id = text_of(child(group, "112039", "DCM"));
  region.label = region.tracking_id;
  if (DcmItem* uid = child(group, "112040", "DCM")) set_tracking_uid(region, text(*uid, DCM_UID));
  if (DcmItem* finding = child(group, "121071", "DCM")) region.type = sr::code_value(*finding);
  if (DcmItem* category = child(group, "276214006", "SCT")) region.category = sr::code_value(*category);
  region.laterality = side_of(group);
  for (const auto& [value, scheme] : {std::pair{"363698007", "SCT"}, {"G-C0E3", "SRT"}})
    if (DcmItem* site = child(group, value, scheme); site != nullptr && region.laterality.empty())
      region.laterality = side_of(*site);
  return region;
}

struct Observers {
  std::string person;
  bool only_devices = false;
};

Observers observers_of(DcmItem& document) {
  Observers observers;
  bool devices = false, persons = false;
  sr::walk(document, [&](DcmItem& item, const std::vector<DcmItem*>&) {
    const Code name = sr::concept_name(item);
    if (is(name, "121005", "DCM")) {
      devices = devices || is(sr::code_value(item), "121007", "DCM");
      persons = persons || is(sr::code_value(item), "121006", "DCM");
    } else if (is(name, "121008", "DCM")) {
      persons = true;
      if (observers.person.empty()) observers.person = text(item, DCM_PersonName);
    }
  });
  observers.only_devices = devices && !persons;
  return observers;
}

// --- outlines ---

// The images that a report lists: where a SCOORD3D may lie.
std::vector<const Plane*> listed_images(DcmDataset& dataset, Reading& reading) {
  std::vector<const Plane*> planes;
  for (DcmItem* study : items_in(dataset, DCM_CurrentRequestedProcedureEvidenceSequence))
    for (DcmItem* series : items_in(*study, DCM_ReferencedSeriesSequence))
      for (DcmItem* image : items_in(*series, DCM_ReferencedSOPSequence))
        if (const Plane* plane = reading.images.find(text(*image, DCM_ReferencedSOPInstanceUID), 0))
          planes.push_back(plane);
  return planes;
}

double off_plane(const Points& points, const Plane& plane) {
  double off = 0;
  for (const Vec3& point : points)
    off = std::max(off, std::abs((point - plane.grid.slice_origins_mm.front()).dot(plane.grid.normal())));
  return off;
}

const Plane* image_of(const Graphic& graphic, const std::vector<const Plane*>& listed, Reading& reading) {
  if (graphic.frames.size() == 1)
    if (const Plane* named = reading.images.find(graphic.sop_instance_uid, graphic.frames.front())) return named;
  const auto on = std::find_if(listed.begin(), listed.end(), [&](const Plane* plane) {
    return plane->frame_of_reference_uid == graphic.frame_of_reference_uid &&
           off_plane(graphic.points, *plane) <= kOnPlaneMm;
  });
  return on != listed.end() ? *on : nullptr;
}

Contour in_space(const std::string& name, const Graphic& graphic, const std::vector<const Plane*>& listed,
                 Reading& reading) {
  if (graphic.type == "CIRCLE") throw NotTaken{"a circle in space has no plane"};
  reading.count(polygon_size(graphic.type, graphic.points.size()));
  return {name, polygon_of(graphic.type, graphic.points, Vec3::Zero()), image_of(graphic, listed, reading)};
}

Contour in_image(const std::string& name, const Graphic& graphic, Reading& reading) {
  if (graphic.sop_instance_uid.empty()) throw NotTaken{"it names no image"};
  if (graphic.frames.size() != 1) throw NotTaken{"it names several frames: which of them it outlines is not said"};
  return drawn(name, graphic.type, graphic.points,
               reading.images.need(graphic.sop_instance_uid, graphic.frames.front()), reading);
}

std::vector<Contour> contours_of(const Group& group, const std::vector<const Plane*>& listed, Region& region,
                                 Reading& reading) {
  std::vector<Contour> contours;
  std::string last_reason = "it has no outline";
  for (const Graphic& graphic : group.graphics) {
    if (const auto why = why_open(graphic)) {
      last_reason = *why;
      continue;
    }
    const std::string name = "outline " + std::to_string(contours.size() + 1);
    contours.push_back(graphic.in_space ? in_space(name, graphic, listed, reading) : in_image(name, graphic, reading));
    if (graphic.in_space) region.frame_of_reference_uid = graphic.frame_of_reference_uid;
    const std::string note = closing_note(name, graphic.points, graphic.in_space ? "mm" : "pixels");
    if (!note.empty() && graphic.type.starts_with("POLY")) region.notes.push_back(note);
  }
  if (contours.empty()) throw NotTaken{last_reason};
  return contours;
}

struct Outlined {
  Region region;
  std::vector<Contour> contours;
  std::string why_not;
};

// Outlines in space whose images are not here, by the lesion that they are of.
std::map<std::string, std::vector<Contour>> without_images(const std::vector<Outlined>& all) {
  std::map<std::string, std::vector<Contour>> by_lesion;
  for (const Outlined& group : all)
    for (const Contour& contour : group.contours)
      if (!group.region.tracking_uid.empty() && contour.image == nullptr && is_sound(contour))
        by_lesion[group.region.tracking_uid].push_back(contour);
  return by_lesion;
}

void fill_all(std::vector<Outlined>& all, Reading& reading) {
  auto of_lesion = without_images(all);
  std::vector<std::string> keys;
  for (Outlined& group : all) {
    try {
      if (!group.why_not.empty()) throw NotTaken{group.why_not};
      fill(group.region, group.contours, reading, of_lesion[group.region.tracking_uid]);
      keys.push_back(group.region.tracking_uid);
      reading.object.regions.push_back(std::move(group.region));
    } catch (const NotTaken& not_taken) {
      reading.refuse("group " + std::to_string(group.region.number), not_taken.why);
    }
  }
  join(reading.object.regions, keys);
}

}  // namespace

bool is_report(const std::string& sop_class_uid) {
  static const std::array<std::string, 5> kReports{UID_BasicTextSRStorage, UID_EnhancedSRStorage,
                                                   UID_ComprehensiveSRStorage, UID_Comprehensive3DSRStorage,
                                                   UID_ExtensibleSRStorage};
  return std::find(kReports.begin(), kReports.end(), sop_class_uid) != kReports.end();
}

bool report_has_regions(DcmItem& dataset) {
  bool found = false;
  sr::walk(dataset, [&](DcmItem& item, const std::vector<DcmItem*>&) {
    if (found) return;
    const std::string type = sr::value_type(item);
    if (type == "SCOORD" || type == "SCOORD3D") found = !why_open(graphic_of(item, type == "SCOORD3D"));
  });
  return found;
}

void read_report_regions(DcmDataset& dataset, Reading& reading) {
  RoiObject& object = reading.object;
  const Observers observers = observers_of(dataset);
  if (!observers.person.empty()) object.creator = observers.person;
  const std::vector<const Plane*> listed = listed_images(dataset, reading);
  std::vector<Outlined> all;
  const Groups groups(dataset);
  for (const Group& group : groups.all()) {
    const int number = static_cast<int>(all.size()) + 1;
    all.push_back({described(*group.item), {}, {}});
    all.back().region.number = number;
    if (observers.only_devices) all.back().region.algorithm_type = "AUTOMATIC";
    try {
      all.back().contours = contours_of(group, listed, all.back().region, reading);
    } catch (const NotTaken& not_taken) {
      all.back().why_not = not_taken.why;
    }
  }
  fill_all(all, reading);
}

}  // namespace dicom::roi
