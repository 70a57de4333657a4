#include <chrono>
#include <exception>

#include "server/job.h"
#include "server/log.h"
#include "server/result_kinds.h"

namespace server {
namespace {

constexpr std::chrono::seconds kWorldPause{60};

JobOutcome run(Context& context, const storage::Job& job) {
  if (job.kind == "group") return run_group_job(context, job);
  if (job.kind == "map") return run_map_job(context, job);
  if (job.kind == "measure") return run_measure_job(context, job);
  if (job.kind == "propose") return run_propose_job(context, job);
  if (job.kind == "nomogram") return run_nomogram_job(context, job);
  return fitting::Refusal{"unknown kind of job: " + job.kind};
}

void finish(Context& context, storage::JobQueue& queue, const storage::Job& job, const std::string& owner,
            const JobOutput& output, std::chrono::milliseconds took) {
  if (!need(queue.finish(job.id, owner, now(), output.results, deliveries(context.settings), output.left_out),
            "finish a job")) {
    log::job_failed(job.id, job.kind, "its lease was lost", job.attempts, false);
    return;
  }
  log::job_done(job.id, job.kind, output.slot, output.results.size(), took);
  const Spent& spent = output.spent;
  if (job.kind == "map") log::map_took(job.id, spent.reading, spent.aligning, spent.fitting, spent.writing);
  if (!output.left_out.empty()) log::map_left_out(job.id, output.slot, output.left_out);
}

void refuse(storage::JobQueue& queue, const storage::Job& job, const std::string& owner,
            const fitting::Refusal& refusal) {
  need(queue.refuse(job.id, owner, now(), refusal.reason), "refuse a job");
  log::job_refused(job.id, job.kind, refusal.reason);
}

void fail(const Context& context, storage::JobQueue& queue, const storage::Job& job, const std::string& owner,
          const std::string& why) {
  need(queue.fail(job.id, owner, now(), why, context.retry_after), "fail a job");
  log::job_failed(job.id, job.kind, why, job.attempts, job.attempts >= storage::kMostAttempts);
}

void give_back(storage::JobQueue& queue, const storage::Job& job, const std::string& owner, const std::string& why) {
  need(queue.give_back(job.id, owner, now(), why, now() + kWorldPause), "give a job back");
  log::job_failed(job.id, job.kind, why + " (does not count; again in a minute)", job.attempts, false);
}

void carry_out(Context& context, storage::JobQueue& queue, const storage::Job& job, const std::string& owner) {
  const auto started = std::chrono::steady_clock::now();
  try {
    const JobOutcome outcome = run(context, job);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    if (const auto* refusal = std::get_if<fitting::Refusal>(&outcome)) {
      refuse(queue, job, owner, *refusal);
    } else {
      finish(context, queue, job, owner, std::get<JobOutput>(outcome), took);
    }
  } catch (const Failure& failure) {
    if (failure.passing) {
      give_back(queue, job, owner, failure.error.what);
    } else {
      fail(context, queue, job, owner, failure.error.what);
    }
  } catch (const std::exception& e) {
    fail(context, queue, job, owner, e.what());
  }
}

}  // namespace

bool run_next_job(Context& context, const std::string& owner) {
  storage::JobQueue queue(context.database);
  try {
    const auto job = need(queue.claim(owner, now(), context.settings.job_lease), "claim a job");
    if (!job) return false;
    carry_out(context, queue, *job, owner);
    return true;
  } catch (const Failure& failure) {
    log::trouble("job queue", failure.error.what);
    return false;
  }
}

}  // namespace server
