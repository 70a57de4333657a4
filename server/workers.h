#pragma once
// Worker processes: started by the service, restarted when they end, their leases given back at once.
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace server {

// The name under which a worker claims jobs.
[[nodiscard]] std::string worker_owner(pid_t pid);

// Runs jobs until SIGTERM or until the parent is gone. The body of the hidden command `herald worker`.
int run_worker(const std::filesystem::path& settings_file, pid_t parent);

// Not thread-safe: belongs to the service's one Asio thread.
class Workers {
 public:
  Workers(unsigned count, std::filesystem::path settings_file)
      : count_(count), settings_file_(std::move(settings_file)) {}

  void start_missing(
      std::chrono::steady_clock::time_point at);  // starts what is missing, crashed ones not more than once a second
  // Collects ended children and calls `ended(pid, how)` for each.
  void reap(const std::function<void(pid_t, const std::string&)>& ended);
  void stop(std::chrono::seconds patience);  // SIGTERM, then SIGKILL after `patience`; returns when all are gone

 private:
  unsigned count_;
  std::filesystem::path settings_file_;
  std::map<pid_t, std::chrono::steady_clock::time_point> running_;
  std::chrono::steady_clock::time_point last_end_{};
};

}  // namespace server
