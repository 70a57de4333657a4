#pragma once
// What another node was asked about a study, what it answered, and what was fetched from there.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace storage {

enum class InquiryState {
  Asking,    // no answer yet; asked again when `not_before` has come
  Fetching,  // answered; something is missing here, the next attempt is due at `not_before`
  Settled,   // nothing more is to be had, or nobody answered (`problem`)
};

struct Inquiry {
  std::string study_uid;
  std::uint64_t instances = 0;  // of the study that were here; with another number here the inquiry is out of date
  InquiryState state = InquiryState::Asking;
  int failures = 0;  // questions in a row without an answer
  Time not_before{};
  std::string problem{};  // why there was no answer; empty: there was
  Time asked{};           // the last time
};

struct PeerSeries {
  std::string series_uid;
  std::optional<std::int64_t> number{};
  std::string modality{};
  std::optional<std::uint64_t> instances{};  // absent: the peer does not say, or no longer has the series
  int fetches = 0;                           // attempts that were begun
  std::uint64_t fetched = 0;                 // instances that the last one brought
  std::string problem{};                     // of the last one; empty: none
};

class Inquiries {
 public:
  explicit Inquiries(Database& database) : database_(&database) {}

  Result<std::optional<Inquiry>> find(std::string_view study_uid) const;
  // Inquiries in state Fetching that are due and not out of date.
  Result<std::vector<Inquiry>> due(Time now) const;
  // By number, then UID.
  Result<std::vector<PeerSeries>> series_of(std::string_view study_uid) const;

  // Takes the place of the study's inquiry. `mark_study`: in the same transaction the study becomes pending, because
  // its grouping waits for this. Fault::Missing or Fault::Corrupt without the study.
  Result<void> save(const Inquiry& inquiry, bool mark_study = false);
  // The same with the answer: what the peer has now takes the place of what it had; attempts are kept.
  Result<void> save_answer(const Inquiry& inquiry, std::span<const PeerSeries> series);

  // Counts an attempt, before it is made: whatever ends this process, no series is fetched for ever.
  Result<void> begin_fetch(std::string_view study_uid, std::string_view series_uid);
  Result<void> end_fetch(std::string_view study_uid, std::string_view series_uid, std::uint64_t fetched,
                         std::string_view problem);

 private:
  Database* database_;
};

[[nodiscard]] std::string_view to_string(InquiryState);

}  // namespace storage
