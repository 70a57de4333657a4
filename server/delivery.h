#pragma once
// Brings results to one destination: a thread that takes the next due result set from the outbox and sends it on one
// association. What the peer refuses by its SOP class is replaced by the next rung of the ladder (result_kinds.h); what
// comes after it in the order of sending waits for that. What was stored is confirmed as the settings want
// (confirmation.h); a peer that is down is left alone (breaker.h).
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>

#include "config/settings.h"
#include "dicom/network/commitment.h"
#include "dicom/network/sender.h"
#include "dicom/network/stop_signal.h"
#include "server/breaker.h"
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

// What became of one look at a destination.
struct Round {
  enum class Contact { None, Worked, Failed };
  bool something = false;  // was due and has been dealt with
  Contact contact = Contact::None;
  std::string problem = {};  // of a contact that failed
};

// In [0, 1), another one each time: so that what failed together does not come again together.
[[nodiscard]] double jitter();

// Sends the next due result set on one association, in the calling thread, and records what became of every object.
// Nothing was due, or `stop` ended it: not something. Throws a Failure when the outbox cannot be written.
Round deliver_due(const config::Destination& destination, storage::Outbox& outbox, const std::stop_token& stop);
inline bool deliver_once(const config::Destination& destination, storage::Outbox& outbox, const std::stop_token& stop) {
  return deliver_due(destination, outbox, stop).something;
}

// One destination without its thread: what is due is sent, what was sent is confirmed, a peer that is down is probed.
class Errand {
 public:
  Errand(config::Destination destination, storage::Database& database, dicom::CommitmentHandler& commitments,
         const dicom::StopSignal& stop_signal);
  // One round. False when there was nothing to do yet.
  bool run(const std::stop_token& stop);
  [[nodiscard]] bool is_down() const { return breaker_.is_down(); }

 private:
  void note(const Round& round);
  void probe();

  config::Destination destination_;
  storage::Database& database_;
  dicom::CommitmentHandler& commitments_;
  const dicom::StopSignal& stop_signal_;
  Breaker breaker_;
};

class Courier {
 public:
  // Starts the thread; destruction stops it after the instance that is being sent. `commitments` outlives this.
  Courier(config::Destination destination, std::filesystem::path database, dicom::CommitmentHandler& commitments);

 private:
  void run(const std::stop_token& stop);
  void deliver_until(const std::stop_token& stop, std::chrono::milliseconds& pause);
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest);

  config::Destination destination_;
  std::filesystem::path database_;
  dicom::CommitmentHandler& commitments_;
  dicom::StopSignal stop_signal_;
  std::mutex mutex_;  // of stopped_ alone
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace server
