// Hundreds of odd and broken files, over the network and from a folder. None may hurt the node, and each gets the
// answer that its sender may expect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "dicom/output/object.h"
#include "server/log.h"
#include "server/process.h"
#include "tests/acceptance/odd_sender.h"
#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace {

using namespace acceptance;

#if defined(__SANITIZE_ADDRESS__)
constexpr long kMostMemoryKb = 1'500'000;  // of one process: the sanitizer keeps what was freed
#else
constexpr long kMostMemoryKb = 200'000;  // of one process at its worst; usual are 35 MB
#endif

fs::path odd_folder() { return support::test_data() / "odd"; }

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<OddObject> odd_objects() {
  std::vector<OddObject> objects;
  for (const fs::path& file : files_below(odd_folder()))
    if (file.filename() != "MANIFEST.tsv")
      objects.push_back(odd_object(file, odd_folder(), static_cast<int>(objects.size())));
  return objects;
}

std::set<std::string> relative_names(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.insert(entry.path().lexically_relative(folder).string());
  return names;
}

// Peak of the resident memory of a process; 0 when it is gone.
long peak_kb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  return 0;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream list(thread.path() / "children");
    children.insert(children.end(), std::istream_iterator<pid_t>(list), {});
  }
  return children;
}

dicom::Peer peer_of(const support::Node& node) {
  dicom::Peer peer;
  peer.ae_title = "HERALD";
  peer.host = "127.0.0.1";
  peer.port = static_cast<std::uint16_t>(node.port());
  peer.calling_ae_title = "SCANNER";
  return peer;
}

// The data sets of all files that the store keeps, whatever it thinks of them.
std::string ending_of(const fs::path& file, std::size_t size) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  return bytes.size() < size ? std::string() : bytes.substr(bytes.size() - size);
}

class Kept {
 public:
  explicit Kept(const fs::path& store) {
    for (const fs::path& file : files_below(store)) by_size_[fs::file_size(file)].push_back(file);
  }
  // Our meta header before it has less than 1 kB.
  [[nodiscard]] bool holds(const std::string& data_set) const {
    for (auto at = by_size_.lower_bound(data_set.size()); at != by_size_.end(); ++at) {
      if (at->first > data_set.size() + 1024) break;
      for (const fs::path& file : at->second)
        if (ending_of(file, data_set.size()) == data_set) return true;
    }
    return false;
  }

 private:
  std::map<std::uintmax_t, std::vector<fs::path>> by_size_;
};

std::string category_of(const std::string& name) {
  const fs::path path(name);
  auto part = path.begin();
  const std::string first = part->string();
  return first == "fuzz_v3" ? first + "/" + std::next(part)->string() : first;
}

bool wants_table() { return std::getenv("HERALD_TABLE") != nullptr; }

void print_table(const std::vector<OddObject>& objects, const std::vector<Answer>& answers) {
  std::map<std::string, std::array<int, kAnswers>> table;
  for (std::size_t i = 0; i < objects.size(); ++i)
    ++table[category_of(objects[i].name)][static_cast<std::size_t>(answers[i])];
  std::printf("%-46s", "category");
  for (int answer = 0; answer < kAnswers; ++answer) std::printf(" %17s", to_string(static_cast<Answer>(answer)));
  for (const auto& [category, counts] : table) {
    std::printf("\n%-46s", category.c_str());
    for (const int count : counts) std::printf(" %17d", count);
  }
  std::printf("\n");
}

// Lines of the log until one has the word, and those of jobs that failed on the way.
std::vector<std::string> failures_until(support::Node& node, const std::string& word) {
  std::vector<std::string> failures;
  const bool came = node.process()
                        .wait_for(
                            [&](const std::string& line) {
                              if (line.find("\"job_failed\"") != std::string::npos ||
                                  line.find("\"worker_ended\"") != std::string::npos)
                                failures.push_back(line);
                              return line.find(word) != std::string::npos;
                            },
                            std::chrono::minutes(4))
                        .has_value();
  EXPECT_TRUE(came) << "no " << word << " in the log";
  return failures;
}

class OddFilesByNetwork : public testing::Test {
 protected:
  void SetUp() override {
    HERALD_NEEDS_DATA("odd");
    node_ = std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node", support::NodeOptions{});
    node_->start();
    objects_ = odd_objects();
  }
  void send() { answers_ = send_odd(static_cast<std::uint16_t>(node_->port()), objects_); }
  [[nodiscard]] std::size_t count(Answer answer) const {
    return static_cast<std::size_t>(std::count(answers_.begin(), answers_.end(), answer));
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Node> node_;
  std::vector<OddObject> objects_;
  std::vector<Answer> answers_;
};

TEST_F(OddFilesByNetwork, EachGetAnAnswerAndNoneHurtsTheNode) {
  const pid_t pid = node_->process().pid();
  send();
  if (wants_table()) print_table(objects_, answers_);
  ASSERT_EQ(answers_.size(), objects_.size());
  EXPECT_GT(objects_.size(), 500u);
  EXPECT_GT(count(Answer::Success), 300u);
  EXPECT_GT(count(Answer::CannotUnderstand), 50u);
  EXPECT_EQ(count(Answer::Aborted) + count(Answer::Busy) + count(Answer::Other), 0u);

  EXPECT_TRUE(dicom::echo(peer_of(*node_)));
  const auto files = small_exam(folder_ / "exam", 11);
  ASSERT_TRUE(Scanner(files).push(node_->port()));
  EXPECT_THAT(failures_until(*node_, "\"kind\":\"map\""), testing::IsEmpty());
  EXPECT_TRUE(node_->process().running());
  EXPECT_EQ(node_->process().pid(), pid);
  std::vector<pid_t> processes = children_of(pid);
  EXPECT_EQ(processes.size(), 1u);  // the worker
  processes.push_back(pid);
  for (const pid_t process : processes) {
    EXPECT_LT(peak_kb(process), kMostMemoryKb);
    EXPECT_GT(peak_kb(process), 0);
    if (wants_table()) std::printf("%s: %ld kB\n", process == pid ? "service" : "worker", peak_kb(process));
  }
  EXPECT_EQ(node_->stop(), 0);
}

// A success keeps every byte; what cannot be understood is kept too, for whoever wants to know why.
TEST_F(OddFilesByNetwork, AreKeptByteForByteAndNowhereButInTheStore) {
  const auto before = relative_names(folder_.path());
  send();
  EXPECT_EQ(node_->stop(), 0);
  const Kept kept(folder_ / "node/store");
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    const bool stored =
        answers_[i] == Answer::Success || answers_[i] == Answer::CannotUnderstand || answers_[i] == Answer::Mismatch;
    EXPECT_TRUE(!stored || kept.holds(objects_[i].data_set)) << objects_[i].name;
  }
  static const std::regex kOurs(
      "node/store/(incoming|objects|results|aside|quarantine|herald\\.db(-wal|-shm)?|"
      "(objects|results)/[0-9a-f]{2}(/[0-9a-f]{64}\\.dcm)?|aside/[0-9a-f]{64}-[0-9a-f]{64}\\.dcm|"
      "quarantine/[0-9a-f]{64}\\.(dcm|reason))");
  for (const std::string& name : relative_names(folder_.path()))
    EXPECT_TRUE(before.contains(name) || std::regex_match(name, kOurs)) << name;
}

// What other readers (pydicom, dcmdump) said of a file, from MANIFEST.tsv.
struct Judged {
  bool sound = false;     // both read it, and nothing is known to be odd about it
  bool complete = false;  // it has all four UIDs
};

std::map<std::string, Judged> judged_by_others() {
  std::map<std::string, Judged> files;
  std::ifstream manifest(odd_folder() / "MANIFEST.tsv");
  for (std::string line; std::getline(manifest, line);) {
    std::vector<std::string> columns;
    std::istringstream row(line);
    for (std::string column; std::getline(row, column, '\t');) columns.push_back(column);
    columns.resize(14);
    const std::string &flags = columns[9], &note = columns[13];
    const auto flagged = [&](const char* word) { return flags.find(word) != std::string::npos; };
    files[columns[0]] = {
        columns[10] == "ok" && columns[11] == "0" && note.empty() && !flagged("few-elements"),
        !flagged("no-SOPClass") && !flagged("no-SOPInstance") && !flagged("no-StudyUID") && !flagged("no-SeriesUID")};
  }
  return files;
}

TEST_F(OddFilesByNetwork, AreTakenWhereOtherReadersFindThemSoundAndComplete) {
  send();
  const auto judged = judged_by_others();
  std::size_t sound = 0;
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    const auto found = judged.find(objects_[i].name);
    if (found == judged.end() || !found->second.sound || answers_[i] == Answer::NotOffered) continue;
    ++sound;
    EXPECT_EQ(answers_[i] == Answer::Success, found->second.complete)
        << objects_[i].name << ": " << to_string(answers_[i]);
  }
  EXPECT_GT(sound, 100u);
  EXPECT_EQ(node_->stop(), 0);
}

// Rules that follow from the standard and from what the node offers, whatever its parsers think.
TEST_F(OddFilesByNetwork, GetTheAnswerThatTheirSenderMayExpect) {
  send();
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    const OddObject& object = objects_[i];
    const bool storage = object.sop_class_uid.starts_with("1.2.840.10008.5.1.4.1.1.");
    const bool standard_syntax = object.transfer_syntax.starts_with("1.2.840.10008.1.2");
    const bool tells = object.told_identity && object.data_set.size() >= 100;
    EXPECT_TRUE((storage && standard_syntax) || answers_[i] == Answer::NotOffered) << object.name;
    EXPECT_TRUE(tells || answers_[i] != Answer::Success) << object.name;
  }
  EXPECT_EQ(node_->stop(), 0);
}

TEST(OddFilesFromAFolder, AreReadOrIgnoredAndAddUp) {
  HERALD_NEEDS_DATA("odd");
  const support::TempFolder out;
  config::Settings settings;
  settings.recipe = fs::path(HERALD_SOURCE_DIR) / "config/recipes/zhang-mapping.toml";
  settings.models = fs::path(HERALD_SOURCE_DIR) / "classifier/models";
  settings.fitting.threads = 2;
  settings.logging.level = "error";
  dicom::warm_up_writers();
  server::log::open(settings.logging);
  const auto summary = server::process_folder(settings, {odd_folder(), out.path(), config::ParametricMaps::Real},
                                              [](const std::string&) {});
  EXPECT_EQ(summary.read + summary.ignored, files_below(odd_folder()).size());
  EXPECT_GT(summary.read, 150u);
  EXPECT_GT(summary.studies.size(), 20u);
  EXPECT_EQ(summary.jobs_failed, 0u);
  const support::Finished finished =
      support::run({HERALD_PROGRAM, "process", odd_folder().string(), "--out", (out / "again").string(), "--json"});
  EXPECT_EQ(finished.code, summary.written > 0 ? 0 : 1);
  EXPECT_EQ(nlohmann::json::parse(finished.output).size(), summary.studies.size());
}

}  // namespace
