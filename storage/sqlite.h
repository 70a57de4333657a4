#pragma once
// Private to this folder: SQLite without its C interface. Everything throws Failure; public functions turn that into a
// Result.
#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "storage/failure.h"

namespace storage {

class Statement;

// One SQLite connection and its prepared statements, which are kept: preparing costs more than most of our queries.
class Connection {
 public:
  // Opens or creates the file; settings that SQLite keeps per connection are made here.
  Connection(const std::filesystem::path& file, bool commits_synced);

  // A statement ready to run, its parameters ?1, ?2, … set to `values`: text, integers, Time, or an optional of one
  // (empty: NULL). Two statements with the same text must not be alive at once.
  template <class... Values>
  Statement query(std::string_view sql, const Values&... values);

  // Runs one statement to its end; returns the number of rows it changed.
  template <class... Values>
  int change(std::string_view sql, const Values&... values);

  // Runs a script without parameters or rows.
  void execute(const char* script);

  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3_stmt* prepared(std::string_view sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> statements_;
};

// A running statement; reset at the end of its scope. Columns are read in order, each once per row, so that a row can
// be read as
// {.id = row.integer(), .kind = row.text(), …}.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() { sqlite3_reset(statement_); }  // its code only repeats what step() threw

  bool step();  // false: no further row, and the statement has taken effect
  void run() {
    while (step()) {
    }
  }

  std::int64_t integer() { return sqlite3_column_int64(statement_, column_++); }
  std::optional<std::int64_t> integer_or_null();
  std::uint64_t size() { return static_cast<std::uint64_t>(integer()); }
  int small() { return sqlite3_column_int(statement_, column_++); }
  bool flag() { return integer() != 0; }
  std::string text();
  std::optional<std::string> text_or_null();
  Time time() { return Time(Duration(integer())); }  // NULL: the epoch, which is Time{}
  std::optional<Time> time_or_null();

  void bind(int index, std::string_view value);
  void bind(int index, std::int64_t value);
  void bind(int index, Time value) { bind(index, std::int64_t{value.time_since_epoch().count()}); }
  void bind(int index, std::nullptr_t);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, nullptr);
  }

 private:
  [[nodiscard]] bool null() const { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }
  void check(int code) const;
  sqlite3_stmt* statement_;
  int column_ = 0;
};

// All or nothing: rolled back at the end of its scope unless committed. Takes the write lock at once, for a reader that
// wants to write later can be refused (SQLITE_BUSY_SNAPSHOT) however long it waits. Declare it before the statements
// that run in it.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(&connection) { connection.execute("BEGIN IMMEDIATE"); }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { connection_->execute("COMMIT"); }

 private:
  Connection* connection_;
};

template <class... Values>
Statement Connection::query(std::string_view sql, const Values&... values) {
  Statement statement(prepared(sql));
  int index = 0;
  (statement.bind(++index, values), ...);
  return statement;
}

template <class... Values>
int Connection::change(std::string_view sql, const Values&... values) {
  Statement statement = query(sql, values...);
  statement.run();
  return sqlite3_changes(handle_.get());
}

// Every row of a running statement, read by `read`.
template <class Read>
auto all(Statement rows, Read read) {
  std::vector<decltype(read(rows))> result;
  while (rows.step()) result.push_back(read(rows));
  return result;
}

// The first row, if there is one.
template <class Read>
auto first(Statement rows, Read read) {
  std::optional<decltype(read(rows))> result;
  if (rows.step()) {
    result = read(rows);
    rows.run();  // a statement that changes rows takes effect only at its end
  }
  return result;
}

}  // namespace storage
