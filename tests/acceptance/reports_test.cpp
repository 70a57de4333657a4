// Measuring and reporting as a hospital sees it: an exam and an outline by C-STORE, facts by a command, reports in a
// PACS (a real Orthanc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/acceptance/scene.h"
#include "tests/server/report_reader.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;
using testing::HasSubstr;

struct Paper {
  const char* profile;
  const char* recipe;
};
void PrintTo(const Paper& paper, std::ostream* out) { *out << paper.profile; }

class Reports : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
  }
  void start(const std::string& recipe) {
    node_ = std::make_unique<support::Node>(
        HERALD_PROGRAM, folder_ / "node", support::NodeOptions{.destination = pacs_->destination(), .recipe = recipe});
    pacs_->start();
    node_->start();
  }
  std::vector<server::SimulatedFile> exam(const std::string& profile) {
    server::SimulateOptions options;
    options.profile = profile;
    options.matrix = 64;
    options.slices = 16;
    options.seed = 11;
    return server::simulate(options, folder_ / "exam").value();
  }
  // Pushes the exam and waits until the PACS has what `herald process` makes of it.
  std::map<std::string, std::string> push(const std::string& profile, const std::string& recipe) {
    const auto files = exam(profile);
    const auto expected = processed(folder_ / "exam", folder_ / "out", recipe);
    EXPECT_TRUE(Scanner(files).push(node_->port()));
    EXPECT_TRUE(support::until(node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }));
    return expected;
  }
  fs::path download(const std::string& uid) {
    const fs::path file = folder_ / "back.dcm";
    std::ofstream(file, std::ios::binary) << pacs_->get("/instances/" + pacs_->instance_id(uid) + "/file");
    return file;
  }
  std::set<std::string> in_pacs() const {
    const auto there = pacs_->instances();
    return {there.begin(), there.end()};
  }
  report::Report nomogram_of_the_folder() const {
    return report::read(folder_ / "out/study-1/nomogram/sr_nomogram.dcm");
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
};

class ReportsOfEveryPaper : public Reports, public testing::WithParamInterface<Paper> {};

TEST_P(ReportsOfEveryPaper, ReachThePacsAsTheyWereComputed) {
  start(GetParam().recipe);
  const auto expected = push(GetParam().profile, GetParam().recipe);
  EXPECT_EQ(in_pacs(), uids_of(expected));
  for (const auto& [uid, digest] : expected)
    EXPECT_EQ(dicom::read_identity(download(uid)).value().payload_digest, digest) << uid;
  EXPECT_EQ(node_->stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Papers, ReportsOfEveryPaper,
                         testing::Values(Paper{"architect-symri-maps", "symri-muse"}, Paper{"skyra-dki", "skyra-dki"}),
                         [](const auto& instance) {
                           return instance.param.profile == std::string("skyra-dki") ? "Shen" : "SyMri";
                         });

TEST_F(Reports, AFactThatIsStatedLaterMakesANewNomogramAndNothingElse) {
  start("zhang-mapping");
  const auto before = uids_of(push("skyra-mapping", "zhang-mapping"));
  const std::string study = dicom::read_identity(exam("skyra-mapping").front().path).value().study_uid;
  const auto set = node_->herald({"clinical", "set", study, "er=neg", "--by", "Pathology, Dr. Example"});
  ASSERT_EQ(set.code, 0) << set.output;

  const auto of_the_nomogram = static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder_ / "out/study-1/nomogram"), fs::directory_iterator()));
  std::set<std::string> added;
  ASSERT_TRUE(support::until(node_->process(), [&] {
    added = in_pacs();
    for (const std::string& uid : before) added.erase(uid);
    return added.size() >= of_the_nomogram;
  }));
  const std::string old = nomogram_of_the_folder().sop_instance_uid;
  std::size_t reports = 0;
  for (const std::string& uid : added) {
    const auto identity = dicom::read_identity(download(uid)).value();
    if (!identity.sop_class_uid.starts_with("1.2.840.10008.5.1.4.1.1.88.")) continue;
    const auto report = report::read(download(uid));
    ++reports;
    EXPECT_THAT(report.predecessors, testing::ElementsAre(old));
    EXPECT_THAT(report.series_description, HasSubstr("rev 2"));
    EXPECT_THAT(report.root.all_text(), HasSubstr("Pathology, Dr. Example"));
    EXPECT_EQ(report.root.named("P(").size(), 1u) << "ER is known: one branch";
  }
  EXPECT_EQ(reports, 1u);
  EXPECT_EQ(added.size(), of_the_nomogram) << "the measurements did not change, and neither did their objects";
  EXPECT_THAT(node_->herald({"explain", study}).output, HasSubstr("Facts stated: er."));
  node_->process().send(SIGTERM);
  std::string log;
  while (const auto line = node_->log_line()) log += *line + "\n";
  EXPECT_EQ(node_->process().wait(), 0);
  EXPECT_NE(log.find("\"nomogram\""), std::string::npos);
  EXPECT_EQ(log.find("Dr. Example"), std::string::npos);
}

}  // namespace
