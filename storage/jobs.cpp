// Every change of state is: load the row under the write lock, ask next(), save the row. Only claim() is one statement,
// for many workers ask at once and most of them in vain; the assertions below say that it does what next() says.
#include "storage/jobs.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

static_assert(next(JobState::Waiting, JobEvent::Claimed, true) == JobState::Running);
static_assert(!next(JobState::Running, JobEvent::Claimed, true));
static_assert(kMostAttempts == 3, "the CHECKs of table job say 3");

constexpr std::array<std::string_view, 6> kStateNames = {"waiting", "running", "done", "refused", "dead", "cancelled"};

JobState state_of(std::string_view name) {
  const auto* const found = std::find(kStateNames.begin(), kStateNames.end(), name);
  assert(found != kStateNames.end());  // the CHECK of table job lists the same names
  return static_cast<JobState>(found - kStateNames.begin());
}

constexpr std::string_view kJobColumns =
    "id, kind, key, study_uid, payload, marks_study, state, attempts, not_before, lease_until, owner, reason, created, "
    "finished_at";

Job read_job(Statement& row) {
  return {.id = row.integer(),
          .kind = row.text(),
          .key = row.text(),
          .study_uid = row.text(),
          .payload = row.text(),
          .at_end = row.flag() ? AtEnd::MarkStudy : AtEnd::Nothing,
          .state = state_of(row.text()),
          .attempts = row.small(),
          .not_before = row.time(),
          .lease_until = row.time(),
          .owner = row.text(),
          .reason = row.text(),
          .created = row.time(),
          .finished = row.time()};
}

std::string select_job(std::string_view tail) {
  return std::string("SELECT ").append(kJobColumns).append(" FROM job ").append(tail);
}

std::string select_result(std::string_view tail) {
  return std::string("SELECT ").append(kResultColumns).append(" FROM result ").append(tail);
}

std::optional<Job> load(Connection& connection, std::int64_t id) {
  return first(connection.query(select_job("WHERE id = ?1"), id), read_job);
}

Job load_existing(Connection& connection, std::int64_t id) {
  auto job = load(connection, id);
  if (!job) raise(Fault::Missing, "no job " + std::to_string(id));
  return *std::move(job);
}

constexpr bool is_final(JobState state) { return state != JobState::Waiting && state != JobState::Running; }

template <class T>
std::optional<T> when(bool condition, T value) {
  return condition ? std::optional<T>(value) : std::nullopt;
}

void save(Connection& connection, const Job& job) {
  const bool running = job.state == JobState::Running;
  connection.change(
      "UPDATE job SET state = ?2, attempts = ?3, not_before = ?4, lease_until = ?5, owner = ?6, reason = ?7, "
      "finished_at = ?8 WHERE id = ?1",
      job.id, to_string(job.state), job.attempts, job.not_before, when(running, job.lease_until),
      when(running, std::string_view(job.owner)), job.reason, when(is_final(job.state), job.finished));
  if (is_final(job.state) && job.at_end == AtEnd::MarkStudy) bump_arrival(connection, job.study_uid);
}

// The job after `event`, without its lease, to run at `not_before` if it is to run again; nullopt when the event is
// illegal.
std::optional<Job> after(Job job, JobEvent event, Time now, Time not_before) {
  const auto state = next(job.state, event, job.attempts < kMostAttempts);
  if (!state) return std::nullopt;
  job.state = *state;
  job.owner.clear();
  job.lease_until = {};
  job.finished = is_final(*state) ? now : Time{};
  if (*state == JobState::Waiting) job.not_before = not_before;
  return job;
}

// A lease holds until sweep() may take it: at no moment do two of us think they own the job.
bool holds(const Job& job, std::string_view owner, Time now) {
  return job.state == JobState::Running && job.owner == owner && now < job.lease_until;
}

// Ends the owner's attempt. False when the lease is lost. An empty `reason` leaves the earlier one, unless the job is
// done.
bool end_attempt(Connection& connection, std::int64_t id, std::string_view owner, Time now, JobEvent event,
                 std::string_view reason, Duration retry_after = {}) {
  const Job job = load_existing(connection, id);
  if (!holds(job, owner, now)) return false;
  auto ended = after(job, event, now, now + retry_after).value();
  if (!reason.empty() || event == JobEvent::Finished) ended.reason = reason;
  save(connection, ended);
  return true;
}

// A person's decision. False when it is illegal in the job's state.
bool decide(Connection& connection, std::int64_t id, JobEvent event, Time now, std::string_view reason = {}) {
  auto decided = after(load_existing(connection, id), event, now, now);
  if (!decided) return false;
  if (event == JobEvent::Retried) decided->attempts = 0;
  if (!reason.empty()) decided->reason = std::string(reason);
  save(connection, *decided);
  return true;
}

// Takes the leases of `jobs` back; returns the jobs as they are now.
std::vector<Job> take_back(Connection& connection, const std::vector<Job>& jobs, Time now, std::string_view cause) {
  std::vector<Job> changed;
  for (const Job& job : jobs) {
    Job freed = after(job, JobEvent::LeaseExpired, now, now).value();
    freed.reason = std::string(cause) + job.owner;
    save(connection, freed);
    changed.push_back(std::move(freed));
  }
  return changed;
}

void insert_result(Connection& connection, std::int64_t job_id, const ResultRow& row) {
  connection.change(
      "INSERT INTO result (job_id, study_uid, sop_instance_uid, sop_class_uid, series_uid, kind, slot, position, path, "
      "digest, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (sop_instance_uid) DO NOTHING",
      job_id, row.study_uid, row.sop_instance_uid, row.sop_class_uid, row.series_uid, row.kind, row.slot, row.order,
      row.path.string(), row.digest, row.bytes);
}

void queue_for_delivery(Connection& connection, const ResultRow& row, const Delivery& delivery, Time now) {
  const auto wanted = std::find(delivery.kinds.begin(), delivery.kinds.end(), row.kind);
  if (wanted == delivery.kinds.end()) return;
  connection.change(
      "INSERT INTO outbox (destination, sop_instance_uid, kind_rank, not_before, created, changed) "
      "VALUES (?1, ?2, ?3, ?4, ?4, ?4) ON CONFLICT (destination, sop_instance_uid) DO NOTHING",
      delivery.destination, row.sop_instance_uid, wanted - delivery.kinds.begin(), now);
}

}  // namespace

std::string_view to_string(JobState state) { return kStateNames.at(static_cast<std::size_t>(state)); }

Result<std::optional<std::int64_t>> JobQueue::enqueue(std::string_view kind, std::string_view key,
                                                      std::string_view study_uid, std::string_view payload, Time now,
                                                      Time not_before, AtEnd at_end) {
  return guarded([&] {
    return first(database_->connection().query(
                     "INSERT INTO job (kind, key, study_uid, payload, state, not_before, created, marks_study) "
                     "VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?7) ON CONFLICT (kind, key) DO NOTHING RETURNING id",
                     kind, key, study_uid, payload, not_before, now, std::int64_t{at_end == AtEnd::MarkStudy}),
                 [](Statement& row) { return row.integer(); });
  });
}

Result<std::optional<Job>> JobQueue::claim(std::string_view owner, Time now, Duration lease) {
  return guarded([&] {
    static const std::string kClaim =
        std::string(
            "UPDATE job SET state = 'running', attempts = attempts + 1, owner = ?1, lease_until = ?3 "
            "WHERE id = (SELECT id FROM job WHERE state = 'waiting' AND not_before <= ?2 "
            "ORDER BY not_before, id LIMIT 1) RETURNING ")
            .append(kJobColumns);
    return first(database_->connection().query(kClaim, owner, now, now + lease), read_job);
  });
}

Result<bool> JobQueue::renew(std::int64_t id, std::string_view owner, Time now, Duration lease) {
  return transacted(*database_, [&](Connection& connection) {
    Job job = load_existing(connection, id);
    if (!holds(job, owner, now)) return false;
    job.lease_until = now + lease;
    save(connection, job);
    return true;
  });
}

Result<bool> JobQueue::finish(std::int64_t id, std::string_view owner, Time now, const std::vector<ResultRow>& results,
                              const std::vector<Delivery>& deliveries, std::string_view left_out) {
  return transacted(*database_, [&](Connection& connection) {
    if (!end_attempt(connection, id, owner, now, JobEvent::Finished, left_out)) return false;
    for (const ResultRow& row : results) {
      insert_result(connection, id, row);
      for (const Delivery& delivery : deliveries) queue_for_delivery(connection, row, delivery, now);
    }
    return true;
  });
}

Result<bool> JobQueue::refuse(std::int64_t id, std::string_view owner, Time now, std::string_view reason) {
  return transacted(*database_, [&](Connection& connection) {
    return end_attempt(connection, id, owner, now, JobEvent::Refused, said(reason));
  });
}

Result<bool> JobQueue::fail(std::int64_t id, std::string_view owner, Time now, std::string_view reason,
                            Duration retry_after) {
  return transacted(*database_, [&](Connection& connection) {
    return end_attempt(connection, id, owner, now, JobEvent::Failed, said(reason), retry_after);
  });
}

Result<bool> JobQueue::give_back(std::int64_t id, std::string_view owner, Time now, std::string_view reason,
                                 Time not_before) {
  return transacted(*database_, [&](Connection& connection) {
    const Job job = load_existing(connection, id);
    if (!holds(job, owner, now)) return false;
    Job waiting = after(job, JobEvent::GivenBack, now, not_before).value();
    --waiting.attempts;
    waiting.reason = said(reason);
    save(connection, waiting);
    return true;
  });
}

Result<std::vector<Job>> JobQueue::sweep(Time now) {
  return transacted(*database_, [&](Connection& connection) {
    const auto expired =
        all(connection.query(select_job("WHERE state = 'running' AND lease_until <= ?1 ORDER BY id"), now), read_job);
    return take_back(connection, expired, now, "the lease ran out at ");
  });
}

Result<std::vector<Job>> JobQueue::release(std::string_view owner, Time now) {
  return transacted(*database_, [&](Connection& connection) {
    const auto held =
        all(connection.query(select_job("WHERE state = 'running' AND ?1 IN ('', owner) ORDER BY id"), owner), read_job);
    return take_back(connection, held, now, "the process ended: ");
  });
}

Result<bool> JobQueue::retry(std::int64_t id, Time now) {
  return transacted(*database_, [&](Connection& connection) { return decide(connection, id, JobEvent::Retried, now); });
}

Result<bool> JobQueue::cancel(std::int64_t id, Time now, std::string_view reason) {
  return transacted(*database_,
                    [&](Connection& connection) { return decide(connection, id, JobEvent::Cancelled, now, reason); });
}

Result<std::optional<Job>> JobQueue::find(std::int64_t id) const {
  return guarded([&] { return load(database_->connection(), id); });
}

Result<std::vector<Job>> JobQueue::jobs_of(std::string_view study_uid) const {
  return guarded([&] {
    Connection& connection = database_->connection();
    if (study_uid.empty()) return all(connection.query(select_job("ORDER BY id")), read_job);
    return all(connection.query(select_job("WHERE study_uid = ?1 ORDER BY id"), study_uid), read_job);
  });
}

Result<std::vector<ResultRow>> JobQueue::results_of(std::string_view study_uid) const {
  return guarded([&] {
    return all(database_->connection().query(
                   select_result("WHERE study_uid = ?1 ORDER BY job_id, kind, position, sop_instance_uid"), study_uid),
               read_result);
  });
}

Result<std::optional<ResultRow>> JobQueue::find_result(std::string_view sop_instance_uid) const {
  return guarded([&] {
    return first(database_->connection().query(select_result("WHERE sop_instance_uid = ?1"), sop_instance_uid),
                 read_result);
  });
}

}  // namespace storage
