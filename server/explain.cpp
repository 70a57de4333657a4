#include "server/explain.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "server/pacs_evidence.h"
#include "storage/facts.h"

namespace server {
namespace {

using nlohmann::json;

std::string iso(storage::Time time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

json describe(const storage::Job& job) {
  json line{{"id", job.id},
            {"kind", job.kind},
            {"key", job.key},
            {"state", storage::to_string(job.state)},
            {"attempts", job.attempts}};
  if (!job.reason.empty()) line["reason"] = job.reason;
  if (job.finished != storage::Time{}) line["finished"] = iso(job.finished);
  return line;
}

// One line for the objects of one kind that one job made of one slot, in the order of the jobs. `path` is that of the
// first of them.
json describe_results(const std::vector<storage::ResultRow>& results) {
  std::map<std::tuple<std::int64_t, std::string, std::string>, json> lines;
  for (const storage::ResultRow& row : results) {
    json& line = lines[{row.job_id, row.slot, row.kind}];
    if (line.is_null())
      line = {{"slot", row.slot},
              {"kind", row.kind},
              {"objects", 0},
              {"job", row.job_id},
              {"series_uid", row.series_uid},
              {"path", row.path.string()}};
    line["objects"] = line.at("objects").get<int>() + 1;
  }
  json list = json::array();
  for (auto& [name, line] : lines) list.push_back(std::move(line));
  return list;
}

json describe_outbox(const std::vector<storage::OutboxRow>& rows) {
  std::map<std::tuple<std::string, std::string, std::string>, json> lines;
  for (const storage::OutboxRow& row : rows) {
    const std::string state(storage::to_string(row.state));
    const bool replaced = row.state == storage::OutboxState::Replaced;  // each by its own
    json& line =
        lines[{row.destination, state, replaced ? row.last_problem : std::string(storage::to_string(row.proof))}];
    line["destination"] = row.destination;
    line["state"] = state;
    line["objects"] = line.value("objects", 0) + 1;
    if (!row.last_problem.empty()) line["problem"] = row.last_problem;
    if (row.state == storage::OutboxState::Waiting && row.attempts > 0) line["next_try"] = iso(row.not_before);
    if (row.state == storage::OutboxState::Sent) line["next_try"] = iso(row.not_before);
    if (row.state == storage::OutboxState::Delivered) line["last"] = iso(row.changed);
    if (row.proof != storage::Proof::None) line["proof"] = storage::to_string(row.proof);
  }
  json list = json::array();
  for (auto& [name, line] : lines) list.push_back(std::move(line));
  return list;
}

}  // namespace

nlohmann::json explain(storage::Database& database, const std::string& study_uid) {
  const storage::Index index(database);
  const storage::JobQueue queue(database);
  json account = json::parse(need(index.report_of(study_uid), "read the account").value_or("{}"));
  account["study"] = study_uid;
  account["instances"] = need(index.instances_of(study_uid), "list instances").size();
  account["jobs"] = json::array();
  for (const storage::Job& job : need(queue.jobs_of(study_uid), "list jobs")) {
    if (job.kind != "group" || job.state == storage::JobState::Dead) account["jobs"].push_back(describe(job));
  }
  account["results"] = describe_results(need(queue.results_of(study_uid), "list results"));
  account["deliveries"] = describe_outbox(need(storage::Outbox(database).rows_of(study_uid), "list deliveries"));
  account["pacs"] = describe_inquiry(database, study_uid);
  account["facts"] = json::array();
  const auto facts = need(storage::Facts(database).current(study_uid), "read the facts");
  for (const storage::FactRow& fact : facts) account["facts"].push_back(fact.name);
  account["incidents"] = json::array();
  for (const auto& incident : need(index.incidents_of(study_uid), "list incidents")) {
    account["incidents"].push_back({{"kind", incident.kind},
                                    {"instance", incident.sop_instance_uid},
                                    {"reason", incident.reason},
                                    {"at", iso(incident.at)}});
  }
  return account;
}

}  // namespace server
