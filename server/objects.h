#pragma once
// From files in a work folder to durable results.
#include <filesystem>
#include <string>

#include "dicom/output/object.h"
#include "server/context.h"

namespace server {

// A folder on the store's disk for objects in the making; removed with all that was not published.
class WorkFolder {
 public:
  explicit WorkFolder(storage::ObjectStore& store);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Whether a destination may get results of this kind, or one further down its ladder.
[[nodiscard]] bool is_wanted(const Context& context, std::string_view kind);

struct ResultName {
  std::string kind, slot;
  int order = 0;
};

// Makes `written` durable in the store and describes it as a row for JobQueue::finish.
storage::ResultRow publish(Context& context, const storage::Job& job, const dicom::Written& written,
                           const ResultName& name);

}  // namespace server
