#include "tests/faults/scene.h"

#include <algorithm>

#include "dicom/input/identity.h"
#include "storage/index.h"
#include "storage/jobs.h"
#include "storage/outbox.h"
#include "tests/dicom/network/objects.h"

// DCMTK 3.6.7 keeps the lists that it makes while it parses a request that it refuses; the peers here use it too.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:LST_Create"; }

namespace faults {
namespace {

namespace fs = std::filesystem;

constexpr int kPushes = 8;

const fs::path& exam_folder() {
  static const support::TempFolder folder;
  static const fs::path path = folder / "exam";
  return path;
}

const std::vector<server::SimulatedFile>& all_files() {
  static const auto files = [] {
    server::SimulateOptions options;
    options.matrix = 32;
    options.slices = 8;
    options.outline = false;
    return server::simulate(options, exam_folder()).value();
  }();
  return files;
}

// Files are named after their series.
Exam exam_of(const std::vector<std::string>& prefixes) {
  Exam exam;
  std::ranges::copy_if(all_files(), std::back_inserter(exam.files), [&](const server::SimulatedFile& file) {
    const std::string name = file.path.filename().string();
    return prefixes.empty() ||
           std::ranges::any_of(prefixes, [&](const auto& prefix) { return name.starts_with(prefix); });
  });
  for (const auto& file : exam.files)
    exam.digests[file.sop_instance_uid] = dicom::read_identity(file.path).value().payload_digest;
  return exam;
}

Exam with_results(Exam exam) {
  const support::TempFolder folder;
  fs::create_directories(folder / "exam");
  for (const auto& file : exam.files) fs::copy_file(file.path, folder / "exam" / file.path.filename());
  exam.results = acceptance::processed(folder / "exam", folder / "results");
  return exam;
}

bool is_whole(const fs::path& file, const std::string& digest) {
  const auto identity = dicom::read_identity(file);
  return identity && identity->payload_digest == digest;
}

}  // namespace

Exam whole_exam() {
  static const Exam exam = exam_of({});
  return exam;
}

Exam diffusion_exam() {
  static const Exam exam = with_results(exam_of({"s009_"}));
  return exam;
}

Exam two_map_exam() {
  static const Exam exam = with_results(exam_of({"s008_", "s009_"}));
  return exam;
}

support::NodeOptions patient() { return {.settle_s = 3600, .quiet_s = 3600}; }

support::Script willing() {
  support::Script script;
  const std::string storage = "1.2.840.10008.5.1.4.1.1.";
  script.accepts.push_back({"1.2.840.10008.1.1", support::kImplicit});
  for (const char* sop_class : {"4", "4.1", "4.4", "7", "30", "66.4", "88.22", "88.33", "88.34", "104.1"})
    script.accepts.push_back({storage + sop_class, support::kExplicit});
  return script;
}

std::string destination(const support::ScriptedPeer& peer, const std::string& more) {
  return "[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\nhost = \"127.0.0.1\"\nport = " +
         std::to_string(peer.peer().port) + "\nfirst_retry_s = 1\nlongest_retry_s = 1\n" + more;
}

Bench::Bench(support::NodeOptions options)
    : faults_(folder_.path(), store()), node_(HERALD_PROGRAM, folder_ / "node", [&] {
        options.launcher = faults_.launcher();
        return options;
      }()) {}

void Bench::start() {
  node_.start();
  if (!wait_for_event("reconciled")) throw std::runtime_error("the node did not compare its files with its index");
}

bool Bench::wait_for_event(const std::string& event) {
  const std::string wanted = "\"" + event + "\"";
  return node_.process()
      .wait_for([&](const std::string& line) { return line.find(wanted) != std::string::npos; })
      .has_value();
}

bool Bench::dies_before(const std::string& event) {
  if (wait_for_event(event)) return false;
  node_.process().wait();
  return true;
}

std::size_t Bench::lost(const std::set<std::string>& acknowledged, const Digests& digests) const {
  auto database = storage::Database::open(store() / "herald.db").value();
  const storage::Index index(database);
  return static_cast<std::size_t>(std::ranges::count_if(acknowledged, [&](const std::string& uid) {
    const auto row = index.find(uid).value();
    return !row || row->payload_digest != digests.at(uid) || !is_whole(row->path, digests.at(uid));
  }));
}

std::size_t Bench::files_in(const std::string& folder) const {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(store() / folder), fs::directory_iterator()));
}

std::size_t Bench::half_files(const Digests& digests) const {
  std::size_t half = 0;
  for (const auto& entry : fs::recursive_directory_iterator(store() / "objects")) {
    if (!entry.is_regular_file()) continue;
    const auto identity = dicom::read_identity(entry.path());
    if (!identity || identity->payload_digest != digests.at(identity->sop_instance_uid)) ++half;
  }
  return half;
}

std::string Bench::unfinished() const {
  auto database = storage::Database::open(store() / "herald.db").value();
  std::string found;
  const auto jobs = storage::JobQueue(database).jobs_of("").value();
  for (const auto& job : jobs) {
    if (job.state != storage::JobState::Done)
      found += job.kind + " " + std::string(storage::to_string(job.state)) + ": " + job.reason + "; ";
  }
  const auto rows = storage::Outbox(database).rows_of("").value();
  for (const auto& row : rows) {
    if (row.state != storage::OutboxState::Delivered)
      found += "delivery " + std::string(storage::to_string(row.state)) + ": " + row.last_problem + "; ";
  }
  return found;
}

bool Bench::is_any_job_postponed() const {
  auto database = storage::Database::open(store() / "herald.db").value();
  const auto jobs = storage::JobQueue(database).jobs_of("").value();
  const auto is = [](storage::JobState state) {
    return [state](const storage::Job& job) { return job.state == state; };
  };
  return std::ranges::none_of(jobs, is(storage::JobState::Running)) &&
         std::ranges::any_of(jobs, [](const storage::Job& job) {
           return job.state == storage::JobState::Waiting && !job.reason.empty();
         });
}

bool push_all(acceptance::Scanner& scanner, support::Node& node) {
  for (int i = 0; i < kPushes; ++i)
    if (scanner.push(node.port())) return true;
  return false;
}

bool has_all(const support::ScriptedPeer& peer, const Digests& expected) {
  std::set<std::string> there;
  for (const auto& stored : peer.stored()) there.insert(stored.sop_instance);
  return std::ranges::all_of(expected, [&](const auto& result) { return there.contains(result.first); });
}

int repeats(const support::ScriptedPeer& peer, const Digests& expected) {
  std::map<std::string, std::size_t> bytes;
  int again = 0;
  for (const auto& stored : peer.stored()) {
    const auto [first, is_new] = bytes.emplace(stored.sop_instance, stored.bytes);
    if (!expected.contains(stored.sop_instance) || first->second != stored.bytes) return -1;
    if (!is_new) ++again;
  }
  return bytes.size() == expected.size() ? again : -1;
}

}  // namespace faults
