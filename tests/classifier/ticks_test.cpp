#include "classifier/ticks.h"

#include <gmock/gmock.h>

#include <cmath>

namespace {

using classifier::decimal;
using classifier::four_digits;
using classifier::minor_ticks;
using classifier::pretty;
using classifier::pretty_within;
using classifier::probability_text;
using classifier::spread;
using classifier::tick_text;
using classifier::Ticks;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// First tick, last tick and step as R prints them.
TEST(Ticks, AreThoseOfR) {
  const struct {
    double low, high;
    int n;
    double first, last, step;
  } rows[] = {{80, 250, 10, 80, 260, 20},
              {0, 100, 10, 0, 100, 10},
              {1, 10, 5, 0, 10, 2},
              {0, 1, 5, 0, 1, .2},
              {0, 91, 5, 0, 100, 20},
              {15, 110, 10, 10, 110, 10},
              {200, 1100, 10, 200, 1100, 100},
              {-1, 1, 5, -1, 1, .5},
              {.5, 1.8, 10, .5, 1.8, .1},
              {0, 174.1, 10, 0, 180, 20}};
  for (const auto& row : rows) {
    const Ticks ticks = pretty(row.low, row.high, row.n);
    EXPECT_NEAR(ticks.at.front(), row.first, 1e-9) << row.low << " " << row.high;
    EXPECT_NEAR(ticks.at.back(), row.last, 1e-9) << row.low << " " << row.high;
    EXPECT_NEAR(ticks.step, row.step, 1e-12) << row.low << " " << row.high;
  }
}

TEST(Ticks, StayWithinAnAxisThatEndsBetweenThem) {
  const Ticks ticks = pretty_within(15, 45, 3);
  EXPECT_THAT(ticks.at, ElementsAre(20, 30, 40));
  EXPECT_THAT(minor_ticks(ticks, 15, 24), ElementsAre(16, 18, 22, 24));
  EXPECT_THAT(minor_ticks({{0, 20}, 20}, 0, 20), ElementsAre(5, 10, 15));
}

TEST(Ticks, AreOneWhereThereIsNoRange) { EXPECT_THAT(pretty(3, 3, 5).at, ElementsAre(3)); }

TEST(Numbers, ReadAsTheyAreWritten) {
  EXPECT_EQ(tick_text(.30000000000000004, .1), "0.3");
  EXPECT_EQ(tick_text(-1e-17, .5), "0.0");
  EXPECT_EQ(tick_text(-500, 500), "−500");
  EXPECT_EQ(decimal(-.004, 2), "0.00");
  EXPECT_EQ(four_digits(53.2331), "53.23");
  EXPECT_EQ(four_digits(580.93), "580.9");
  EXPECT_EQ(four_digits(1.01149), "1.011");
  EXPECT_EQ(four_digits(0), "0");
  EXPECT_EQ(classifier::quantity("1.01", "10-3.mm2/s"), "1.01 × 10⁻³ mm²/s");
  EXPECT_EQ(classifier::quantity("0.7", "1"), "0.7");
}

TEST(Numbers, NeverCallAProbabilityCertain) {
  EXPECT_EQ(probability_text(.866), "0.87");
  EXPECT_EQ(probability_text(.99999), "> 0.99");
  EXPECT_EQ(probability_text(.0001), "< 0.01");
}

TEST(Labels, StandWhereTheyWantWhileThereIsRoom) {
  EXPECT_THAT(spread({{10, 4}, {50, 10}}, 0, 100, 2), ElementsAre(8, 45));
}

TEST(Labels, MoveApartEvenlyAndKeepTheirOrder) {
  EXPECT_THAT(spread({{51, 10}, {50, 10}}, 0, 100, 2), ElementsAre(51.5, 39.5));
  EXPECT_THAT(spread({{0, 10}, {1, 10}, {99, 10}}, 0, 100, 2), ElementsAre(0, 12, 90));
}

TEST(Labels, SayWhenTheyDoNotFit) { EXPECT_THAT(spread({{5, 6}, {5, 6}}, 0, 10, 0), IsEmpty()); }

}  // namespace
