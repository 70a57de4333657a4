#include "server/confirmation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "dicom/network/query.h"
#include "server/context.h"
#include "server/log.h"

namespace server {
namespace {

using config::Confirm;
using Contact = Round::Contact;
using Rows = std::vector<storage::OutboxRow>;

class Confirming {
 public:
  Confirming(const config::Destination& destination, storage::Database& database, dicom::CommitmentHandler& handler,
             const dicom::StopSignal* stop)
      : destination_(destination), database_(database), outbox_(database), handler_(handler), stop_(stop) {}

  Round run() {
    Rows rows = need(outbox_.to_confirm(destination_.name, now(), kMostPerAssociation), "list what is to be confirmed");
    if (rows.empty()) return {};
    study_ = rows.front().object.study_uid;
    const auto proof = proof_of(rows.front());
    std::erase_if(rows, [&](const storage::OutboxRow& row) { return proof_of(row) != proof; });
    if (!proof) return give_up(rows);
    switch (*proof) {
      case Confirm::Commitment:
        return ask(rows);
      case Confirm::Find:
        return find(rows);
      case Confirm::None:
        break;
    }
    return believe(rows);
  }

 private:
  [[nodiscard]] bool is_too_old(const storage::OutboxRow& row) const {
    return now() - row.created >= destination_.give_up_after;
  }
  [[nodiscard]] std::optional<Confirm> proof_of(const storage::OutboxRow& row) const {
    if (row.asks > 0 && is_too_old(row)) return std::nullopt;
    return next_proof(row.asks, destination_.confirm);
  }
  [[nodiscard]] storage::Duration pause_after(int failures) const {
    return storage::backoff(failures, destination_.first_retry, destination_.longest_retry, unit_);
  }

  Round give_up(const Rows& rows) {
    for (const storage::OutboxRow& row : rows) {
      const std::string problem =
          fmt::format("stored there, but never confirmed: {}",
                      row.last_problem.empty() ? "no report of storage commitment came" : row.last_problem);
      need(outbox_.dead(row.id, now(), row.last_status, problem), "give a confirmation up");
      log::delivery_dead(destination_.name, row.object.sop_instance_uid, row.last_status, problem);
    }
    return {true, Contact::None};
  }

  Round believe(const Rows& rows) {
    for (const storage::OutboxRow& row : rows)
      need(outbox_.confirmed(row.id, now(), storage::Proof::Answer), "record a delivery");
    if (wants_confirmation(destination_))
      log::unconfirmed_accepted(destination_.name, study_, rows.size(), rows.front().last_problem);
    else  // the settings wanted more when it was sent
      log::confirmed(destination_.name, study_, rows.size(), "answer");
    return {true, Contact::None};
  }

  // Counted as `asks` questions; again after `wait`.
  void postpone(const storage::OutboxRow& row, int asks, storage::Duration wait, const std::string& problem) {
    need(outbox_.unconfirmed(row.id, now(), now() + wait, asks, problem), "postpone a confirmation");
  }
  void skip_to_next_proof(const Rows& rows, const std::string& problem) {
    for (const storage::OutboxRow& row : rows)
      postpone(row, asks_before_next_proof(row.asks, destination_.confirm), {}, problem);
    log::confirmation_postponed(destination_.name, study_, rows.size(), problem, {});
  }

  // ------------------------------------------------------------------------------------------ by commitment

  Round ask(const Rows& rows) {
    dicom::CommitmentRequest request{dicom::new_transaction_uid(), {}};
    std::vector<std::int64_t> ids;
    for (const storage::OutboxRow& row : rows) {
      request.instances.push_back({row.object.sop_class_uid, row.object.sop_instance_uid});
      ids.push_back(row.id);
    }
    storage::Commitments commitments(database_);
    need(commitments.begin(request.transaction_uid, destination_.name, ids, now(), now() + time_to_answer()),
         "begin a commitment");
    log::commitment_asked(destination_.name, study_, request.transaction_uid, rows.size());
    const auto asked = dicom::ask_commitment(destination_.peer, request, handler_, {destination_.confirm.wait, stop_});
    return record(commitments, request.transaction_uid, rows, asked);
  }

  [[nodiscard]] storage::Duration time_to_answer() const {
    return storage::backoff(1, destination_.confirm.timeout, destination_.confirm.timeout, unit_);
  }

  Round record(storage::Commitments& commitments, const std::string& transaction_uid, const Rows& rows,
               const dicom::CommitmentAsked& asked) {
    using Outcome = dicom::CommitmentAsked::Outcome;
    switch (asked.outcome) {
      case Outcome::Accepted:
        return {true, Contact::Worked};
      case Outcome::Refused:
        skip_to_next_proof(rows, asked.problem);
        return {true, Contact::Worked};
      case Outcome::Failed:
        for (const storage::OutboxRow& row : rows)
          postpone(row, row.asks + 1, pause_after(row.asks + 1), asked.problem);
        log::confirmation_postponed(destination_.name, study_, rows.size(), asked.problem,
                                    pause_after(rows.front().asks + 1));
        return {true, Contact::Worked};
      case Outcome::Unreachable:
        break;
    }
    const storage::Duration wait = pause_after(1);
    need(commitments.retract(transaction_uid, now(), now() + wait, asked.problem), "take a commitment back");
    log::confirmation_postponed(destination_.name, study_, rows.size(), asked.problem, wait);
    return {true, Contact::Failed, asked.problem};
  }

  // ------------------------------------------------------------------------------------------ by C-FIND

  Round find(const Rows& rows) {
    std::map<std::string, Rows> by_series;
    for (const storage::OutboxRow& row : rows) by_series[row.object.series_uid].push_back(row);
    std::size_t seen = 0, missing = 0;
    for (const auto& [series_uid, of_series] : by_series) {
      const auto there = dicom::find_instances(destination_.peer, study_, series_uid, {.stop = stop_});
      if (!there) return not_answered(rows_from(by_series, series_uid), there.error());
      const std::set<std::string> uids(there->begin(), there->end());
      for (const storage::OutboxRow& row : of_series) {
        const bool is_there = uids.contains(row.object.sop_instance_uid);
        is_there ? need(outbox_.confirmed(row.id, now(), storage::Proof::Find), "record a delivery") : miss(row);
        ++(is_there ? seen : missing);
      }
    }
    if (seen > 0) log::confirmed(destination_.name, study_, seen, "find");
    if (missing > 0)
      log::confirmation_postponed(destination_.name, study_, missing, kNotThere, pause_after(rows.front().asks + 1));
    return {true, Contact::Worked};
  }

  static Rows rows_from(const std::map<std::string, Rows>& by_series, const std::string& first) {
    Rows rest;
    for (auto series = by_series.find(first); series != by_series.end(); ++series)
      rest.insert(rest.end(), series->second.begin(), series->second.end());
    return rest;
  }

  Round not_answered(const Rows& rows, const dicom::Error& error) {
    if (error.fault == dicom::Fault::Rejected) {
      skip_to_next_proof(rows, error.what);
      return {true, Contact::Worked};
    }
    const bool counts = error.fault == dicom::Fault::Malformed;
    const storage::Duration wait = pause_after(1);
    for (const storage::OutboxRow& row : rows) postpone(row, row.asks + (counts ? 1 : 0), wait, error.what);
    log::confirmation_postponed(destination_.name, study_, rows.size(), error.what, wait);
    return {true, counts ? Contact::Worked : Contact::Failed, error.what};
  }

  // A PACS may show what it stored a while later; what it does not show in the end it does not have.
  void miss(const storage::OutboxRow& row) {
    if (row.asks + 1 < asks_before_next_proof(row.asks, destination_.confirm))
      postpone(row, row.asks + 1, pause_after(row.asks % destination_.confirm.attempts + 1), kNotThere);
    else if (is_too_old(row))
      give_up({row});
    else
      need(outbox_.unsent(row.id, now(), now() + pause_after(row.attempts), kNotThere), "send again");
  }

  static constexpr const char* kNotThere = "the peer stored it, but a query does not show it";

  const config::Destination& destination_;
  storage::Database& database_;
  storage::Outbox outbox_;
  dicom::CommitmentHandler& handler_;
  const dicom::StopSignal* stop_;
  const double unit_ = jitter();
  std::string study_;
};

}  // namespace

bool wants_confirmation(const config::Destination& destination) {
  return destination.confirm.by.front() != Confirm::None;
}

std::optional<Confirm> next_proof(int asks, const config::Confirmation& confirm) {
  const auto place = static_cast<std::size_t>(asks / confirm.attempts);
  return place < confirm.by.size() ? std::optional(confirm.by[place]) : std::nullopt;
}

int asks_before_next_proof(int asks, const config::Confirmation& confirm) {
  return (asks / confirm.attempts + 1) * confirm.attempts;
}

storage::Again again_at(const config::Destination& destination) {
  return {destination.first_retry, destination.longest_retry, destination.give_up_after, jitter()};
}

Round confirm_due(const config::Destination& destination, storage::Database& database,
                  dicom::CommitmentHandler& commitments, const dicom::StopSignal* stop) {
  return Confirming(destination, database, commitments, stop).run();
}

}  // namespace server
