#pragma once
// The SQLite database beside the object files: index of instances, studies, jobs, results, outbox, and what was decided and why.
// One file, WAL, several processes. All SQL of the project is in this folder. `now` is a parameter of every query that needs time.
#include <chrono>
#include <filesystem>
#include <memory>

#include "storage/result.h"

struct sqlite3;

namespace storage {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// One connection. Not safe to share between threads: open one per thread. Creates or migrates the schema on open;
// Fault::Corrupt when the file is from a newer version.
class Database {
 public:
  static Result<Database> open(const std::filesystem::path& file);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();
  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_ = nullptr;
};

}  // namespace storage
