#include "server/measuring/lesions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>

#include "dicom/uid.h"
#include "fitting/roi.h"

namespace server::measuring {
namespace {

constexpr double kSameLesion = 0.5;     // Dice above which two outlines are probably of one lesion
constexpr double kSideCertain_mm = 30;  // from the isocentre, beyond which the side is not in doubt

// People outline on what came and on what we made of it.
std::optional<std::filesystem::path> file_of(Context& context, const std::string& uid) {
  if (const auto row = need(storage::Index(context.database).find(uid), "find an image")) return row->path;
  const auto result = need(storage::JobQueue(context.database).find_result(uid), "find a result");
  return result ? std::optional(result->path) : std::nullopt;
}

dicom::FindImage image_finder(Context& context) {
  return [&context](const std::string& uid, int frame) -> std::optional<dicom::Instance> {
    const auto file = file_of(context, uid);
    if (!file) return std::nullopt;
    auto images = dicom::read_instances(*file);
    if (!images) return std::nullopt;
    for (dicom::Instance& image : *images)
      if (image.frame == frame) return std::move(image);
    return std::nullopt;
  };
}

void refuse(Outlines& outlines, const std::string& what, const std::string& why) {
  outlines.remarks.push_back(what + ": " + why + ".");
  outlines.refused.push_back(what + ": " + why);
}

std::string tracking_uid(const dicom::Region& region, const dicom::RoiObject& roi) {
  return region.tracking_uid.empty()
             ? dicom::uid_from_name("region|" + roi.sop_instance_uid + "|" + std::to_string(region.number))
             : region.tracking_uid;
}

std::string tracking_id(const dicom::Region& region, const dicom::RoiObject& roi) {
  if (!region.tracking_id.empty()) return region.tracking_id;
  return region.label.empty() ? fmt::format("{} region {}", roi.carrier, region.number) : region.label;
}

bool is_any(const dicom::Code& code, std::span<const std::string_view> values) {
  return std::ranges::find(values, code.value) != values.end();
}

bool says_nothing(const dicom::Code& code) {
  static constexpr std::array<std::string_view, 2> kTissue{"85756007", "T-D0050"};  // what viewers write unasked
  return code.value.empty() || is_any(code, kTissue);
}

// The terms of PS3.3 C.8.8.8.1 but for GTV, and BODY, which some write for EXTERNAL. Other words say nothing.
bool is_no_lesion(const std::string& interpreted_type) {
  static constexpr std::array<std::string_view, 23> kOthers{"EXTERNAL",
                                                            "PTV",
                                                            "CTV",
                                                            "TREATED_VOLUME",
                                                            "IRRAD_VOLUME",
                                                            "BOLUS",
                                                            "AVOIDANCE",
                                                            "ORGAN",
                                                            "MARKER",
                                                            "REGISTRATION",
                                                            "ISOCENTER",
                                                            "CONTRAST_AGENT",
                                                            "CAVITY",
                                                            "SUPPORT",
                                                            "FIXATION",
                                                            "DOSE_REGION",
                                                            "CONTROL",
                                                            "DOSE_MEASUREMENT",
                                                            "BODY",
                                                            "BRACHY_CHANNEL",
                                                            "BRACHY_ACCESSORY",
                                                            "BRACHY_SRC_APP",
                                                            "BRACHY_CHNL_SHLD"};
  return std::ranges::find(kOthers, interpreted_type) != kOthers.end();
}

// SNOMED CT as SCT, and as SRT before 2018.
Meaning meaning_of(const dicom::Region& region) {
  static constexpr std::array<std::string_view, 2> kAbnormal{"49755003", "M-01000"};
  static constexpr std::array<std::string_view, 7> kLesions{
      "108369006", "52988006", "4147007", "86049000", "M-01100", "M-03000", "M-80003"};  // neoplasm, lesion, mass
  if (is_no_lesion(region.interpreted_type)) return Meaning::Other;
  if (region.interpreted_type == "GTV" || is_any(region.category, kAbnormal) || is_any(region.type, kLesions))
    return Meaning::Lesion;
  return says_nothing(region.category) && says_nothing(region.type) ? Meaning::Unsaid : Meaning::Other;
}

// Readers of one lesion: a word outweighs silence, and that it is a lesion outweighs that it is not.
Meaning of_both(Meaning a, Meaning b) {
  if (a == Meaning::Lesion || b == Meaning::Lesion) return Meaning::Lesion;
  return a == Meaning::Other || b == Meaning::Other ? Meaning::Other : Meaning::Unsaid;
}

// Objects in the order in which a reader made them; the UID settles what dates do not.
void sort_by_date(std::vector<dicom::RoiObject>& objects) {
  std::ranges::sort(objects, [](const dicom::RoiObject& a, const dicom::RoiObject& b) {
    return std::tie(a.content_datetime, a.sop_instance_uid) < std::tie(b.content_datetime, b.sop_instance_uid);
  });
}

int reader_number(const std::vector<std::string>& readers, const std::string& name) {
  return static_cast<int>(std::ranges::find(readers, name) - readers.begin()) + 1;
}

Lesion& lesion_of(std::vector<Lesion>& lesions, const dicom::Region& region, const dicom::RoiObject& roi) {
  const std::string uid = tracking_uid(region, roi);
  const auto known = std::ranges::find(lesions, uid, &Lesion::tracking_uid);
  if (known != lesions.end()) {
    known->meaning = of_both(known->meaning, meaning_of(region));
    return *known;
  }
  lesions.push_back({.tracking_id = tracking_id(region, roi),
                     .tracking_uid = uid,
                     .category = region.category,
                     .type = region.type,
                     .laterality = region.laterality,
                     .lesion = false,
                     .proposal = false,
                     .readings = {},
                     .meaning = meaning_of(region)});
  return lesions.back();
}

void take_regions(Outlines& outlines, dicom::RoiObject& roi) {
  const int reader = reader_number(outlines.readers, roi.creator);
  for (dicom::Region& region : roi.regions) {
    if (region.automatic()) {
      refuse(outlines, fmt::format("{} region {} was not measured", roi.carrier, region.number),
             "it is an algorithm's proposal that nobody has reviewed");
      continue;
    }
    Lesion& lesion = lesion_of(outlines.lesions, region, roi);
    for (const std::string& note : region.notes)
      outlines.remarks.push_back(fmt::format("{}: {}.", lesion.tracking_id, note));
    const auto before = std::ranges::count(lesion.readings, reader, &Reading::reader);
    lesion.readings.push_back({reader, static_cast<int>(before) + 1, roi.sop_instance_uid, std::move(region)});
  }
  roi.regions.clear();
}

fitting::Vec3 middle_of(const fitting::Mask& mask) {
  fitting::Vec3 sum = fitting::Vec3::Zero();
  double voxels = 0;
  const fitting::Geometry& grid = mask.geometry;
  for (std::size_t i = 0; i < mask.inside.size(); ++i) {
    if (mask.inside[i] == 0) continue;
    const auto in_slice = static_cast<int>(i % grid.slice_voxels());
    sum += grid.centre_mm(in_slice % grid.columns, in_slice / grid.columns, static_cast<int>(i / grid.slice_voxels()));
    voxels += 1;
  }
  return sum / std::max(voxels, 1.0);
}

// Patients lie about the isocentre, the left side at positive x (PS3.3 C.7.6.2.1.1): only a plain contradiction is
// said.
void check_side(Lesion& lesion, std::vector<std::string>& remarks) {
  std::set<std::string> sides;
  for (const Reading& reading : lesion.readings) sides.insert(reading.region.laterality);
  sides.erase("");
  lesion.laterality = sides.size() == 1 ? *sides.begin() : "";
  if (sides.size() > 1)
    remarks.push_back(fmt::format("{}: its outlines name different sides; none is reported.", lesion.tracking_id));
  const double x = middle_of(lesion.readings.front().region.mask).x();
  const bool contradicts =
      (lesion.laterality == "R" && x > kSideCertain_mm) || (lesion.laterality == "L" && x < -kSideCertain_mm);
  if (contradicts)
    remarks.push_back(fmt::format("{}: it is called {}, but lies {:.0f} mm on the other side of the isocentre.",
                                  lesion.tracking_id, lesion.laterality == "R" ? "right" : "left", std::abs(x)));
}

double volume_of(const Lesion& lesion) {
  double sum = 0;
  for (const Reading& reading : lesion.readings) sum += reading.region.mask.volume_mm3();
  return sum / static_cast<double>(lesion.readings.size());
}

// Reports call a finding without codes a neoplasm.
void call_tissue(Lesion& lesion) {
  static const dicom::Code kTissue{"85756007", "SCT", "Tissue"};
  if (lesion.category.value.empty()) lesion.category = kTissue;
  if (lesion.type.value.empty()) lesion.type = kTissue;
}

void settle_lesions(Outlines& outlines) {
  std::vector<Lesion>& lesions = outlines.lesions;
  const auto coded = std::ranges::count(lesions, Meaning::Lesion, &Lesion::meaning);
  const auto unsaid = std::ranges::count(lesions, Meaning::Unsaid, &Lesion::meaning);
  const bool alone = coded == 0 && unsaid == 1;
  for (Lesion& lesion : lesions) {
    lesion.lesion = lesion.meaning == Meaning::Lesion || (alone && lesion.meaning == Meaning::Unsaid);
    if (!lesion.lesion) call_tissue(lesion);
  }
  if (alone)
    outlines.remarks.emplace_back(lesions.size() == 1
                                      ? "The only outline is not marked as a lesion; it is taken for one."
                                      : "The only outline that is not called something else is not marked as a lesion "
                                        "either; it is taken for one.");
  if (coded == 0 && unsaid > 1)
    outlines.remarks.push_back(
        fmt::format("There are {} outlines and none is marked as a lesion: none of them is taken for one.", unsaid));
}

void name_overlaps(std::vector<Lesion>& lesions, std::vector<std::string>& remarks) {
  for (std::size_t a = 0; a < lesions.size(); ++a) {
    for (std::size_t b = a + 1; b < lesions.size(); ++b) {
      const dicom::Region &first = lesions[a].readings.front().region, &second = lesions[b].readings.front().region;
      if (first.frame_of_reference_uid != second.frame_of_reference_uid) continue;
      const double share = fitting::dice(first.mask, second.mask);
      if (!(share > 0)) continue;  // nor where their planes are not parallel
      if (share > kSameLesion && lesions[a].lesion && lesions[b].lesion)
        lesions[volume_of(lesions[b]) > volume_of(lesions[a]) ? a : b].same_as_larger = true;
      remarks.push_back(
          share > kSameLesion
              ? fmt::format("{} and {} overlap by {:.0f} % (Dice): if they are one lesion, their outlines need one "
                            "Tracking UID; they are reported as two, and counted as one.",
                            lesions[a].tracking_id, lesions[b].tracking_id, 100 * share)
              : fmt::format("{} and {} overlap by {:.0f} % (Dice).", lesions[a].tracking_id, lesions[b].tracking_id,
                            100 * share));
    }
  }
}

const Lesion* largest_of(const std::vector<Lesion>& lesions) {
  const Lesion* largest = nullptr;
  for (const Lesion& lesion : lesions) {
    if (!lesion.lesion) continue;
    if (largest == nullptr || volume_of(lesion) > volume_of(*largest)) largest = &lesion;
  }
  return largest;
}

void name_readers(Outlines& outlines) {
  std::set<std::string> names;
  for (const dicom::RoiObject& roi : outlines.objects) names.insert(roi.creator);
  outlines.readers.assign(names.begin(), names.end());
}

}  // namespace

Outlines read_outlines(Context& context, const std::vector<std::string>& roi_uids) {
  Outlines outlines;
  for (const std::string& uid : roi_uids) {
    const auto row = need(storage::Index(context.database).find(uid), "find an outline");
    if (!row) throw Failure{{"an outline is not here any more"}};
    auto roi = dicom::read_roi(row->path, image_finder(context));
    if (roi)
      outlines.objects.push_back(*std::move(roi));
    else
      refuse(outlines, "An outline was not taken", roi.error().what);
  }
  sort_by_date(outlines.objects);
  name_readers(outlines);
  for (dicom::RoiObject& roi : outlines.objects) {
    for (const std::string& why : roi.refused) refuse(outlines, "A region of a " + roi.carrier + " was not taken", why);
    outlines.drawn_on.insert(roi.referenced_series.begin(), roi.referenced_series.end());
    take_regions(outlines, roi);
  }
  for (Lesion& lesion : outlines.lesions) {
    std::ranges::stable_sort(lesion.readings, {}, [](const Reading& r) { return std::pair(r.reader, r.number); });
    check_side(lesion, outlines.remarks);
  }
  settle_lesions(outlines);
  name_overlaps(outlines.lesions, outlines.remarks);
  return outlines;
}

const Lesion* lesion_for_models(const std::vector<Lesion>& lesions, std::vector<std::string>& remarks) {
  const std::size_t distinct = distinct_lesions(lesions);
  if (distinct > 1) remarks.push_back(fmt::format("{} lesions are outlined; the nomograms use the largest.", distinct));
  return largest_of(lesions);
}

std::size_t distinct_lesions(const std::vector<Lesion>& lesions) {
  return static_cast<std::size_t>(
      std::ranges::count_if(lesions, [](const Lesion& lesion) { return lesion.lesion && !lesion.same_as_larger; }));
}

std::string reading_label(const Lesion& lesion, const Reading& reading) {
  const auto own = std::ranges::count(lesion.readings, reading.reader, &Reading::reader);
  return own > 1 ? fmt::format("Reader {}, reading {}", reading.reader, reading.number)
                 : fmt::format("Reader {}", reading.reader);
}

}  // namespace server::measuring
