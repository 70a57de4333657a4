#include "storage/index.h"

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

InstanceRow read_instance(Statement& row) {
  return {.sop_instance_uid = row.text(),
          .sop_class_uid = row.text(),
          .study_uid = row.text(),
          .series_uid = row.text(),
          .transfer_syntax_uid = row.text(),
          .path = row.text(),
          .payload_digest = row.text(),
          .bytes = row.size(),
          .source = row.text(),
          .received = row.time()};
}

std::string select_instance(std::string_view tail) {
  return std::string(
             "SELECT sop_instance_uid, sop_class_uid, study_uid, series_uid, transfer_syntax_uid, path, "
             "payload_digest, "
             "bytes, source, received FROM instance ")
      .append(tail);
}

Index::Incident read_incident(Statement& row) {
  return {.study_uid = row.text(),
          .sop_instance_uid = row.text(),
          .kind = row.text(),
          .reason = row.text(),
          .path = row.text(),
          .at = row.time()};
}

void touch_study(Connection& connection, std::string_view study_uid, Time arrival) {
  connection.change(
      "INSERT INTO study (study_uid, last_arrival) VALUES (?1, ?2) "
      "ON CONFLICT (study_uid) DO UPDATE SET last_arrival = max(last_arrival + 1, excluded.last_arrival)",
      study_uid, arrival);
}

void insert_instance(Connection& connection, const InstanceRow& row) {
  connection.change(
      "INSERT INTO instance (sop_instance_uid, sop_class_uid, study_uid, series_uid, transfer_syntax_uid, path, "
      "payload_digest, bytes, source, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      row.sop_instance_uid, row.sop_class_uid, row.study_uid, row.series_uid, row.transfer_syntax_uid,
      row.path.string(), row.payload_digest, row.bytes, row.source, row.received);
}

bool is_known(Connection& connection, std::string_view sop_instance_uid) {
  return connection.query("SELECT 1 FROM instance WHERE sop_instance_uid = ?1", sop_instance_uid).step();
}

bool add_row(Connection& connection, const InstanceRow& row) {
  if (is_known(connection, row.sop_instance_uid)) return false;
  touch_study(connection, row.study_uid, row.received);
  insert_instance(connection, row);
  return true;
}

bool study_exists(Connection& connection, std::string_view study_uid) {
  return connection.query("SELECT 1 FROM study WHERE study_uid = ?1", study_uid).step();
}

}  // namespace

Result<AddOutcome> Index::add(const InstanceRow& row) {
  const auto added = add_all({&row, 1});
  if (!added) return tl::unexpected(added.error());
  return *added == 1 ? AddOutcome::Added : AddOutcome::Known;
}

Result<std::size_t> Index::add_all(std::span<const InstanceRow> rows) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    std::size_t added = 0;
    for (const InstanceRow& row : rows) added += add_row(connection, row) ? 1 : 0;
    transaction.commit();
    return added;
  });
}

Result<bool> Index::forget(std::string_view sop_instance_uid) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    const auto study = first(
        connection.query("DELETE FROM instance WHERE sop_instance_uid = ?1 RETURNING study_uid", sop_instance_uid),
        [](Statement& row) { return row.text(); });
    if (!study) return false;
    bump_arrival(connection, *study);
    transaction.commit();
    return true;
  });
}

Result<std::optional<InstanceRow>> Index::find(std::string_view sop_instance_uid) const {
  return guarded([&] {
    return first(database_->connection().query(select_instance("WHERE sop_instance_uid = ?1"), sop_instance_uid),
                 read_instance);
  });
}

Result<std::vector<InstanceRow>> Index::instances_of(std::string_view study_uid) const {
  return guarded([&] {
    Connection& connection = database_->connection();
    if (study_uid.empty()) return all(connection.query(select_instance("ORDER BY sop_instance_uid")), read_instance);
    return all(connection.query(select_instance("WHERE study_uid = ?1 ORDER BY sop_instance_uid"), study_uid),
               read_instance);
  });
}

Result<void> Index::for_each(const std::function<bool(const InstanceRow&)>& visit) const {
  return guarded([&] {
    Statement row = database_->connection().query(select_instance(""));
    while (row.step() && visit(read_instance(row))) {
    }
  });
}

Result<std::uint64_t> Index::count() const {
  return guarded([&] {
    Statement row = database_->connection().query("SELECT count(*) FROM instance");
    row.step();
    return row.size();
  });
}

Result<bool> Index::made_here(std::string_view sop_instance_uid, std::string_view series_uid) const {
  return guarded([&] {
    return database_->connection()
        .query(
            "SELECT 1 FROM result WHERE sop_instance_uid = ?1 "
            "UNION ALL SELECT 1 FROM result WHERE series_uid = ?2 AND ?2 <> '' LIMIT 1",
            sop_instance_uid, series_uid)
        .step();
  });
}

Result<void> Index::add_incident(const Incident& incident) {
  return guarded([&] {
    database_->connection().change(
        "INSERT INTO incident (study_uid, sop_instance_uid, kind, reason, path, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        incident.study_uid, incident.sop_instance_uid, incident.kind, incident.reason, incident.path.string(),
        incident.at);
  });
}

Result<std::vector<Index::Incident>> Index::incidents_of(std::string_view study_uid) const {
  return guarded([&] {
    return all(database_->connection().query("SELECT study_uid, sop_instance_uid, kind, reason, path, at FROM incident "
                                             "WHERE study_uid = ?1 ORDER BY id",
                                             study_uid),
               read_incident);
  });
}

Result<std::vector<StudyState>> Index::pending_studies() const {
  return guarded([&] {
    // The condition is the one of the partial index study_pending, word for word: studies at rest cost nothing.
    return all(database_->connection().query(
                   "SELECT study_uid, last_arrival, "
                   "  (SELECT count(*) FROM instance WHERE instance.study_uid = study.study_uid), "
                   "  grouped_arrival IS NULL OR grouped_arrival <> last_arrival, grouped_quiet "
                   "FROM study WHERE grouped_arrival IS NULL OR grouped_arrival <> last_arrival OR grouped_quiet = 0 "
                   "ORDER BY last_arrival"),
               [](Statement& row) {
                 return StudyState{.study_uid = row.text(),
                                   .last_arrival = row.time(),
                                   .instances = row.size(),
                                   .changed = row.flag(),
                                   .grouped_quiet = row.flag()};
               });
  });
}

Result<void> Index::mark_for_grouping(std::string_view study_uid) {
  return guarded([&] {
    if (!bump_arrival(database_->connection(), study_uid)) raise(Fault::Missing, "no such study");
  });
}

Result<void> Index::set_grouped(std::string_view study_uid, Time seen_arrival, bool after_quiet,
                                std::string_view report, std::string_view accession) {
  return guarded([&] {
    Connection& connection = database_->connection();
    const int changed = connection.change(
        "UPDATE study SET grouped_arrival = ?2, grouped_quiet = ?3, report = ?4, accession = ?5 "
        "WHERE study_uid = ?1 AND (grouped_arrival IS NULL OR grouped_arrival < ?2 OR "
        "  (grouped_arrival = ?2 AND grouped_quiet <= ?3))",
        study_uid, seen_arrival, after_quiet, report, accession);
    if (changed == 0 && !study_exists(connection, study_uid)) raise(Fault::Missing, "no such study");
  });
}

Result<std::size_t> Index::mend_times(Time now, Duration longest) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    // A study that was grouped stays grouped, one that was not stays pending.
    int mended = connection.change(
        "UPDATE study SET last_arrival = ?1, grouped_arrival = CASE WHEN grouped_arrival = last_arrival THEN ?1 "
        "WHEN grouped_arrival IS NULL THEN NULL ELSE min(grouped_arrival, ?1 - 1) END WHERE last_arrival > ?1 + 1000",
        now);
    mended += connection.change("UPDATE job SET not_before = ?1 WHERE state = 'waiting' AND not_before > ?2", now,
                                now + longest);
    mended += connection.change(
        "UPDATE outbox SET not_before = ?1 WHERE state IN ('waiting', 'sent') AND not_before > ?2", now, now + longest);
    mended += connection.change(
        "UPDATE commitment_request SET not_before = ?1 WHERE state = 'owed' AND not_before > ?2", now, now + longest);
    mended += connection.change("UPDATE inquiry SET not_before = ?1 WHERE state <> 'settled' AND not_before > ?2", now,
                                now + longest);
    transaction.commit();
    return static_cast<std::size_t>(mended);
  });
}

Result<std::optional<std::string>> Index::report_of(std::string_view study_uid) const {
  return guarded([&]() -> std::optional<std::string> {
    Statement row = database_->connection().query("SELECT report FROM study WHERE study_uid = ?1", study_uid);
    return row.step() ? row.text_or_null() : std::nullopt;
  });
}

Result<std::vector<std::string>> Index::resolve(std::string_view word) const {
  return guarded([&] {
    return all(
        database_->connection().query("SELECT study_uid FROM study WHERE study_uid = ?1 "
                                      "UNION SELECT study_uid FROM study WHERE accession = ?1 AND accession <> '' "
                                      "UNION SELECT study_uid FROM instance WHERE sop_instance_uid = ?1 "
                                      "UNION SELECT study_uid FROM instance WHERE series_uid = ?1 "
                                      "UNION SELECT study_uid FROM result WHERE sop_instance_uid = ?1 "
                                      "UNION SELECT study_uid FROM result WHERE series_uid = ?1 "
                                      "UNION SELECT study_uid FROM incident WHERE study_uid = ?1 AND ?1 <> '' "
                                      "UNION SELECT study_uid FROM incident "
                                      "  WHERE sop_instance_uid = ?1 AND ?1 <> '' AND study_uid <> '' "
                                      "ORDER BY 1",
                                      word),
        [](Statement& row) { return row.text(); });
  });
}

}  // namespace storage
