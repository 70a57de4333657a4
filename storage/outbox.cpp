#include "storage/outbox.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

// The CHECKs of table outbox list the same names.
constexpr std::array<std::string_view, 6> kStateNames = {"waiting",   "delivered", "dead",
                                                         "cancelled", "replaced",  "sent"};
constexpr std::array<std::string_view, 4> kProofNames = {"", "answer", "commitment", "find"};

template <class Enum, std::size_t N>
Enum named(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  assert(found != names.end());
  return static_cast<Enum>(found - names.begin());
}

OutboxRow read_row(Statement& row) {
  return {.id = row.integer(),
          .destination = row.text(),
          .object = read_result(row),
          .state = named<OutboxState>(kStateNames, row.text()),
          .attempts = row.small(),
          .not_before = row.time(),
          .last_status = row.small(),
          .last_problem = row.text(),
          .created = row.time(),
          .changed = row.time(),
          .sent = row.time_or_null(),
          .asks = row.small(),
          .proof = named<Proof>(kProofNames, row.text())};
}

std::string select_rows(std::string_view tail) {
  return std::string("SELECT outbox.id, destination, ")
      .append(kResultColumns)
      .append(
          ", state, attempts, not_before, last_status, last_problem, created, changed, sent, asks, proof "
          "FROM outbox JOIN result USING (sop_instance_uid) ")
      .append(tail);
}

void expect_row(Connection& connection, std::int64_t id) {
  if (!connection.query("SELECT 1 FROM outbox WHERE id = ?1", id).step()) {
    raise(Fault::Missing, "no outbox row " + std::to_string(id));
  }
}

OutboxRow load_existing(Connection& connection, std::int64_t id) {
  auto row = first(connection.query(select_rows("WHERE outbox.id = ?1"), id), read_row);
  if (!row) raise(Fault::Missing, "no outbox row " + std::to_string(id));
  return *std::move(row);
}

// The objects of kind `below` that came of the same job and slot as the row's object.
void queue_in_place_of(Connection& connection, const OutboxRow& row, std::string_view below, Time now) {
  connection.change(
      "INSERT INTO outbox (destination, sop_instance_uid, kind_rank, not_before, created, changed) "
      "SELECT destination, lower.sop_instance_uid, kind_rank, ?2, ?2, ?2 FROM outbox, result AS lower "
      "WHERE outbox.id = ?1 AND lower.job_id = ?3 AND lower.slot = ?4 AND lower.kind = ?5 "
      "ON CONFLICT (destination, sop_instance_uid) DO NOTHING",
      row.id, now, row.object.job_id, row.object.slot, below);
}

std::size_t count_on_their_way(Connection& connection, const OutboxRow& row, std::string_view kind) {
  Statement count = connection.query(
      "SELECT count(*) FROM outbox JOIN result USING (sop_instance_uid) WHERE destination = ?1 AND job_id = ?2 "
      "AND slot = ?3 AND kind = ?4 AND state IN ('waiting', 'sent', 'delivered', 'replaced')",
      row.destination, row.object.job_id, row.object.slot, kind);
  count.step();
  return count.size();
}

// All rows of the destination that wait with objects of the same job, slot and kind.
std::size_t end_alike(Connection& connection, const OutboxRow& row, OutboxState state, Time now, int status,
                      std::string_view problem) {
  return static_cast<std::size_t>(connection.change(
      "UPDATE outbox SET state = ?2, attempts = attempts + 1, last_status = ?3, last_problem = ?4, changed = ?5 "
      "WHERE destination = ?1 AND state = 'waiting' AND sop_instance_uid IN "
      "(SELECT sop_instance_uid FROM result WHERE job_id = ?6 AND slot = ?7 AND kind = ?8)",
      row.destination, to_string(state), status, problem, now, row.object.job_id, row.object.slot, row.object.kind));
}

}  // namespace

std::string_view to_string(OutboxState state) { return kStateNames.at(static_cast<std::size_t>(state)); }

std::string_view to_string(Proof proof) { return kProofNames.at(static_cast<std::size_t>(proof)); }

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
        "changed = ?3, sent = ?3, proof = 'answer' WHERE id = ?1",
        id, status, now);
  });
}

Result<void> Outbox::sent(std::int64_t id, Time now, int status) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET state = 'sent', attempts = attempts + 1, not_before = ?3, last_status = ?2, "
        "last_problem = '', changed = ?3, sent = ?3, asks = 0 WHERE id = ?1 AND state <> 'delivered'",
        id, status, now);
  });
}

Result<std::vector<OutboxRow>> Outbox::to_confirm(std::string_view destination, Time now, std::size_t most) const {
  return guarded([&] {
    static const std::string kDue = select_rows(
        "WHERE destination = ?1 AND state = 'sent' AND not_before <= ?2 AND study_uid = "
        "  (SELECT study_uid FROM outbox JOIN result USING (sop_instance_uid) "
        "   WHERE destination = ?1 AND state = 'sent' AND not_before <= ?2 ORDER BY not_before, outbox.id LIMIT 1) "
        "ORDER BY kind_rank, series_uid, position, outbox.id LIMIT ?3");
    return all(database_->connection().query(kDue, destination, now, most), read_row);
  });
}

Result<void> Outbox::confirmed(std::int64_t id, Time now, Proof proof) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET state = 'delivered', last_problem = '', changed = ?2, proof = ?3 "
        "WHERE id = ?1 AND state = 'sent'",
        id, now, to_string(proof));
  });
}

Result<void> Outbox::unconfirmed(std::int64_t id, Time now, Time not_before, int asks, std::string_view problem) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET not_before = ?2, asks = max(asks, ?3), last_problem = ?4, changed = ?5 "
        "WHERE id = ?1 AND state = 'sent'",
        id, not_before, asks, said(problem), now);
  });
}

Result<void> Outbox::unsent(std::int64_t id, Time now, Time not_before, std::string_view problem) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    connection.change(
        "UPDATE outbox SET state = 'waiting', not_before = ?2, last_problem = ?3, changed = ?4 "
        "WHERE id = ?1 AND state = 'sent'",
        id, not_before, said(problem), now);
  });
}

Result<std::size_t> Outbox::hurry(std::string_view destination, Time now) {
  return guarded([&] {
    return static_cast<std::size_t>(database_->connection().change(
        "UPDATE outbox SET not_before = ?2 WHERE destination = ?1 AND state = 'waiting' AND not_before > ?2 "
        "AND last_status = -1",
        destination, now));
  });
}

Result<std::size_t> Outbox::give_up(std::string_view destination, Time created_before, Time now,
                                    std::string_view problem) {
  return guarded([&] {
    return static_cast<std::size_t>(database_->connection().change(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_problem = ?4, changed = ?3 "
        "WHERE destination = ?1 AND state IN ('waiting', 'sent') AND created <= ?2",
        destination, created_before, now, said(problem)));
  });
}

Result<std::vector<LedgerLine>> Outbox::ledger_of(std::int64_t id) const {
  return guarded([&] {
    return all(database_->connection().query(
                   "SELECT at, event, status, words FROM ledger WHERE outbox_id = ?1 ORDER BY id", id),
               [](Statement& row) {
                 return LedgerLine{.at = row.time(), .event = row.text(), .status = row.small(), .words = row.text()};
               });
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
        "WHERE id = ?1 AND state IN ('waiting', 'sent')",
        id, status, said(problem), now);
  });
}

Result<Outbox::Replacement> Outbox::replace(std::int64_t id, Time now, int status, std::string_view problem,
                                            std::string_view below) {
  return transacted(*database_, [&](Connection& connection) {
    Replacement replacement;
    const OutboxRow row = load_existing(connection, id);
    if (row.state != OutboxState::Waiting) return replacement;
    queue_in_place_of(connection, row, below, now);
    replacement.objects = count_on_their_way(connection, row, below);
    const bool replaced = replacement.objects > 0;
    std::string sentence(said(problem));
    sentence.append(replaced ? "; replaced by " : "; nothing can replace it: no ").append(below);
    replacement.rows =
        end_alike(connection, row, replaced ? OutboxState::Replaced : OutboxState::Dead, now, status, sentence);
    return replacement;
  });
}

Result<bool> Outbox::retry(std::int64_t id, Time now) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    return connection.change(
               "UPDATE outbox SET state = 'waiting', attempts = 0, asks = 0, not_before = ?2, changed = ?2 "
               "WHERE id = ?1 AND state <> 'delivered'",
               id, now) > 0;
  });
}

Result<bool> Outbox::cancel(std::int64_t id, Time now) {
  return guarded([&] {
    Connection& connection = database_->connection();
    expect_row(connection, id);
    return connection.change(
               "UPDATE outbox SET state = 'cancelled', changed = ?2 WHERE id = ?1 AND state IN ('waiting', 'sent', "
               "'dead')",
               id, now) > 0;
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
            "SELECT destination, count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'sent'), "
            "count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'dead'), "
            "min(created) FILTER (WHERE state = 'waiting') FROM outbox GROUP BY destination ORDER BY destination"),
        [](Statement& row) {
          return Summary{.destination = row.text(),
                         .waiting = row.size(),
                         .sent = row.size(),
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
