#include "storage/database.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "storage/inquiries.h"
#include "tests/storage/scene.h"

namespace {

using scene::raw_sql;
using scene::raw_value;
using storage::Fault;

// What the fifth version added is taken away again; its columns of the outbox are those since the first.
const std::string kBackToTheFourthVersion =
    "DROP TRIGGER outbox_ledger; DROP TABLE ledger; DROP TABLE commitment_item; DROP TABLE commitment; "
    "DROP TABLE commitment_request_item; DROP TABLE commitment_request; "
    "CREATE TABLE old AS SELECT id, destination, sop_instance_uid, kind_rank, state, attempts, not_before, "
    "last_status, last_problem, created, changed FROM outbox; DROP TABLE outbox; ALTER TABLE old RENAME TO outbox; "
    "PRAGMA user_version = 4; ";

class DatabaseTest : public testing::Test {
 protected:
  support::TempFolder folder;
  std::filesystem::path file = folder / "index.db";
};

TEST_F(DatabaseTest, IsCreatedFromNothingWithTheNewestVersion) {
  scene::open(file);
  EXPECT_EQ("5", raw_value(file, "PRAGMA user_version"));
  EXPECT_EQ("wal", raw_value(file, "PRAGMA journal_mode"));
  EXPECT_EQ("14",
            raw_value(file, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"));
}

TEST_F(DatabaseTest, KeepsItsRowsWhenOpenedAgain) {
  {
    auto database = scene::open(file);
    storage::Index(database).add(scene::instance("1.1")).value();
  }
  auto database = scene::open(file);
  EXPECT_EQ(1, storage::Index(database).count());
}

TEST_F(DatabaseTest, OfTheFirstVersionIsBroughtToTheNewestWithItsRows) {
  {
    auto database = scene::open(file);
    storage::Index(database).add(scene::instance("1.1")).value();
  }
  ASSERT_EQ(SQLITE_OK,
            raw_sql(file, kBackToTheFourthVersion +
                              "DROP TABLE fact; DROP TABLE peer_series; DROP TABLE inquiry; PRAGMA user_version = 1"));
  auto database = scene::open(file);
  EXPECT_EQ("5", raw_value(file, "PRAGMA user_version"));
  EXPECT_EQ(1, storage::Index(database).count());
  EXPECT_TRUE(storage::Inquiries(database).series_of("1.2.3").value().empty());
}

TEST_F(DatabaseTest, OfTheSecondVersionKeepsItsOutbox) {
  {
    auto database = scene::open(file);
    storage::JobQueue queue(database);
    const auto id = queue.enqueue("map", "k", "1.2.3", "{}", scene::at(0), scene::at(0)).value().value();
    queue.claim("w1", scene::at(0), std::chrono::seconds(60)).value();
    const std::vector<storage::ResultRow> results = {scene::result("9.1"), scene::result("9.2")};
    ASSERT_EQ(true, queue.finish(id, "w1", scene::at(0), results, {{"PACS", {"mr_map"}}}));
    scene::must(storage::Outbox(database).dead(2, scene::at(1), 0xA900, "no"));
  }
  ASSERT_EQ(SQLITE_OK, raw_sql(file, kBackToTheFourthVersion + "DROP TABLE fact; PRAGMA user_version = 2"));
  auto database = scene::open(file);
  const auto rows = scene::value_of(storage::Outbox(database).rows_of(""));
  ASSERT_EQ(2, rows.size());
  EXPECT_EQ(storage::OutboxState::Waiting, rows[0].state);
  EXPECT_EQ(storage::OutboxState::Dead, rows[1].state);
  EXPECT_EQ("no", rows[1].last_problem);
  EXPECT_EQ("3", raw_value(file, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'outbox_%'"));
  EXPECT_EQ("outbox", raw_value(file, "SELECT name FROM sqlite_sequence WHERE name LIKE 'outbox%'"));
}

TEST_F(DatabaseTest, OfTheFourthVersionKeepsWhatWasDelivered) {
  {
    auto database = scene::open(file);
    storage::JobQueue queue(database);
    const auto id = queue.enqueue("map", "k", "1.2.3", "{}", scene::at(0), scene::at(0)).value().value();
    queue.claim("w1", scene::at(0), std::chrono::seconds(60)).value();
    const std::vector<storage::ResultRow> results = {scene::result("9.1"), scene::result("9.2")};
    ASSERT_EQ(true, queue.finish(id, "w1", scene::at(0), results, {{"PACS", {"mr_map"}}}));
    scene::must(storage::Outbox(database).delivered(2, scene::at(7), 0xB000));
  }
  ASSERT_EQ(SQLITE_OK, raw_sql(file, kBackToTheFourthVersion));
  auto database = scene::open(file);
  const auto rows = scene::value_of(storage::Outbox(database).rows_of(""));
  ASSERT_EQ(2, rows.size());
  EXPECT_EQ(storage::OutboxState::Waiting, rows[0].state);
  EXPECT_EQ(storage::Proof::None, rows[0].proof);
  EXPECT_EQ(std::nullopt, rows[0].sent);
  EXPECT_EQ(storage::OutboxState::Delivered, rows[1].state);
  EXPECT_EQ(storage::Proof::Answer, rows[1].proof);
  EXPECT_EQ(scene::at(7), rows[1].sent);
}

TEST_F(DatabaseTest, OfANewerVersionIsRefusedAndLeftAlone) {
  scene::open(file);
  raw_sql(file, "PRAGMA user_version = 99");
  const auto database = storage::Database::open(file);
  ASSERT_FALSE(database);
  EXPECT_EQ(Fault::Corrupt, database.error().fault);
  EXPECT_EQ("99", raw_value(file, "PRAGMA user_version"));
}

TEST_F(DatabaseTest, IsNotMadeFromAnyOtherFile) {
  scene::write(file, std::string(4096, 'x'));
  const auto database = storage::Database::open(file);
  ASSERT_FALSE(database);
  EXPECT_EQ(Fault::Corrupt, database.error().fault);
}

TEST_F(DatabaseTest, CannotBeOpenedInAFolderThatIsNotThere) {
  EXPECT_FALSE(storage::Database::open(folder / "none" / "index.db"));
}

TEST_F(DatabaseTest, MayBeCreatedByManyAtOnce) {
  std::vector<std::thread> processes;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 8; ++i) {
    processes.emplace_back([&] {
      const auto database = storage::Database::open(file);
      opened += database.has_value();
      if (!database) ADD_FAILURE() << database.error().what;
    });
  }
  for (auto& process : processes) process.join();
  EXPECT_EQ(8, opened);
}

TEST_F(DatabaseTest, WaitsForAnotherWriter) {
  auto database = scene::open(file);
  storage::Index index(database);
  sqlite3* other = nullptr;
  sqlite3_open(file.c_str(), &other);
  sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  std::thread writer([&] { EXPECT_TRUE(index.add(scene::instance("1.1"))); });
  sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  writer.join();
  sqlite3_close(other);
}

TEST_F(DatabaseTest, ReportsAFullDiskAndKeepsWhatWasThere) {
  {
    auto database = scene::open(file);
    storage::Index(database).add(scene::instance("1.1")).value();
  }
  const pid_t child = fork();
  if (child == 0) {
    auto database = scene::open(file);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    const auto added = storage::Index(database).add(scene::instance("1.2"));
    _exit(!added && added.error().fault == Fault::Full ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(0, status);
  auto database = scene::open(file);
  EXPECT_EQ(1, storage::Index(database).count());
  EXPECT_EQ("ok", raw_value(file, "PRAGMA integrity_check"));
}

struct IllegalRow {
  const char* why;
  const char* sql;
};

constexpr IllegalRow kIllegalRows[] = {
    {"a state of its own", "UPDATE job SET state = 'sleeping'"},
    {"running without a lease", "UPDATE job SET state = 'running', owner = 'w', attempts = 1"},
    {"running without an owner", "UPDATE job SET state = 'running', lease_until = 1, attempts = 1"},
    {"running for nobody", "UPDATE job SET state = 'running', lease_until = 1, owner = '', attempts = 1"},
    {"running without an attempt", "UPDATE job SET state = 'running', lease_until = 1, owner = 'w'"},
    {"a lease while waiting", "UPDATE job SET lease_until = 1, owner = 'w'"},
    {"done without a time", "UPDATE job SET state = 'done', attempts = 1"},
    {"waiting with an end", "UPDATE job SET finished_at = 5"},
    {"refused without a reason", "UPDATE job SET state = 'refused', finished_at = 5, attempts = 1"},
    {"dead without a reason", "UPDATE job SET state = 'dead', finished_at = 5, attempts = 3"},
    {"dead without an attempt", "UPDATE job SET state = 'dead', finished_at = 5, reason = 'r'"},
    {"waiting with no attempt left", "UPDATE job SET attempts = 3"},
    {"four attempts", "UPDATE job SET state = 'done', finished_at = 5, attempts = 4"},
    {"a negative attempt", "UPDATE job SET attempts = -1"},
    {"the same work twice",
     "INSERT INTO job (kind, key, study_uid, payload, state, not_before, created) "
     "VALUES ('map', 'k', '1.2', '{}', 'waiting', 0, 0)"},
    {"a time that is text", "UPDATE job SET not_before = 'tomorrow'"},
    {"a result of no job", "INSERT INTO result VALUES ('1.8', 'c', 's', '1.2', 77, 'mr_map', '', 0, '/p', 'd', 1)"},
    {"a result taken from the outbox", "DELETE FROM result"},
    {"delivery of nothing",
     "INSERT INTO outbox (destination, sop_instance_uid, kind_rank, not_before, created, changed) "
     "VALUES ('PACS', '1.8', 0, 0, 0, 0)"},
    {"the same delivery twice",
     "INSERT INTO outbox (destination, sop_instance_uid, kind_rank, not_before, created, changed) "
     "VALUES ('PACS', '1.9', 0, 0, 0, 0)"},
    {"an outbox state of its own", "UPDATE outbox SET state = 'sent'"},
    {"delivered without an answer", "UPDATE outbox SET state = 'delivered', attempts = 1"},
    {"delivered with a problem",
     "UPDATE outbox SET state = 'delivered', attempts = 1, last_status = 0, last_problem = 'p'"},
    {"dead delivery without a reason", "UPDATE outbox SET state = 'dead', attempts = 1"},
    {"replaced delivery without a reason", "UPDATE outbox SET state = 'replaced', attempts = 1"},
    {"replaced without an attempt", "UPDATE outbox SET state = 'replaced', last_problem = 'p'"},
    {"a status beyond 16 bits", "UPDATE outbox SET last_status = 65536"},
    {"an instance of no study", "INSERT INTO instance VALUES ('1.1', 'c', '9.9', 's', 't', '/p', 'd', 1, 'A', 0)"},
    {"an instance without a UID", "INSERT INTO instance VALUES ('', 'c', '1.2', 's', 't', '/p', 'd', 1, 'A', 0)"},
    {"a grouping that saw the future", "UPDATE study SET grouped_arrival = 101, report = '{}'"},
    {"a grouping without a report", "UPDATE study SET grouped_arrival = 100"},
    {"a quiet grouping that never was", "UPDATE study SET grouped_quiet = 1"},
};

// Rows that no program of ours would write.
TEST_F(DatabaseTest, RefusesIllegalRowsItself) {
  scene::open(file);
  ASSERT_EQ(SQLITE_OK, raw_sql(file,
                               "INSERT INTO study (study_uid, last_arrival) VALUES ('1.2', 100);"
                               "INSERT INTO job (kind, key, study_uid, payload, state, not_before, created) "
                               "  VALUES ('map', 'k', '1.2', '{}', 'waiting', 0, 0);"
                               "INSERT INTO result VALUES ('1.9', 'c', 's', '1.2', 1, 'mr_map', '', 0, '/p', 'd', 1);"
                               "INSERT INTO outbox (destination, sop_instance_uid, kind_rank, not_before, created, "
                               "changed) VALUES ('PACS', '1.9', 0, 0, 0, 0);"));
  for (const auto& [why, sql] : kIllegalRows) EXPECT_EQ(SQLITE_CONSTRAINT, raw_sql(file, sql)) << why;
}

}  // namespace
