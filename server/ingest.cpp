#include "server/ingest.h"

#include <algorithm>

#include "dicom/output/object.h"
#include "server/context.h"
#include "server/log.h"

namespace server {

using dicom::StoreStatus;

template <class F>
auto Ingest::with_index(F&& use) {
  std::unique_ptr<storage::Database> connection;
  {
    const std::scoped_lock lock(idle_mutex_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!connection)
    connection = std::make_unique<storage::Database>(
        need(storage::Database::open(database_, storage::Database::Commits::Unsynced), "open the database"));
  storage::Index index(*connection);
  auto result = use(index);
  const std::scoped_lock lock(idle_mutex_);
  idle_.push_back(std::move(connection));
  return result;
}

dicom::Result<std::filesystem::path> Ingest::new_file(std::uint64_t association) {
  auto path = store_.new_incoming();
  if (path) return std::move(*path);
  count(association, false, {});
  log::trouble("receive", path.error().what);
  return tl::unexpected(dicom::Error{dicom::Fault::Io, path.error().what});
}

StoreStatus Ingest::store(dicom::Received received) {
  try {
    return decide(received);
  } catch (const Failure& failure) {
    log::trouble("receive", failure.error.what);
  } catch (const std::exception& e) {
    log::trouble("receive", e.what());
  }
  std::error_code ignored;
  std::filesystem::remove(received.file, ignored);
  count(received.association, false, {});
  return StoreStatus::OutOfResources;  // the sender may try again; nothing was promised
}

StoreStatus Ingest::decide(const dicom::Received& received) {
  const auto identity = dicom::read_identity(received.file, dicom::Digest::Unwanted);
  if (!identity && identity.error().fault == dicom::Fault::Io) throw Failure{{identity.error().what}};
  if (!identity) return quarantine(received, identity.error().what, StoreStatus::CannotUnderstand);
  if (identity->sop_instance_uid != received.sop_instance_uid || identity->sop_class_uid != received.sop_class_uid) {
    return quarantine(received, "the data set names another SOP class or instance than the command",
                      StoreStatus::DataSetMismatch);
  }
  if (identity->manufacturer_model == dicom::kModelName || is_altered_result(*identity)) {
    refuse_own_result(received, *identity);
    return StoreStatus::Refused;
  }
  return keep(received, *identity);
}

// A PACS may have renamed the maker, or given our images new UIDs. Outlines are the exception: a reader may have edited
// ours, in our series.
bool Ingest::is_altered_result(const dicom::Identity& identity) {
  const bool may_be_edited = identity.sop_class_uid == "1.2.840.10008.5.1.4.1.1.66.4" ||
                             identity.sop_class_uid.starts_with("1.2.840.10008.5.1.4.1.1.88.");
  return with_index([&](storage::Index& index) {
    return need(index.made_here(identity.sop_instance_uid, may_be_edited ? "" : identity.series_uid),
                "look a result up");
  });
}

// The file becomes durable first. Should its row be lost in a crash, the next start reads it back from the file; should
// it be refused now, the sender is told to come again, and finds the file already there. The digest of its bytes is
// made for the row, after the answer, unless there is something to compare it with.
StoreStatus Ingest::keep(const dicom::Received& received, const dicom::Identity& identity) {
  using Outcome = storage::ObjectStore::Published::Outcome;
  const auto known = known_digest(identity.sop_instance_uid);
  const std::string digest =
      known ? need(dicom::read_identity(received.file), "read a received file").payload_digest : std::string();
  const auto published = store_.publish(received.file, identity.sop_instance_uid, digest, known);
  if (!published) {
    log::trouble("store", published.error().what);
    count(received.association, false, {});
    return StoreStatus::OutOfResources;
  }
  if (published->outcome == Outcome::SetAside) {
    log::instance_set_aside(identity.sop_instance_uid);
    with_index([&](storage::Index& index) {
      return index.add_incident({identity.study_uid, identity.sop_instance_uid, "aside",
                                 "the same SOP Instance UID came with other bytes; the first version is used",
                                 published->path, now()});
    });
  } else {
    // Also for AlreadyThere: a crash may have left the file without its row. A known row is left untouched.
    if (!indexer_.add({identity.sop_instance_uid, identity.sop_class_uid, identity.study_uid, identity.series_uid,
                       identity.transfer_syntax_uid, published->path, digest, published->bytes,
                       received.calling_ae_title, now()})) {
      log::trouble("receive", "the index takes no more");
      count(received.association, false, {});
      return StoreStatus::OutOfResources;
    }
    log::instance_stored(received.association, identity.sop_instance_uid, published->bytes);
  }
  count(received.association, true, identity.study_uid);
  return StoreStatus::Success;
}

// What the index has for this UID, or is about to have.
std::optional<std::string> Ingest::known_digest(const std::string& sop_instance_uid) {
  if (indexer_.is_waiting(sop_instance_uid)) indexer_.flush();
  const auto row =
      with_index([&](storage::Index& index) { return need(index.find(sop_instance_uid), "look an instance up"); });
  return row ? std::optional(row->payload_digest) : std::nullopt;
}

StoreStatus Ingest::quarantine(const dicom::Received& received, const std::string& reason, StoreStatus status) {
  const auto kept = need(store_.quarantine(received.file, reason), "quarantine");
  with_index([&](storage::Index& index) {
    return index.add_incident({"", received.sop_instance_uid, "quarantined", reason, kept, now()});
  });
  log::instance_quarantined(received.association, reason);
  count(received.association, false, {});
  return status;
}

void Ingest::refuse_own_result(const dicom::Received& received, const dicom::Identity& identity) {
  std::filesystem::remove(received.file);
  const std::string reason = "made by Herald: routed back, not stored";
  with_index([&](storage::Index& index) {
    return index.add_incident({identity.study_uid, identity.sop_instance_uid, "own-result", reason, {}, now()});
  });
  log::instance_refused(identity.sop_instance_uid, reason);
  count(received.association, false, {});
}

void Ingest::count(std::uint64_t association, bool stored, const std::string& study_uid) {
  const std::scoped_lock lock(associations_mutex_);
  Association& counts = associations_[association];
  ++(stored ? counts.stored : counts.refused);
  if (stored) counts.studies[study_uid] = std::chrono::steady_clock::now();
}

void Ingest::opened(std::uint64_t association, const std::string& calling) {
  const std::scoped_lock lock(associations_mutex_);
  associations_[association];
  log::association_opened(association, calling);
}

void Ingest::closed(std::uint64_t association, const std::string& how) {
  indexer_.flush();
  const std::scoped_lock lock(associations_mutex_);
  const Association counts = associations_[association];
  associations_.erase(association);
  log::association_closed(association, how, counts.stored, counts.refused);
}

void Ingest::tls_refused(const std::string& address, const std::string& reason) { log::tls_refused(address, reason); }

void Ingest::rejected(const std::string& calling, const std::string& called, const std::string& reason) {
  log::association_rejected(calling, called, reason);
}

bool Ingest::receiving(const std::string& study_uid, std::chrono::milliseconds recently) const {
  const auto since = std::chrono::steady_clock::now() - recently;
  const std::scoped_lock lock(associations_mutex_);
  return std::any_of(associations_.begin(), associations_.end(), [&](const auto& entry) {
    const auto study = entry.second.studies.find(study_uid);
    return study != entry.second.studies.end() && study->second >= since;
  });
}

}  // namespace server
