#pragma once
// What the storage tests share: a clock that stands where it is put, a database of their own, rows with made-up
// content.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "storage/index.h"
#include "storage/jobs.h"
#include "storage/outbox.h"
#include "tests/support/temp_folder.h"

namespace scene {

using namespace std::chrono_literals;

// `seconds` after the test's beginning of time.
inline storage::Time at(double seconds) {
  return storage::Time(1'700'000'000'000ms) + storage::Duration(static_cast<std::int64_t>(seconds * 1000));
}

inline storage::Database open(const std::filesystem::path& file) {
  auto database = storage::Database::open(file);
  if (!database) throw std::runtime_error(database.error().what);
  return *std::move(database);
}

// "w1". Not "w" + std::to_string(1), in which GCC 12 sees an overlap that is not there (its bug 105651).
inline std::string numbered(std::string name, std::int64_t number) { return name.append(std::to_string(number)); }

// For calls that must succeed and return nothing.
inline void must(const storage::Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().what);
}

// The value of a call that must succeed, to loop over: `for (x : call().value())` would loop over what is already
// destroyed.
template <class T>
T value_of(storage::Result<T> result) {
  return std::move(result).value();
}

// SQL behind the library's back. The SQLite result code of the last statement.
inline int raw_sql(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  sqlite3_open(file.c_str(), &handle);
  sqlite3_exec(handle, "PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr);
  const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  return code;
}

// The first column of the first row, as text.
inline std::string raw_value(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  sqlite3_open(file.c_str(), &handle);
  sqlite3_stmt* statement = nullptr;
  std::string value;
  if (sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    value = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  }
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return value;
}

inline storage::InstanceRow instance(const std::string& uid, const std::string& study = "1.2.3",
                                     storage::Time received = at(0)) {
  return {.sop_instance_uid = uid,
          .sop_class_uid = "1.2.840.10008.5.1.4.1.1.4",
          .study_uid = study,
          .series_uid = study + ".1",
          .transfer_syntax_uid = "1.2.840.10008.1.2.1",
          .path = "/objects/" + uid,
          .payload_digest = "digest of " + uid,
          .bytes = 1000,
          .source = "SKYRA",
          .received = received};
}

inline storage::ResultRow result(const std::string& uid, const std::string& kind = "mr_map", int order = 0,
                                 const std::string& study = "1.2.3") {
  return {.study_uid = study,
          .sop_instance_uid = uid,
          .sop_class_uid = "1.2.840.10008.5.1.4.1.1.4",
          .series_uid = study + ".9",
          .kind = kind,
          .slot = "t1_pre",
          .order = order,
          .path = "/results/" + uid,
          .digest = "digest of " + uid,
          .bytes = 2000};
}

inline void write(const std::filesystem::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

inline std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

}  // namespace scene
