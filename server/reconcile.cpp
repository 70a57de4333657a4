#include "server/reconcile.h"

#include <algorithm>
#include <utility>

#include "dicom/input/identity.h"
#include "fitting/parallel.h"
#include "server/log.h"

namespace server {
namespace {

namespace fs = std::filesystem;
using storage::InstanceRow;

void take_out(const storage::ObjectStore& store, storage::Index& index, const InstanceRow& row,
              const std::string& why) {
  const auto kept = need(store.quarantine(row.path, why), "quarantine");
  need(index.add_incident({row.study_uid, row.sop_instance_uid, "corrupt", why, kept, now()}), "record an incident");
  need(index.forget(row.sop_instance_uid), "remove a row");
  log::instance_corrupt(row.sop_instance_uid, why);
}

// Empty: the bytes are those that came. A disk that cannot be read just now is no verdict on the file.
std::string damage_of(const InstanceRow& row) {
  const auto identity = dicom::read_identity(row.path);
  if (!identity && identity.error().fault == dicom::Fault::Io) throw Failure{{"read a file: " + identity.error().what}};
  if (!identity) return "its file can no longer be read: " + identity.error().what;
  if (identity->payload_digest != row.payload_digest) return "the bytes of its file are no longer those that came";
  return {};
}

class Comparison {
 public:
  Comparison(const storage::ObjectStore& store, storage::Database& database, Reading reading,
             const std::function<bool()>& stopped)
      : store_(store), index_(database), reading_(reading), stopped_(stopped) {}

  Reconciled run() {
    std::vector<std::string> known;  // of each row, the name of its file
    need(index_.for_each([&](const InstanceRow& row) {
      if (stopped_()) return false;
      known.push_back(row.path.filename().string());
      if (!fs::exists(row.path))
        gone_.push_back(row);
      else if (reading_ == Reading::Bytes)
        compare(row);
      return true;
    }),
         "list the index");
    for (const InstanceRow& row : gone_) forget(row);
    for (const auto& [row, why] : damaged_) take_out(store_, index_, row, why);
    std::ranges::sort(known);
    need(store_.for_each_object([&](const fs::path& file) {
      if (!stopped_() && !std::ranges::binary_search(known, file.filename().string())) index_again(file);
    }),
         "list the object files");
    return done_;
  }

 private:
  void compare(const InstanceRow& row) {
    if (const std::string why = damage_of(row); !why.empty()) {
      damaged_.emplace_back(row, why);
      ++done_.corrupt;
    }
  }

  void forget(const InstanceRow& row) {
    if (fs::exists(row.path)) return;  // came again meanwhile
    need(index_.add_incident({row.study_uid, row.sop_instance_uid, "missing", "its file is gone; the row was removed",
                              row.path, now()}),
         "record an incident");
    need(index_.forget(row.sop_instance_uid), "remove a row");
    ++done_.missing;
  }

  void index_again(const fs::path& file) {
    const auto identity = dicom::read_identity(file);
    if (!identity && identity.error().fault == dicom::Fault::Io) {
      // It was acknowledged: a disk that stutters must not take it out.
      if (fs::exists(file)) log::trouble("reconcile", identity.error().what);
      return;
    }
    if (!identity) {
      const auto kept = need(store_.quarantine(file, identity.error().what), "quarantine");
      need(index_.add_incident({"", "", "quarantined", identity.error().what, kept, now()}), "record an incident");
      return;
    }
    const auto added = need(index_.add({identity->sop_instance_uid, identity->sop_class_uid, identity->study_uid,
                                        identity->series_uid, identity->transfer_syntax_uid, file,
                                        identity->payload_digest, fs::file_size(file), "recovered", now()}),
                            "index a file");
    if (added == storage::AddOutcome::Added) ++done_.indexed;
  }

  const storage::ObjectStore& store_;
  storage::Index index_;
  const Reading reading_;
  const std::function<bool()>& stopped_;
  std::vector<InstanceRow> gone_;
  std::vector<std::pair<InstanceRow, std::string>> damaged_;
  Reconciled done_;
};

}  // namespace

Reconciled reconcile(const storage::ObjectStore& store, storage::Database& database, Reading reading,
                     const std::function<bool()>& stopped) {
  return Comparison(store, database, reading, stopped).run();
}

void verify(const storage::ObjectStore& store, storage::Database& database, const std::vector<InstanceRow>& rows,
            unsigned threads) {
  struct Verdict {
    std::string damage, trouble;
  };
  std::vector<Verdict> verdicts(rows.size());
  fitting::in_parallel(rows.size(), threads, [&](std::size_t i) {
    try {
      verdicts[i].damage = damage_of(rows[i]);
    } catch (const Failure& failure) {
      verdicts[i].trouble = failure.error.what;
    } catch (const std::exception& e) {
      verdicts[i].trouble = e.what();
    }
  });
  storage::Index index(database);
  std::string first;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!verdicts[i].trouble.empty()) throw Failure{{verdicts[i].trouble}, true};
    if (verdicts[i].damage.empty()) continue;
    take_out(store, index, rows[i], verdicts[i].damage);
    if (first.empty()) first = "instance " + rows[i].sop_instance_uid + ": " + verdicts[i].damage;
  }
  if (!first.empty()) throw Failure{{first}};
}

}  // namespace server
