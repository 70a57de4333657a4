#include "storage/sqlite.h"

#include <cerrno>
#include <chrono>
#include <thread>

namespace storage {
namespace {

constexpr int kPatience = 10'000;
constexpr auto kBetweenTries = std::chrono::milliseconds(1);

// Called by SQLite while another writer has the lock; 0 gives up. Its own handler (sqlite3_busy_timeout) sleeps up to
// 100 ms between tries, twenty times as long as a commit takes: with eight writers in a tight loop the unlucky one
// waited seven seconds, with this one it is one.
int wait_for_lock(void* /*unused*/, int tries) {
  if (tries >= kPatience) return 0;
  std::this_thread::sleep_for(kBetweenTries);
  return 1;
}

// SQLite calls a full disk SQLITE_FULL, but an exhausted quota SQLITE_IOERR; of a failed COMMIT it does not even tell
// the errno, which the thread still has.
bool is_full(sqlite3* handle) {
  const int told = sqlite3_system_errno(handle);
  return fault_of_errno(told != 0 ? told : errno) == Fault::Full;
}

Fault fault_of(int code, sqlite3* handle) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Fault::Busy;
    case SQLITE_FULL:
      return Fault::Full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
      return Fault::Corrupt;
    case SQLITE_IOERR:
      return is_full(handle) ? Fault::Full : Fault::Io;
    default:
      return Fault::Io;
  }
}

// SQLite's messages name tables, columns and constraints, never values.
[[noreturn]] void raise_sqlite(int code, sqlite3* handle) {
  raise(fault_of(code, handle), std::string("database: ") + sqlite3_errmsg(handle));
}

void check(int code, sqlite3* handle) {
  if (code != SQLITE_OK) raise_sqlite(code, handle);
}

}  // namespace

Connection::Connection(const std::filesystem::path& file, bool commits_synced) {
  sqlite3* handle = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(file.c_str(), &handle, kFlags, nullptr);
  handle_.reset(handle);  // to be closed even when opening failed
  if (handle == nullptr) throw std::bad_alloc();
  check(code, handle);
  check(sqlite3_busy_handler(handle, wait_for_lock, nullptr), handle);
  // FULL: in WAL mode only this syncs every commit, and a job or delivery once reported must not come back.
  execute(commits_synced ? "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"
                         : "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;");
}

void Connection::execute(const char* script) {
  check(sqlite3_exec(handle_.get(), script, nullptr, nullptr, nullptr), handle_.get());
}

sqlite3_stmt* Connection::prepared(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return known->second.get();
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement, nullptr),
        handle_.get());
  statements_.emplace(sql, statement);
  return statement;
}

bool Statement::step() {
  column_ = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) raise_sqlite(code, sqlite3_db_handle(statement_));
  return false;
}

std::string Statement::text() {
  const auto* characters = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
  return characters == nullptr ? std::string() : std::string(characters, size);
}

std::optional<std::string> Statement::text_or_null() {
  if (null()) return ++column_, std::nullopt;
  return text();
}

std::optional<std::int64_t> Statement::integer_or_null() {
  if (null()) return ++column_, std::nullopt;
  return integer();
}

std::optional<Time> Statement::time_or_null() {
  if (null()) return ++column_, std::nullopt;
  return time();
}

void Statement::bind(int index, std::string_view value) {
  // An empty view may have no data, which SQLite would take for NULL.
  const char* data = value.empty() ? "" : value.data();
  check(sqlite3_bind_text(statement_, index, data, static_cast<int>(value.size()), SQLITE_TRANSIENT));
}

void Statement::bind(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }

void Statement::bind(int index, std::nullptr_t) { check(sqlite3_bind_null(statement_, index)); }

void Statement::check(int code) const { storage::check(code, sqlite3_db_handle(statement_)); }

Transaction::~Transaction() {
  if (!connection_->in_transaction()) return;  // committed, or rolled back by SQLite itself
  try {
    connection_->execute("ROLLBACK");
  } catch (const Failure&) {
    // Nothing was committed, and nothing will be: the connection refuses to BEGIN again, which the next caller is told.
  }
}

}  // namespace storage
