#pragma once
// The job queue: rows with leases. A job is done at least once; results are deterministic, so twice is harmless.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace storage {

enum class JobState {
  Waiting,    // runs when `not_before` has come
  Running,    // leased to an owner until `lease_until`
  Done,       // finished; its results are rows of `result`
  Refused,    // a "no" with a reason; never retried by itself
  Dead,       // failed or crashed on every attempt; waits for a person
  Cancelled,  // by a person, or because something else took its place
};
enum class JobEvent { Claimed, Finished, Refused, Failed, GivenBack, LeaseExpired, Retried, Cancelled };

// The whole life of a job. nullopt = illegal.
constexpr std::optional<JobState> next(JobState state, JobEvent event, bool attempts_left) {
  using S = JobState;
  using E = JobEvent;
  if (event == E::Retried)
    return state == S::Refused || state == S::Dead || state == S::Cancelled ? std::optional(S::Waiting) : std::nullopt;
  if (event == E::Cancelled)
    return state == S::Waiting || state == S::Running ? std::optional(S::Cancelled) : std::nullopt;
  if (state == S::Waiting) return event == E::Claimed ? std::optional(S::Running) : std::nullopt;
  if (state != S::Running) return std::nullopt;
  switch (event) {
    case E::Finished:
      return S::Done;
    case E::Refused:
      return S::Refused;
    case E::GivenBack:
      return S::Waiting;
    case E::Failed:
    case E::LeaseExpired:
      return attempts_left ? S::Waiting : S::Dead;
    default:
      return std::nullopt;
  }
}
static_assert(next(JobState::Running, JobEvent::Failed, true) == JobState::Waiting);
static_assert(next(JobState::Running, JobEvent::LeaseExpired, false) == JobState::Dead);
static_assert(next(JobState::Running, JobEvent::GivenBack, false) == JobState::Waiting);
static_assert(!next(JobState::Done, JobEvent::Claimed, true));
static_assert(next(JobState::Dead, JobEvent::Retried, false) == JobState::Waiting);

// What else happens in the transaction in which a job ends, however it ends.
enum class AtEnd {
  Nothing,
  MarkStudy,  // its study is pending again (Index::mark_for_grouping): what follows is decided from the whole study
};

struct Job {
  std::int64_t id = 0;
  std::string kind;  // "group", "map", "measure"
  std::string key;   // unique with kind: the same work is never queued twice
  std::string study_uid;
  std::string payload;  // JSON, opaque here
  AtEnd at_end = AtEnd::Nothing;
  JobState state = JobState::Waiting;
  int attempts = 0;  // counted at claim, so a crash counts
  Time not_before{};
  Time lease_until{};
  std::string owner;
  std::string reason;  // of the last refusal or failure; once Done: what the job left out, and why
  Time created{}, finished{};
};

inline constexpr int kMostAttempts = 3;

// An object that a job made, ready to be sent.
struct ResultRow {
  std::int64_t job_id = 0;
  std::string study_uid;
  std::string sop_instance_uid, sop_class_uid, series_uid;
  std::string kind;  // "mr_map", "pm_real", "pm_normalised", "sr_measurements", "sr_nomogram"
  std::string slot;  // "t1_pre", "t2", …; empty for reports
  int order = 0;     // position within its kind (slice number)
  std::filesystem::path path;
  std::string digest;
  std::uint64_t bytes = 0;
};

// Which result kinds go where, and in which order: kinds[0] first.
struct Delivery {
  std::string destination;
  std::vector<std::string> kinds;
};

class JobQueue {
 public:
  explicit JobQueue(Database& database) : database_(&database) {}

  // Queues work. nullopt when (kind, key) is already there in any state.
  Result<std::optional<std::int64_t>> enqueue(std::string_view kind, std::string_view key, std::string_view study_uid,
                                              std::string_view payload, Time now, Time not_before,
                                              AtEnd at_end = AtEnd::Nothing);
  // Leases the oldest waiting job whose time has come and counts the attempt, or nullopt when there is none.
  // The caller must finish(), refuse(), fail() or renew() before `now + lease`; from then on the lease is lost and
  // sweep() gives the job to someone else. `owner` must not be empty.
  Result<std::optional<Job>> claim(std::string_view owner, Time now, Duration lease);
  Result<bool> renew(std::int64_t id, std::string_view owner, Time now, Duration lease);  // false: the lease is lost
  // In one transaction: the job is Done, its results are rows, and every destination's outbox holds those it wants.
  // False when the lease was lost: nothing is written. Result rows that already exist (an earlier attempt) are kept,
  // and so is what became of their delivery. The rows' own job_id is not read. `left_out` takes the place of the
  // reasons of earlier attempts. Fault::Missing when there is no such job, here and below.
  Result<bool> finish(std::int64_t id, std::string_view owner, Time now, const std::vector<ResultRow>& results,
                      const std::vector<Delivery>& deliveries, std::string_view left_out = {});
  Result<bool> refuse(std::int64_t id, std::string_view owner, Time now, std::string_view reason);
  Result<bool> fail(std::int64_t id, std::string_view owner, Time now, std::string_view reason, Duration retry_after);
  // The world failed, not the job (disk full, database busy): it waits until `not_before` and the attempt does not
  // count.
  Result<bool> give_back(std::int64_t id, std::string_view owner, Time now, std::string_view reason, Time not_before);
  // Takes back leases that have run out; returns the jobs that changed, in their new state.
  Result<std::vector<Job>> sweep(Time now);
  // Takes back every lease of one owner (its process has died), or of all owners when `owner` is empty (service start).
  // The attempt counts: whoever died may have died of this job.
  Result<std::vector<Job>> release(std::string_view owner, Time now);
  // False when next() does not allow it. Retrying starts the attempts again; who works on a cancelled job
  // has lost its lease.
  Result<bool> retry(std::int64_t id, Time now);
  Result<bool> cancel(std::int64_t id, Time now, std::string_view reason = {});

  Result<std::optional<Job>> find(std::int64_t id) const;
  Result<std::vector<Job>> jobs_of(std::string_view study_uid) const;           // empty: all; oldest first
  Result<std::vector<ResultRow>> results_of(std::string_view study_uid) const;  // by job, kind, order
  Result<std::optional<ResultRow>> find_result(std::string_view sop_instance_uid) const;

 private:
  Database* database_;
};

[[nodiscard]] std::string_view to_string(JobState);

}  // namespace storage
