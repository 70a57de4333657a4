#pragma once
// A node that keeps what it gets and remembers what happened, in order.
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dicom/network/acceptor.h"
#include "dicom/network/sender.h"
#include "tests/support/temp_folder.h"

namespace support {

class RecordingHandler final : public dicom::StoreHandler {
 public:
  dicom::Result<std::filesystem::path> new_file(std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    if (full_for > 0) {
      --full_for;
      return tl::unexpected(dicom::Error{dicom::Fault::Io, "full"});
    }
    if (!next_path.empty()) return std::exchange(next_path, {});
    return folder / ("incoming-" + std::to_string(++files_));
  }
  dicom::StoreStatus store(dicom::Received received) override {
    std::unique_lock lock(mutex_);
    received_.push_back(std::move(received));
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held; });
    if (statuses.empty()) return dicom::StoreStatus::Success;
    const auto status = statuses.front();
    statuses.pop_front();
    return status;
  }
  void opened(std::uint64_t association, const std::string& calling) override {
    note("opened " + calling, association);
  }
  void closed(std::uint64_t association, const std::string& how) override { note("closed " + how, association); }
  void rejected(const std::string& calling, const std::string& called, const std::string& reason) override {
    note("rejected " + calling + ">" + called + ": " + reason, 0);
  }
  void tls_refused(const std::string& address, const std::string& reason) override {
    note("tls refused " + address + ": " + reason, 0);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    held = false;
    changed_.notify_all();
  }
  std::vector<dicom::Received> wait_for_files(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return received_.size() >= count; });
    return received_;
  }
  // Waits for the n-th event that starts with `start` and returns it.
  std::string wait_for_event(const std::string& start, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    std::string found;
    changed_.wait(lock, [&] {
      std::size_t seen = 0;
      for (const auto& event : events_) {
        if (event.starts_with(start) && ++seen == count) found = event;
      }
      return seen >= count;
    });
    return found;
  }
  std::vector<std::string> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::vector<dicom::Received> received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  std::set<std::uint64_t> associations() {
    const std::lock_guard lock(mutex_);
    return associations_;
  }
  [[nodiscard]] std::size_t files_on_disk() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
    return count;
  }

  TempFolder folder;
  // Set before the acceptor starts.
  int full_for = 0;                         // so many refusals of new_file
  std::filesystem::path next_path;          // handed out once
  std::deque<dicom::StoreStatus> statuses;  // one for each store; then Success
  bool held = false;                        // store() does not return before release()

 private:
  void note(std::string event, std::uint64_t association) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    if (association != 0) associations_.insert(association);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<dicom::Received> received_;
  std::vector<std::string> events_;
  std::set<std::uint64_t> associations_;
  int files_ = 0;
};

inline dicom::AcceptorOptions loopback() {
  dicom::AcceptorOptions options;
  options.bind_address = "127.0.0.1";
  options.port = 0;
  options.calling_ae_titles = {"SCANNER"};
  return options;
}

inline dicom::Peer peer_at(const dicom::Acceptor& acceptor) {
  dicom::Peer peer;
  peer.ae_title = "HERALD";
  peer.host = "127.0.0.1";
  peer.port = acceptor.port();
  peer.calling_ae_title = "SCANNER";
  return peer;
}

inline std::unique_ptr<dicom::Acceptor> started(dicom::AcceptorOptions options, dicom::StoreHandler& handler) {
  auto acceptor = dicom::Acceptor::start(std::move(options), handler);
  if (!acceptor) throw std::runtime_error(acceptor.error().what);
  return std::move(*acceptor);
}

}  // namespace support
