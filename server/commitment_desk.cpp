#include "server/commitment_desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "dicom/network/store_status.h"
#include "server/confirmation.h"
#include "server/context.h"
#include "server/log.h"

namespace server {
namespace {

using storage::Commitments;

constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::chrono::milliseconds kLongestPause{60000};
// As long the scanner's own association has to take the report; the process may end meanwhile.
constexpr std::chrono::seconds kTimeOnSameAssociation{120};

// Runs `use` with a database connection; what fails is said in the log, and `otherwise` is the answer.
template <class Value, class Use>
Value with_database(const std::filesystem::path& file, Value otherwise, Use&& use) {
  try {
    storage::Database database = need(storage::Database::open(file), "open the database");
    return use(database);
  } catch (const Failure& failure) {
    log::trouble("storage commitment", failure.error.what);
  } catch (const std::exception& e) {
    log::trouble("storage commitment", e.what());
  }
  return otherwise;
}

// Why an instance is not promised; 0: it is.
std::uint16_t objection(const storage::Index& index, const Commitments::Reference& asked) {
  const auto row = need(index.find(asked.sop_instance_uid), "look an instance up");
  if (!row) return dicom::kNoSuchInstance;
  if (row->sop_class_uid != asked.sop_class_uid) return dicom::kClassInstanceConflict;
  std::error_code unreadable;
  const auto bytes = std::filesystem::file_size(row->path, unreadable);
  if (unreadable) return dicom::kNoSuchInstance;
  return bytes == row->bytes ? 0 : dicom::kProcessingFailure;
}

Commitments::Failed as_row(const dicom::CommitmentReport::Failed& failed) {
  return {failed.object.sop_instance_uid, failed.reason,
          "the peer stored it, but does not keep it: " + dicom::describe_status(failed.reason)};
}

}  // namespace

dicom::CommitmentReport look_up(storage::Database& database, const Commitments::Request& request) {
  const storage::Index index(database);
  dicom::CommitmentReport report{request.transaction_uid, {}, {}};
  for (const Commitments::Reference& asked : request.instances) {
    const dicom::SopReference object{asked.sop_class_uid, asked.sop_instance_uid};
    const std::uint16_t reason = objection(index, asked);
    if (reason == 0)
      report.committed.push_back(object);
    else
      report.failed.push_back({object, reason});
  }
  return report;
}

CommitmentDesk::CommitmentDesk(const config::Settings& settings, std::filesystem::path database)
    : destinations_(settings.destinations),
      scanners_(settings.scanners),
      promises_(settings.commitment),
      database_(std::move(database)) {}

// ------------------------------------------------------------------------------------ what a PACS reports

std::uint16_t CommitmentDesk::reported(const std::string& calling, const dicom::CommitmentReport& report) {
  return with_database(database_, dicom::kProcessingFailure, [&](storage::Database& database) -> std::uint16_t {
    Commitments commitments(database);
    const auto name = need(commitments.destination_of(report.transaction_uid), "look a commitment up");
    if (!name) {
      log::commitment_unknown(calling, report.transaction_uid);
      return dicom::kProcessingFailure;
    }
    std::vector<std::string> committed;
    for (const dicom::SopReference& object : report.committed) committed.push_back(object.sop_instance_uid);
    std::vector<Commitments::Failed> failed;
    for (const auto& one : report.failed) failed.push_back(as_row(one));
    const auto outcome =
        need(commitments.settle(report.transaction_uid, committed, failed, now(), again_at(destination(*name))),
             "settle a commitment");
    log::commitment_answered(*name, report.transaction_uid, committed.size(), failed.size(),
                             failed.empty() ? std::string() : failed.front().problem);
    if (outcome.committed > 0) log::confirmed(*name, outcome.study_uid, outcome.committed, "commitment");
    return 0;
  });
}

// ------------------------------------------------------------------------------------ what a scanner asks for

std::uint16_t CommitmentDesk::asked(const std::string& calling, const dicom::CommitmentRequest& request) {
  if (!promises_) return dicom::kSopClassNotSupported;
  return with_database(database_, dicom::kProcessingFailure, [&](storage::Database& database) -> std::uint16_t {
    std::vector<Commitments::Reference> instances;
    for (const dicom::SopReference& object : request.instances)
      instances.push_back({object.sop_class_uid, object.sop_instance_uid});
    const config::Scanner* known = scanner(calling);
    const bool here = known == nullptr || known->report_on_same_association;
    need(Commitments(database).asked(calling, request.transaction_uid, instances, now(),
                                     now() + (here ? kTimeOnSameAssociation : std::chrono::seconds(0))),
         "keep a request for commitment");
    log::commitment_requested(calling, request.transaction_uid, instances.size());
    return 0;
  });
}

std::optional<dicom::CommitmentReport> CommitmentDesk::report_now(const std::string& calling,
                                                                  const std::string& transaction_uid) {
  const config::Scanner* known = scanner(calling);
  if (known != nullptr && !known->report_on_same_association) return std::nullopt;
  using Report = std::optional<dicom::CommitmentReport>;
  return with_database(database_, Report(), [&](storage::Database& database) -> Report {
    const auto request = need(Commitments(database).owed_to(calling, transaction_uid), "look a commitment up");
    return request ? Report(look_up(database, *request)) : std::nullopt;
  });
}

void CommitmentDesk::told(const std::string& calling, const dicom::CommitmentReport& report,
                          std::optional<std::uint16_t> status) {
  with_database(database_, false, [&](storage::Database& database) {
    Commitments commitments(database);
    const auto request = need(commitments.owed_to(calling, report.transaction_uid), "look a commitment up");
    if (!request) return false;
    if (status)
      settle_report(database, *request, report, *status, "same");
    else  // not an attempt: it is due on a new association
      need(commitments.hurry(request->id, now()), "hurry a report");
    return true;
  });
}

void CommitmentDesk::malformed(const std::string& calling, const std::string& why) {
  log::commitment_malformed(calling, why);
}

bool CommitmentDesk::report_next(storage::Database& database, const dicom::StopSignal* stop) {
  Commitments commitments(database);
  const auto request = need(commitments.next_owed(now()), "list what is owed");
  if (!request) return false;
  const config::Scanner* known = scanner(request->calling);
  if (known == nullptr) {
    const std::string why = "no [[scanner]] of the settings says where its reports go";
    need(commitments.dead(request->id, now(), why), "give a report up");
    log::commitment_report_dead(request->calling, request->transaction_uid, why);
    return true;
  }
  const dicom::CommitmentReport report = look_up(database, *request);
  const auto answer = dicom::report_commitment(known->peer, report, stop);
  if (stop == nullptr || !stop->requested()) settle_report(database, *request, report, answer, "new");
  return true;
}

void CommitmentDesk::settle_report(storage::Database& database, const Commitments::Request& request,
                                   const dicom::CommitmentReport& report, const dicom::Result<std::uint16_t>& answer,
                                   const char* where) {
  Commitments commitments(database);
  if (answer && *answer == 0) {
    need(commitments.reported(request.id, now()), "record a report");
    log::commitment_reported(request.calling, request.transaction_uid, report.committed.size(), report.failed.size(),
                             where);
    return;
  }
  const std::string why = answer ? "it answered " + dicom::describe_status(*answer) : answer.error().what;
  const config::Scanner* known = scanner(request.calling);
  const config::Scanner times = known != nullptr ? *known : config::Scanner{};
  if (now() - request.received >= times.give_up_after) {
    need(commitments.dead(request.id, now(), why), "give a report up");
    log::commitment_report_dead(request.calling, request.transaction_uid, why);
    return;
  }
  const auto wait = storage::backoff(request.attempts + 1, times.first_retry, times.longest_retry, jitter());
  need(commitments.postpone(request.id, now(), now() + wait, why), "postpone a report");
  log::commitment_report_postponed(request.calling, request.transaction_uid, why, wait);
}

const config::Scanner* CommitmentDesk::scanner(const std::string& ae_title) const {
  const auto found = std::ranges::find_if(
      scanners_, [&](const config::Scanner& scanner) { return scanner.peer.ae_title == ae_title; });
  return found == scanners_.end() ? nullptr : &*found;
}

// One that the settings name no more is tried at the usual intervals; its rows wait all the same.
config::Destination CommitmentDesk::destination(const std::string& name) const {
  const auto found = std::ranges::find(destinations_, name, &config::Destination::name);
  return found == destinations_.end() ? config::Destination{} : *found;
}

// ------------------------------------------------------------------------------------ the thread

Reporter::Reporter(CommitmentDesk& desk, std::filesystem::path database)
    : desk_(desk), database_(std::move(database)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Reporter::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { stop_signal_.request(); });
  for (auto pause = kLookAgain; !stop.stop_requested(); pause = std::min(2 * pause, kLongestPause)) {
    try {
      report_until(stop, pause);
    } catch (const Failure& failure) {
      log::trouble("storage commitment", failure.error.what);
    } catch (const std::exception& e) {
      log::trouble("storage commitment", e.what());
    }
    wait(stop, pause);
  }
}

void Reporter::report_until(const std::stop_token& stop, std::chrono::milliseconds& pause) {
  storage::Database database = need(storage::Database::open(database_), "open the database");
  while (!stop.stop_requested()) {
    if (!desk_.report_next(database, &stop_signal_)) wait(stop, kLookAgain);
    pause = kLookAgain;
  }
}

void Reporter::wait(const std::stop_token& stop, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, longest, [] { return false; });
}

}  // namespace server
