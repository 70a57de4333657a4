#include "server/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "dicom/input/identity.h"
#include "dicom/output/object.h"
#include "server/explain.h"
#include "server/job.h"
#include "server/result_kinds.h"

namespace server {
namespace {

namespace fs = std::filesystem;

// The store of one run: beside the results, so that files are moved rather than copied; gone at the end, however it
// comes.
class TemporaryStore {
 public:
  explicit TemporaryStore(const fs::path& folder) {
    fs::create_directories(folder);
    std::string pattern = (fs::absolute(folder) / ".herald-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Failure{{"cannot write to " + folder.string()}};
    path_ = pattern;
  }
  ~TemporaryStore() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<fs::path> files_below(const fs::path& input, const fs::path& output) {
  std::vector<fs::path> files;
  const fs::path results = output.empty() ? fs::path() : fs::weakly_canonical(output);
  for (auto entry = fs::recursive_directory_iterator(input, fs::directory_options::skip_permission_denied);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && fs::weakly_canonical(entry->path()) == results) entry.disable_recursion_pending();
    if (entry->is_regular_file()) files.push_back(fs::absolute(entry->path()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The index points at the files where they lie: nothing is copied. `study`: that every file belongs to; empty: its own.
void index_file(storage::Index& index, const fs::path& file, const std::string& study, std::set<std::string>& studies,
                ProcessSummary& summary) {
  const auto identity = dicom::read_identity(file);
  if (!identity || identity->manufacturer_model == dicom::kModelName) {
    ++summary.ignored;
    return;
  }
  const auto known = need(index.find(identity->sop_instance_uid), "look an instance up");
  if (known && known->payload_digest != identity->payload_digest) {
    need(index.add_incident({study.empty() ? identity->study_uid : study, identity->sop_instance_uid, "aside",
                             "the same SOP Instance UID is there twice with different bytes; the first file is used",
                             file, now()}),
         "record an incident");
    ++summary.ignored;
    return;
  }
  const std::string& its_study = study.empty() ? identity->study_uid : study;
  need(index.add({identity->sop_instance_uid, identity->sop_class_uid, its_study, identity->series_uid,
                  identity->transfer_syntax_uid, file, identity->payload_digest, fs::file_size(file), "folder", now()}),
       "index a file");
  studies.insert(its_study);
  ++summary.read;
}

// Groups and works until a study asks for nothing more. Everything is here already, so its quiet period counts as over.
void work_off(Context& context, const std::function<void(const std::string&)>& progress) {
  storage::Index index(context.database);
  for (auto pending = need(index.pending_studies(), "list studies"); !pending.empty();
       pending = need(index.pending_studies(), "list studies")) {
    for (const storage::StudyState& study : pending) queue_grouping(context, study, true);
    if (!run_next_job(context, "process"))
      return;  // a grouping that cannot be done is dead by now; its study stays pending
    while (run_next_job(context, "process")) progress("computing");
  }
}

std::string file_name(const storage::ResultRow& row) {
  if (row.kind == "mr_map") return fmt::format("mr_map_{:04}.dcm", row.order + 1);
  return fmt::format("{}{}.dcm", row.kind, row.order == 0 ? "" : fmt::format("_{}", row.order + 1));
}

// What belongs to no slot is of the outlines, or of the nomograms.
std::string folder_of(const storage::ResultRow& row) {
  if (!row.slot.empty()) return row.slot;
  return row.kind.find("nomogram") != std::string::npos ? "nomogram" : "measurements";
}

// A result, the folder that it goes to, and its kind's place in the order of sending.
struct Filed {
  storage::ResultRow row;
  fs::path folder;
  std::ptrdiff_t rank = 0;
};

// Those of the wanted kinds, by job. study-1/t2, study-1/t2-2: names are ours, in the order in which the work was done.
std::vector<Filed> filed(const std::vector<storage::ResultRow>& rows, const std::vector<std::string>& wanted,
                         const fs::path& study_folder) {
  std::map<std::string, std::map<std::int64_t, int>> jobs_by_slot;
  std::vector<Filed> all;
  for (const storage::ResultRow& row : rows) {
    const auto kind = std::ranges::find(wanted, row.kind);
    if (kind == wanted.end()) continue;
    const std::string slot = folder_of(row);
    auto& jobs = jobs_by_slot[slot];
    const int number = jobs.emplace(row.job_id, static_cast<int>(jobs.size()) + 1).first->second;
    all.push_back(
        {row, study_folder / (number == 1 ? slot : fmt::format("{}-{}", slot, number)), kind - wanted.begin()});
  }
  return all;
}

// As storage::Outbox hands out what is due at once.
bool is_sent_before(const Filed& a, const Filed& b) {
  return std::tie(a.rank, a.row.series_uid, a.row.order) < std::tie(b.rank, b.row.series_uid, b.row.order);
}

// study-1/t2/mr_map_0001.dcm, or study-1/t2/0017_mr_map_0001.dcm where it would be the seventeenth to be sent.
void move_results(Context& context, const std::string& study, int study_number, const ProcessOptions& options,
                  ProcessSummary& summary) {
  const auto rows = need(storage::JobQueue(context.database).results_of(study), "list results");
  auto results =
      filed(rows, deliveries(context.settings).front().kinds, options.output / fmt::format("study-{}", study_number));
  if (options.profile) std::ranges::stable_sort(results, is_sent_before);
  int turn = 0;
  for (const Filed& result : results) {
    fs::create_directories(result.folder);
    const std::string prefix = options.profile ? fmt::format("{:04}_", ++turn) : "";
    fs::rename(result.row.path, result.folder / (prefix + file_name(result.row)));
    ++summary.written;
  }
}

Context open_folder(const config::Settings& given, const ProcessOptions& options, const fs::path& store) {
  if (!fs::is_directory(options.input)) throw Failure{{options.input.string() + " is not a folder"}};
  config::Settings settings = given;
  settings.store = {store, 0};
  settings.job_lease = std::chrono::hours(24 * 365);  // nobody else could take a job over
  settings.destinations.assign(1, config::Destination{});
  settings.destinations.front().name = "folder";
  config::Profile& profile = settings.destinations.front().profile;
  profile.parametric_maps = options.parametric_maps;
  if (options.profile) profile = *options.profile;
  Context context = open_context(std::move(settings));
  context.retry_after = {};
  context.end_of_arrival = "every file of the folder has been read";
  context.one_study = options.one_study;
  context.from_folder = true;
  return context;
}

std::set<std::string> index_folder(Context& context, const ProcessOptions& options, ProcessSummary& summary,
                                   const std::function<void(const std::string&)>& progress) {
  std::set<std::string> studies;
  storage::Index index(context.database);
  for (const fs::path& file : files_below(options.input, options.output)) {
    const std::string one = options.one_study && !studies.empty() ? *studies.begin() : "";
    index_file(index, file, one, studies, summary);
    if (summary.read % 100 == 0) progress(fmt::format("{} files read", summary.read));
  }
  return studies;
}

}  // namespace

ProcessSummary process_folder(const config::Settings& settings, const ProcessOptions& options,
                              const std::function<void(const std::string&)>& progress) {
  const TemporaryStore store(options.output);
  Context context = open_folder(settings, options, store.path());
  ProcessSummary summary;
  const std::set<std::string> studies = index_folder(context, options, summary, progress);
  for (const std::string& study : studies)
    if (!options.facts.empty())
      state_facts(context.database, study, options.facts, options.said_by, "command", options.said_at.value_or(now()));
  work_off(context, progress);

  int number = 0;
  for (const std::string& study : studies) {
    summary.studies.push_back(explain(context.database, study));
    summary.studies.back().erase("deliveries");
    for (const auto& job : summary.studies.back().at("jobs"))
      summary.jobs_failed += job.at("state") == "done" || job.at("state") == "refused" ? 0 : 1;
    move_results(context, study, ++number, options, summary);
  }
  return summary;
}

ProcessSummary explain_folder(const config::Settings& settings, const ProcessOptions& options,
                              const std::function<void(const std::string&)>& progress) {
  const TemporaryStore store(fs::temp_directory_path());
  Context context = open_folder(settings, options, store.path());
  ProcessSummary summary;
  const std::set<std::string> studies = index_folder(context, options, summary, progress);
  const auto pending = need(storage::Index(context.database).pending_studies(), "list studies");
  for (const storage::StudyState& study : pending) queue_grouping(context, study, true);
  for (std::size_t i = 0; i < pending.size(); ++i) run_next_job(context, "explain");  // groupings: queued first
  for (const std::string& study : studies) {
    summary.studies.push_back(explain(context.database, study));
    summary.studies.back()["dry_run"] = true;
  }
  return summary;
}

}  // namespace server
