#pragma once
// What happens to a data set between the last byte and the status: identity, durability, index. Nothing else may delay
// the scanner.
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dicom/input/identity.h"
#include "dicom/network/acceptor.h"
#include "server/indexer.h"
#include "storage/database.h"
#include "storage/index.h"
#include "storage/object_store.h"

namespace server {

// Safe from all association threads at once: each call borrows a database connection of its own.
class Ingest final : public dicom::StoreHandler {
 public:
  Ingest(storage::ObjectStore& store, std::filesystem::path database)
      : store_(store), database_(database), indexer_(std::move(database)) {}

  dicom::Result<std::filesystem::path> new_file(std::uint64_t association) override;
  dicom::StoreStatus store(dicom::Received received) override;
  void opened(std::uint64_t association, const std::string& calling) override;
  void closed(std::uint64_t association, const std::string& how) override;
  void rejected(const std::string& calling, const std::string& called, const std::string& reason) override;
  void tls_refused(const std::string& address, const std::string& reason) override;

  // Everything that was acknowledged is in the index; false when the database is slow in taking it.
  bool flush() { return indexer_.flush(); }

  // True while an association is open that brought an image of this study within `recently`: a router that keeps one
  // association for the whole day must not hold up the exams it has done with.
  [[nodiscard]] bool receiving(const std::string& study_uid, std::chrono::milliseconds recently) const;

 private:
  struct Association {
    std::size_t stored = 0, refused = 0;
    std::map<std::string, std::chrono::steady_clock::time_point> studies;  // when it last brought an image of each
  };

  dicom::StoreStatus decide(const dicom::Received& received);
  dicom::StoreStatus keep(const dicom::Received& received, const dicom::Identity& identity);
  dicom::StoreStatus quarantine(const dicom::Received& received, const std::string& reason, dicom::StoreStatus status);
  bool is_altered_result(const dicom::Identity& identity);
  void refuse_own_result(const dicom::Received& received, const dicom::Identity& identity);
  std::optional<std::string> known_digest(const std::string& sop_instance_uid);
  void count(std::uint64_t association, bool stored, const std::string& study_uid);

  template <class F>
  auto with_index(F&& use);

  storage::ObjectStore& store_;
  std::filesystem::path database_;
  Indexer indexer_;
  std::mutex idle_mutex_;
  std::vector<std::unique_ptr<storage::Database>> idle_;  // guarded by idle_mutex_
  mutable std::mutex associations_mutex_;
  std::map<std::uint64_t, Association> associations_;  // guarded by associations_mutex_
};

}  // namespace server
