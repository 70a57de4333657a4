#include "server/clinical_http.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "classifier/facts.h"
#include "server/clinical.h"

namespace server {
namespace {

using nlohmann::json;

HttpAnswer error(unsigned status, const std::string& why) { return {status, {{"error", why}}}; }

// WORD of "/studies/WORD/clinical" as it was sent; nullopt for every other target.
std::optional<std::string> word_of(const std::string& target) {
  constexpr std::string_view kBefore = "/studies/", kAfter = "/clinical";
  if (!target.starts_with(kBefore) || !target.ends_with(kAfter) || target.size() <= kBefore.size() + kAfter.size())
    return std::nullopt;
  std::string word = target.substr(kBefore.size(), target.size() - kBefore.size() - kAfter.size());
  return word.find('/') == std::string::npos ? std::optional(std::move(word)) : std::nullopt;
}

std::optional<char> escaped(std::string_view digits) {
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || failed != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(value);
}

// RFC 3986 2.1; nullopt for escapes that are none, and for NUL and other control characters, escaped or not.
std::optional<std::string> decoded(std::string_view word) {
  std::string plain;
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::optional<char> c = word[i];
    if (*c == '%') {
      c = escaped(word.substr(i + 1, 2));
      i += 2;
    }
    if (!c || static_cast<unsigned char>(*c) < 0x20 || *c == 0x7F) return std::nullopt;
    plain += *c;
  }
  return plain;
}

json known_facts() {
  json known = json::array();
  for (const classifier::Fact& fact : classifier::facts()) {
    json answers = json::array();
    for (const auto& [word, meaning] : fact.answers) answers.push_back(word);
    known.push_back({{"name", fact.name}, {"title", fact.title}, {"answers", answers}, {"unit", fact.unit}});
  }
  return known;
}

HttpAnswer present(storage::Database& database, const std::string& study) {
  const auto facts = need(storage::Facts(database).current(study), "read the facts");
  return {200, {{"study", study}, {"facts", facts_to_json(facts)}, {"known", known_facts()}}};
}

std::vector<Statement> statements_in(const json& facts) {
  std::vector<Statement> statements;
  for (const auto& [name, answer] : facts.items())
    statements.push_back({name, answer.is_string() ? answer.get<std::string>() : answer.dump()});
  return statements;
}

HttpAnswer record(storage::Database& database, const std::string& study, const std::string& body) {
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object() || !request.value("facts", json()).is_object() || request.at("facts").empty() ||
      !request.value("said_by", json()).is_string() || request.at("said_by").get<std::string>().empty())
    return error(400, "expected {\"said_by\": \"…\", \"facts\": {\"er\": \"pos\"}}");
  try {
    state_facts(database, study, statements_in(request.at("facts")), request.at("said_by"), "http");
  } catch (const Failure& failure) {
    if (failure.passing) throw;
    return error(400, failure.error.what);
  }
  return present(database, study);
}

}  // namespace

HttpAnswer answer_clinical(storage::Database& database, const HttpRequest& request) {
  const auto word = word_of(request.target);
  if (!word) return error(404, "there is /studies/STUDY/clinical and nothing else");
  if (request.method != "GET" && request.method != "POST") return error(405, "GET or POST");
  const auto plain = decoded(*word);
  if (!plain) return error(400, "the study is not well percent-encoded, or has control characters");
  const auto study = study_meant(database, *plain);
  if (!study) return error(404, "this is neither a Study Instance UID nor the accession number of one study");
  return request.method == "GET" ? present(database, *study) : record(database, *study, request.body);
}

}  // namespace server
