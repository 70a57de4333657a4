#include "server/objects.h"

#include "server/result_kinds.h"

namespace server {

WorkFolder::WorkFolder(storage::ObjectStore& store) : path_(need(store.new_work_folder(), "make a work folder")) {}

WorkFolder::~WorkFolder() {
  std::error_code ignored;  // what stays is swept at the next start
  std::filesystem::remove_all(path_, ignored);
}

bool is_wanted(const Context& context, std::string_view kind) { return needed_kinds(context.settings).contains(kind); }

storage::ResultRow publish(Context& context, const storage::Job& job, const dicom::Written& written,
                           const ResultName& name) {
  const auto published = need(context.store.publish_result(written.file, written.sop_instance_uid), "store a result");
  storage::ResultRow row;
  row.job_id = job.id;
  row.study_uid = job.study_uid;
  row.sop_instance_uid = written.sop_instance_uid;
  row.sop_class_uid = written.sop_class_uid;
  row.series_uid = written.series_uid;
  row.kind = name.kind;
  row.slot = name.slot;
  row.order = name.order;
  row.path = published.path;
  row.digest = published.digest;
  row.bytes = published.bytes;
  return row;
}

}  // namespace server
