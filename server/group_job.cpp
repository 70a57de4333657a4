#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "fitting/parallel.h"
#include "server/clinical.h"
#include "server/fetch_plan.h"
#include "server/job.h"
#include "server/log.h"
#include "server/measure_plan.h"
#include "server/slots.h"
#include "server/superseded.h"

namespace server {
namespace {

using nlohmann::json;

struct Headers {
  std::vector<dicom::Instance> instances;
  json unreadable = json::array();
};

Headers read_headers(Context& context, const std::vector<storage::InstanceRow>& rows) {
  std::vector<dicom::Result<std::vector<dicom::Instance>>> read(rows.size(), tl::unexpected(dicom::Error{}));
  fitting::in_parallel(rows.size(), context.settings.fitting.threads,
                       [&](std::size_t i) { read[i] = dicom::read_instances(rows[i].path); });
  Headers headers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (read[i]) {
      std::move(read[i]->begin(), read[i]->end(), std::back_inserter(headers.instances));
    } else {
      headers.unreadable.push_back({{"instance", rows[i].sop_instance_uid}, {"reason", read[i].error().what}});
    }
  }
  return headers;
}

// What a job needs to find them again: image_name() of each.
std::vector<std::string> names_of(const dicom::Acquisition& acquisition,
                                  const std::vector<dicom::Instance>& instances) {
  std::vector<std::string> names;
  for (const std::size_t i : acquisition.instances) names.push_back(dicom::image_name(instances[i]));
  return names;
}

// The volumes of an acquisition, each with the series that hold it.
json describe_volumes(const dicom::Acquisition& acquisition, const std::vector<dicom::Instance>& instances) {
  json volumes = json::array();
  for (std::size_t v = 0; v < acquisition.volumes.size(); ++v) {
    std::set<int> numbers;
    std::set<std::string> descriptions;
    std::size_t images = 0;
    for (const auto& slice : acquisition.volumes[v].slices)
      for (const std::size_t i : slice) {
        numbers.insert(instances[i].series_number);
        descriptions.insert(instances[i].series_description);
        ++images;
      }
    descriptions.erase("");
    volumes.push_back({{"name", dicom::volume_name(acquisition, v)},
                       {"value", acquisition.volumes[v].axis},
                       {"images", images},
                       {"series", numbers},
                       {"descriptions", descriptions}});
  }
  return volumes;
}

// "10:16:25" of the scanner's clock.
std::string clock_time(const dicom::Acquisition& acquisition) {
  if (!acquisition.time_s) return {};
  constexpr long kDay = 86400;
  const long second = ((std::lround(*acquisition.time_s) % kDay) + kDay) % kDay;
  return fmt::format("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
}

// One line of the account: what this acquisition is and what becomes of it.
json describe(const dicom::Acquisition& acquisition, const Placement& placement,
              const std::vector<dicom::Instance>& instances) {
  std::set<int> numbers;
  std::set<std::string> descriptions;
  for (const std::size_t i : acquisition.instances) {
    numbers.insert(instances[i].series_number);
    descriptions.insert(instances[i].series_description);
  }
  json axis = json::array();
  for (const dicom::Volume& volume : acquisition.volumes) axis.push_back(volume.axis);
  return {{"kind", dicom::to_string(acquisition.kind)},
          {"title", dicom::title_of(acquisition.kind)},
          {"time", clock_time(acquisition)},
          {"volumes", describe_volumes(acquisition, instances)},
          {"slot", placement.slot != nullptr ? placement.slot->name : ""},
          {"contrast", dicom::to_string(placement.contrast)},
          {"images", acquisition.images},
          {"axis", axis},
          {"slices", acquisition.geometry.slices()},
          {"matrix", {acquisition.geometry.rows, acquisition.geometry.columns}},
          {"series_numbers", numbers},
          {"descriptions", descriptions},
          {"evidence", acquisition.evidence},
          {"reasons", placement.reasons},
          {"notes", acquisition.notes},
          {"closed_by", placement.closed_by},
          {"waiting_for", placement.waiting_for},
          {"refused", placement.refused}};
}

dicom::GroupingHints hints_of(const config::Recipe& recipe) {
  for (const config::Slot& slot : recipe.slots)
    if (!slot.delays_ms.empty()) return {slot.delays_ms};
  return {};
}

bool has_maps(const dicom::Acquisition& acquisition) {
  return acquisition.kind == dicom::Kind::SyntheticMaps || !dicom::models_of(acquisition).empty();
}

std::string key_of(const dicom::Acquisition& acquisition, const Placement& placement, const Headers& headers) {
  if (placement.slot == nullptr || !placement.refused.empty() || !acquisition.fits() || !has_maps(acquisition))
    return {};
  return placement.slot->name + ":" + dicom::digest_of(acquisition, headers.instances);
}

// --- what later images replace

// Of the jobs that were done for sets that are no more, those that this acquisition takes the place of: of its slot, or
// with an image of its own.
std::vector<storage::Job> replaced_by(const dicom::Acquisition& acquisition, const config::Slot& slot,
                                      const Headers& headers, const std::vector<storage::Job>& done) {
  const auto names = names_of(acquisition, headers.instances);
  const std::set<std::string> own(names.begin(), names.end());
  std::vector<storage::Job> replaced;
  for (const storage::Job& job : done) {
    const json images = json::parse(job.payload).at("instances");
    const bool shares = std::any_of(images.begin(), images.end(),
                                    [&](const json& name) { return own.contains(name.get<std::string>()); });
    if (shares || job.key.starts_with(slot.name + ":")) replaced.push_back(job);
  }
  return replaced;
}

void queue_map(Context& context, storage::JobQueue& queue, const std::string& study,
               const dicom::Acquisition& acquisition, const Placement& placement, const Headers& headers,
               const std::string& key, const std::vector<storage::Job>& replaced) {
  std::set<std::string> replaced_series;
  for (const storage::ResultRow& row : results_of(queue, study, replaced)) replaced_series.insert(row.series_uid);
  const json payload{{"slot", placement.slot->name},
                     {"series_offset", placement.slot - context.recipe.slots.data()},
                     {"contrast", dicom::to_string(placement.contrast)},
                     {"closed_by", placement.closed_by},
                     {"start_s", acquisition.time_s ? json(*acquisition.time_s) : json()},
                     {"replaces", replaced_series},
                     {"revision", replaced.size() + 1},
                     {"maps", placement.slot->maps},
                     {"align", placement.slot->align},
                     {"delays_ms", hints_of(context.recipe).saturation_delays_ms},
                     {"look_locker", placement.slot->look_locker ? json(*placement.slot->look_locker) : json()},
                     {"instances", names_of(acquisition, headers.instances)}};
  need(queue.enqueue("map", key, study, payload.dump(), now(), now(), storage::AtEnd::MarkStudy), "queue a map job");
}

// What was closed once stays closed: an ROI that arrives an hour later must not wait for another quiet period.
void keep_closed(Placement& placement) {
  if (!placement.closed_by.empty()) return;
  placement.closed_by = "it was complete when it was queued";
  placement.waiting_for.clear();
}

json queue_maps(Context& context, storage::JobQueue& queue, const std::string& study, const dicom::Grouping& grouping,
                std::vector<Placement> placements, const Headers& headers, MapsSoFar& queued) {
  const auto jobs = need(queue.jobs_of(study), "list jobs");
  json account = json::array();
  std::set<std::string> filled;
  std::vector<std::string> keys;  // of the placements
  for (const Placement& placement : placements)
    keys.push_back(key_of(grouping.acquisitions[placement.acquisition], placement, headers));
  const Superseded old = superseded(jobs, "map", {keys.begin(), keys.end()});
  stop(context, study, old);
  for (std::size_t i = 0; i < placements.size(); ++i) {
    Placement& placement = placements[i];
    const dicom::Acquisition& acquisition = grouping.acquisitions[placement.acquisition];
    const std::string& key = keys[i];
    std::size_t revision = 1;
    if (!key.empty()) {
      auto known = find_job(jobs, "map", key);
      const auto replaced = replaced_by(acquisition, *placement.slot, headers, old.done);
      revision = known ? json::parse(known->payload).value("revision", std::size_t{1}) : replaced.size() + 1;
      if (known) known = revived(queue, *known);
      if (known) keep_closed(placement);
      const bool open =
          known && (known->state == storage::JobState::Waiting || known->state == storage::JobState::Running);
      const bool fresh = !known && !placement.closed_by.empty();
      if (known && known->state == storage::JobState::Done) {
        queued.maps.push_back(known->id);
        if (acquisition.kind == dicom::Kind::Dynamic) queued.dynamic.push_back(known->id);
      }
      if (known && (known->state == storage::JobState::Refused || known->state == storage::JobState::Dead))
        queued.missing[placement.slot->name] = known->reason;
      if (fresh) queue_map(context, queue, study, acquisition, placement, headers, key, replaced);
      if (fresh || open) queued.maps_running = true;
      if (fresh) ++queued.jobs;
      if (!placement.closed_by.empty() && !filled.insert(placement.slot->name).second)
        queued.ambiguous_slots.insert(placement.slot->name);
    }
    if (!placement.waiting_for.empty()) ++queued.waiting;
    if (placement.slot != nullptr && !placement.refused.empty())
      queued.missing[placement.slot->name] = placement.refused;
    account.push_back(describe(acquisition, placement, headers.instances));
    account.back()["revision"] = revision;
    if (!placement.closed_by.empty() && !key.empty()) account.back()["job_key"] = key;
    if (!placement.closed_by.empty() && !has_maps(acquisition)) account.back()["kept"] = true;
  }
  return account;
}

std::vector<std::string> outlines_of(const dicom::Grouping& grouping, const Headers& headers) {
  std::set<std::string> uids;
  for (const std::size_t i : grouping.rois) uids.insert(headers.instances[i].sop_instance_uid);
  return {uids.begin(), uids.end()};
}

// Slots that the nomograms cannot do without and that nothing fills, when nothing more is expected.
json empty_required_slots(const config::Recipe& recipe, const std::vector<Placement>& placements) {
  json empty = json::array();
  for (const config::Slot& slot : recipe.slots) {
    const bool filled = std::any_of(placements.begin(), placements.end(), [&](const Placement& placement) {
      return placement.slot == &slot && !placement.closed_by.empty();
    });
    if (slot.required && !filled) empty.push_back(slot.name);
  }
  return empty;
}

json describe_passed_over(const dicom::Grouping& grouping) {
  json account = json::array();
  for (const dicom::PassedOver& series : grouping.passed_over) {
    account.push_back({{"series_number", series.series_number},
                       {"description", series.series_description},
                       {"images", series.images},
                       {"reason", series.reason}});
  }
  return account;
}

// nullopt: somebody has grouped the study since this job was queued.
std::optional<storage::Time> arrival_of(const storage::Index& index, const std::string& study_uid) {
  for (const storage::StudyState& study : need(index.pending_studies(), "list studies")) {
    if (study.study_uid == study_uid) return study.last_arrival;
  }
  return std::nullopt;
}

}  // namespace

JobOutcome run_group_job(Context& context, const storage::Job& job) {
  storage::Index index(context.database);
  storage::JobQueue queue(context.database);
  const json payload = json::parse(job.payload);
  take_stated_facts(context, need(index.instances_of(job.study_uid), "list instances"));
  const auto seen =
      arrival_of(index, job.study_uid);  // before the instances are listed: what comes meanwhile is looked at again
  if (!seen) return JobOutput{};
  // The silence belongs to the arrival for which this look was queued; whatever came since starts it anew.
  const bool quiet = payload.at("quiet").get<bool>() && payload.at("arrival") == seen->time_since_epoch().count();

  const auto rows = need(index.instances_of(job.study_uid), "list instances");
  Headers headers = read_headers(context, rows);
  if (context.one_study) take_for_one_study(headers.instances);
  const dicom::Grouping grouping = dicom::group(headers.instances, hints_of(context.recipe));
  const std::vector<Placement> placements =
      place(grouping, headers.instances, context.recipe, quiet, pacs_evidence(context.database, job.study_uid, rows),
            context.end_of_arrival);

  MapsSoFar queued;
  json account{
      {"recipe", context.recipe.name}, {"files", rows.size()}, {"images", headers.instances.size()}, {"quiet", quiet}};
  account["acquisitions"] = queue_maps(context, queue, job.study_uid, grouping, placements, headers, queued);
  account["empty_required"] = quiet ? empty_required_slots(context.recipe, placements) : json::array();
  account["lacking"] = lacking_slots(context.recipe, placements, grouping);
  account["rois"] = queue_measurements(context, job.study_uid, outlines_of(grouping, headers), queued, quiet);
  account["passed_over"] = describe_passed_over(grouping);
  account["unreadable"] = headers.unreadable;

  const std::string accession = headers.instances.empty() ? "" : headers.instances.front().accession_number;
  need(index.set_grouped(job.study_uid, *seen, quiet, account.dump(-1, ' ', false, json::error_handler_t::replace),
                         accession),
       "keep the account");
  log::study_grouped(job.study_uid, headers.instances.size(), grouping.acquisitions.size(), queued.jobs, queued.waiting,
                     quiet);
  return JobOutput{};
}

void take_for_one_study(std::vector<dicom::Instance>& instances) {
  if (instances.empty()) return;
  const dicom::Instance first = *std::min_element(instances.begin(), instances.end(), dicom::precedes);
  for (dicom::Instance& instance : instances) {
    instance.study_uid = first.study_uid;
    instance.frame_of_reference_uid = first.frame_of_reference_uid;
  }
}

void queue_grouping(Context& context, const storage::StudyState& study, bool quiet) {
  storage::JobQueue queue(context.database);
  const auto arrival = study.last_arrival.time_since_epoch().count();
  const std::string key = fmt::format("{}@{}{}", study.study_uid, arrival, quiet ? " quiet" : "");
  const json payload{{"quiet", quiet}, {"arrival", arrival}};
  need(queue.enqueue("group", key, study.study_uid, payload.dump(), now(), now()), "queue a grouping");
}

}  // namespace server
