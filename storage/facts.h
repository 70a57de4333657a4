#pragma once
// What people and reports said about a study that images do not hold. Names and answers are text without meaning here.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace storage {

struct FactRow {
  std::string study_uid;
  std::string name;       // "er"
  std::string answer;     // "pos"; empty takes back what was said before
  std::string said_by{};  // a person or a system; empty: nobody gave a name
  std::string how;        // by which way it came: "command", "http", or the report that states it
  Time said_at{};
  Time recorded{};
};

// An append-only history: what was said stays, and who said it when. The study need not be here yet.
class Facts {
 public:
  explicit Facts(Database& database) : database_(&database) {}

  // All of them or none. A row that is there already in everything but `recorded` is left as it is. Studies of which
  // something new was said become pending, where they are known. Returns how many rows were new.
  Result<std::size_t> add(std::span<const FactRow> rows);

  // What holds now, by name; names whose last answer takes back are left out. What somebody states explicitly (`how` is
  // "command" or "http") overrules everything recorded before it, whatever the dates of reports: it is a correction by
  // somebody who could see them. A report overrules what was recorded before it unless that was said later; so one that
  // comes late, or is dated in the future and clamped by the caller to its receipt, does not undo a correction.
  Result<std::vector<FactRow>> current(std::string_view study_uid) const;
  // Everything that was ever said, in the order in which it was recorded.
  Result<std::vector<FactRow>> history(std::string_view study_uid) const;

 private:
  Database* database_;
};

}  // namespace storage
