#pragma once
// Writes the rows of received images, many in one transaction, whichever association they came on. An image is safe
// before its row is: the file is on the disk when Success is answered, and a row that was lost is made again from it
// (reconcile.h). So nobody waits for the database while a scanner sends.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "storage/index.h"

namespace server {

// Safe from any thread.
class Indexer {
 public:
  explicit Indexer(std::filesystem::path database);
  ~Indexer();  // what waits is written, if the database takes it

  // Takes a row, to be written within milliseconds; an empty digest is made from the file before. False: the database
  // has not taken anything for so long that the image must not be acknowledged.
  [[nodiscard]] bool add(storage::InstanceRow row);
  [[nodiscard]] bool is_waiting(const std::string& sop_instance_uid) const;  // its row is not written yet
  // Returns when every row that was added before is written; false when that takes longer than a second.
  bool flush();

 private:
  void run(const std::stop_token& stop);
  static void complete(std::vector<storage::InstanceRow>& rows);
  bool write(std::vector<storage::InstanceRow>& rows);

  const std::filesystem::path database_;
  std::optional<storage::Database> connection_;  // of the thread
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<storage::InstanceRow> rows_;   // guarded by mutex_, as all below
  std::unordered_set<std::string> waiting_;  // UIDs, also of those that are being written
  std::uint64_t taken_ = 0, written_ = 0;
  std::jthread thread_;
};

}  // namespace server
