// Storage commitment in both directions between the service and a real PACS (Orthanc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;
using nlohmann::json;
using testing::HasSubstr;

class Commitment : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
    pacs_->start();
  }
  void start_node(const std::string& more) {
    node_ =
        std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node", support::NodeOptions{.destination = more});
    node_->start();
  }
  // A destination that has to commit, and is asked again soon.
  [[nodiscard]] std::string committing() const {
    return pacs_->destination() + "confirm = \"commitment\"\nconfirm_wait_s = 0\nconfirm_timeout_s = 2\n" +
           "confirm_attempts = 100\n";
  }
  void introduce() const { pacs_->learn("HERALD", node_->port()); }
  // Nobody listens where Orthanc is told to report: it accepts requests, and its reports get lost.
  void introduce_wrongly() const { pacs_->learn("HERALD", support::free_port()); }

  void push_exam(std::uint64_t seed) {
    const auto files = small_exam(folder_ / "exam", seed);
    expected_ = uids_of(processed(folder_ / "exam", folder_ / "out"));
    ASSERT_GT(expected_.size(), 10u);
    ASSERT_TRUE(Scanner(files).push(node_->port()));
  }
  [[nodiscard]] json outbox() const {
    return json::parse(node_->herald({"outbox", "--all", "--ledger", "--json"}).output);
  }
  [[nodiscard]] std::size_t rows_with(const char* key, const std::string& value) const {
    const json rows = outbox();
    return static_cast<std::size_t>(
        std::count_if(rows.begin(), rows.end(), [&](const json& row) { return row.at(key) == value; }));
  }
  bool everything_is_committed() {
    return support::until(node_->process(), [&] { return rows_with("proof", "commitment") == expected_.size(); });
  }
  bool logged(const std::string& event) {
    return node_->process()
        .wait_for([&](const std::string& line) { return line.find("\"" + event + "\"") != std::string::npos; })
        .has_value();
  }
  bool everything_is_sent_and_asked_for() {
    return support::until(node_->process(),
                          [&] { return rows_with("state", "sent") == expected_.size() && asked_for_all(); });
  }
  [[nodiscard]] bool asked_for_all() const {
    const json rows = outbox();
    return std::all_of(rows.begin(), rows.end(), [](const json& row) { return row.at("asks") > 0; });
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
  std::set<std::string> expected_;
};

TEST_F(Commitment, ResultsAreDeliveredWhenThePacsHasCommittedToThem) {
  start_node(committing());
  introduce();
  push_exam(11);
  EXPECT_TRUE(everything_is_committed());
  for (const json& row : outbox()) {
    EXPECT_EQ(row.at("state"), "delivered");
    std::vector<std::string> events;
    for (const json& line : row.at("ledger")) events.push_back(line.at("event"));
    ASSERT_GE(events.size(), 3u);
    EXPECT_EQ(events.front(), "sent");
    EXPECT_EQ(events[1], "asked");
    EXPECT_EQ(events.back(), "delivered");
  }
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(Commitment, WhoWasKilledBeforeTheReportAsksAgain) {
  start_node(committing());
  introduce_wrongly();
  push_exam(12);
  ASSERT_TRUE(everything_is_sent_and_asked_for());
  EXPECT_EQ(rows_with("state", "delivered"), 0u);
  node_->kill();
  node_->start();
  introduce();
  EXPECT_TRUE(everything_is_committed());
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(Commitment, APacsThatForgotItsReportsIsAskedAgain) {
  start_node(committing());
  introduce_wrongly();
  push_exam(13);
  ASSERT_TRUE(everything_is_sent_and_asked_for());
  pacs_->stop();
  pacs_->start();
  introduce();
  EXPECT_TRUE(everything_is_committed());
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(Commitment, WhatThePacsLostIsSentAgain) {
  start_node(committing());
  introduce_wrongly();
  push_exam(14);
  ASSERT_TRUE(everything_is_sent_and_asked_for());
  const std::string lost = *expected_.begin();
  pacs_->remove(pacs_->instance_id(lost));
  introduce();
  EXPECT_TRUE(everything_is_committed());
  const json rows = outbox();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const json& one) { return one.at("instance") == lost; });
  ASSERT_NE(row, rows.end());
  EXPECT_THAT(row->at("ledger").dump(), HasSubstr("the peer stored it, but does not keep it: status 0x0112"));
  EXPECT_TRUE(holds(*pacs_, expected_));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(Commitment, AQueryConfirmsWhereThatIsWanted) {
  start_node(pacs_->destination() + "confirm = \"find\"\n");
  introduce();
  push_exam(15);
  EXPECT_TRUE(support::until(node_->process(), [&] { return rows_with("proof", "find") == expected_.size(); }));
  EXPECT_EQ(node_->stop(), 0);
}

// Orthanc as the scanner: it pushes images and asks whether they are kept.
class CommitmentForAScanner : public Commitment {
 protected:
  [[nodiscard]] std::string scanner(const std::string& more) const {
    return "[[scanner]]\nae_title = \"ORTHANC\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(pacs_->dicom_port()) +
           "\nfirst_retry_s = 1\nlongest_retry_s = 1\n" + more;
  }
  void push_images_to_orthanc_and_on_to_the_node() {
    auto files = small_exam(folder_ / "exam", 16);
    files.resize(20);
    ASSERT_TRUE(Scanner(files).push(pacs_->dicom_port(), "ORTHANC"));
    json resources = json::array();
    for (const auto& file : files) {
      resources.push_back(pacs_->instance_id(file.sop_instance_uid));
      references_.push_back({file.sop_class_uid, file.sop_instance_uid});
    }
    const json pushed = json::parse(pacs_->post("/modalities/HERALD/store", resources.dump()));
    ASSERT_EQ(pushed.at("FailedInstancesCount"), 0) << pushed;
  }
  std::string ask() const {
    return json::parse(pacs_->post("/modalities/HERALD/storage-commitment",
                                   json{{"DicomInstances", references_}, {"Timeout", 20}}.dump()))
        .at("Path")
        .get<std::string>();
  }
  json report(const std::string& path) {
    json answer;
    support::until(node_->process(), [&] {
      answer = json::parse(pacs_->get(path), nullptr, false);
      return answer.is_object() && answer.value("Status", "Pending") != "Pending";
    });
    return answer;
  }
  json references_ = json::array();
};

TEST_F(CommitmentForAScanner, IsToldThatEverythingIsHere) {
  start_node(scanner(""));
  introduce();
  push_images_to_orthanc_and_on_to_the_node();
  const json answer = report(ask());
  EXPECT_EQ(answer.at("Status"), "Success") << answer;
  EXPECT_EQ(answer.at("Success").size(), 20u);
  EXPECT_EQ(answer.at("Failures").size(), 0u);
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(CommitmentForAScanner, IsToldOnANewAssociationWhatIsMissing) {
  start_node(scanner("report_on = \"new\"\n"));
  introduce();
  push_images_to_orthanc_and_on_to_the_node();
  references_.push_back({"1.2.840.10008.5.1.4.1.1.4", "1.2.3.4.5"});
  references_.at(0).at(0) = "1.2.840.10008.5.1.4.1.1.7";  // another class than it has
  const json answer = report(ask());
  EXPECT_EQ(answer.at("Status"), "Failure") << answer;
  EXPECT_EQ(answer.at("Success").size(), 19u);
  ASSERT_EQ(answer.at("Failures").size(), 2u);
  std::map<std::string, int> reasons;
  for (const json& failed : answer.at("Failures"))
    reasons[failed.at("SOPInstanceUID").get<std::string>()] = failed.at("FailureReason").get<int>();
  EXPECT_EQ(reasons.at("1.2.3.4.5"), 0x0112);
  EXPECT_EQ(reasons.at(references_.at(0).at(1).get<std::string>()), 0x0119);
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(CommitmentForAScanner, GetsItsReportAfterTheNodeWasKilled) {
  // The report cannot be delivered at first: nobody listens at this port.
  start_node("[[scanner]]\nae_title = \"ORTHANC\"\nhost = \"127.0.0.1\"\nport = " +
             std::to_string(support::free_port()) + "\nfirst_retry_s = 1\nlongest_retry_s = 1\nreport_on = \"new\"\n");
  introduce();
  push_images_to_orthanc_and_on_to_the_node();
  const std::string path = ask();
  ASSERT_TRUE(logged("commitment_report_postponed"));
  node_->kill();
  start_node(scanner("report_on = \"new\"\n"));
  const json answer = report(path);
  EXPECT_EQ(answer.at("Status"), "Success") << answer;
  EXPECT_EQ(answer.at("Success").size(), 20u);
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(CommitmentForAScanner, ThatWasRestartedGetsAReportWhenItAsksAgain) {
  start_node(scanner(""));
  introduce();
  push_images_to_orthanc_and_on_to_the_node();
  report(ask());
  pacs_->stop();
  pacs_->start();  // it has forgotten whom it knows and what it asked
  introduce();
  const json answer = report(ask());
  EXPECT_EQ(answer.at("Status"), "Success") << answer;
  EXPECT_EQ(node_->stop(), 0);
}

}  // namespace
