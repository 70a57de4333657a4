#pragma once
// Facts that images do not hold (ER, PR, Ki-67, what a reader sees), from people and from reports: checked against the
// list that the models know, kept with who said it and when.
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifier/evaluate.h"
#include "server/context.h"
#include "storage/facts.h"

namespace server {

// What somebody says of a study.
struct Statement {
  std::string name, answer;  // answer "unknown" takes back what was said before
};
// "er=pos" -> {"er", "pos"}. Throws a Failure that says what is allowed.
[[nodiscard]] Statement parse_statement(const std::string& text);

// Records the statements, all or none, and has the study's nomogram made again where they are new. Returns how many
// were. Throws a Failure for names and answers that no model knows, and for a `said_by` of more than 64 characters,
// with control characters or that is not UTF-8.
std::size_t state_facts(storage::Database& database, const std::string& study, std::span<const Statement> statements,
                        const std::string& said_by, const std::string& how, storage::Time at = now());
// "2026-01-05 12:00", in UTC. Throws a Failure when it is none.
[[nodiscard]] storage::Time parse_time(const std::string& text);

// What the Structured Reports of a study state by codes, recorded once each: those that hold of every lesion that the
// report measures. Reports without a time zone are taken for local ones, and those from the future as said when they
// came. A report that cannot be read states nothing: what it is was decided on its way in.
void take_stated_facts(Context& context, std::span<const storage::InstanceRow> rows);

[[nodiscard]] nlohmann::json facts_to_json(std::span<const storage::FactRow> facts);
[[nodiscard]] std::vector<storage::FactRow> facts_from_json(const nlohmann::json& facts);
[[nodiscard]] classifier::Facts answers_of(std::span<const storage::FactRow> facts);

// The study that a person means: a Study Instance UID, which need not be here yet (then by the letter of the standard:
// three components or more, none with a leading zero, the first of them 0, 1 or 2), or the accession number or another
// UID of one that is. nullopt when it is none of these, or of several.
[[nodiscard]] std::optional<std::string> study_meant(storage::Database& database, const std::string& word);

// "Oestrogen receptor: positive, said by N.N. on 2026-01-05 11:20 (command)". For reports: it names a person.
[[nodiscard]] std::string in_words(const storage::FactRow& fact);

}  // namespace server
