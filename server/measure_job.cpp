#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "dicom/input/instance.h"
#include "dicom/input/segmentation.h"
#include "dicom/input/stored_map.h"
#include "dicom/output/reports.h"
#include "dicom/uid.h"
#include "server/job.h"
#include "server/nomogram_text.h"
#include "server/objects.h"

namespace server {
namespace {

using nlohmann::json;

constexpr const char* kSegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";
constexpr std::size_t kFewestVoxels = 30;  // reference: models.md 6.1
constexpr double kMostFailed = 0.05;       // share of failed voxels worth a remark, models.md 6.4
constexpr double kLeastCovered = 0.95;     // share of the lesion inside a map below which it is said

struct MapAtHand {
  std::string slot;       // of the result: "dwi", "dwi_k"
  std::string placed_in;  // the recipe's slot: "dwi"
  dicom::StoredMap map;
  dicom::Reference exact;                // the Parametric Map
  std::vector<dicom::Reference> slices;  // the MR map, by slice
  dicom::Instance source;                // an image it was made from
  std::optional<double> start_s;         // of its acquisition, scanner's clock
};

struct Findings {
  std::vector<dicom::SliceMeasurement> slices;
  std::vector<dicom::DerivedMeasurement> derived;
  std::vector<std::string> remarks;
  std::vector<dicom::Reference> evidence;
  MeasuredBySlot by_slot;                      // the lesion that the models see
  std::map<std::string, std::string> missing;  // slot -> why it has no number
};

// What the exam says about itself, of the maps' acquisition: an image of it (patient, study and scanner of the reports
// come from it) and when it began.
MapAtHand read_source(Context& context, std::int64_t map_job) {
  MapAtHand at_hand;
  const auto job = need(storage::JobQueue(context.database).find(map_job), "find the map's job");
  if (!job) throw Failure{{"the map's job is not here any more"}};
  const json payload = json::parse(job->payload);
  const auto row = need(storage::Index(context.database).find(uid_in(payload.at("instances").at(0).get<std::string>())),
                        "find a source image");
  if (!row) throw Failure{{"the source image of a map is not here any more"}};
  at_hand.source = need(dicom::read_instance(row->path), "read the header of a source image");
  if (payload.at("start_s").is_number()) at_hand.start_s = payload.at("start_s").get<double>();
  at_hand.placed_in = payload.at("slot").get<std::string>();
  return at_hand;
}

// The maps that one job made of one acquisition.
std::vector<MapAtHand> read_maps_of(Context& context, const std::vector<storage::ResultRow>& results,
                                    std::int64_t job) {
  const MapAtHand source = read_source(context, job);
  std::map<std::string, MapAtHand> by_slot;
  for (const storage::ResultRow& row : results) {
    if (row.job_id != job) continue;
    MapAtHand& at_hand = by_slot.try_emplace(row.slot, source).first->second;
    at_hand.slot = row.slot;
    const dicom::Reference reference{row.sop_class_uid, row.sop_instance_uid, row.series_uid};
    if (row.kind == "mr_map") at_hand.slices.push_back(reference);
    if (row.kind != "pm_real") continue;
    at_hand.exact = reference;
    at_hand.map = need(dicom::read_parametric_map(row.path), "read a map");
  }
  std::vector<MapAtHand> maps;
  for (auto& [slot, at_hand] : by_slot) {
    if (at_hand.slices.size() != static_cast<std::size_t>(at_hand.map.geometry.slices()))
      throw Failure{{"the slices of a map are incomplete"}};
    maps.push_back(std::move(at_hand));
  }
  return maps;
}

// The maps whose slot only one acquisition fills; the others cannot be told apart by a model or a reader.
std::vector<MapAtHand> read_maps(Context& context, const storage::Job& job, const json& payload, Findings& findings) {
  const auto results = need(storage::JobQueue(context.database).results_of(job.study_uid), "list results");
  std::vector<MapAtHand> maps;
  for (const json& id : payload.at("maps")) {
    auto more = read_maps_of(context, results, id.get<std::int64_t>());
    std::move(more.begin(), more.end(), std::back_inserter(maps));
  }
  for (const auto& [slot, reason] : payload.at("missing").items())
    findings.missing[slot] = "its map was not computed: " + reason.get<std::string>();
  for (const json& report : payload.at("replaces")) {
    findings.remarks.push_back("It replaces report " + report.get<std::string>() +
                               ", made from earlier maps of this study.");
  }
  for (const json& slot : payload.at("ambiguous")) {
    const std::string name = slot.get<std::string>();
    findings.missing[name] = "more than one acquisition fits " + name + "; none of them was used";
    findings.remarks.push_back(findings.missing[name] + ".");
    for (const MapAtHand& map : maps)
      if (map.placed_in == name) findings.missing[map.slot] = findings.missing[name];
    std::erase_if(maps, [&](const MapAtHand& map) { return map.placed_in == name; });
  }
  return maps;
}

std::string tracking_uid(const dicom::Region& region, const dicom::Segmentation& roi) {
  return region.tracking_uid.empty()
             ? dicom::uid_from_name("region|" + roi.sop_instance_uid + "|" + std::to_string(region.number))
             : region.tracking_uid;
}

std::string tracking_id(const dicom::Region& region) {
  if (!region.tracking_id.empty()) return region.tracking_id;
  return region.label.empty() ? fmt::format("segment {}", region.number) : region.label;
}

bool is_marked_lesion(const dicom::Region& region) {
  return region.category.value == "49755003" || region.type.value == "108369006" || region.type.value.empty();
}

// Measures one region on one map, slice by slice; an empty answer is explained in the findings.
void measure_region(const dicom::Region& region, const dicom::Segmentation& roi, const MapAtHand& at_hand,
                    bool for_models, Findings& findings) {
  const std::string who = fmt::format("{} on {}", tracking_id(region), at_hand.slot);
  const auto no_number = [&](const std::string& why) {
    findings.remarks.push_back(fmt::format("{} was not measured: {}.", who, why));
    if (for_models) findings.missing[at_hand.slot] = why;
  };
  if (roi.frame_of_reference_uid != at_hand.map.frame_of_reference_uid)
    return no_number("it was outlined in another frame of reference");
  const auto carried_or_not = fitting::carry(region.mask, at_hand.map.geometry);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&carried_or_not)) return no_number(refusal->reason);
  const auto& carried = std::get<fitting::Carried>(carried_or_not);
  const fitting::Mask& mask = carried.mask;
  const auto largest = carried.largest_slice();
  if (!largest) return no_number("it covers no voxel of the map");

  const auto whole = fitting::measure(at_hand.map.value, mask);
  if (!whole) return no_number("no voxel of it has a value");
  if (carried.slice_distance_mm > at_hand.map.geometry.slice_thickness_mm / 4) {
    findings.remarks.push_back(
        fmt::format("{}: its slices lie up to {:.1f} mm from those of the map.", who, carried.slice_distance_mm));
  }
  if (carried.covered_share < kLeastCovered) {
    findings.remarks.push_back(
        fmt::format("{}: only {:.0f} % of it lie inside the map.", who, 100 * carried.covered_share));
  }
  if (mask.count(*largest) < kFewestVoxels) {
    findings.remarks.push_back(fmt::format("{}: its largest slice has only {} voxels.", who, mask.count(*largest)));
  }
  if (whole->failed_share() > kMostFailed) {
    findings.remarks.push_back(fmt::format("{}: {:.0f} % of its voxels could not be fitted and are left out.", who,
                                           100 * whole->failed_share()));
  }
  if (for_models)
    findings.missing[at_hand.slot] = "no voxel of its largest slice has a value";  // until that slice is measured
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    const auto statistics = fitting::measure(at_hand.map.value, mask, slice);
    if (!statistics) continue;
    dicom::SliceMeasurement measurement;
    measurement.region = tracking_id(region);
    measurement.region_uid = tracking_uid(region, roi);
    measurement.finding = region.type;
    measurement.quantity = at_hand.map.quantity;
    measurement.unit = at_hand.map.unit;
    measurement.slot = at_hand.slot;
    measurement.method = at_hand.map.method;
    measurement.image = at_hand.slices[static_cast<std::size_t>(slice)];
    measurement.slice = slice;
    measurement.outlines = fitting::outlines(mask, slice);
    measurement.statistics = *statistics;
    if (slice == *largest) measurement.whole = whole;
    if (slice == *largest && for_models) findings.by_slot[at_hand.slot] = {*statistics, at_hand.map.unit};
    findings.evidence.push_back(measurement.image);
    findings.slices.push_back(std::move(measurement));
  }
}

// Outlines that an algorithm proposed and nobody has reviewed are not measured.
std::vector<dicom::Region> reviewed(const dicom::Segmentation& roi, Findings& findings) {
  std::vector<dicom::Region> regions;
  for (const dicom::Region& region : roi.regions) {
    if (!region.automatic()) {
      regions.push_back(region);
    } else {
      findings.remarks.push_back(
          fmt::format("Segment {} is an algorithm's proposal that nobody has reviewed: not measured.", region.number));
    }
  }
  return regions;
}

const dicom::Region* largest_of(const std::vector<dicom::Region>& regions, bool marked_only) {
  const dicom::Region* largest = nullptr;
  for (const dicom::Region& region : regions) {
    if (marked_only && !is_marked_lesion(region)) continue;
    if (largest == nullptr || region.mask.volume_mm3() > largest->mask.volume_mm3()) largest = &region;
  }
  return largest;
}

// The lesion that the nomograms see: the largest one; a single outline that its author did not call a lesion is taken
// for one, and said.
const dicom::Region* lesion_for_models(const std::vector<dicom::Region>& regions, Findings& findings) {
  const auto lesions = std::count_if(regions.begin(), regions.end(), is_marked_lesion);
  if (lesions > 1)
    findings.remarks.push_back(fmt::format("{} lesions are outlined; the nomograms use the largest.", lesions));
  if (lesions > 0) return largest_of(regions, true);
  if (regions.size() == 1) {
    findings.remarks.emplace_back("The only outline is not marked as a lesion; it is taken for one.");
    return &regions.front();
  }
  for (const char* slot : {"t1_pre", "t1_post", "t2", "t2star", "dwi"})
    findings.missing[slot] = "no outline is marked as a lesion";
  return nullptr;
}

// The change by contrast agent as Zhang defines it: ΔT1 = T1 before - T1 after, and its share of T1 before.
void derive_contrast_change(Findings& findings, const std::string& lesion_uid) {
  const auto change = contrast_change(findings.by_slot);
  if (!change) return;
  findings.derived.push_back({lesion_uid, "T1 change (pre - post)", "ms", change->absolute_ms,
                              "mean T1 before - mean T1 after contrast, each on its largest slice"});
  findings.derived.push_back({lesion_uid, "T1 change (pre - post) / pre", "1", change->relative,
                              "(T1 before - T1 after) / T1 before contrast"});
}

std::vector<dicom::Reference> with_maps(std::vector<dicom::Reference> evidence, const std::vector<MapAtHand>& maps) {
  for (const MapAtHand& at_hand : maps) evidence.push_back(at_hand.exact);
  return evidence;
}

classifier::Exam exam_of(const std::vector<MapAtHand>& maps) {
  classifier::Exam exam;
  for (const MapAtHand& at_hand : maps) {
    const dicom::Instance& image = at_hand.source;
    if (image.field_strength_t) exam.field_strength_t = image.field_strength_t;
    if (at_hand.slot == "t1_post" && at_hand.start_s && image.contrast_start_s)
      exam.post_contrast_delay_s = *at_hand.start_s - *image.contrast_start_s;
  }
  return exam;
}

dicom::ReportSource report_source(Context& context, const dicom::Segmentation& roi, const Findings& findings,
                                  const std::vector<MapAtHand>& maps) {
  dicom::ReportSource source;
  source.template_image = maps.front().source.file;
  source.evidence = with_maps(findings.evidence, maps);
  source.roi = {kSegmentationStorage, roi.sop_instance_uid, roi.series_uid};
  for (const MapAtHand& at_hand : maps) {
    source.content_datetime = std::max(source.content_datetime, at_hand.map.content_datetime);
    source.digest += at_hand.map.sop_instance_uid + "|";
  }
  source.digest = storage::sha256_hex(source.digest + roi.sop_instance_uid);
  source.remarks = findings.remarks;
  source.equipment = context.settings.equipment;
  return source;
}

}  // namespace

JobOutcome run_measure_job(Context& context, const storage::Job& job) {
  const json payload = json::parse(job.payload);
  const auto row =
      need(storage::Index(context.database).find(payload.at("roi").get<std::string>()), "find the outline");
  if (!row) return fitting::Refusal{"the outline is not here any more"};
  const auto roi = need(dicom::read_segmentation(row->path), "read the outline");

  Findings findings;
  const std::vector<dicom::Region> regions = reviewed(roi, findings);
  if (regions.empty())
    return fitting::Refusal{"the outline is empty, or an algorithm's proposal that nobody has reviewed"};
  const std::vector<MapAtHand> maps = read_maps(context, job, payload, findings);
  const dicom::Region* lesion = lesion_for_models(regions, findings);
  for (const MapAtHand& at_hand : maps) {
    for (const dicom::Region& region : regions) measure_region(region, roi, at_hand, &region == lesion, findings);
  }
  // The reasons name segments as their author did, which may be a person: they stay out of the queue and the log.
  if (findings.slices.empty()) return fitting::Refusal{"no segment of the outline could be measured on any map"};
  if (lesion != nullptr) derive_contrast_change(findings, tracking_uid(*lesion, roi));

  const dicom::ReportSource source = report_source(context, roi, findings, maps);
  const WorkFolder folder(context.store);
  JobOutput output;
  const auto measurements =
      need(dicom::write_measurement_report(findings.slices, findings.derived, source, folder.path()), "write SR-A");
  output.results.push_back(publish(context, job, measurements, {"sr_measurements", "", 0}));
  int order = 0;
  for (const classifier::Model& model : context.models) {
    const auto evaluation =
        classifier::evaluate(model, values_for(model, findings.by_slot, findings.missing), {}, exam_of(maps));
    auto items = nomogram_items(evaluation);
    if (lesion != nullptr) items.insert(items.begin(), {"Lesion", tracking_id(*lesion), std::nullopt, "", {}});
    const auto report =
        need(dicom::write_text_report(items, "HER2 nomogram (RESEARCH)", source, folder.path()), "write SR-B");
    output.results.push_back(publish(context, job, report, {"sr_nomogram", "", order++}));
  }
  return output;
}

}  // namespace server
