#pragma once
// "Where is my result?": the account of one study from the database, for people or for scripts.
#include <nlohmann/json.hpp>
#include <string>

#include "server/context.h"

namespace server {

// Everything known about a study: what arrived, what it was taken for, what is missing, what was computed, where it was
// sent.
[[nodiscard]] nlohmann::json explain(storage::Database& database, const std::string& study_uid);

// The same as a person reads it.
[[nodiscard]] std::string explain_in_words(const nlohmann::json& account);

}  // namespace server
