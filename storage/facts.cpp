#include "storage/facts.h"

#include <algorithm>
#include <map>

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

FactRow read_fact(Statement& row) {
  return {.study_uid = row.text(),
          .name = row.text(),
          .answer = row.text(),
          .said_by = row.text(),
          .how = row.text(),
          .said_at = row.time(),
          .recorded = row.time()};
}

bool insert(Connection& connection, const FactRow& row) {
  return connection.change(
             "INSERT INTO fact (study_uid, name, answer, said_by, how, said_at, recorded) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
             row.study_uid, row.name, row.answer, row.said_by, row.how, row.said_at, row.recorded) > 0;
}

std::vector<FactRow> rows_of(Connection& connection, std::string_view study_uid) {
  return all(connection.query("SELECT study_uid, name, answer, said_by, how, said_at, recorded FROM fact "
                              "WHERE study_uid = ?1 ORDER BY id",
                              study_uid),
             read_fact);
}

bool is_explicit(const FactRow& row) { return row.how == "command" || row.how == "http"; }

bool overrules(const FactRow& row, const FactRow& recorded_before) {
  return is_explicit(row) || row.said_at >= recorded_before.said_at;
}

}  // namespace

Result<std::size_t> Facts::add(std::span<const FactRow> rows) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    std::size_t added = 0;
    for (const FactRow& row : rows) {
      if (!insert(connection, row)) continue;
      ++added;
      bump_arrival(connection, row.study_uid);
    }
    transaction.commit();
    return added;
  });
}

Result<std::vector<FactRow>> Facts::current(std::string_view study_uid) const {
  return guarded([&] {
    std::map<std::string, FactRow> last;
    for (FactRow& row : rows_of(database_->connection(), study_uid)) {
      const auto known = last.find(row.name);
      if (known == last.end() || overrules(row, known->second)) last[row.name] = std::move(row);
    }
    std::vector<FactRow> rows;
    for (auto& [name, row] : last)
      if (!row.answer.empty()) rows.push_back(std::move(row));
    return rows;
  });
}

Result<std::vector<FactRow>> Facts::history(std::string_view study_uid) const {
  return guarded([&] { return rows_of(database_->connection(), study_uid); });
}

}  // namespace storage
