#include "server/delivery.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using dicom::Verdict;
using server::next_step;
using Kind = server::NextStep::Kind;

const storage::Time kCreated{5'000'000ms};

config::Destination destination() {
  config::Destination d;
  d.name = "pacs";
  d.first_retry = 10s;
  d.longest_retry = 900s;
  d.give_up_after = 48h;
  return d;
}

storage::OutboxRow row(int attempts) {
  storage::OutboxRow r;
  r.attempts = attempts;
  r.created = kCreated;
  return r;
}

TEST(Delivery, CountsASuccessOnlyWhenThePeerAnsweredForThisInstance) {
  EXPECT_EQ(next_step(row(0), {Verdict::Kind::Delivered, 0x0000, ""}, destination(), kCreated, 0).kind,
            Kind::Delivered);
  EXPECT_EQ(next_step(row(0), {Verdict::Kind::Later, -1, "no answer"}, destination(), kCreated, 0).kind,
            Kind::Postpone);
}

TEST(Delivery, WaitsLongerAfterEachFailureUpToTheConfiguredLongest) {
  const Verdict down{Verdict::Kind::Later, -1, "connection refused"};
  const auto first = next_step(row(0), down, destination(), kCreated, 0).wait;
  const auto second = next_step(row(1), down, destination(), kCreated, 0).wait;
  EXPECT_GE(first, 7500ms);
  EXPECT_LE(first, 12500ms);
  EXPECT_EQ(second, 2 * first);
  EXPECT_LE(next_step(row(40), down, destination(), kCreated, 0.99).wait, 900s * 5 / 4);
}

TEST(Delivery, GivesUpATransientFailureOnlyAfterDays) {
  const Verdict down{Verdict::Kind::Later, -1, "connection refused"};
  EXPECT_EQ(next_step(row(200), down, destination(), kCreated + 47h, 0).kind, Kind::Postpone);
  const auto late = next_step(row(200), down, destination(), kCreated + 48h, 0);
  EXPECT_EQ(late.kind, Kind::Dead);
  EXPECT_NE(late.problem.find("connection refused"), std::string::npos);
}

TEST(Delivery, APermanentRefusalIsDeadAtOnceWithItsSentence) {
  const auto step =
      next_step(row(0), {Verdict::Kind::Never, 0xA900, "the data set does not match"}, destination(), kCreated, 0);
  EXPECT_EQ(step.kind, Kind::Dead);
  EXPECT_EQ(step.problem, "the data set does not match");
}

}  // namespace
