#include "server/schedule.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using server::due_look;
using server::Look;

const config::Grouping kGrouping{.settle = 2000ms, .quiet = 120000ms};
const storage::Time kArrival{1'000'000ms};

storage::StudyState study(bool changed, bool grouped_quiet) {
  storage::StudyState state;
  state.study_uid = "1.2.3";
  state.last_arrival = kArrival;
  state.changed = changed;
  state.grouped_quiet = grouped_quiet;
  return state;
}

TEST(Schedule, LooksAtAStudyWhenItHasSettled) {
  EXPECT_EQ(due_look(study(true, false), false, kGrouping, kArrival + 1999ms), std::nullopt);
  EXPECT_EQ(due_look(study(true, false), false, kGrouping, kArrival + 2000ms), Look::Settled);
}

TEST(Schedule, AnOpenAssociationHoldsTheClock) {
  EXPECT_EQ(due_look(study(true, false), true, kGrouping, kArrival + 1h), std::nullopt);
}

TEST(Schedule, LooksOnceMoreWhenTheQuietPeriodIsOver) {
  EXPECT_EQ(due_look(study(false, false), false, kGrouping, kArrival + 119999ms), std::nullopt);
  EXPECT_EQ(due_look(study(false, false), false, kGrouping, kArrival + 120000ms), Look::Quiet);
  EXPECT_EQ(due_look(study(false, true), false, kGrouping, kArrival + 1h), std::nullopt);
}

TEST(Schedule, LooksAgainWhenAMapWasFinishedLongAfter) {
  EXPECT_EQ(due_look(study(true, true), false, kGrouping, kArrival + 1h), Look::Quiet);
}

}  // namespace
