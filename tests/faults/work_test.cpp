// Faults while an exam is computed and delivered: kill -9 of the worker and of the service at moments spread over each
// kind of step, a disk that is full or fails under the worker.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

#include "tests/faults/scene.h"

namespace {

using namespace faults;
using acceptance::Scanner;

constexpr Calls kWorkerDatabase{.place = Place::Database, .process = Process::Worker};
constexpr Calls kWorkerDrafts{.place = Place::Incoming, .process = Process::Worker};
constexpr Calls kWorkerResults{.place = Place::Results, .process = Process::Worker};
constexpr Calls kServiceDatabase{.place = Place::Database, .process = Process::Service};
constexpr Calls kServiceNetwork{.place = Place::Network, .process = Process::Service};

// A node that has received an exam, and is about to look at it: the rule is in force from the last image on.
class Work {
 public:
  Work() : pacs_(willing()), bench_(options()) { bench_.start(); }

  template <class F>
  void push(F&& arm) {
    Scanner scanner(exam_.files);
    ASSERT_TRUE(scanner.push(bench_.node().port()));
    ASSERT_TRUE(bench_.wait_for_event("association_closed"));
    acknowledged_ = scanner.acknowledged();
    arm(bench_.faults());
    bench_.let_the_quiet_pass();
  }

  // True when every result is at the PACS and known to be there.
  bool is_done() { return has_all(pacs_, exam_.results) && bench_.unfinished().empty(); }

  void expect_everything_once(const std::string& injected) {
    EXPECT_EQ(bench_.node().stop(), 0) << injected;
    const std::size_t lost = bench_.lost(acknowledged_, exam_.digests);
    const int again = repeats(pacs_, exam_.results);
    EXPECT_EQ(lost, 0u) << injected;
    EXPECT_GE(again, 0) << injected << ": the PACS has other results than it should";
    EXPECT_LE(again, static_cast<int>(exam_.results.size())) << injected;
    EXPECT_EQ(bench_.unfinished(), "") << injected;
    EXPECT_EQ(bench_.files_in("incoming"), 0u) << injected;
    note(injected, acknowledged_.size(), lost,
         std::to_string(exam_.results.size()) + " results delivered" +
             (again == 0 ? std::string() : ", " + std::to_string(again) + " sent again"));
  }

  Bench& bench() { return bench_; }

 private:
  [[nodiscard]] support::NodeOptions options() const {
    support::NodeOptions options = patient();
    options.destination = destination(pacs_);
    return options;
  }

  Exam exam_ = diffusion_exam();
  support::ScriptedPeer pacs_;
  Bench bench_;
  std::set<std::string> acknowledged_;
};

std::uint64_t calls_of(const Calls& calls) {
  static std::map<std::string, std::uint64_t> known;
  const auto [entry, is_new] = known.emplace(in_words(calls), 0);
  if (!is_new) return entry->second;
  Work work;
  work.push([&](Faults& faults) { faults.count(calls); });
  EXPECT_TRUE(support::until(work.bench().node().process(), [&] { return work.is_done(); }))
      << work.bench().unfinished();
  entry->second = work.bench().faults().matched();
  return entry->second;
}

// How often it struck.
std::uint64_t kill_at(const Calls& calls, std::uint64_t step, std::uint64_t steps) {
  Work work;
  work.push([&](Faults& faults) { faults.strike(calls, step, 1, kKill); });
  support::Node& node = work.bench().node();
  const auto finished = [&] { return support::until(node.process(), [&] { return work.is_done(); }); };
  bool done = finished();
  if (!done && !node.process().running()) {
    work.bench().faults().off();
    node.start();
    done = finished();
  }
  const std::string injected =
      "SIGKILL before " + in_words(calls) + " " + std::to_string(step) + " of " + std::to_string(steps) +
      (work.bench().faults().struck() > 0 ? ", " + work.bench().faults().last_struck() : " (not reached)");
  EXPECT_TRUE(done) << injected << "\n" << work.bench().unfinished();
  work.expect_everything_once(injected);
  return work.bench().faults().struck();
}

class KillIn : public testing::TestWithParam<Calls> {};

TEST_P(KillIn, AnExamThatIsComputedLosesNothingAndDeliversEverything) {
  constexpr std::uint64_t kMoments = 3;
  std::uint64_t struck = 0;
  const std::uint64_t steps = calls_of(GetParam());
  ASSERT_GE(steps, kMoments);
  for (std::uint64_t i = 0; i < kMoments; ++i)
    struck += kill_at(GetParam(), 1 + (steps - 1) * i / (kMoments - 1), steps);
  EXPECT_GE(struck, kMoments - 1);  // the last step of one run may be missing in the next
}

std::string name_of(const testing::TestParamInfo<Calls>& test) {
  std::string name;
  bool upper = true;
  for (const char c : in_words(test.param)) {
    if (c == ' ')
      upper = true;
    else
      name.push_back(std::exchange(upper, false) ? static_cast<char>(std::toupper(c)) : c);
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Of, KillIn,
                         testing::Values(kWorkerDatabase, kWorkerDrafts, kWorkerResults, kServiceDatabase,
                                         kServiceNetwork),
                         name_of);

// A job whose disk is full waits a minute; the clock of the node brings that minute at once.
void disk_fails(const Calls& calls, int error) {
  Work work;
  work.push([&](Faults& faults) { faults.strike(calls, 1, 2, error); });
  EXPECT_TRUE(support::until(work.bench().node().process(),
                             [&] {
                               if (work.is_done()) return true;
                               if (work.bench().is_any_job_postponed())
                                 work.bench().faults().jump(std::chrono::minutes(1));
                               return false;
                             }))
      << in_words(calls) << "\n"
      << work.bench().unfinished();
  const auto struck = work.bench().faults().struck();
  EXPECT_GT(struck, 0u) << in_words(calls);
  work.expect_everything_once((error == ENOSPC ? "ENOSPC, " : "EIO, ") + in_words(calls) + ", " +
                              std::to_string(struck) + " times");
}

class DiskOfAWorker : public testing::TestWithParam<int> {};

TEST_P(DiskOfAWorker, ThatFailsForAWhileDelaysResultsAndLosesNone) {
  disk_fails({Operation::Create, Place::Incoming, Process::Worker}, GetParam());
  disk_fails({Operation::Write, Place::Incoming, Process::Worker}, GetParam());
  disk_fails({Operation::Sync, Place::Incoming, Process::Worker}, GetParam());
  disk_fails({Operation::Rename, Place::Results, Process::Worker}, GetParam());
  disk_fails({Operation::Write, Place::Database, Process::Worker}, GetParam());
  disk_fails({Operation::Sync, Place::Database, Process::Worker}, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Of, DiskOfAWorker, testing::Values(ENOSPC, EIO), [](const auto& test) {
  return std::string(test.param == ENOSPC ? "NoSpace" : "InputOutputError");
});

TEST(DiskOfTheService, ThatFailsWhileDeliveringDelaysAndLosesNothing) {
  disk_fails({Operation::Write, Place::Database, Process::Service}, ENOSPC);
  disk_fails({Operation::Sync, Place::Database, Process::Service}, EIO);
}

}  // namespace
