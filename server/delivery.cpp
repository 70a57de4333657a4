#include "server/delivery.h"

#include <fmt/format.h>

#include <random>

#include "server/context.h"
#include "server/log.h"

namespace server {
namespace {

constexpr std::size_t kMostPerAssociation = 500;
constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::chrono::milliseconds kLongestPause{60000};

double jitter() {
  static thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(generator);
}

std::vector<dicom::Outgoing> outgoing(const std::vector<storage::OutboxRow>& rows) {
  std::vector<dicom::Outgoing> instances;
  instances.reserve(rows.size());
  for (const storage::OutboxRow& row : rows)
    instances.push_back({row.object.path, row.object.sop_class_uid, row.object.sop_instance_uid});
  return instances;
}

}  // namespace

NextStep next_step(const storage::OutboxRow& row, const dicom::Verdict& verdict, const config::Destination& destination,
                   storage::Time at, double unit) {
  switch (verdict.kind) {
    case dicom::Verdict::Kind::Delivered:
      return {NextStep::Kind::Delivered, {}, verdict.problem};
    case dicom::Verdict::Kind::Never:
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

Courier::Courier(config::Destination destination, std::filesystem::path database)
    : destination_(std::move(destination)),
      database_(std::move(database)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Courier::run(const std::stop_token& stop) {
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
  storage::Outbox outbox(database);
  while (!stop.stop_requested()) {
    if (!deliver_once(outbox, stop)) wait(stop, kLookAgain);
    pause = kLookAgain;
  }
}

void Courier::wait(const std::stop_token& stop, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, longest, [] { return false; });
}

bool Courier::deliver_once(storage::Outbox& outbox, const std::stop_token& stop) {
  const auto rows = outbox.due(destination_.name, now(), kMostPerAssociation);
  if (!rows) {
    log::trouble("outbox", rows.error().what);
    return false;
  }
  if (rows->empty()) return false;
  const auto verdicts = dicom::send(destination_.peer, outgoing(*rows), {}, [&] { return stop.stop_requested(); });
  settle(outbox, *rows, verdicts);
  return !stop.stop_requested();
}

void Courier::settle(storage::Outbox& outbox, const std::vector<storage::OutboxRow>& rows,
                     const std::vector<dicom::Verdict>& verdicts) {
  std::size_t delivered = 0, postponed = 0;
  NextStep last;
  const double unit = jitter();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!verdicts[i].tried) continue;  // stays due: whatever broke the association must not hold up the rest
    const NextStep step = next_step(rows[i], verdicts[i], destination_, now(), unit);
    switch (step.kind) {
      case NextStep::Kind::Delivered:
        need(outbox.delivered(rows[i].id, now(), verdicts[i].status), "record a delivery");
        ++delivered;
        break;
      case NextStep::Kind::Postpone:
        need(outbox.postpone(rows[i].id, now(), now() + step.wait, verdicts[i].status, step.problem),
             "postpone a delivery");
        if (++postponed == 1) last = step;
        break;
      case NextStep::Kind::Dead:
        need(outbox.dead(rows[i].id, now(), verdicts[i].status, step.problem), "record a refusal");
        log::delivery_dead(destination_.name, rows[i].object.sop_instance_uid, verdicts[i].status, step.problem);
        break;
    }
  }
  if (delivered > 0) log::delivered(destination_.name, rows.front().object.study_uid, delivered);
  if (postponed > 0)
    log::delivery_postponed(destination_.name, rows.front().object.study_uid, postponed, last.problem, last.wait);
}

}  // namespace server
