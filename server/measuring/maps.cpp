#include "server/measuring/maps.h"

#include <algorithm>
#include <iterator>

#include "server/images.h"
#include "server/job.h"

namespace server::measuring {
namespace {

using nlohmann::json;

// What the exam says about itself, of the maps' acquisition: an image of it (patient, study and scanner of the reports
// come from it) and when it began.
MapAtHand read_source(Context& context, std::int64_t map_job) {
  MapAtHand at_hand;
  const json payload = payload_of_map(context, map_job);
  const auto row = need(storage::Index(context.database).find(uid_in(payload.at("instances").at(0).get<std::string>())),
                        "find a source image");
  if (!row) throw Failure{{"the source image of a map is not here any more"}};
  at_hand.source = need(dicom::read_instance(row->path), "read the header of a source image");
  if (payload.at("start_s").is_number()) at_hand.start_s = payload.at("start_s").get<double>();
  at_hand.contrast = payload.at("contrast").get<std::string>();
  at_hand.placed_in = payload.at("slot").get<std::string>();
  at_hand.job = map_job;
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

void leave_out_ambiguous(Maps& found, const std::string& slot) {
  const std::string why = "more than one acquisition fits " + slot + "; none of them was used";
  found.missing[slot] = why;
  found.remarks.push_back(why + ".");
  for (const MapAtHand& map : found.maps)
    if (map.placed_in == slot) found.missing[map.slot] = why;
  std::erase_if(found.maps, [&](const MapAtHand& map) { return map.placed_in == slot; });
}

}  // namespace

Maps read_maps(Context& context, const std::string& study, const json& payload) {
  const auto results = need(storage::JobQueue(context.database).results_of(study), "list results");
  Maps found;
  for (const json& id : payload.at("maps")) {
    auto more = read_maps_of(context, results, id.get<std::int64_t>());
    std::move(more.begin(), more.end(), std::back_inserter(found.maps));
  }
  for (const auto& [slot, reason] : payload.at("missing").items())
    found.missing[slot] = "its map was not computed: " + reason.get<std::string>();
  for (const json& slot : payload.at("ambiguous")) leave_out_ambiguous(found, slot.get<std::string>());
  return found;
}

}  // namespace server::measuring
