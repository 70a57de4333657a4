// Power cuts: all processes die at once, and of the disk stays what was synced, in the two worlds of power_cut.h.
#include <gtest/gtest.h>

#include <ostream>
#include <thread>

#include "tests/faults/power_cut.h"
#include "tests/faults/scene.h"

namespace {

using namespace faults;
using acceptance::Scanner;
namespace fs = std::filesystem;

constexpr Names kWorlds[] = {Names::AsSynced, Names::AsGiven};

const char* in_words(Names names) { return names == Names::AsSynced ? "names as synced" : "names as given"; }

class PowerCut : public testing::Test {
 protected:
  void make(support::NodeOptions options) {
    bench_ = std::make_unique<Bench>(std::move(options));
    bench_->faults().remember();
    bench_->start();
  }

  // Two scanners send half of the exam each; the power goes before the service's `nth` call of this kind.
  std::set<std::string> push_until_the_cut(const Exam& exam, const Calls& calls, std::uint64_t nth) {
    bench_->faults().strike(calls, nth, 1, kKill);
    const auto middle = exam.files.begin() + static_cast<std::ptrdiff_t>(exam.files.size() / 2);
    Scanner first({exam.files.begin(), middle}), second({middle, exam.files.end()});
    {
      const std::jthread other([&] { first.push(bench_->node().port()); });
      second.push(bench_->node().port());
    }
    auto acknowledged = first.acknowledged();
    acknowledged.insert(second.acknowledged().begin(), second.acknowledged().end());
    EXPECT_EQ(bench_->node().process().wait(), 128 + SIGKILL);
    return acknowledged;
  }

  // Workers follow their service; none may write while the disk is looked at.
  void cut() {
    bench_->node().kill();
    bench_->faults().off();
    fs::rename(bench_->store(), before());
  }

  void restore(Names names) {
    fs::remove_all(bench_->store());
    build_after_power_cut(before(), bench_->faults().shadow(), names, bench_->store());
  }

  [[nodiscard]] fs::path before() const { return bench_->folder() / "before"; }

  // Starts Herald on what is left and counts what of the acknowledged is not there.
  std::size_t lost_in(Names names, const std::set<std::string>& acknowledged, const Exam& exam) {
    restore(names);
    bench_->start();
    EXPECT_EQ(bench_->files_in("incoming"), 0u);
    return bench_->lost(acknowledged, exam.digests);
  }

  std::unique_ptr<Bench> bench_;
};

struct Moment {
  const char* name;
  Calls calls;
  std::uint64_t nth;
};

void PrintTo(const Moment& moment, std::ostream* out) { *out << moment.name; }

const Moment kMoments[] = {
    {"AfterTheFirstImages", {Operation::Send, Place::Network, Process::Service}, 24},
    {"BetweenNameAndFolder", {Operation::Sync, Place::Objects, Process::Service}, 61},
    {"BetweenFileAndName", {Operation::Rename, Place::Objects, Process::Service}, 90},
    {"InTheLastImages", {Operation::Send, Place::Network, Process::Service}, 140},
};

class PowerCutWhileReceiving : public PowerCut, public testing::WithParamInterface<Moment> {};

TEST_P(PowerCutWhileReceiving, LosesNothingThatWasAcknowledged) {
  const Exam exam = whole_exam();
  make(patient());
  const auto acknowledged = push_until_the_cut(exam, GetParam().calls, GetParam().nth);
  ASSERT_GT(acknowledged.size(), 2u);
  ASSERT_LT(acknowledged.size(), exam.files.size());
  cut();
  for (const Names names : kWorlds) {
    const std::size_t lost = lost_in(names, acknowledged, exam);
    EXPECT_EQ(lost, 0u) << in_words(names);
    EXPECT_EQ(bench_->half_files(exam.digests), 0u) << in_words(names);
    Scanner scanner(exam.files);
    EXPECT_TRUE(scanner.push(bench_->node().port())) << "what was left does not take the exam again";
    EXPECT_TRUE(bench_->wait_for_event("association_closed"));
    EXPECT_EQ(bench_->lost(scanner.acknowledged(), exam.digests), 0u);
    EXPECT_EQ(bench_->files_in("aside"), 0u);
    note(std::string("power cut, ") + GetParam().name + ", " + in_words(names), acknowledged.size(), lost);
    bench_->node().kill();
  }
}

INSTANTIATE_TEST_SUITE_P(Cut, PowerCutWhileReceiving, testing::ValuesIn(kMoments),
                         [](const auto& test) { return std::string(test.param.name); });

// The control of the experiment: the simulated cut does take what is not synced. What is promised of "relaxed" is less,
// and kept: the node starts, and takes everything again.
TEST_F(PowerCut, WithRelaxedDurabilityLosesWhatTheDiskHadNotSeen) {
  const Exam exam = whole_exam();
  support::NodeOptions options = patient();
  options.storage = "durability = \"relaxed\"\n";
  make(options);
  const auto acknowledged = push_until_the_cut(exam, {Operation::Send, Place::Network, Process::Service}, 100);
  ASSERT_GT(acknowledged.size(), 5u);
  cut();
  for (const Names names : kWorlds) {
    const std::size_t lost = lost_in(names, acknowledged, exam);
    EXPECT_GT(lost, 0u) << in_words(names);
    note(std::string("power cut with durability = relaxed, ") + in_words(names), acknowledged.size(), lost,
         "as herald.toml says");
    bench_->node().kill();
  }
}

TEST_F(PowerCut, WithRelaxedDurabilityAKillOfTheProcessLosesNothing) {
  const Exam exam = whole_exam();
  support::NodeOptions options = patient();
  options.storage = "durability = \"relaxed\"\n";
  make(options);
  const auto acknowledged = push_until_the_cut(exam, {Operation::Send, Place::Network, Process::Service}, 100);
  bench_->faults().off();
  bench_->start();
  const std::size_t lost = bench_->lost(acknowledged, exam.digests);
  EXPECT_EQ(lost, 0u);
  note("SIGKILL with durability = relaxed", acknowledged.size(), lost);
}

// Results, jobs and deliveries: the cut comes while an exam is computed and delivered.
class PowerCutWhileWorking : public PowerCut, public testing::WithParamInterface<Moment> {};

TEST_P(PowerCutWhileWorking, DeliversEverythingAfterwards) {
  const Exam exam = diffusion_exam();
  support::ScriptedPeer pacs(willing());
  support::NodeOptions options = patient();
  options.destination = destination(pacs);
  make(options);
  Scanner scanner(exam.files);
  ASSERT_TRUE(scanner.push(bench_->node().port()));
  ASSERT_TRUE(bench_->wait_for_event("association_closed"));
  bench_->faults().strike(GetParam().calls, GetParam().nth, 1, kKill);
  bench_->let_the_quiet_pass();
  support::until(bench_->node().process(), [&] { return bench_->faults().struck() > 0; });
  ASSERT_EQ(bench_->faults().struck(), 1u);  // of the worker or of the service, which then has ended
  cut();
  const auto sent_before = pacs.stored().size();
  for (const Names names : kWorlds) {
    const std::size_t lost = lost_in(names, scanner.acknowledged(), exam);
    EXPECT_EQ(lost, 0u) << in_words(names);
    EXPECT_TRUE(support::until(bench_->node().process(), [&] {
      return has_all(pacs, exam.results) && bench_->unfinished().empty();
    })) << bench_->unfinished();
    EXPECT_GE(repeats(pacs, exam.results), 0) << in_words(names) << ": the PACS has other results than it should";
    EXPECT_EQ(bench_->node().stop(), 0);
    note(std::string("power cut, ") + GetParam().name + ", " + in_words(names), scanner.acknowledged().size(), lost,
         std::to_string(sent_before) + " results sent before, all after");
  }
}

const Moment kMomentsOfWork[] = {
    {"AtTheClaim", {Operation::Sync, Place::Database, Process::Worker}, 1},
    {"BetweenResults", {Operation::Rename, Place::Results, Process::Worker}, 3},
    {"AtTheEndOfAJob", {Operation::Sync, Place::Database, Process::Worker}, 4},
    {"WhileDelivering", {Operation::Send, Place::Network, Process::Service}, 11},
};

INSTANTIATE_TEST_SUITE_P(Cut, PowerCutWhileWorking, testing::ValuesIn(kMomentsOfWork),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
