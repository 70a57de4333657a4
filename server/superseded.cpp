#include "server/superseded.h"

#include <algorithm>

namespace server {
namespace {

constexpr const char* kReason = "the images of this job are put together otherwise now";

void withdraw(Context& context, const std::string& study, const std::vector<storage::ResultRow>& replaced) {
  storage::Outbox outbox(context.database);
  for (const storage::OutboxRow& row : need(outbox.rows_of(study), "list the outbox")) {
    const bool old = std::any_of(replaced.begin(), replaced.end(), [&](const storage::ResultRow& result) {
      return result.sop_instance_uid == row.object.sop_instance_uid;
    });
    if (old && row.state == storage::OutboxState::Waiting) need(outbox.cancel(row.id, now()), "withdraw an object");
  }
}

}  // namespace

std::optional<storage::Job> find_job(const std::vector<storage::Job>& jobs, std::string_view kind,
                                     std::string_view key) {
  for (const storage::Job& job : jobs) {
    if (job.kind == kind && job.key == key) return job;
  }
  return std::nullopt;
}

Superseded superseded(const std::vector<storage::Job>& jobs, std::string_view kind,
                      const std::set<std::string>& current) {
  Superseded old;
  for (const storage::Job& job : jobs) {
    if (job.kind != kind || current.contains(job.key)) continue;
    if (job.state == storage::JobState::Waiting || job.state == storage::JobState::Running) old.open.push_back(job);
    if (job.state == storage::JobState::Done) old.done.push_back(job);
  }
  return old;
}

std::vector<storage::ResultRow> results_of(const storage::JobQueue& queue, const std::string& study,
                                           const std::vector<storage::Job>& jobs) {
  auto rows = need(queue.results_of(study), "list results");
  std::erase_if(rows, [&](const storage::ResultRow& row) {
    return std::none_of(jobs.begin(), jobs.end(), [&](const storage::Job& job) { return job.id == row.job_id; });
  });
  return rows;
}

void stop(Context& context, const std::string& study, const Superseded& old) {
  storage::JobQueue queue(context.database);
  for (const storage::Job& job : old.open) need(queue.cancel(job.id, now(), kReason), "cancel a job");
  if (!old.done.empty()) withdraw(context, study, results_of(queue, study, old.done));
}

bool was_stopped(const storage::Job& job) { return job.state == storage::JobState::Cancelled && job.reason == kReason; }

storage::Job revived(storage::JobQueue& queue, storage::Job job) {
  if (!was_stopped(job)) return job;
  need(queue.retry(job.id, now()), "queue a job again");
  return need(queue.find(job.id), "find a job").value_or(std::move(job));
}

}  // namespace server
