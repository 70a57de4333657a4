#include "server/reconcile.h"

#include <set>

#include "dicom/input/identity.h"
#include "server/log.h"

namespace server {
namespace {

void quarantine(Context& context, storage::Index& index, const std::filesystem::path& file, const std::string& reason) {
  const auto kept = need(context.store.quarantine(file, reason), "quarantine");
  need(index.add_incident({"", "", "quarantined", reason, kept, now()}), "record an incident");
}

bool index_again(Context& context, storage::Index& index, const std::filesystem::path& file) {
  const auto identity = dicom::read_identity(file);
  if (!identity && identity.error().fault == dicom::Fault::Io) {
    log::trouble("reconcile", identity.error().what);  // it was acknowledged: a disk that stutters must not take it out
    return false;
  }
  if (!identity) {
    quarantine(context, index, file, identity.error().what);
    return false;
  }
  const auto bytes = std::filesystem::file_size(file);
  need(index.add({identity->sop_instance_uid, identity->sop_class_uid, identity->study_uid, identity->series_uid,
                  identity->transfer_syntax_uid, file, identity->payload_digest, bytes, "recovered", now()}),
       "index a file");
  return true;
}

}  // namespace

Reconciled reconcile(Context& context) {
  Reconciled done;
  storage::Index index(context.database);
  done.swept = need(context.store.sweep_incoming(), "sweep unfinished receptions");
  std::set<std::filesystem::path> known;
  for (const storage::InstanceRow& row : need(index.instances_of(""), "list the index")) {
    known.insert(row.path);
    if (std::filesystem::exists(row.path)) continue;
    ++done.missing;
    need(index.add_incident({row.study_uid, row.sop_instance_uid, "missing", "its file is gone; the row was removed",
                             row.path, now()}),
         "record an incident");
    need(index.forget(row.sop_instance_uid), "remove a row");
  }
  need(context.store.for_each_object([&](const std::filesystem::path& file) {
    if (!known.contains(file) && index_again(context, index, file)) ++done.indexed;
  }),
       "list the object files");
  return done;
}

}  // namespace server
