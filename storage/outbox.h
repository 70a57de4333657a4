#pragma once
// What still has to reach which destination. One row per instance and destination; it stays until it was delivered or a
// person decides.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/jobs.h"

namespace storage {

enum class OutboxState {
  Waiting,    // to be sent when `not_before` has come
  Delivered,  // the peer has it, by the `proof` that the settings want
  Dead,       // the peer will never take it: waits for a person
  Cancelled,
  Replaced,  // the peer does not take objects of its kind: what was sent instead stands in `last_problem`
  Sent,      // the peer answered success (or a warning) for this instance; confirmation is asked for at `not_before`
};

// What a delivery rests on.
enum class Proof {
  None,        // it is not delivered
  Answer,      // the answer to C-STORE
  Commitment,  // a report of storage commitment
  Find,        // the instance was seen by C-FIND
};

struct OutboxRow {
  std::int64_t id = 0;
  std::string destination;
  ResultRow object;
  OutboxState state = OutboxState::Waiting;
  int attempts = 0;
  Time not_before{};
  int last_status = -1;      // DIMSE status of the last answer, -1 when there was none
  std::string last_problem;  // one sentence; empty when delivered
  Time created{}, changed{};
  std::optional<Time> sent{};  // when the peer last answered that it stored the object
  int asks = 0;                // for confirmation, since then
  Proof proof = Proof::None;
};

// One line of a row's life: it changed its state, or its confirmation was asked for ("asked").
struct LedgerLine {
  Time at{};
  std::string event;
  int status = -1;
  std::string words;  // the problem, or the proof of a delivery
};

class Outbox {
 public:
  explicit Outbox(Database& database) : database_(&database) {}

  // The next result set for a destination: due rows of the study that has waited longest with a row due, in sending
  // order (kind order of the delivery, then series, then order), at most `most`. Empty when nothing is due.
  Result<std::vector<OutboxRow>> due(std::string_view destination, Time now, std::size_t most) const;

  // The answers. Fault::Missing when there is no such row. A delivery is recorded in any state, for the peer has the
  // object; what a person cancelled meanwhile stays cancelled after postpone() and dead().
  Result<void> delivered(std::int64_t id, Time now, int status);
  // Stored by the peer, to be confirmed from now on; in any state but Delivered.
  Result<void> sent(std::int64_t id, Time now, int status);
  Result<void> postpone(std::int64_t id, Time now, Time not_before, int status,
                        std::string_view problem);                                     // transient; counts an attempt
  Result<void> dead(std::int64_t id, Time now, int status, std::string_view problem);  // permanent

  // Of Sent rows. Those of one study whose confirmation is to be asked for, in sending order, at most `most`.
  Result<std::vector<OutboxRow>> to_confirm(std::string_view destination, Time now, std::size_t most) const;
  Result<void> confirmed(std::int64_t id, Time now, Proof proof);
  // Asked in vain: again at `not_before`. `asks`: how many questions that makes in all; fewer than before are ignored.
  Result<void> unconfirmed(std::int64_t id, Time now, Time not_before, int asks, std::string_view problem);
  // The peer says that it does not have the object: Waiting again.
  Result<void> unsent(std::int64_t id, Time now, Time not_before, std::string_view problem);

  // The peer is there again: what waits since an attempt that nobody answered is due now. How many rows that are.
  Result<std::size_t> hurry(std::string_view destination, Time now);
  // The peer has been away for too long: Waiting and Sent rows made before `created_before` are Dead.
  Result<std::size_t> give_up(std::string_view destination, Time created_before, Time now, std::string_view problem);
  Result<std::vector<LedgerLine>> ledger_of(std::int64_t id) const;  // oldest first

  struct Replacement {
    std::size_t rows = 0;     // that changed their state
    std::size_t objects = 0;  // that go, or went, in their place; 0: the rows are Dead
  };
  // The peer takes no object of this row's SOP class. In one transaction every waiting row of the same destination,
  // job, slot and kind becomes Replaced, and the objects of kind `below` that the same job made of the same slot are
  // queued, due now, at the same place of the sending order. What was queued of them before keeps what became of it.
  // Where none of them can reach the peer, because none was made or all are Dead or Cancelled, the rows are Dead. Twice
  // is once: a row that is not Waiting changes nothing. Their problem is `problem` with what takes their place.
  Result<Replacement> replace(std::int64_t id, Time now, int status, std::string_view problem, std::string_view below);
  Result<bool> retry(std::int64_t id,
                     Time now);                    // in any state but Delivered: due now, attempts start again
  Result<bool> cancel(std::int64_t id, Time now);  // Waiting, Sent or Dead

  Result<std::vector<OutboxRow>> rows_of(std::string_view study_uid) const;  // empty: all
  struct Summary {
    std::string destination;
    std::uint64_t waiting = 0, sent = 0, delivered = 0, dead = 0;
    std::optional<Time> oldest_waiting;
  };
  Result<std::vector<Summary>> summary() const;

 private:
  Database* database_;
};

// When to try again after `attempts` failures: first, doubled each time, at most `longest`, shortened by up to a
// quarter by `unit` in [0, 1).
[[nodiscard]] Duration backoff(int attempts, Duration first, Duration longest, double unit);

[[nodiscard]] std::string_view to_string(OutboxState);
[[nodiscard]] std::string_view to_string(Proof);

}  // namespace storage
