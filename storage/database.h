#pragma once
// The SQLite database beside the object files: index of instances, studies, jobs, results, outbox, and what was decided
// and why. One file, WAL, several processes. All SQL of the project is in this folder. `now` is a parameter of every
// query that needs time.
#include <chrono>
#include <filesystem>
#include <memory>

#include "storage/result.h"

namespace storage {

class Connection;  // private to this folder

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// One connection. Not safe to share between threads, and not to be carried through fork(): open one per thread and
// process. Creates or migrates the schema on open; Fault::Corrupt when the file is from a newer version or is no
// database. Who finds the database locked waits up to ten seconds before Fault::Busy. Index, JobQueue and Outbox refer
// to their Database, which must stay where it is.
class Database {
 public:
  // Synced: a commit is on the disk when it returns. Unsynced: it is with the kernel; a power cut may undo the last
  // ones, whole and in their order. For rows that can be made again from files.
  enum class Commits { Synced, Unsynced };
  static Result<Database> open(const std::filesystem::path& file, Commits commits = Commits::Synced);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();
  [[nodiscard]] Connection& connection() const { return *connection_; }

 private:
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace storage
