// Exams of all four papers as hospitals see them: in no order, with a slice that does not come, a series that was
// aborted and repeated, and a series that comes when everybody thought the exam was over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "dicom/input/instance.h"
#include "dicom/input/stored_map.h"
#include "server/explain.h"
#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;
using nlohmann::json;
using testing::HasSubstr;

struct Scenario {
  const char* profile = "";
  const char* recipe = "";
  bool enhanced = false;
  int missing = 0;                 // series of which one object comes late
  int aborted = 0;                 // series that was begun before, and aborted after a third
  std::optional<int> late = {};    // series that comes late as a whole
  const char* while_missing = "";  // what is said of the acquisition meanwhile
  const char* of_aborted = "";     // what is said of the aborted series
  std::vector<std::string> slots = {};
  std::vector<std::string> revised = {};  // whose maps are made again
};

std::string name_of(const Scenario& scenario) {
  std::string name = std::string(scenario.profile) + (scenario.enhanced ? "_enhanced" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << name_of(scenario); }

struct File {
  server::SimulatedFile file;
  int series = 0, instance = 0;
};

class SimulatedExams : public testing::TestWithParam<Scenario> {
 protected:
  void SetUp() override {
    server::SimulateOptions options;
    options.profile = scenario().profile;
    options.matrix = 48;
    options.slices = 8;
    options.outline = false;
    options.enhanced = scenario().enhanced;
    auto made = server::simulate(options, folder_ / "sim").value();
    for (auto& file : made) {
      const auto header = dicom::read_instance(file.path).value();
      study_ = header.study_uid;
      files_.push_back({std::move(file), header.series_number, header.instance_number});
    }
    std::ranges::sort(files_, {}, [](const File& f) { return std::pair(f.series, f.instance); });
  }

  static const Scenario& scenario() { return GetParam(); }

  std::vector<File> of_series(int number) const {
    std::vector<File> files;
    std::ranges::copy_if(files_, std::back_inserter(files), [&](const File& f) { return f.series == number; });
    return files;
  }

  // The first third of a series as another one, acquired two minutes before.
  std::vector<File> aborted_copy() const {
    std::vector<File> files = of_series(scenario().aborted);
    files.resize(std::max<std::size_t>(2, files.size() / 3));
    fs::create_directories(folder_ / "aborted");
    for (std::size_t k = 0; k < files.size(); ++k) {
      const fs::path copy = folder_ / "aborted" / std::to_string(k);
      fs::copy_file(files[k].file.path, copy);
      files[k].file.path = copy;
      files[k].file.sop_instance_uid = "2.25.4711." + std::to_string(k + 1);
      set(copy, {"(0008,0018)=" + files[k].file.sop_instance_uid, "(0020,000e)=2.25.4711"});
      set_back(copy);
    }
    return files;
  }

  static void set(const fs::path& file, const std::vector<std::string>& values) {
    std::vector<std::string> command{"dcmodify", "-nb", "-ie"};
    for (const std::string& value : values) command.insert(command.end(), {"-m", value});
    command.push_back(file.string());
    ASSERT_EQ(support::run(command).code, 0) << file;
  }

  // Two minutes, in every place where the time of acquisition may stand.
  static void set_back(const fs::path& file) {
    const double time_s = dicom::read_instance(file).value().acquisition_time_s.value() - 120;
    const auto second = static_cast<long>(time_s) % 86400;
    char text[32];
    std::snprintf(text, sizeof text, "%02ld%02ld%02ld", second / 3600, second / 60 % 60, second % 60);
    if (!scenario().enhanced) return set(file, {std::string("(0008,0032)=") + text});
    set(file, {std::string("(0008,002a)=20260105") + text,
               std::string("(5200,9230)[0].(0020,9111)[0].(0018,9074)=20260105") + text});
  }

  // Nothing more is expected, and every job has come to its end: account_ is what the node says of it then.
  bool settled() {
    const auto told = node_->herald({"explain", study_, "--json"});
    if (told.code != 0) return false;
    account_ = json::parse(told.output).at(0);
    if (account_.value("files", std::size_t{0}) != sent_ || !account_.value("quiet", false)) return false;
    return std::ranges::all_of(account_.at("jobs"), [](const json& job) {
      return job.at("state") != "waiting" && job.at("state") != "running";
    });
  }

  void push(std::vector<File> files, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::shuffle(files.begin(), files.end(), random);
    std::vector<server::SimulatedFile> plain;
    for (const File& file : files) plain.push_back(file.file);
    sent_ += plain.size();
    ASSERT_TRUE(Scanner(plain).push(node_->port()));
    ASSERT_TRUE(support::until(node_->process(), [&] { return settled(); }));
  }

  static const json* acquisition_in(const json& account, const std::string& slot) {
    for (const json& line : account.at("acquisitions"))
      if (line.at("slot") == slot && line.at("refused") == "") return &line;
    return nullptr;
  }

  support::TempFolder folder_;
  std::vector<File> files_;
  std::string study_;
  std::size_t sent_ = 0;
  json account_;
  std::unique_ptr<support::Node> node_;
};

// By result slot: what the maps of a study say.
std::map<std::string, std::vector<float>> maps_below(const fs::path& folder) {
  std::map<std::string, std::vector<float>> maps;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "pm_real.dcm") continue;
    maps[entry.path().parent_path().filename()] = dicom::read_parametric_map(entry.path()).value().value;
  }
  return maps;
}

TEST_P(SimulatedExams, GiveTheRightMapsWhateverHappenedOnTheWay) {
  processed(folder_ / "sim", folder_ / "reference", scenario().recipe);
  const auto expected = maps_below(folder_ / "reference");
  ASSERT_FALSE(expected.empty());

  std::vector<File> first = aborted_copy(), later = of_series(scenario().missing);
  const std::string missing = later.at(later.size() / 2).file.sop_instance_uid;
  for (const File& file : files_)
    if (file.file.sop_instance_uid != missing && file.series != scenario().late) first.push_back(file);
  std::erase_if(later, [&](const File& file) { return file.file.sop_instance_uid != missing; });
  if (scenario().late) std::ranges::copy(of_series(*scenario().late), std::back_inserter(later));

  node_ = std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node",
                                          support::NodeOptions{.destination = "", .recipe = scenario().recipe});
  node_->start();
  push(first, 1);
  const std::string meanwhile = server::explain_in_words(account_);
  EXPECT_THAT(meanwhile, HasSubstr(scenario().while_missing));
  EXPECT_THAT(meanwhile, HasSubstr(scenario().of_aborted));

  push(later, 2);
  const std::string words = server::explain_in_words(account_);
  for (const std::string& slot : scenario().slots) {
    const json* line = acquisition_in(account_, slot);
    ASSERT_NE(line, nullptr) << slot << "\n" << words;
    const bool revised = std::ranges::count(scenario().revised, slot) > 0;
    EXPECT_EQ(line->at("revision"), revised ? 2 : 1) << slot << "\n" << words;
  }
  for (const auto& [slot, values] : expected) {
    std::optional<std::vector<float>> newest;  // results are listed in the order of their jobs
    for (const json& result : account_.at("results"))
      if (result.at("slot") == slot && result.at("kind") == "pm_real")
        newest = dicom::read_parametric_map(result.at("path").get<std::string>()).value().value;
    ASSERT_TRUE(newest.has_value()) << slot << "\n" << words;
    EXPECT_EQ(*newest, values) << slot;
  }
  EXPECT_EQ(node_->stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Papers, SimulatedExams,
                         testing::Values(Scenario{.profile = "skyra-mapping",
                                                  .recipe = "zhang-mapping",
                                                  .missing = 7,
                                                  .aborted = 8,
                                                  .late = 16,
                                                  .while_missing = "echo time",
                                                  .of_aborted = "aborted after",
                                                  .slots = {"t1_pre", "t1_post", "t2", "t2star", "dwi"}},
                                         Scenario{.profile = "architect-symri",
                                                  .recipe = "symri-muse",
                                                  .missing = 7,
                                                  .aborted = 2,
                                                  .late = 10,
                                                  .while_missing = "directions in slice",
                                                  .of_aborted = "a fit needs 3",
                                                  .slots = {"symri_pre", "symri_post", "dwi", "dce"}},
                                         Scenario{.profile = "skyra-dki",
                                                  .recipe = "skyra-dki",
                                                  .missing = 5,
                                                  .aborted = 2,
                                                  .while_missing = "left out: not 8 slices",
                                                  .of_aborted = "of another set with this protocol",
                                                  .slots = {"dwi", "dce"},
                                                  .revised = {"dce"}},
                                         Scenario{.profile = "aera-radiomics",
                                                  .recipe = "aera-radiomics",
                                                  .missing = 3,
                                                  .aborted = 5,
                                                  .late = 11,
                                                  .while_missing = "has 2 of 3 slices",
                                                  .of_aborted = "left out",
                                                  .slots = {"t2w", "dwi", "dce"},
                                                  .revised = {"dce"}},
                                         Scenario{.profile = "skyra-mapping",
                                                  .recipe = "zhang-mapping",
                                                  .enhanced = true,
                                                  .missing = 4,
                                                  .aborted = 9,
                                                  .late = 16,
                                                  .while_missing = "with 4 flip angles",
                                                  .slots = {"t1_pre", "t1_post", "t2", "t2star", "dwi"},
                                                  .revised = {"t1_pre", "t1_post"}},
                                         Scenario{.profile = "skyra-dki",
                                                  .recipe = "skyra-dki",
                                                  .enhanced = true,
                                                  .missing = 5,
                                                  .aborted = 2,
                                                  .while_missing = "5 phases",
                                                  .slots = {"dwi", "dce"},
                                                  .revised = {"dce"}},
                                         Scenario{.profile = "aera-radiomics",
                                                  .recipe = "aera-radiomics",
                                                  .enhanced = true,
                                                  .missing = 3,
                                                  .aborted = 3,
                                                  .late = 11,
                                                  .while_missing = "3 b-values",
                                                  .slots = {"t2w", "dwi", "dce"},
                                                  .revised = {"dwi", "dce"}}),
                         [](const auto& instance) { return name_of(instance.param); });

}  // namespace
