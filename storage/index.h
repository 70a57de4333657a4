#pragma once
// Which instances are here, to which study they belong, and what was decided about them.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace storage {

struct InstanceRow {
  std::string sop_instance_uid;
  std::string sop_class_uid;
  std::string study_uid;
  std::string series_uid;
  std::string transfer_syntax_uid;
  std::filesystem::path path;
  std::string payload_digest;  // SHA-256 of the data set as received
  std::uint64_t bytes = 0;
  std::string source;  // calling AE title, or "folder"
  Time received{};
};

// Known: a row with this UID exists and is left untouched.
enum class AddOutcome { Added, Known };

// A study whose instances changed since it was last grouped.
struct StudyState {
  std::string study_uid;
  Time last_arrival{};  // hand it back to set_grouped as it is
  std::uint64_t instances = 0;
  bool changed = true;         // instances came, or it was marked, since the last grouping
  bool grouped_quiet = false;  // the last grouping ran after the quiet period
};

class Index {
 public:
  explicit Index(Database& database) : database_(&database) {}

  // Also moves the study's last arrival, which makes it pending, in the same transaction. The arrival grows by a
  // millisecond at least, so that two arrivals are never taken for one, whatever the clock did.
  Result<AddOutcome> add(const InstanceRow& row);
  // The same for many rows in one transaction (reindex, a folder): all are durable or none. Returns how many were
  // added.
  Result<std::size_t> add_all(std::span<const InstanceRow> rows);
  // Takes out a row whose file is gone, which makes its study pending. False when there is no such row.
  Result<bool> forget(std::string_view sop_instance_uid);
  Result<std::optional<InstanceRow>> find(std::string_view sop_instance_uid) const;
  Result<std::vector<InstanceRow>> instances_of(std::string_view study_uid) const;  // ordered by UID; empty: all
  // Every row, one at a time, in an order of the database's; `visit` returns false to end it. It must not write.
  Result<void> for_each(const std::function<bool(const InstanceRow&)>& visit) const;
  Result<std::uint64_t> count() const;
  // Whether this is a result of ours, by its UID, or belongs to a series of results; an empty UID is not looked for.
  Result<bool> made_here(std::string_view sop_instance_uid, std::string_view series_uid) const;

  // Something that happened to one received file and is not an ordinary instance: kept aside, quarantined, refused.
  struct Incident {
    std::string study_uid{};         // empty when unknown
    std::string sop_instance_uid{};  // empty when unknown
    std::string kind;                // "aside", "quarantined", "own-result"
    std::string reason;
    std::filesystem::path path{};
    Time at{};
  };
  Result<void> add_incident(const Incident&);
  Result<std::vector<Incident>> incidents_of(std::string_view study_uid) const;  // empty UID: those of no study

  // Grouping. A study is pending from add() (or mark_for_grouping) until set_grouped with the arrival it saw, after the
  // quiet period.
  Result<std::vector<StudyState>> pending_studies() const;  // the one that has been quiet longest first
  // Moves the last arrival by one millisecond: a grouping that is under way does not satisfy the mark. Fault::Missing
  // without the study.
  Result<void> mark_for_grouping(std::string_view study_uid);
  // Records that the study was grouped as of `seen_arrival`; later arrivals keep it pending. `report` is the grouping's
  // own account (JSON) which report_of returns verbatim; `accession` lets people ask by accession number. A grouping
  // that saw less than an earlier one is passed over. Fault::Missing without the study, Fault::Corrupt when
  // `seen_arrival` has not been yet.
  Result<void> set_grouped(std::string_view study_uid, Time seen_arrival, bool after_quiet, std::string_view report,
                           std::string_view accession);
  // After the clock was set back: no arrival, job, delivery or inquiry may lie in a future that it would take ages to
  // reach. Arrivals later than `now` become `now`, waits longer than `longest` end now. Returns how many rows were
  // mended.
  Result<std::size_t> mend_times(Time now, Duration longest);
  Result<std::optional<std::string>> report_of(std::string_view study_uid) const;
  // Study UIDs that a person's word may mean: study, series or SOP instance UID (of what came, of what we made, or of
  // what was kept out), or accession number.
  Result<std::vector<std::string>> resolve(std::string_view word) const;

 private:
  Database* database_;
};

}  // namespace storage
