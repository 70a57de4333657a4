#include "server/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "server/confirmation.h"
#include "server/context.h"
#include "server/log.h"
#include "server/result_kinds.h"

namespace server {
namespace {

constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::chrono::milliseconds kLongestPause{60000};

std::vector<dicom::Outgoing> outgoing(const std::vector<storage::OutboxRow>& rows) {
  std::vector<dicom::Outgoing> instances;
  instances.reserve(rows.size());
  for (const storage::OutboxRow& row : rows)
    instances.push_back({row.object.path, row.object.sop_class_uid, row.object.sop_instance_uid});
  return instances;
}

}  // namespace

double jitter() {
  static thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(generator);
}

NextStep next_step(const storage::OutboxRow& row, const dicom::Verdict& verdict, const config::Destination& destination,
                   storage::Time at, double unit) {
  switch (verdict.kind) {
    case dicom::Verdict::Kind::Delivered:
      return {NextStep::Kind::Delivered, {}, verdict.problem};
    case dicom::Verdict::Kind::Never:
      if (const auto below = kind_below(row.object.kind); verdict.class_refused && !below.empty())
        return {NextStep::Kind::Replace, {}, verdict.problem, std::string(below)};
      return {NextStep::Kind::Dead, {}, verdict.problem};
    case dicom::Verdict::Kind::Later:
      break;
  }
  if (at - row.created >= destination.give_up_after) {
    return {NextStep::Kind::Dead,
            {},
            fmt::format("given up after {} hours: {}", destination.give_up_after.count(), verdict.problem)};
  }
  return {NextStep::Kind::Postpone,
          storage::backoff(row.attempts + 1, destination.first_retry, destination.longest_retry, unit),
          verdict.problem};
}

namespace {

void replace(const config::Destination& destination, storage::Outbox& outbox, const storage::OutboxRow& row,
             const dicom::Verdict& verdict, const NextStep& step) {
  const auto done = need(outbox.replace(row.id, now(), verdict.status, step.problem, step.below), "replace a delivery");
  if (done.rows == 0) return;  // with an earlier one of its kind, or a person was faster
  const std::string& uid = row.object.sop_instance_uid;
  if (done.objects == 0)
    log::delivery_dead(destination.name, uid, verdict.status,
                       fmt::format("{}; nothing can replace it: no {}", step.problem, step.below));
  else
    log::delivery_replaced(destination.name, uid, done.rows, done.objects, step.below, step.problem);
}

// Stored by the peer: delivered, where nothing more is wanted of it.
void record_stored(const config::Destination& destination, storage::Outbox& outbox, const storage::OutboxRow& row,
                   int status) {
  if (wants_confirmation(destination))
    need(outbox.sent(row.id, now(), status), "record a sending");
  else
    need(outbox.delivered(row.id, now(), status), "record a delivery");
}

void log_stored(const config::Destination& destination, const std::string& study, std::size_t objects) {
  if (objects == 0) return;
  if (wants_confirmation(destination))
    log::sent(destination.name, study, objects);
  else
    log::delivered(destination.name, study, objects);
}

void settle(const config::Destination& destination, storage::Outbox& outbox,
            const std::vector<storage::OutboxRow>& rows, const std::vector<dicom::Verdict>& verdicts) {
  std::size_t delivered = 0, postponed = 0;
  NextStep last;
  const double unit = jitter();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!verdicts[i].tried) continue;  // stays due: whatever broke the association must not hold up the rest
    const NextStep step = next_step(rows[i], verdicts[i], destination, now(), unit);
    switch (step.kind) {
      case NextStep::Kind::Delivered:
        record_stored(destination, outbox, rows[i], verdicts[i].status);
        ++delivered;
        break;
      case NextStep::Kind::Postpone:
        need(outbox.postpone(rows[i].id, now(), now() + step.wait, verdicts[i].status, step.problem),
             "postpone a delivery");
        if (++postponed == 1) last = step;
        break;
      case NextStep::Kind::Replace:
        replace(destination, outbox, rows[i], verdicts[i], step);
        break;
      case NextStep::Kind::Dead:
        need(outbox.dead(rows[i].id, now(), verdicts[i].status, step.problem), "record a refusal");
        log::delivery_dead(destination.name, rows[i].object.sop_instance_uid, verdicts[i].status, step.problem);
        break;
    }
  }
  log_stored(destination, rows.front().object.study_uid, delivered);
  if (postponed > 0)
    log::delivery_postponed(destination.name, rows.front().object.study_uid, postponed, last.problem, last.wait);
}

// Any word of the peer's means that it is there.
Round contact_of(const std::vector<dicom::Verdict>& verdicts) {
  const auto heard = [](const dicom::Verdict& verdict) { return verdict.status >= 0 || verdict.class_refused; };
  if (std::ranges::any_of(verdicts, heard)) return {true, Round::Contact::Worked};
  const auto failed = std::ranges::find_if(verdicts, &dicom::Verdict::unreachable);
  if (failed == verdicts.end()) return {true, Round::Contact::None};
  return {true, Round::Contact::Failed, failed->problem};
}

}  // namespace

Round deliver_due(const config::Destination& destination, storage::Outbox& outbox, const std::stop_token& stop) {
  const auto rows = outbox.due(destination.name, now(), kMostPerAssociation);
  if (!rows) {
    log::trouble("outbox", rows.error().what);
    return {};
  }
  if (rows->empty()) return {};
  bool overtaken = false;  // what replaces an object that was refused has its turn before the rest
  const auto progress = [&](std::size_t done, const dicom::Verdict& verdict) {
    overtaken = overtaken || (verdict.class_refused && is_replaced_by_something_new((*rows)[done - 1].object.kind));
  };
  const auto verdicts =
      dicom::send(destination.peer, outgoing(*rows), progress, [&] { return overtaken || stop.stop_requested(); });
  settle(destination, outbox, *rows, verdicts);
  Round round = contact_of(verdicts);
  round.something = !stop.stop_requested();
  return round;
}

Errand::Errand(config::Destination destination, storage::Database& database, dicom::CommitmentHandler& commitments,
               const dicom::StopSignal& stop_signal)
    : destination_(std::move(destination)),
      database_(database),
      commitments_(commitments),
      stop_signal_(stop_signal),
      breaker_(destination_.failures_until_down, destination_.first_retry, destination_.longest_retry) {}

bool Errand::run(const std::stop_token& stop) {
  if (breaker_.is_down()) {
    if (breaker_.is_probe_due(now())) probe();
    return !breaker_.is_down();
  }
  storage::Outbox outbox(database_);
  const Round sent = deliver_due(destination_, outbox, stop);
  note(sent);
  if (breaker_.is_down() || stop.stop_requested()) return false;
  const Round confirmed = confirm_due(destination_, database_, commitments_, &stop_signal_);
  if (!stop.stop_requested()) note(confirmed);
  return sent.something || confirmed.something;
}

void Errand::note(const Round& round) {
  if (round.contact == Round::Contact::Worked) breaker_.worked();
  if (round.contact != Round::Contact::Failed) return;
  if (breaker_.failed(now(), jitter()) == Breaker::Change::WentDown)
    log::destination_down(destination_.name, breaker_.failures(), round.problem, breaker_.wait());
}

// A peer that says no is there: whatever it objects to is a matter of what is sent.
void Errand::probe() {
  storage::Outbox outbox(database_);
  const auto answered = dicom::echo(destination_.peer);
  if (answered || answered.error().fault == dicom::Fault::Rejected) {
    breaker_.worked();
    log::destination_back(destination_.name, need(outbox.hurry(destination_.name, now()), "hurry deliveries"));
    return;
  }
  breaker_.failed(now(), jitter());
  const std::string problem =
      fmt::format("given up after {} hours: {}", destination_.give_up_after.count(), answered.error().what);
  const auto dead =
      need(outbox.give_up(destination_.name, now() - destination_.give_up_after, now(), problem), "give deliveries up");
  if (dead > 0) log::deliveries_given_up(destination_.name, dead, problem);
}

Courier::Courier(config::Destination destination, std::filesystem::path database, dicom::CommitmentHandler& commitments)
    : destination_(std::move(destination)),
      database_(std::move(database)),
      commitments_(commitments),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Courier::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { stop_signal_.request(); });
  // A full disk or a busy database passes: what was sent and could not be recorded is sent again under the same UID.
  for (auto pause = kLookAgain; !stop.stop_requested(); pause = std::min(2 * pause, kLongestPause)) {
    try {
      deliver_until(stop, pause);
    } catch (const Failure& failure) {
      log::trouble("delivery to " + destination_.name, failure.error.what);
    } catch (const std::exception& e) {
      log::trouble("delivery to " + destination_.name, e.what());
    }
    wait(stop, pause);
  }
}

void Courier::deliver_until(const std::stop_token& stop, std::chrono::milliseconds& pause) {
  storage::Database database = need(storage::Database::open(database_), "open the database");
  Errand errand(destination_, database, commitments_, stop_signal_);
  while (!stop.stop_requested()) {
    if (!errand.run(stop)) wait(stop, kLookAgain);
    pause = kLookAgain;
  }
}

void Courier::wait(const std::stop_token& stop, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, longest, [] { return false; });
}

}  // namespace server
