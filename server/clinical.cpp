#include "server/clinical.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "classifier/facts.h"
#include "dicom/input/stated_facts.h"
#include "server/log.h"

namespace server {
namespace {

using nlohmann::json;

constexpr const char* kUnknown = "unknown";

const classifier::Fact& fact_named(const std::string& name) {
  const classifier::Fact* fact = classifier::find_fact(name);
  if (fact != nullptr) return *fact;
  std::string known;
  for (const classifier::Fact& each : classifier::facts()) known += (known.empty() ? "" : ", ") + each.name;
  throw Failure{{"no fact is called \"" + name + "\"; known: " + known}};
}

std::string canonical(const Statement& statement) {
  const classifier::Fact& fact = fact_named(statement.name);
  if (statement.answer == kUnknown) return {};
  const auto answer = classifier::read_answer(fact, statement.answer);
  if (!answer) throw Failure{{answer.error().what + ", or " + kUnknown}};
  return *answer;
}

// Of YYYYMMDDHHMMSS, or nullopt. A scanner's or workstation's clock, taken for UTC as everywhere here.
std::optional<storage::Time> time_of(const std::string& datetime) {
  std::tm parts{};
  if (datetime.size() < 14 || strptime(datetime.c_str(), "%Y%m%d%H%M%S", &parts) == nullptr) return std::nullopt;
  return storage::Time(std::chrono::seconds(timegm(&parts)));
}

bool may_state_facts(const std::string& sop_class) {
  constexpr std::array kReports{"1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22",
                                "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.34",
                                "1.2.840.10008.5.1.4.1.1.88.35"};
  return std::find(kReports.begin(), kReports.end(), sop_class) != kReports.end();
}

std::vector<storage::FactRow> stated_by(const storage::InstanceRow& report) {
  std::vector<storage::FactRow> rows;
  const auto facts = dicom::read_stated_facts(report.path);
  if (!facts) return rows;
  for (const dicom::StatedFact& stated : *facts) {
    const classifier::Fact* fact = classifier::find_fact(stated.name);
    if (fact == nullptr) continue;
    const auto answer = classifier::read_answer(*fact, stated.answer);
    if (!answer) continue;
    rows.push_back({.study_uid = report.study_uid,
                    .name = stated.name,
                    .answer = *answer,
                    .said_by = stated.said_by,
                    .how = "report " + report.sop_instance_uid,
                    .said_at = time_of(stated.said_at).value_or(report.received),
                    .recorded = now()});
  }
  return rows;
}

}  // namespace

Statement parse_statement(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw Failure{{"\"" + text + "\": expected NAME=ANSWER, as in er=pos"}};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

storage::Time parse_time(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%d %H:%M", &parts);
  if (end == nullptr || *end != '\0') throw Failure{{"\"" + text + "\": expected a time as in \"2026-01-05 12:00\""}};
  return storage::Time(std::chrono::seconds(timegm(&parts)));
}

std::size_t state_facts(storage::Database& database, const std::string& study, std::span<const Statement> statements,
                        const std::string& said_by, const std::string& how, storage::Time at) {
  std::vector<storage::FactRow> rows;
  for (const Statement& statement : statements) {
    rows.push_back({.study_uid = study,
                    .name = statement.name,
                    .answer = canonical(statement),
                    .said_by = said_by,
                    .how = how,
                    .said_at = at,
                    .recorded = now()});
  }
  const std::size_t added = need(storage::Facts(database).add(rows), "record facts");
  log::facts_stated(study, added, how);
  return added;
}

void take_stated_facts(Context& context, std::span<const storage::InstanceRow> rows) {
  std::vector<storage::FactRow> stated;
  for (const storage::InstanceRow& row : rows) {
    if (!may_state_facts(row.sop_class_uid)) continue;
    auto more = stated_by(row);
    std::move(more.begin(), more.end(), std::back_inserter(stated));
  }
  if (stated.empty()) return;
  const std::size_t added = need(storage::Facts(context.database).add(stated), "record facts");
  if (added > 0) log::facts_stated(stated.front().study_uid, added, "report");
}

json facts_to_json(std::span<const storage::FactRow> facts) {
  json list = json::array();
  for (const storage::FactRow& fact : facts)
    list.push_back({{"name", fact.name},
                    {"answer", fact.answer},
                    {"said_by", fact.said_by},
                    {"how", fact.how},
                    {"said_at", fact.said_at.time_since_epoch().count()}});
  return list;
}

std::vector<storage::FactRow> facts_from_json(const json& facts) {
  std::vector<storage::FactRow> rows;
  for (const json& fact : facts)
    rows.push_back({.study_uid = {},
                    .name = fact.at("name"),
                    .answer = fact.at("answer"),
                    .said_by = fact.at("said_by"),
                    .how = fact.at("how"),
                    .said_at = storage::Time(storage::Duration(fact.at("said_at").get<std::int64_t>()))});
  return rows;
}

classifier::Facts answers_of(std::span<const storage::FactRow> facts) {
  classifier::Facts answers;
  for (const storage::FactRow& fact : facts) answers[fact.name] = fact.answer;
  return answers;
}

std::optional<std::string> study_meant(storage::Database& database, const std::string& word) {
  const auto studies = need(storage::Index(database).resolve(word), "look it up");
  if (studies.size() == 1) return studies.front();
  const bool uid = word.size() <= 64 && word.find('.') != std::string::npos &&
                   std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return studies.empty() && uid ? std::optional(word) : std::nullopt;
}

std::string in_words(const storage::FactRow& row) {
  const classifier::Fact& fact = fact_named(row.name);
  std::string answer = row.answer + (fact.unit.empty() || fact.unit == "1" ? "" : " " + fact.unit);
  for (const auto& [word, meaning] : fact.answers)
    if (word == row.answer) answer = meaning;
  return fmt::format("{}: {}, said by {} on {:%Y-%m-%d %H:%M} UTC ({})", fact.title, answer,
                     row.said_by.empty() ? "somebody who gave no name" : row.said_by,
                     std::chrono::floor<std::chrono::minutes>(row.said_at), row.how);
}

}  // namespace server
