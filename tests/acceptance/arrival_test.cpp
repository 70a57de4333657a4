// The same images over a busy network: split at random over four associations at once, from scanners whose files are
// in several transfer syntaxes. What reaches the PACS is what a run on the folder makes, to the last byte, and nothing
// else: no half result of the images that happened to be first.
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <thread>

#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace {

using namespace acceptance;

constexpr std::size_t kAssociations = 4;
constexpr auto kPatience = std::chrono::minutes(3);

std::vector<server::SimulatedFile> objects_in(const fs::path& folder) {
  std::vector<server::SimulatedFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto identity = entry.is_regular_file() ? dicom::read_identity(entry.path()) : tl::unexpected(dicom::Error{});
    if (identity) files.push_back({entry.path(), identity->sop_class_uid, identity->sop_instance_uid, false});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

// True when every association had all of its images acknowledged.
bool push_at_once(std::vector<server::SimulatedFile> files, int port) {
  std::mt19937 random(11);
  std::shuffle(files.begin(), files.end(), random);
  std::vector<std::vector<server::SimulatedFile>> parts(kAssociations);
  for (auto& file : files) parts[random() % kAssociations].push_back(std::move(file));
  std::vector<Scanner> scanners(parts.begin(), parts.end());
  std::vector<char> acknowledged(kAssociations);
  {
    std::vector<std::jthread> senders;
    for (std::size_t i = 0; i < kAssociations; ++i)
      senders.emplace_back([&, i] { acknowledged[i] = scanners[i].push(port) ? 1 : 0; });
  }
  return std::all_of(acknowledged.begin(), acknowledged.end(), [](char all) { return all == 1; });
}

class ArrivalOverFourAssociations : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
    node_ = std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node",
                                            support::NodeOptions{.destination = pacs_->destination(), .quiet_s = 4.0});
  }

  void expect_the_results_of_the_folder(const fs::path& exam) {
    const auto expected = processed(exam, folder_ / "out");
    ASSERT_FALSE(expected.empty());
    pacs_->start();
    node_->start();
    ASSERT_TRUE(push_at_once(objects_in(exam), node_->port()));
    ASSERT_TRUE(support::until(
        node_->process(), [&] { return holds(*pacs_, uids_of(expected)); }, kPatience));
    for (const auto& [uid, digest] : expected) {
      const fs::path file = folder_ / "back.dcm";
      std::ofstream(file, std::ios::binary) << pacs_->get("/instances/" + pacs_->instance_id(uid) + "/file");
      EXPECT_EQ(dicom::read_identity(file)->payload_digest, digest) << uid;
    }
    EXPECT_EQ(pacs_->instances().size(), expected.size());
    EXPECT_EQ(node_->stop(), 0);
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
};

TEST_F(ArrivalOverFourAssociations, ASimulatedExamWithItsOutlineGivesTheResultsOfTheFolder) {
  small_exam(folder_ / "exam", 5);
  expect_the_results_of_the_folder(folder_ / "exam");
}

// Enhanced and classic, little and big endian, with their vendors' own elements.
TEST_F(ArrivalOverFourAssociations, RealExamsOfThreeVendorsGiveTheResultsOfTheFolder) {
  fs::create_directories(folder_ / "exam");
  int number = 0;
  for (const char* set :
       {"hazen_t1ir_siemens_aera_p5", "hazen_t1ir_philips15_p4p5", "hazen_t2se_ge450w_p5", "qiba_t1vfa_dro",
        "dcmqa_xa30i_siemens_classic_dwi", "hazen_dwi11b_siemens_sola_xa61", "shimtb_t2star_siemens_prisma_6echo"}) {
    HERALD_NEEDS_DATA(fs::path("dicom") / set);
    for (const auto& file : objects_in(support::test_data() / "dicom" / set))
      fs::copy_file(file.path, folder_ / "exam" / std::to_string(++number));
  }
  expect_the_results_of_the_folder(folder_ / "exam");
}

}  // namespace
