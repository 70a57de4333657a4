#include "storage/commitments.h"

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

struct Delivered {
  std::int64_t id = 0;
  std::string state;
  int attempts = 0;
  Time created{}, asked{};
  std::optional<Time> sent{};
  std::string study_uid;
};

// The row of an instance in a transaction.
std::optional<Delivered> row_of(Connection& connection, std::string_view transaction_uid, std::string_view instance) {
  return first(connection.query("SELECT outbox.id, state, attempts, created, asked, sent, study_uid FROM commitment "
                                "JOIN commitment_item USING (transaction_uid) JOIN outbox ON outbox.id = outbox_id "
                                "JOIN result USING (sop_instance_uid) "
                                "WHERE transaction_uid = ?1 AND sop_instance_uid = ?2",
                                transaction_uid, instance),
               [](Statement& row) {
                 return Delivered{.id = row.integer(),
                                  .state = row.text(),
                                  .attempts = row.small(),
                                  .created = row.time(),
                                  .asked = row.time(),
                                  .sent = row.time_or_null(),
                                  .study_uid = row.text()};
               });
}

void deliver(Connection& connection, const Delivered& row, Time now) {
  connection.change(
      "UPDATE outbox SET state = 'delivered', last_problem = '', changed = ?2, proof = 'commitment' WHERE id = ?1",
      row.id, now);
}

void send_again(Connection& connection, const Delivered& row, const Commitments::Failed& failed, Time now,
                const Again& again) {
  const Time not_before = now + backoff(row.attempts, again.first, again.longest, again.unit);
  connection.change(
      "UPDATE outbox SET state = 'waiting', not_before = ?2, last_status = ?3, last_problem = ?4, changed = ?5 "
      "WHERE id = ?1",
      row.id, not_before, failed.reason, said(failed.problem), now);
}

void bury(Connection& connection, const Delivered& row, const Commitments::Failed& failed, Time now) {
  connection.change("UPDATE outbox SET state = 'dead', last_status = ?2, last_problem = ?3, changed = ?4 WHERE id = ?1",
                    row.id, failed.reason, said(failed.problem), now);
}

Commitments::Request read_request(Statement& row) {
  return {.id = row.integer(),
          .calling = row.text(),
          .transaction_uid = row.text(),
          .attempts = row.small(),
          .received = row.time(),
          .instances = {}};
}

void read_items(Connection& connection, Commitments::Request& request) {
  request.instances = all(connection.query("SELECT sop_class_uid, sop_instance_uid FROM commitment_request_item "
                                           "WHERE request_id = ?1 ORDER BY sop_instance_uid",
                                           request.id),
                          [](Statement& row) {
                            return Commitments::Reference{.sop_class_uid = row.text(), .sop_instance_uid = row.text()};
                          });
}

std::optional<Commitments::Request> with_items(Connection& connection, std::optional<Commitments::Request> request) {
  if (request) read_items(connection, *request);
  return request;
}

constexpr std::string_view kOwed =
    "SELECT id, calling, transaction_uid, attempts, received FROM commitment_request WHERE state = 'owed' AND ";

}  // namespace

Result<void> Commitments::begin(std::string_view transaction_uid, std::string_view destination,
                                std::span<const std::int64_t> rows, Time now, Time ask_again) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    connection.change("INSERT INTO commitment (transaction_uid, destination, asked) VALUES (?1, ?2, ?3)",
                      transaction_uid, destination, now);
    for (const std::int64_t id : rows) {
      const int asked = connection.change(
          "UPDATE outbox SET asks = asks + 1, not_before = ?2, changed = ?3 WHERE id = ?1 AND state = 'sent'", id,
          ask_again, now);
      if (asked > 0)
        connection.change("INSERT INTO commitment_item (transaction_uid, outbox_id) VALUES (?1, ?2)", transaction_uid,
                          id);
    }
    transaction.commit();
  });
}

Result<void> Commitments::retract(std::string_view transaction_uid, Time now, Time ask_again,
                                  std::string_view problem) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    connection.change(
        "UPDATE outbox SET asks = max(asks - 1, 0), not_before = ?2, last_problem = ?3, changed = ?4 "
        "WHERE state = 'sent' AND id IN (SELECT outbox_id FROM commitment_item WHERE transaction_uid = ?1)",
        transaction_uid, ask_again, said(problem), now);
    connection.change("DELETE FROM commitment WHERE transaction_uid = ?1", transaction_uid);
    transaction.commit();
  });
}

Result<std::optional<std::string>> Commitments::destination_of(std::string_view transaction_uid) const {
  return guarded([&] {
    return first(
        database_->connection().query("SELECT destination FROM commitment WHERE transaction_uid = ?1", transaction_uid),
        [](Statement& row) { return row.text(); });
  });
}

Result<Commitments::Outcome> Commitments::settle(std::string_view transaction_uid,
                                                 std::span<const std::string> committed, std::span<const Failed> failed,
                                                 Time now, const Again& again) {
  return transacted(*database_, [&](Connection& connection) {
    if (connection.change("UPDATE commitment SET answered = ?2 WHERE transaction_uid = ?1", transaction_uid, now) == 0)
      raise(Fault::Missing, "no such transaction of storage commitment");
    Outcome outcome;
    for (const std::string& instance : committed) {
      const auto row = row_of(connection, transaction_uid, instance);
      const bool news = row && row->state != "delivered";
      if (news) deliver(connection, *row, now);
      if (row) outcome.study_uid = row->study_uid;
      ++(news ? outcome.committed : outcome.passed_over);
    }
    for (const Failed& one : failed) {
      const auto row = row_of(connection, transaction_uid, one.sop_instance_uid);
      if (row) outcome.study_uid = row->study_uid;
      if (!row || row->state != "sent" || row->sent > row->asked) {
        ++outcome.passed_over;
      } else if (now - row->created >= again.give_up_after) {
        bury(connection, *row, one, now);
        ++outcome.dead;
      } else {
        send_again(connection, *row, one, now, again);
        ++outcome.again;
      }
    }
    return outcome;
  });
}

Result<void> Commitments::asked(std::string_view calling, std::string_view transaction_uid,
                                std::span<const Reference> instances, Time now, Time not_before) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    connection.change("DELETE FROM commitment_request WHERE calling = ?1 AND transaction_uid = ?2", calling,
                      transaction_uid);
    const auto id =
        first(connection.query("INSERT INTO commitment_request (calling, transaction_uid, not_before, received, "
                               "changed) VALUES (?1, ?2, ?3, ?4, ?4) RETURNING id",
                               calling, transaction_uid, not_before, now),
              [](Statement& row) { return row.integer(); });
    for (const Reference& instance : instances)
      connection.change(
          "INSERT OR IGNORE INTO commitment_request_item (request_id, sop_instance_uid, sop_class_uid) "
          "VALUES (?1, ?2, ?3)",
          *id, instance.sop_instance_uid, instance.sop_class_uid);
    transaction.commit();
  });
}

Result<std::optional<Commitments::Request>> Commitments::owed_to(std::string_view calling,
                                                                 std::string_view transaction_uid) const {
  return guarded([&] {
    static const std::string kOne = std::string(kOwed) + "calling = ?1 AND transaction_uid = ?2";
    Connection& connection = database_->connection();
    return with_items(connection, first(connection.query(kOne, calling, transaction_uid), read_request));
  });
}

Result<std::optional<Commitments::Request>> Commitments::next_owed(Time now) const {
  return guarded([&] {
    static const std::string kDue = std::string(kOwed) + "not_before <= ?1 ORDER BY not_before, id LIMIT 1";
    Connection& connection = database_->connection();
    return with_items(connection, first(connection.query(kDue, now), read_request));
  });
}

Result<void> Commitments::hurry(std::int64_t id, Time now) {
  return guarded([&] {
    database_->connection().change(
        "UPDATE commitment_request SET not_before = min(not_before, ?2) WHERE id = ?1 AND state = 'owed'", id, now);
  });
}

Result<void> Commitments::hurry_first_reports(Time now) {
  return guarded([&] {
    database_->connection().change(
        "UPDATE commitment_request SET not_before = min(not_before, ?1) WHERE state = 'owed' AND attempts = 0", now);
  });
}

Result<void> Commitments::reported(std::int64_t id, Time now) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    connection.change("UPDATE commitment_request SET state = 'reported', problem = '', changed = ?2 WHERE id = ?1", id,
                      now);
    connection.change("DELETE FROM commitment_request_item WHERE request_id = ?1", id);
    transaction.commit();
  });
}

Result<void> Commitments::postpone(std::int64_t id, Time now, Time not_before, std::string_view problem) {
  return guarded([&] {
    database_->connection().change(
        "UPDATE commitment_request SET attempts = attempts + 1, not_before = ?2, problem = ?3, changed = ?4 "
        "WHERE id = ?1 AND state = 'owed'",
        id, not_before, said(problem), now);
  });
}

Result<void> Commitments::dead(std::int64_t id, Time now, std::string_view problem) {
  return guarded([&] {
    database_->connection().change(
        "UPDATE commitment_request SET state = 'dead', attempts = attempts + 1, problem = ?2, changed = ?3 "
        "WHERE id = ?1 AND state = 'owed'",
        id, said(problem), now);
  });
}

Result<Commitments::Summary> Commitments::summary() const {
  return guarded([&] {
    Statement row = database_->connection().query(
        "SELECT count(*) FILTER (WHERE state = 'owed'), count(*) FILTER (WHERE state = 'reported'), "
        "count(*) FILTER (WHERE state = 'dead') FROM commitment_request");
    row.step();
    return Summary{.owed = row.size(), .reported = row.size(), .dead = row.size()};
  });
}

}  // namespace storage
