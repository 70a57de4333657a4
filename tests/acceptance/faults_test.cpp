// kill -9 is a supported shutdown: of the service and of a worker, at random moments of an exam. HERALD_KILLS sets how
// many (default 5).
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "storage/index.h"
#include "storage/jobs.h"
#include "storage/outbox.h"
#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;

int kills() {
  const char* text = std::getenv("HERALD_KILLS");
  return text != nullptr ? std::atoi(text) : 5;
}

// Moments are counted in log lines (every stored image, job and delivery writes one), so that they fall anywhere in the
// work and a failing one can be repeated.
constexpr int kLastMoment = 220;

class Killed : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
    pacs_->start();
    node_ = std::make_unique<support::Node>(HERALD_PROGRAM, folder_ / "node",
                                            support::NodeOptions{.destination = pacs_->destination()});
    node_->start();
  }

  // Pushes an exam as a scanner does while `strike` may happen at the given moment, then waits until the PACS holds
  // every result.
  template <class Strike>
  void exam_with_a_kill(std::uint64_t seed, int moment, Strike&& strike) {
    const std::string name = "exam" + std::to_string(seed);
    Scanner scanner(small_exam(folder_ / name, seed));
    const auto expected = uids_of(processed(folder_ / name, folder_ / (name + "-out")));
    expected_.insert(expected.begin(), expected.end());
    std::thread push([&, port = node_->port()] { scanner.push(port); });
    int lines = 0;
    node_->process().wait_for(
        [&](const std::string& line) {
          note_worker(line);
          return ++lines >= moment || line.find("\"sr_done\"") != std::string::npos;
        },
        std::chrono::seconds(8));
    strike();
    push.join();
    for (int attempt = 0; attempt < 5 && !scanner.push(node_->port()); ++attempt) {
    }
    acknowledged_.insert(scanner.acknowledged().begin(), scanner.acknowledged().end());
    EXPECT_TRUE(support::until(
        node_->process(), [&] { return holds(*pacs_, expected); }, std::chrono::seconds(120)))
        << "exam " << seed << " killed at moment " << moment << "\n"
        << node_->herald({"jobs", "--all"}).output << node_->herald({"outbox"}).output;
  }

  void note_worker(const std::string& line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.value("event", "") == "worker_started") worker_ = json.at("pid").get<int>();
  }

  // No study wants to be looked at and no job is to be done: a service told to stop before that leaves them for its
  // next start.
  bool at_rest() {
    auto database = storage::Database::open(folder_ / "node/store/herald.db").value();
    const auto jobs = storage::JobQueue(database).jobs_of("").value();
    return storage::Index(database).pending_studies().value().empty() &&
           std::ranges::none_of(jobs, [](const auto& job) {
             return job.state == storage::JobState::Waiting || job.state == storage::JobState::Running;
           });
  }

  void expect_nothing_lost_and_nothing_stuck() {
    auto database = storage::Database::open(folder_ / "node/store/herald.db").value();
    const storage::Index index(database);
    for (const std::string& uid : acknowledged_) {
      const auto row = index.find(uid).value();
      ASSERT_TRUE(row) << "acknowledged and not in the index: " << uid;
      EXPECT_TRUE(fs::exists(row->path)) << "acknowledged and not on disk: " << uid;
    }
    const auto jobs = storage::JobQueue(database).jobs_of("").value();
    for (const auto& job : jobs) {
      EXPECT_EQ(job.state, storage::JobState::Done) << job.id << " " << job.kind << " " << job.reason;
    }
    const auto rows = storage::Outbox(database).rows_of("").value();
    for (const auto& row : rows) EXPECT_EQ(row.state, storage::OutboxState::Delivered) << row.id;
    const auto there = pacs_->instances();
    EXPECT_EQ(std::set<std::string>(there.begin(), there.end()), expected_);
    EXPECT_EQ(there.size(), expected_.size()) << "a result is in the PACS twice";
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
  std::set<std::string> acknowledged_, expected_;
  int worker_ = 0;
  std::mt19937 random_{20261120};
};

TEST_F(Killed, TheServiceLosesNothingAndRepeatsNothing) {
  std::uniform_int_distribution<int> moment(1, kLastMoment);
  for (int i = 0; i < kills(); ++i) {
    exam_with_a_kill(static_cast<std::uint64_t>(1000 + i), moment(random_), [&] {
      node_->kill();
      node_->start();
    });
  }
  ASSERT_TRUE(support::until(node_->process(), [&] { return at_rest(); }));
  ASSERT_EQ(node_->stop(), 0);
  expect_nothing_lost_and_nothing_stuck();
}

TEST_F(Killed, AWorkerLosesNothingAndRepeatsNothing) {
  std::uniform_int_distribution<int> moment(1, kLastMoment);
  for (int i = 0; i < kills(); ++i) {
    exam_with_a_kill(static_cast<std::uint64_t>(2000 + i), moment(random_), [&] {
      ASSERT_GT(worker_, 0);
      kill(worker_, SIGKILL);
    });
  }
  ASSERT_TRUE(support::until(node_->process(), [&] { return at_rest(); }));
  ASSERT_EQ(node_->stop(), 0);
  expect_nothing_lost_and_nothing_stuck();
}

}  // namespace
