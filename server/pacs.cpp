#include "server/pacs.h"

#include <algorithm>

#include "server/context.h"
#include "server/fetch_plan.h"
#include "server/log.h"
#include "server/pacs_evidence.h"
#include "server/schedule.h"

namespace server {
namespace {

using storage::InquiryState;

constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::chrono::milliseconds kLongestPause{60000};
// Beyond every number that the acceptor will ever give, so that the log and the account of who is receiving tell the
// two apart.
constexpr std::uint64_t kFirstOfOurs = 1'000'000'000'000;

storage::PeerSeries as_row(const dicom::SeriesAtPeer& series) {
  storage::PeerSeries row{.series_uid = series.series_uid, .modality = series.modality};
  if (series.number) row.number = *series.number;
  if (series.instances) row.instances = static_cast<std::uint64_t>(*series.instances);
  return row;
}

AtHand at_hand(storage::Database& database, const std::string& study_uid) {
  const storage::Index index(database);
  AtHand here;
  here.images = images_by_series(need(index.instances_of(study_uid), "list instances"));
  here.ours = our_series(database, study_uid);
  const auto account = need(index.report_of(study_uid), "read the account");
  here.slots_lack = account && !nlohmann::json::parse(*account).value("lacking", nlohmann::json::array()).empty();
  return here;
}

// An answer does not know how often a series was tried before; our rows do.
void remember_attempts(std::vector<storage::PeerSeries>& there, const std::vector<storage::PeerSeries>& before) {
  for (storage::PeerSeries& series : there) {
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const auto& row) { return row.series_uid == series.series_uid; });
    if (known != before.end()) series.fetches = known->fetches;
  }
}

}  // namespace

bool is_answered(const std::optional<storage::Inquiry>& inquiry, const storage::StudyState& study) {
  return inquiry && inquiry->instances == study.instances && inquiry->state != InquiryState::Asking;
}

storage::Inquiry unanswered(const std::optional<storage::Inquiry>& before, const storage::StudyState& study,
                            const std::string& problem, const config::Query& query, storage::Time at) {
  const bool again = before && before->instances == study.instances && before->state == InquiryState::Asking;
  storage::Inquiry inquiry{.study_uid = study.study_uid, .instances = study.instances, .problem = problem, .asked = at};
  inquiry.failures = (again ? before->failures : 0) + 1;
  inquiry.state = inquiry.failures < query.attempts ? InquiryState::Asking : InquiryState::Settled;
  inquiry.not_before = at + query.wait;
  return inquiry;
}

Inquirer::Inquirer(config::Query query, config::Grouping grouping, Ingest& ingest, std::filesystem::path database)
    : query_(std::move(query)),
      grouping_(grouping),
      ingest_(ingest),
      database_(std::move(database)),
      association_(kFirstOfOurs),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Inquirer::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { stop_signal_.request(); });
  for (auto pause = kLookAgain; !stop.stop_requested(); pause = std::min(2 * pause, kLongestPause)) {
    try {
      work_until(stop, pause);
    } catch (const Failure& failure) {
      log::trouble("asking the PACS", failure.error.what);
    } catch (const std::exception& e) {
      log::trouble("asking the PACS", e.what());
    }
    wait(stop, pause);
  }
}

void Inquirer::work_until(const std::stop_token& stop, std::chrono::milliseconds& pause) {
  storage::Database database = need(storage::Database::open(database_), "open the database");
  while (!stop.stop_requested()) {
    const bool asked = ask_next(database);
    const bool fetched = fetch_next(database, stop);
    if (!asked && !fetched) wait(stop, kLookAgain);
    pause = kLookAgain;
  }
}

void Inquirer::wait(const std::stop_token& stop, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, longest, [] { return false; });
}

// (1)
bool Inquirer::ask_next(storage::Database& database) {
  const storage::Inquiries inquiries(database);
  for (const storage::StudyState& study : need(storage::Index(database).pending_studies(), "list studies")) {
    const bool receiving = ingest_.receiving(study.study_uid, grouping_.quiet);
    if (study.changed || due_look(study, receiving, grouping_, now()) != Look::Quiet) continue;
    const auto inquiry = need(inquiries.find(study.study_uid), "look up an inquiry");
    const bool current = inquiry && inquiry->instances == study.instances;
    if (is_answered(inquiry, study) || (current && inquiry->not_before > now())) continue;
    ask(database, study, inquiry);
    return true;
  }
  return false;
}

void Inquirer::ask(storage::Database& database, const storage::StudyState& study,
                   const std::optional<storage::Inquiry>& before) {
  storage::Inquiries inquiries(database);
  auto there = series_at_peer(study.study_uid);
  if (stop_signal_.requested()) return;  // no answer, but not for want of one
  if (!there) {
    const storage::Inquiry inquiry = unanswered(before, study, there.error().what, query_, now());
    need(inquiries.save(inquiry), "keep an inquiry");
    log::pacs_silent(study.study_uid, there.error().what, inquiry.failures, inquiry.state == InquiryState::Settled);
    return;
  }
  remember_attempts(*there, need(inquiries.series_of(study.study_uid), "list what the PACS had"));
  const auto plan = plan_fetches(*there, at_hand(database, study.study_uid), query_);
  const storage::Inquiry inquiry{.study_uid = study.study_uid,
                                 .instances = study.instances,
                                 .state = plan.empty() ? InquiryState::Settled : InquiryState::Fetching,
                                 .not_before = now(),
                                 .asked = now()};
  need(inquiries.save_answer(inquiry, *there), "keep an answer");
  log::pacs_answered(study.study_uid, there->size(), plan.size());
}

// A PACS that does not count is asked for the images themselves, of MR series only.
dicom::Result<std::vector<storage::PeerSeries>> Inquirer::series_at_peer(const std::string& study_uid) const {
  const dicom::QueryOptions options{.stop = &stop_signal_};
  const auto there = dicom::find_series(query_.peer, study_uid, options);
  if (!there) return tl::unexpected(there.error());
  std::vector<storage::PeerSeries> rows;
  std::size_t counted = 0;
  for (const dicom::SeriesAtPeer& series : *there) {
    rows.push_back(as_row(series));
    if (series.instances || series.modality != "MR" || ++counted > query_.most_series_per_study) continue;
    const auto images = dicom::find_instances(query_.peer, study_uid, series.series_uid, options);
    if (!images) return tl::unexpected(images.error());
    rows.back().instances = images->size();
  }
  return rows;
}

bool Inquirer::fetch_next(storage::Database& database, const std::stop_token& stop) {
  auto due = need(storage::Inquiries(database).due(now()), "list inquiries");
  if (due.empty()) return false;
  fetch(database, std::move(due.front()), stop);
  return true;
}

void Inquirer::fetch(storage::Database& database, storage::Inquiry inquiry, const std::stop_token& stop) {
  storage::Inquiries inquiries(database);
  const auto plan = plan_fetches(need(inquiries.series_of(inquiry.study_uid), "list what the PACS has"),
                                 at_hand(database, inquiry.study_uid), query_);
  for (const storage::PeerSeries& series : plan) {
    if (stop.stop_requested()) return;
    fetch_one(inquiries, inquiry.study_uid, series);
  }
  if (stop.stop_requested()) return;
  if (plan.empty()) {
    inquiry.state = InquiryState::Settled;
  } else {
    inquiry.not_before = now() + query_.wait;  // (4)
  }
  need(inquiries.save(inquiry, plan.empty()), "keep an inquiry");
}

// (3)
void Inquirer::fetch_one(storage::Inquiries& inquiries, const std::string& study_uid,
                         const storage::PeerSeries& series) {
  need(inquiries.begin_fetch(study_uid, series.series_uid), "count an attempt");
  const auto retrieved = retrieve(study_uid, series);
  const auto images = retrieved ? static_cast<std::uint64_t>(retrieved->completed) : 0;
  const std::string problem = retrieved ? retrieved->problem : retrieved.error().what;
  need(inquiries.end_fetch(study_uid, series.series_uid, images, problem), "record an attempt");
  log::series_fetched(study_uid, series.series_uid, images, series.fetches + 1, problem);
}

dicom::Result<dicom::Retrieved> Inquirer::retrieve(const std::string& study_uid, const storage::PeerSeries& series) {
  const dicom::RetrieveOptions options{.most_instances = query_.most_instances_per_study, .stop = &stop_signal_};
  switch (query_.method) {
    case config::Query::Method::Move:
      return dicom::move_series(query_.peer, study_uid, series.series_uid, query_.move_destination, options);
    case config::Query::Method::Get:
      return dicom::get_series(query_.peer, study_uid, series.series_uid, ingest_, ++association_, options);
    case config::Query::Method::Off:
      break;
  }
  return dicom::Retrieved{.problem = "the settings say that nothing is fetched"};
}

}  // namespace server
