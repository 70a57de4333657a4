#include "storage/outbox.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

constexpr std::array<std::string_view, 4> kStateNames = {"waiting", "delivered", "dead", "cancelled"};

OutboxState state_of(std::string_view name) {
  const auto* const found = std::find(kStateNames.begin(), kStateNames.end(), name);
  assert(found != kStateNames.end());  // the CHECK of table outbox lists the same names
  return static_cast<OutboxState>(found - kStateNames.begin());
}

OutboxRow read_row(Statement& row) {
  return {.id = row.integer(),
          .destination = row.text(),
          .object = read_result(row),
          .state = state_of(row.text()),
          .attempts = row.small(),
          .not_before = row.time(),
          .last_status = row.small(),
          .last_problem = row.text(),
          .created = row.time(),
          .changed = row.time()};
}

std::string select_rows(std::string_view tail) {
  return std::string("SELECT outbox.id, destination, ")
      .append(kResultColumns)
      .append(
          ", state, attempts, not_before, last_status, last_problem, created, changed "
          "FROM outbox JOIN result USING (sop_instance_uid) ")
      .append(tail);
}

void expect_row(Connection& connection, std::int64_t id) {
  if (!connection.query("SELECT 1 FROM outbox WHERE id = ?1", id).step()) {
    raise(Fault::Missing, "no outbox row " + std::to_string(id));
  }
}

}  // namespace

std::string_view to_string(OutboxState state) { return kStateNames.at(static_cast<std::size_t>(state)); }

Result<std::vector<OutboxRow>> Outbox::due(std::string_view destination, Time now, std::size_t most) const {
  return guarded([&] {
    static const std::string kDue = select_rows(
        "WHERE destination = ?1 AND state = 'waiting' AND not_before <= ?2 AND study_uid = "
        "  (SELECT study_uid FROM outbox JOIN result USING (sop_instance_uid) "
        "   WHERE destination = ?1 AND state = 'waiting' AND not_before <= ?2 ORDER BY outbox.id LIMIT 1) "
        "ORDER BY kind_rank, series_uid, position, outbox.id LIMIT ?3");
    return all(database_->connection().query(kDue, destination, now, most), read_row);
  });
}

Result<void> Outbox::delivered(std::int64_t id, Time now, int status) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    // From any state: the peer has it, whatever a person decided meanwhile.
    connection.change(
        "UPDATE outbox SET state = 'delivered', attempts = attempts + 1, last_status = ?2, last_problem = '', "
        "changed = ?3 WHERE id = ?1",
        id, status, now);
  });
}

Result<void> Outbox::postpone(std::int64_t id, Time now, Time not_before, int status, std::string_view problem) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET attempts = attempts + 1, not_before = ?2, last_status = ?3, last_problem = ?4, changed = ?5 "
        "WHERE id = ?1 AND state = 'waiting'",
        id, not_before, status, said(problem), now);
  });
}

Result<void> Outbox::dead(std::int64_t id, Time now, int status, std::string_view problem) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_status = ?2, last_problem = ?3, changed = ?4 "
        "WHERE id = ?1 AND state = 'waiting'",
        id, status, said(problem), now);
  });
}

Result<bool> Outbox::retry(std::int64_t id, Time now) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    return connection.change(
               "UPDATE outbox SET state = 'waiting', attempts = 0, not_before = ?2, changed = ?2 "
               "WHERE id = ?1 AND state <> 'delivered'",
               id, now) > 0;
  });
}

Result<bool> Outbox::cancel(std::int64_t id, Time now) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    return connection.change(
               "UPDATE outbox SET state = 'cancelled', changed = ?2 WHERE id = ?1 AND state IN ('waiting', 'dead')", id,
               now) > 0;
  });
}

Result<std::vector<OutboxRow>> Outbox::rows_of(std::string_view study_uid) const {
  return guarded([&] {
    Connection& connection = database_->connection();
    if (study_uid.empty()) return all(connection.query(select_rows("ORDER BY outbox.id")), read_row);
    return all(connection.query(select_rows("WHERE study_uid = ?1 ORDER BY outbox.id"), study_uid), read_row);
  });
}

Result<std::vector<Outbox::Summary>> Outbox::summary() const {
  return guarded([&] {
    return all(
        database_->connection().query(
            "SELECT destination, count(*) FILTER (WHERE state = 'waiting'), "
            "count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'dead'), "
            "min(created) FILTER (WHERE state = 'waiting') FROM outbox GROUP BY destination ORDER BY destination"),
        [](Statement& row) {
          return Summary{.destination = row.text(),
                         .waiting = row.size(),
                         .delivered = row.size(),
                         .dead = row.size(),
                         .oldest_waiting = row.time_or_null()};
        });
  });
}

Duration backoff(int attempts, Duration first, Duration longest, double unit) {
  Duration delay = std::min(first, longest);
  for (int i = 1; i < attempts && delay < longest; ++i) delay = delay > longest / 2 ? longest : delay * 2;
  // Downwards only: `longest` is a promise.
  return delay - Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * unit / 4));
}

}  // namespace storage
