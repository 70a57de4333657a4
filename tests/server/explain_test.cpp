// The account as people read it. Accounts are made by hand here; those of whole exams are in the acceptance tests.
#include "server/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json volume(const char* name, int series, const char* description, int images) {
  return {{"name", name}, {"value", 0}, {"images", images}, {"series", {series}}, {"descriptions", {description}}};
}

json acquisition() {
  return {{"kind", "t2_me"},
          {"title", "T2 by multi-echo spin echo"},
          {"slot", "t2"},
          {"contrast", "before"},
          {"time", "10:18:40"},
          {"volumes",
           {volume("echo time 10 ms", 7, "T2Map", 3), volume("echo time 20 ms", 7, "T2Map", 3),
            volume("echo time 30 ms", 8, "rest", 1)}},
          {"evidence", {"Spin echo with 3 echo times."}},
          {"reasons", json::array()},
          {"notes", {"slices are far apart"}},
          {"closed_by", "the quiet period of the study is over"},
          {"job_key", "t2:1"}};
}

json account() {
  return {{"study", "1.2"},
          {"instances", 9},
          {"files", 7},
          {"recipe", "r"},
          {"acquisitions", {acquisition()}},
          {"jobs", {{{"id", 3}, {"key", "t2:1"}, {"state", "waiting"}, {"attempts", 0}}}},
          {"results", json::array()},
          {"empty_required", json::array()},
          {"rois", json::array()},
          {"passed_over", json::array()},
          {"unreadable", json::array()},
          {"incidents", json::array()}};
}

TEST(ExplainWords, TellAnAcquisitionBySlotKindContrastAndTimeAndItsVolumesBySeries) {
  const std::string words = server::explain_in_words(account());
  EXPECT_THAT(words, HasSubstr("t2: T2 by multi-echo spin echo, before contrast, acquired at 10:18:40\n"
                               "    - echo time 10 ms to echo time 20 ms (2 volumes): series 7 \"T2Map\", 6 images\n"
                               "    - echo time 30 ms: series 8 \"rest\", 1 image\n"
                               "    Spin echo with 3 echo times.\n"
                               "    Note: slices are far apart.\n"
                               "    Complete: the quiet period of the study is over.\n"));
  EXPECT_THAT(words, HasSubstr("2 files have arrived since it was looked at last."));
}

TEST(ExplainWords, TellWhatBecomesOfItInEveryStateOfItsJob) {
  json told = account();
  EXPECT_THAT(server::explain_in_words(told), HasSubstr("Waiting for a worker (job 3)."));
  told["dry_run"] = true;
  EXPECT_THAT(server::explain_in_words(told), HasSubstr("It would be computed."));
  told["jobs"][0]["state"] = "done";
  told["results"] = {{{"slot", "t2"}, {"kind", "mr_map"}, {"objects", 3}, {"job", 3}},
                     {{"slot", "t2"}, {"kind", "mr_map"}, {"objects", 9}, {"job", 2}}};
  EXPECT_THAT(server::explain_in_words(told), HasSubstr("Computed (job 3).\n      t2: MR series of 3 images\n"));
  EXPECT_THAT(server::explain_in_words(told), Not(HasSubstr("9 images")));  // of another job
  told["jobs"][0]["state"] = "dead";
  told["jobs"][0]["attempts"] = 3;
  told["jobs"][0]["reason"] = "its worker crashed";
  EXPECT_THAT(server::explain_in_words(told), HasSubstr("Failed 3 times (job 3): its worker crashed."));
  told["jobs"][0]["state"] = "refused";
  EXPECT_THAT(server::explain_in_words(told), HasSubstr("Not computed (job 3): its worker crashed."));
}

TEST(ExplainWords, TellWhatWasReplacedForWhomAndByWhat) {
  json told = account();
  told["deliveries"] = {{{"destination", "pacs"}, {"state", "delivered"}, {"objects", 3}},
                        {{"destination", "pacs"},
                         {"state", "replaced"},
                         {"objects", 1},
                         {"problem", "peer does not accept Parametric Map Storage; replaced by mr_map"}}};
  const std::string words = server::explain_in_words(told);
  EXPECT_THAT(words, HasSubstr("3 objects delivered to pacs\n"));
  EXPECT_THAT(words, HasSubstr("1 object replaced for pacs: peer does not accept Parametric Map Storage; replaced by "
                               "mr_map\n"));
}

TEST(ExplainWords, TellRevisionsWhatIsMissingAndWhatWasPassedOver) {
  json told = account();
  told["acquisitions"][0]["revision"] = 2;
  told["empty_required"] = {"t1_pre", "t1_post"};
  told["passed_over"] = {{{"series_number", 1}, {"description", ""}, {"images", 1}, {"reason", "localizer"}}};
  told["incidents"] = {{{"kind", "aside"}, {"reason", "twice"}}, {{"kind", "aside"}, {"reason", "twice"}}};
  const std::string words = server::explain_in_words(told);
  EXPECT_THAT(words, HasSubstr("Revision 2: further images came after its maps had been made; those are replaced."));
  EXPECT_THAT(words, HasSubstr("Missing: the recipe needs t1_pre, t1_post, and nothing here fills them."));
  EXPECT_THAT(words, HasSubstr("series 1, 1 image: localizer"));
  EXPECT_THAT(words, HasSubstr("aside: twice (2 files)"));
}

TEST(ExplainWords, TellThatAStudyWasNotLookedAtYet) {
  const json told{{"study", "1.2"}, {"instances", 1}};
  EXPECT_THAT(server::explain_in_words(told),
              HasSubstr("Study 1.2: 1 file, recipe not asked yet.\n  Not looked at yet"));
}

TEST(ExplainFolder, TellsWhatWouldBeMadeOfItAndLeavesNothingBehind) {
  const support::TempFolder exam, elsewhere;
  server::SimulateOptions options;
  options.matrix = 32;
  options.slices = 8;
  ASSERT_TRUE(server::simulate(options, exam.path()));
  std::ofstream(exam / "notes.txt") << "not DICOM";
  server::log::open(processing::settings().logging);
  const auto summary =
      server::explain_folder(processing::settings(), {.input = exam.path(), .output = {}}, [](const std::string&) {});
  EXPECT_EQ(summary.written, 0u);
  EXPECT_EQ(summary.ignored, 2u);  // and truth.json
  ASSERT_EQ(summary.studies.size(), 1u);
  const std::string words = server::explain_in_words(summary.studies[0]);
  for (const char* slot : {"t1_pre:", "t1_post:", "t2:", "t2star:", "dwi:"}) EXPECT_THAT(words, HasSubstr(slot));
  EXPECT_THAT(words, HasSubstr("Complete: every file of the folder has been read.\n    It would be computed.\n"));
  EXPECT_TRUE(summary.studies[0].at("results").empty());
}

TEST(ExplainFolder, TakesAllFilesForOneStudyWhenToldSo) {
  const support::TempFolder exams;
  server::SimulateOptions options;
  options.matrix = 32;
  options.slices = 8;
  options.outline = false;
  ASSERT_TRUE(server::simulate(options, exams / "a"));
  options.seed = 2;
  ASSERT_TRUE(server::simulate(options, exams / "b"));
  server::log::open(processing::settings().logging);
  const auto explained = [&](bool one) {
    return server::explain_folder(processing::settings(), {.input = exams.path(), .output = {}, .one_study = one},
                                  [](const std::string&) {})
        .studies;
  };
  EXPECT_EQ(explained(false).size(), 2u);
  ASSERT_EQ(explained(true).size(), 1u);
  EXPECT_EQ(explained(true)[0].at("instances"), 2 * explained(false)[0].at("instances").get<int>());
}

}  // namespace
