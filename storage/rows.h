#pragma once
// Private to this folder: what more than one of index, queue and outbox read, write and say.
#include <string_view>

#include "storage/database.h"
#include "storage/jobs.h"
#include "storage/sqlite.h"

namespace storage {

// The columns of table `result` in the order read_result() reads them.
inline constexpr std::string_view kResultColumns =
    "result.job_id, result.study_uid, result.sop_instance_uid, result.sop_class_uid, result.series_uid, result.kind, "
    "result.slot, result.position, result.path, result.digest, result.bytes";

inline ResultRow read_result(Statement& row) {
  return {.job_id = row.integer(),
          .study_uid = row.text(),
          .sop_instance_uid = row.text(),
          .sop_class_uid = row.text(),
          .series_uid = row.text(),
          .kind = row.text(),
          .slot = row.text(),
          .order = row.small(),
          .path = row.text(),
          .digest = row.text(),
          .bytes = row.size()};
}

// Makes a study pending: the arrival grows by a millisecond, so that a grouping under way does not satisfy it. False
// without the study.
inline bool bump_arrival(Connection& connection, std::string_view study_uid) {
  return connection.change("UPDATE study SET last_arrival = last_arrival + 1 WHERE study_uid = ?1", study_uid) > 0;
}

// What went wrong, for people; a library that gave no text must not keep a job from being buried.
inline std::string_view said(std::string_view reason) { return reason.empty() ? "no reason was given" : reason; }

// Runs `body` in a transaction, which is committed unless the body throws.
template <class Body>
auto transacted(Database& database, Body body) {
  return guarded([&] {
    Connection& connection = database.connection();
    Transaction transaction(connection);
    auto value = body(connection);
    transaction.commit();
    return value;
  });
}

}  // namespace storage
