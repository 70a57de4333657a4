#include "server/measure_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/clinical.h"
#include "server/superseded.h"

namespace server {
namespace {

using nlohmann::json;

// Documents of the newest of these jobs, by kind of result, for what takes their place.
json documents_of(const storage::JobQueue& queue, const std::string& study, const std::vector<storage::Job>& done) {
  json by_kind = json::object();
  if (done.empty()) return by_kind;
  for (const storage::ResultRow& row : results_of(queue, study, {done.back()}))
    by_kind[row.kind].push_back({row.sop_class_uid, row.sop_instance_uid, row.series_uid});
  return by_kind;
}

class Plan {
 public:
  Plan(Context& context, const std::string& study, MapsSoFar& so_far)
      : context_(context),
        study_(study),
        so_far_(so_far),
        queue_(context.database),
        jobs_(need(queue_.jobs_of(study), "list jobs")) {}

  // Queues `kind` for the set that `name` stands for, in the place of what was done for other sets of `kinds`. Returns
  // the key of the job.
  std::string queue(const std::string& kind, const std::string& name, json payload,
                    const std::vector<std::string>& kinds) {
    const std::string key = key_for(kind, name);
    std::vector<storage::Job> replaced;
    for (const std::string& other : kinds) {
      const Superseded old = superseded(jobs_, other, other == kind ? std::set{key} : std::set<std::string>{});
      stop(context_, study_, old);
      replaced.insert(replaced.end(), old.done.begin(), old.done.end());
    }
    if (const auto known = find_job(jobs_, kind, key)) {
      static_cast<void>(revived(queue_, *known));
      return key;
    }
    std::ranges::sort(replaced, {}, &storage::Job::id);
    payload["revision"] = replaced.size() + 1;
    payload["replaces"] = documents_of(queue_, study_, replaced);
    if (need(queue_.enqueue(kind, key, study_, payload.dump(), now(), now()), "queue a measurement")) ++so_far_.jobs;
    return key;
  }

  json payload(const std::vector<std::string>& rois) const {
    return {{"rois", rois},
            {"maps", so_far_.maps},
            {"dynamic", so_far_.dynamic},
            {"ambiguous", so_far_.ambiguous_slots},
            {"missing", so_far_.missing}};
  }

  // Names the set: the outlines by digest, since there may be many, and the maps.
  std::string key(const std::vector<std::string>& rois) const {
    return fmt::format("{}:{}", storage::sha256_hex(fmt::format("{}", fmt::join(rois, "|"))).substr(0, 32),
                       fmt::join(so_far_.maps, "+"));
  }

 private:
  // A set that was done, gave way to another and is the right one again (a fact was taken back) is done anew: what was
  // made of it then has been withdrawn, or was replaced where it was sent.
  std::string key_for(const std::string& kind, const std::string& name) const {
    const storage::Job* newest = nullptr;
    bool gave_way = false;
    int times = 0;
    for (const storage::Job& job : jobs_) {
      if (job.kind != kind) continue;
      const bool same = job.key == name || job.key.starts_with(name + "#");
      if (same) newest = &job, ++times;
      gave_way = !same && newest != nullptr && newest->state == storage::JobState::Done;
    }
    if (newest == nullptr) return name;
    return gave_way ? fmt::format("{}#{}", name, times + 1) : newest->key;
  }

  Context& context_;
  const std::string& study_;
  MapsSoFar& so_far_;
  storage::JobQueue queue_;
  std::vector<storage::Job> jobs_;
};

std::string why_not_yet(const MapsSoFar& so_far, bool quiet, json& line) {
  if (so_far.maps_running || so_far.waiting > 0) return line["waiting_for"] = "the maps of the study";
  if (so_far.maps.empty())
    return line[quiet ? "refused" : "waiting_for"] =
               "no map of the study could be computed, there is nothing to measure";
  return {};
}

std::string queue_nomogram(Context& context, const std::string& study, Plan& plan, const std::string& key,
                           json payload) {
  const auto facts = need(storage::Facts(context.database).current(study), "read the facts");
  payload["facts"] = facts_to_json(facts);
  const std::string digest = storage::sha256_hex(payload["facts"].dump()).substr(0, 16);
  return plan.queue("nomogram", key + ":" + digest, std::move(payload), {"nomogram"});
}

}  // namespace

nlohmann::json queue_measurements(Context& context, const std::string& study, const std::vector<std::string>& rois,
                                  MapsSoFar& so_far, bool quiet) {
  json account = json::array();
  const bool propose = rois.empty() && context.recipe.propose_lesions && !so_far.dynamic.empty();
  if (rois.empty() && !propose) return account;
  json line{{"instances", rois}};
  if (propose) line["proposal"] = true;
  if (why_not_yet(so_far, quiet, line).empty()) {
    Plan plan(context, study, so_far);
    const std::string key = plan.key(rois);
    if (propose) {
      line["job_key"] = plan.queue("propose", key, plan.payload(rois), {"propose"});
    } else {
      line["job_key"] = plan.queue("measure", key, plan.payload(rois), {"measure", "propose"});
      if (!context.models.empty())
        line["nomogram_job_key"] = queue_nomogram(context, study, plan, key, plan.payload(rois));
    }
  }
  account.push_back(std::move(line));
  return account;
}

}  // namespace server
