#include "server/indexer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "dicom/input/identity.h"
#include "server/log.h"
#include "server/result.h"

namespace server {
namespace {

// A scanner sends a thousand images a second at most: this is ten seconds of a database that takes nothing.
constexpr std::size_t kMostWaiting = 10'000;
constexpr std::chrono::milliseconds kGather{10};  // for more rows of the same moment
constexpr std::chrono::milliseconds kPause{500};  // after a failure
constexpr std::chrono::seconds kPatience{1};

}  // namespace

Indexer::Indexer(std::filesystem::path database)
    : database_(std::move(database)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Indexer::~Indexer() {
  thread_.request_stop();
  thread_.join();
}

bool Indexer::add(storage::InstanceRow row) {
  const std::scoped_lock lock(mutex_);
  if (rows_.size() >= kMostWaiting) return false;
  waiting_.insert(row.sop_instance_uid);
  rows_.push_back(std::move(row));
  ++taken_;
  if (rows_.size() == 1) changed_.notify_all();
  return true;
}

bool Indexer::is_waiting(const std::string& sop_instance_uid) const {
  const std::scoped_lock lock(mutex_);
  return waiting_.contains(sop_instance_uid);
}

bool Indexer::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t all = taken_;
  return changed_.wait_for(lock, kPatience, [&] { return written_ >= all; });
}

void Indexer::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, stop, [this] { return !rows_.empty(); });
    if (rows_.empty()) return;
    changed_.wait_for(lock, stop, kGather, [] { return false; });
    std::vector<storage::InstanceRow> rows = std::exchange(rows_, {});
    std::vector<std::string> uids;
    for (const storage::InstanceRow& row : rows) uids.push_back(row.sop_instance_uid);
    lock.unlock();
    const bool written = write(rows);
    lock.lock();
    if (written) {
      for (const std::string& uid : uids) waiting_.erase(uid);
      written_ += uids.size();
      changed_.notify_all();
      continue;
    }
    rows.insert(rows.end(), std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end()));
    rows_ = std::move(rows);
    if (stop.stop_requested()) return;  // the next start makes them again
    changed_.wait_for(lock, stop, kPause, [] { return false; });
  }
}

// A file that cannot be read now has no row: the next comparison of files and index makes it.
void Indexer::complete(std::vector<storage::InstanceRow>& rows) {
  std::erase_if(rows, [](storage::InstanceRow& row) {
    if (!row.payload_digest.empty()) return false;
    auto identity = dicom::read_identity(row.path);
    if (!identity) {
      log::trouble("index", identity.error().what);
      return true;
    }
    row.payload_digest = std::move(identity->payload_digest);
    return false;
  });
}

bool Indexer::write(std::vector<storage::InstanceRow>& rows) {
  try {
    complete(rows);
    if (!connection_)
      connection_ = need(storage::Database::open(database_, storage::Database::Commits::Unsynced), "open the database");
    need(storage::Index(*connection_).add_all(rows), "index images");
    return true;
  } catch (const Failure& failure) {
    log::trouble("index", failure.error.what);
  } catch (const std::exception& e) {
    log::trouble("index", e.what());
  }
  return false;
}

}  // namespace server
