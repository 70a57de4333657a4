// kill -9 is a supported shutdown: a process dies at whatever it happens to do, and what is on disk must be whole.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "storage/object_store.h"
#include "tests/storage/scene.h"

namespace {

using namespace std::chrono_literals;
using scene::at;
using scene::must;
using scene::value_of;
using storage::JobState;

// Runs `work` in a child for ever; `work` reports each step through a pipe, and the child is killed while it is at step
// `steps` + 1.
template <class Work>
void run_and_kill(int steps, Work work) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    // noexcept: what goes wrong in the child must not unwind into the test runner's second copy.
    [&]() noexcept { work([&] { return write(ends[1], "x", 1) == 1; }); }();
    _exit(1);  // only when the pipe is gone
  }
  close(ends[1]);
  char step = 0;
  for (int i = 0; i < steps; ++i) EXPECT_EQ(1, read(ends[0], &step, 1));
  kill(child, SIGKILL);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

const std::vector<storage::Delivery> kDeliveries = {{"PACS", {"mr_map"}}};

std::vector<storage::ResultRow> results_of_job(std::int64_t id) {
  const std::string prefix = scene::numbered("9.", id) + ".";
  return {scene::result(prefix + "1"), scene::result(prefix + "2")};
}

// A worker that queues, claims, finishes, fails and delivers without end.
template <class Step>
void work_on_queue(const std::filesystem::path& file, int round, Step step) {
  auto database = scene::open(file);
  storage::JobQueue queue(database);
  storage::Outbox outbox(database);
  for (int i = 0; step(); ++i) {
    const std::string key = std::to_string(round) + "/" + std::to_string(i);
    queue.enqueue("map", key, "1.2.3", "{}", at(round), at(round)).value();
    if (!step()) return;
    const auto job = queue.claim("w1", at(round), 60s).value().value();
    if (!step()) return;
    if (i % 3 == 2) {
      queue.fail(job.id, "w1", at(round), "failed", 0s).value();
    } else {
      queue.finish(job.id, "w1", at(round), results_of_job(job.id), kDeliveries).value();
    }
    if (!step()) return;
    for (const auto& row : value_of(outbox.due("PACS", at(round), 1))) must(outbox.delivered(row.id, at(round), 0));
  }
}

void expect_whole(const std::filesystem::path& file) {
  auto database = scene::open(file);
  storage::JobQueue queue(database);
  for (const auto& job : value_of(queue.jobs_of(""))) {
    const bool done = job.state == JobState::Done;
    EXPECT_EQ(job.state == JobState::Running, !job.owner.empty()) << job.id;
    EXPECT_LE(job.attempts, storage::kMostAttempts) << job.id;
    for (const auto& result : results_of_job(job.id)) {
      EXPECT_EQ(done, queue.find_result(result.sop_instance_uid).value().has_value()) << job.id;
    }
  }
  EXPECT_EQ(storage::Outbox(database).rows_of("").value().size(), queue.results_of("1.2.3").value().size());
}

TEST(Crash, AtAnyStepLeavesEveryJobInALegalState) {
  support::TempFolder folder;
  const auto file = folder / "index.db";
  for (int round = 0; round < 16; ++round) {
    run_and_kill(1 + (round * 7) % 19, [&](auto step) { work_on_queue(file, round, step); });
    EXPECT_EQ("ok", scene::raw_value(file, "PRAGMA integrity_check"));
    expect_whole(file);
    auto database = scene::open(file);
    ASSERT_TRUE(storage::JobQueue(database).release("", at(round + 0.5)));
  }
}

TEST(Crash, LosesNoWork) {
  support::TempFolder folder;
  const auto file = folder / "index.db";
  run_and_kill(14, [&](auto step) { work_on_queue(file, 0, step); });
  auto database = scene::open(file);
  storage::JobQueue queue(database);
  ASSERT_TRUE(queue.release("", at(1)));
  while (const auto job = queue.claim("w2", at(2), 60s).value()) {
    ASSERT_EQ(true, queue.finish(job->id, "w2", at(2), results_of_job(job->id), kDeliveries));
  }
  for (const auto& job : value_of(queue.jobs_of(""))) EXPECT_EQ(JobState::Done, job.state) << job.id;
}

// A courier whose peer refuses every report, killed at any moment: each report is either waiting with nothing queued in
// its place, or replaced by an object that is.
TEST(Crash, BetweenTheRungsLosesNoReportAndSendsNoneTwice) {
  support::TempFolder folder;
  const auto file = folder / "index.db";
  constexpr int kReports = 40;
  {
    auto database = scene::open(file);
    storage::JobQueue queue(database);
    for (int i = 0; i < kReports; ++i) {
      const auto id = queue.enqueue("measure", scene::numbered("k", i), "1.2.3", "{}", at(0), at(0)).value().value();
      queue.claim("w1", at(0), 60s).value();
      const std::vector<storage::ResultRow> results = {scene::result(scene::numbered("9.", i), "sr_nomogram"),
                                                       scene::result(scene::numbered("8.", i), "sr_nomogram_enhanced")};
      ASSERT_EQ(true, queue.finish(id, "w1", at(0), results, {{"PACS", {"sr_nomogram"}}}));
    }
  }
  for (int round = 0; round < 4; ++round) {
    run_and_kill(2 + round, [&](auto step) {
      auto database = scene::open(file);
      storage::Outbox outbox(database);
      for (const auto& row : value_of(outbox.due("PACS", at(1), kReports)))
        if (row.object.kind == "sr_nomogram" && step())
          outbox.replace(row.id, at(1), -1, "not accepted", "sr_nomogram_enhanced").value();
      while (step()) {
      }
    });
    auto database = scene::open(file);
    int replaced = 0, lower = 0;
    for (const auto& row : value_of(storage::Outbox(database).rows_of(""))) {
      replaced += row.state == storage::OutboxState::Replaced;
      lower += row.object.kind == "sr_nomogram_enhanced";
    }
    EXPECT_GT(replaced, round);
    EXPECT_EQ(replaced, lower);
  }
}

TEST(Crash, WhileReceivingLeavesOnlyWholeObjects) {
  support::TempFolder folder;
  const std::string content(100'000, 'x');
  for (int round = 0; round < 4; ++round) {
    run_and_kill(3 + 8 * round, [&](auto step) {
      auto store = storage::ObjectStore::open({.root = folder / "store", .floor_bytes = 0}).value();
      for (int i = 0; step(); ++i) {
        const auto path = store.new_incoming().value();
        scene::write(path, content);
        const std::string uid = std::to_string(round) + "." + std::to_string(i);
        store.publish(path, uid, "p", std::nullopt).value();
      }
    });
    auto store = storage::ObjectStore::open({.root = folder / "store", .floor_bytes = 0}).value();
    ASSERT_TRUE(store.sweep_incoming());
    int objects = 0;
    ASSERT_TRUE(store.for_each_object([&](const auto& path) {
      ++objects;
      EXPECT_EQ(content.size(), std::filesystem::file_size(path));
    }));
    EXPECT_GT(objects, 0);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "store" / "incoming"));
  }
}

}  // namespace
