#include "storage/inquiries.h"

#include "storage/rows.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

constexpr std::string_view kInquiryColumns =
    "inquiry.study_uid, inquiry.instances, inquiry.state, inquiry.failures, inquiry.not_before, inquiry.problem, "
    "inquiry.asked";

InquiryState state_of(std::string_view text) {
  for (const InquiryState state : {InquiryState::Asking, InquiryState::Fetching, InquiryState::Settled}) {
    if (to_string(state) == text) return state;
  }
  raise(Fault::Corrupt, "an inquiry is in no known state");
}

Inquiry read_inquiry(Statement& row) {
  return {.study_uid = row.text(),
          .instances = row.size(),
          .state = state_of(row.text()),
          .failures = row.small(),
          .not_before = row.time(),
          .problem = row.text(),
          .asked = row.time()};
}

std::string select_inquiry(std::string_view tail) {
  return std::string("SELECT ").append(kInquiryColumns).append(" FROM inquiry ").append(tail);
}

PeerSeries read_series(Statement& row) {
  PeerSeries series{.series_uid = row.text(), .number = row.integer_or_null(), .modality = row.text()};
  if (const auto instances = row.integer_or_null()) series.instances = static_cast<std::uint64_t>(*instances);
  series.fetches = row.small();
  series.fetched = row.size();
  series.problem = row.text();
  return series;
}

void put(Connection& connection, const Inquiry& inquiry) {
  connection.change(
      "INSERT INTO inquiry (study_uid, instances, state, failures, not_before, problem, asked) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (study_uid) DO UPDATE SET instances = excluded.instances, "
      "state = excluded.state, failures = excluded.failures, not_before = excluded.not_before, "
      "problem = excluded.problem, asked = excluded.asked",
      inquiry.study_uid, inquiry.instances, to_string(inquiry.state), inquiry.failures, inquiry.not_before,
      inquiry.problem, inquiry.asked);
}

void put(Connection& connection, const std::string& study_uid, const PeerSeries& series) {
  connection.change(
      "INSERT INTO peer_series (study_uid, series_uid, number, modality, instances) VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT (study_uid, series_uid) DO UPDATE SET number = excluded.number, modality = excluded.modality, "
      "instances = excluded.instances",
      study_uid, series.series_uid, series.number, series.modality, series.instances);
}

}  // namespace

Result<std::optional<Inquiry>> Inquiries::find(std::string_view study_uid) const {
  return guarded([&] {
    return first(database_->connection().query(select_inquiry("WHERE study_uid = ?1"), study_uid), read_inquiry);
  });
}

Result<std::vector<Inquiry>> Inquiries::due(Time now) const {
  return guarded([&] {
    return all(database_->connection().query(
                   select_inquiry("WHERE state = 'fetching' AND not_before <= ?1 AND instances = "
                                  "(SELECT count(*) FROM instance WHERE instance.study_uid = inquiry.study_uid) "
                                  "ORDER BY not_before"),
                   now),
               read_inquiry);
  });
}

Result<std::vector<PeerSeries>> Inquiries::series_of(std::string_view study_uid) const {
  return guarded([&] {
    return all(database_->connection().query(
                   "SELECT series_uid, number, modality, instances, fetches, fetched, problem FROM peer_series "
                   "WHERE study_uid = ?1 ORDER BY number, series_uid",
                   study_uid),
               read_series);
  });
}

Result<void> Inquiries::save(const Inquiry& inquiry, bool mark_study) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    put(connection, inquiry);
    if (mark_study && !bump_arrival(connection, inquiry.study_uid)) raise(Fault::Missing, "no such study");
    transaction.commit();
  });
}

Result<void> Inquiries::save_answer(const Inquiry& inquiry, std::span<const PeerSeries> series) {
  return guarded([&] {
    Connection& connection = database_->connection();
    Transaction transaction(connection);
    put(connection, inquiry);
    connection.change("UPDATE peer_series SET instances = NULL WHERE study_uid = ?1", inquiry.study_uid);
    for (const PeerSeries& one : series) put(connection, inquiry.study_uid, one);
    transaction.commit();
  });
}

Result<void> Inquiries::begin_fetch(std::string_view study_uid, std::string_view series_uid) {
  return guarded([&] {
    const int changed = database_->connection().change(
        "UPDATE peer_series SET fetches = fetches + 1, fetched = 0, problem = 'it was interrupted' "
        "WHERE study_uid = ?1 AND series_uid = ?2",
        study_uid, series_uid);
    if (changed == 0) raise(Fault::Missing, "no such series at the peer");
  });
}

Result<void> Inquiries::end_fetch(std::string_view study_uid, std::string_view series_uid, std::uint64_t fetched,
                                  std::string_view problem) {
  return guarded([&] {
    database_->connection().change(
        "UPDATE peer_series SET fetched = ?3, problem = ?4 WHERE study_uid = ?1 AND series_uid = ?2", study_uid,
        series_uid, fetched, problem);
  });
}

std::string_view to_string(InquiryState state) {
  switch (state) {
    case InquiryState::Asking:
      return "asking";
    case InquiryState::Fetching:
      return "fetching";
    case InquiryState::Settled:
      return "settled";
  }
  return "";
}

}  // namespace storage
