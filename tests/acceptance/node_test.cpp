// The service as a hospital runs it, against a real PACS (Orthanc) on loopback.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace {

using namespace acceptance;

#define NEEDS_ORTHANC() \
  if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)"

class NodeWithPacs : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ORTHANC();
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
    node_ = std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node",
                                            support::NodeOptions{.destination = pacs_->destination()});
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
};

TEST_F(NodeWithPacs, BringsBackWhatTheFolderRunComputesBitForBit) {
  pacs_->start();
  node_->start();
  const auto files = small_exam(folder_ / "exam", 1);
  const auto expected = processed(folder_ / "exam", folder_ / "out");
  ASSERT_GT(expected.size(), 10u);
  ASSERT_TRUE(Scanner(files).push(node_->port()));
  ASSERT_TRUE(support::until(node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }));
  const auto there = pacs_->instances();
  EXPECT_EQ(std::set<std::string>(there.begin(), there.end()), uids_of(expected));
  for (const auto& [uid, digest] : expected) {
    const fs::path file = folder_ / "back.dcm";
    std::ofstream(file, std::ios::binary) << pacs_->get("/instances/" + pacs_->instance_id(uid) + "/file");
    const auto identity = dicom::read_identity(file);
    ASSERT_TRUE(identity) << identity.error().what;
    EXPECT_EQ(identity->payload_digest, digest) << uid;
  }
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeWithPacs, DeliversWithoutAHandWhenThePacsComesBack) {
  node_->start();
  const auto files = small_exam(folder_ / "exam", 2);
  const auto expected = processed(folder_ / "exam", folder_ / "out");
  ASSERT_TRUE(Scanner(files).push(node_->port()));
  ASSERT_TRUE(node_->process().wait_for(
      [](const std::string& line) { return line.find("\"delivery_postponed\"") != std::string::npos; }));
  pacs_->start();
  EXPECT_TRUE(support::until(node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeWithPacs, AnOutlineThatComesLaterIsMeasuredWhenItComes) {
  pacs_->start();
  node_->start();
  auto files = small_exam(folder_ / "exam", 3);
  const auto expected = processed(folder_ / "exam", folder_ / "out");
  const auto outline =
      std::stable_partition(files.begin(), files.end(), [](const auto& file) { return !file.outline; });
  ASSERT_NE(outline, files.end());
  ASSERT_TRUE(Scanner({files.begin(), outline}).push(node_->port()));
  ASSERT_TRUE(support::until(
      node_->process(), [&] { return pacs_->instances().size() + reports_below(folder_ / "out") == expected.size(); }));
  ASSERT_TRUE(Scanner({outline, files.end()}).push(node_->port()));
  EXPECT_TRUE(support::until(node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeWithPacs, OwnResultsRoutedBackAreRefused) {
  pacs_->start();
  node_->start();
  small_exam(folder_ / "exam", 4);
  processed(folder_ / "exam", folder_ / "out");
  std::vector<dicom::Outgoing> results;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "out")) {
    if (!entry.is_regular_file()) continue;
    const auto identity = dicom::read_identity(entry.path()).value();
    results.push_back({entry.path(), identity.sop_class_uid, identity.sop_instance_uid});
  }
  dicom::Peer peer;
  peer.ae_title = "HERALD";
  peer.host = "127.0.0.1";
  peer.port = static_cast<std::uint16_t>(node_->port());
  for (const auto& verdict : dicom::send(peer, results)) EXPECT_EQ(verdict.kind, dicom::Verdict::Kind::Never);
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeWithPacs, RealScannerImagesByCStoreGiveTheSameResultsAsTheFolder) {
  HERALD_NEEDS_DATA("dicom/hazen_t2se_siemens_aera_p4");
  const fs::path data = support::test_data() / "dicom/hazen_t2se_siemens_aera_p4";
  pacs_->start();
  node_->start();
  const auto expected = processed(data, folder_ / "out");
  ASSERT_FALSE(expected.empty());
  const auto sent = support::run(
      {"dcmsend", "+sd", "+r", "-aec", "HERALD", "127.0.0.1", std::to_string(node_->port()), data.string()});
  ASSERT_EQ(sent.code, 0);
  EXPECT_TRUE(support::until(node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }));
  EXPECT_EQ(node_->stop(), 0);
}

}  // namespace
