#pragma once
// Brings results to one destination: a thread that takes the next due result set from the outbox and sends it on one
// association. What the peer refuses by its SOP class is replaced by the next rung of the ladder (result_kinds.h); what
// comes after it in the order of sending waits for that.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>

#include "config/settings.h"
#include "dicom/network/sender.h"
#include "storage/outbox.h"

namespace server {

inline constexpr std::size_t kMostPerAssociation = 500;  // objects

// What an answer means for a row of the outbox. Pure.
struct NextStep {
  enum class Kind { Delivered, Postpone, Replace, Dead } kind = Kind::Postpone;
  storage::Duration wait{};
  std::string problem;
  std::string below = {};  // with Replace: the kind that takes its place
};
[[nodiscard]] NextStep next_step(const storage::OutboxRow& row, const dicom::Verdict& verdict,
                                 const config::Destination& destination, storage::Time now, double jitter);

// Sends the next due result set on one association, in the calling thread, and records what became of every object.
// False when nothing was due or `stop` ended it. Throws a Failure when the outbox cannot be written.
bool deliver_once(const config::Destination& destination, storage::Outbox& outbox, const std::stop_token& stop);

class Courier {
 public:
  // Starts the thread; destruction stops it after the instance that is being sent.
  Courier(config::Destination destination, std::filesystem::path database);

 private:
  void run(const std::stop_token& stop);
  void deliver_until(const std::stop_token& stop, std::chrono::milliseconds& pause);
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest);

  config::Destination destination_;
  std::filesystem::path database_;
  std::mutex mutex_;  // of stopped_ alone
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace server
