#include "server/explain.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <map>

#include "server/pacs_evidence.h"

namespace server {
namespace {

using nlohmann::json;

std::string iso(storage::Time time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(time));
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

json describe_results(const std::vector<storage::ResultRow>& results) {
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, int>> counts;
  for (const storage::ResultRow& row : results) {
    auto& [job, objects] = counts[{row.slot, row.kind}];
    job = row.job_id;
    ++objects;
  }
  json lines = json::array();
  for (const auto& [name, count] : counts) {
    lines.push_back({{"slot", name.first}, {"kind", name.second}, {"objects", count.second}, {"job", count.first}});
  }
  return lines;
}

json describe_outbox(const std::vector<storage::OutboxRow>& rows) {
  std::map<std::pair<std::string, std::string>, json> lines;
  for (const storage::OutboxRow& row : rows) {
    const std::string state(storage::to_string(row.state));
    json& line = lines[{row.destination, state}];
    line["destination"] = row.destination;
    line["state"] = state;
    line["objects"] = line.value("objects", 0) + 1;
    if (!row.last_problem.empty()) line["problem"] = row.last_problem;
    if (row.state == storage::OutboxState::Waiting && row.attempts > 0) line["next_try"] = iso(row.not_before);
    if (row.state == storage::OutboxState::Delivered) line["last"] = iso(row.changed);
  }
  json list = json::array();
  for (auto& [name, line] : lines) list.push_back(std::move(line));
  return list;
}

std::string joined(const json& list, std::string_view separator = ", ") {
  std::string out;
  for (const json& item : list) {
    if (!out.empty()) out += separator;
    out += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return out;
}

const json* job_with_key(const json& account, const json& line) {
  if (!line.contains("job_key")) return nullptr;
  for (const json& job : account.at("jobs")) {
    if (job.at("key") == line.at("job_key")) return &job;
  }
  return nullptr;
}

std::string fate(const json& account, const json& line) {
  if (const json* job = job_with_key(account, line)) {
    std::string text = fmt::format("job {} {}", job->at("id").get<std::int64_t>(), job->at("state").get<std::string>());
    const std::string reason = job->value("reason", "");
    if (!reason.empty()) text += (job->at("state") == "done" ? ", but not everything: " : ": ") + reason;
    return text;
  }
  for (const char* why : {"refused", "waiting_for"}) {
    const std::string text = line.value(why, "");
    if (!text.empty()) return (why == std::string_view("refused") ? "not computed: " : "waiting for ") + text;
  }
  return "no decision yet";
}

void add(std::string& out, int depth, const std::string& text) {
  out += std::string(static_cast<std::size_t>(depth) * 2, ' ') + text + "\n";
}

void acquisition_in_words(std::string& out, const json& account, const json& line) {
  const std::string slot = line.at("slot").get<std::string>();
  add(out, 1,
      fmt::format("{} ({}): series {}, {} images, {} slices of {}x{}, at {}", slot.empty() ? "no slot" : slot,
                  line.at("kind").get<std::string>(), joined(line.at("series_numbers")), line.at("images").get<int>(),
                  line.at("slices").get<int>(), line.at("matrix")[0].get<int>(), line.at("matrix")[1].get<int>(),
                  joined(line.at("axis"))));
  for (const char* list : {"evidence", "reasons"}) {
    for (const json& sentence : line.at(list)) add(out, 2, sentence.get<std::string>());
  }
  for (const json& sentence : line.at("notes")) add(out, 2, "Note: " + sentence.get<std::string>());
  if (const std::string closed = line.value("closed_by", ""); !closed.empty()) add(out, 2, "Complete: " + closed + ".");
  add(out, 2, "-> " + fate(account, line));
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
  account["incidents"] = json::array();
  for (const auto& incident : need(index.incidents_of(study_uid), "list incidents")) {
    account["incidents"].push_back({{"kind", incident.kind},
                                    {"instance", incident.sop_instance_uid},
                                    {"reason", incident.reason},
                                    {"at", iso(incident.at)}});
  }
  return account;
}

std::string explain_in_words(const nlohmann::json& account) {
  std::string out;
  add(out, 0,
      fmt::format("study {}: {} instances", account.at("study").get<std::string>(),
                  account.at("instances").get<std::size_t>()));
  if (!account.contains("acquisitions")) {
    add(out, 1, "not looked at yet: images are arriving, or its grouping is waiting for a worker");
    return out;
  }
  add(out, 0, fmt::format("acquisitions (recipe {}):", account.at("recipe").get<std::string>()));
  if (account.at("acquisitions").empty()) add(out, 1, "none: no set of these images can be fitted");
  for (const json& line : account.at("acquisitions")) acquisition_in_words(out, account, line);
  if (const json& empty = account.at("empty_required"); !empty.empty()) {
    add(out, 1, "The recipe needs and nothing fills: " + joined(empty) + ".");
  }
  for (const std::string& sentence : inquiry_in_words(account.value("pacs", json()))) add(out, 1, sentence);
  if (!account.at("rois").empty()) add(out, 0, "outlines:");
  for (const json& line : account.at("rois"))
    add(out, 1, line.at("instance").get<std::string>() + " -> " + fate(account, line));
  if (!account.at("passed_over").empty()) add(out, 0, "passed over:");
  for (const json& line : account.at("passed_over")) {
    add(out, 1,
        fmt::format("series {} \"{}\", {} images: {}", line.at("series_number").get<int>(),
                    line.at("description").get<std::string>(), line.at("images").get<int>(),
                    line.at("reason").get<std::string>()));
  }
  if (!account.at("unreadable").empty()) add(out, 0, "unreadable:");
  for (const json& line : account.at("unreadable"))
    add(out, 1, line.at("instance").get<std::string>() + ": " + line.at("reason").get<std::string>());
  if (!account.at("incidents").empty()) add(out, 0, "incidents:");
  for (const json& line : account.at("incidents"))
    add(out, 1, line.at("kind").get<std::string>() + ": " + line.at("reason").get<std::string>());
  if (!account.at("results").empty()) add(out, 0, "computed:");
  for (const json& line : account.at("results")) {
    const std::string slot = line.at("slot").get<std::string>();
    add(out, 1,
        fmt::format("{}{}: {} objects", slot.empty() ? "" : slot + " ", line.at("kind").get<std::string>(),
                    line.at("objects").get<int>()));
  }
  const json deliveries = account.value("deliveries", json::array());
  if (!deliveries.empty()) add(out, 0, "sent:");
  for (const json& line : deliveries) {
    add(out, 1,
        fmt::format("{} objects {} to {}{}", line.at("objects").get<int>(), line.at("state").get<std::string>(),
                    line.at("destination").get<std::string>(),
                    line.contains("problem") ? ": " + line.at("problem").get<std::string>() : ""));
  }
  return out;
}

}  // namespace server
