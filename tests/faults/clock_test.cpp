// The wall clock jumps in the middle of an exam: results arrive all the same, at once.
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>

#include "storage/jobs.h"
#include "tests/faults/scene.h"

namespace {

using namespace faults;
using acceptance::Scanner;

struct Jump {
  const char* name;
  std::chrono::milliseconds (*by)();
};

void PrintTo(const Jump& jump, std::ostream* out) { *out << jump.name; }

constexpr Jump kJumps[] = {
    {"OneDayAhead", [] { return std::chrono::milliseconds(std::chrono::hours(24)); }},
    {"OneDayBack", [] { return -std::chrono::milliseconds(std::chrono::hours(24)); }},
    {"To1970",
     [] {
       const auto since = std::chrono::system_clock::now().time_since_epoch();
       return -std::chrono::duration_cast<std::chrono::milliseconds>(since) + std::chrono::hours(1);
     }},
};

class ClockJumps : public testing::TestWithParam<Jump> {};

TEST_P(ClockJumps, InTheMiddleOfAnExamAndTheResultsArrive) {
  const Exam exam = two_map_exam();
  support::ScriptedPeer pacs(willing());
  support::NodeOptions options{.settle_s = 0.2, .quiet_s = 2};
  options.destination = destination(pacs);
  Bench bench(options);
  bench.start();
  const auto middle = exam.files.begin() + static_cast<std::ptrdiff_t>(exam.files.size() / 2);
  Scanner first({exam.files.begin(), middle}), second({middle, exam.files.end()});
  ASSERT_TRUE(first.push(bench.node().port()));
  bench.faults().jump(GetParam().by());
  ASSERT_TRUE(second.push(bench.node().port()));
  EXPECT_TRUE(support::until(
      bench.node().process(), [&] { return has_all(pacs, exam.results) && bench.unfinished().empty(); },
      std::chrono::seconds(150)))
      << bench.unfinished();
  EXPECT_EQ(bench.node().stop(), 0);
  auto acknowledged = first.acknowledged();
  acknowledged.insert(second.acknowledged().begin(), second.acknowledged().end());
  auto database = storage::Database::open(bench.store() / "herald.db").value();
  const auto jobs = storage::JobQueue(database).jobs_of("").value();
  EXPECT_GT(std::chrono::abs(jobs.back().finished - std::chrono::system_clock::now()), std::chrono::hours(23))
      << "the clock of the node did not jump";
  const std::size_t lost = bench.lost(acknowledged, exam.digests);
  EXPECT_EQ(lost, 0u);
  note(std::string("the clock jumps: ") + GetParam().name, acknowledged.size(), lost,
       std::to_string(exam.results.size()) + " results delivered");
}

INSTANTIATE_TEST_SUITE_P(By, ClockJumps, testing::ValuesIn(kJumps),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
