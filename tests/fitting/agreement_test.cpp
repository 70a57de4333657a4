#include "fitting/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace fitting {
namespace {

using testing::HasSubstr;

// Shrout & Fleiss 1979, table 2: six targets, four judges.
const std::vector<double> kJudges{9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};

Agreement agreement(Icc form) { return std::get<Agreement>(icc(kJudges, 4, form)); }
std::string refused(const std::vector<double>& ratings, std::size_t raters) {
  return std::get<Refusal>(icc(ratings, raters, Icc::TwoWayRandom1)).reason;
}

}  // namespace

// R 4.2.2, psych 2.2.9 (reference: models.md 4).
TEST(Icc, IsThatOfShroutAndFleiss) {
  constexpr double kPrinted = 1e-6;
  EXPECT_NEAR(agreement(Icc::OneWay1).value, .165742, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayRandom1).value, .289764, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayMixed1).value, .714841, kPrinted);
  EXPECT_NEAR(agreement(Icc::OneWayK).value, .442797, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayRandomK).value, .620051, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayMixedK).value, .909316, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayRandom1).low, .0187865, kPrinted);
  EXPECT_NEAR(agreement(Icc::TwoWayRandom1).high, .761084, kPrinted);
  EXPECT_EQ(agreement(Icc::OneWay1).subjects, 6U);
  EXPECT_EQ(agreement(Icc::OneWay1).raters, 4U);
}

// As psych's manual prints them, to two decimals.
TEST(Icc, HasTheIntervalsOfPsych) {
  struct Row {
    Icc form;
    double low, high;
  };
  for (const Row& row : {Row{Icc::OneWay1, -.13, .72},
                         {Icc::TwoWayMixed1, .34, .95},
                         {Icc::OneWayK, -.88, .91},
                         {Icc::TwoWayRandomK, .07, .93},
                         {Icc::TwoWayMixedK, .68, .99}}) {
    EXPECT_NEAR(agreement(row.form).low, row.low, .0051) << static_cast<int>(row.form);
    EXPECT_NEAR(agreement(row.form).high, row.high, .0051) << static_cast<int>(row.form);
  }
}

TEST(Icc, IsOneWhereRatersAgreeAndLowWhereOneIsOff) {
  for (const Icc form : {Icc::OneWay1, Icc::TwoWayRandom1, Icc::TwoWayMixed1, Icc::TwoWayRandomK}) {
    const auto perfect = std::get<Agreement>(icc(std::vector<double>{1, 1, 2, 2, 5, 5}, 2, form));
    EXPECT_DOUBLE_EQ(perfect.value, 1);
    EXPECT_DOUBLE_EQ(perfect.low, 1);
    EXPECT_DOUBLE_EQ(perfect.high, 1);
  }
  const std::vector<double> shifted{1, 4, 2, 5, 3, 6};
  EXPECT_DOUBLE_EQ(std::get<Agreement>(icc(shifted, 2, Icc::TwoWayMixed1)).value, 1) << "consistent";
  EXPECT_NEAR(std::get<Agreement>(icc(shifted, 2, Icc::TwoWayRandom1)).value, 2 / (2 + 2 * 13.5 / 3), 1e-12);
}

TEST(Icc, RefusesTablesThatSayNothing) {
  EXPECT_THAT(refused({1, 2, 3}, 1), HasSubstr("two raters"));
  EXPECT_THAT(refused({1, 2, 3}, 2), HasSubstr("lack a rating"));
  EXPECT_THAT(refused({1, 2}, 2), HasSubstr("two subjects"));
  EXPECT_THAT(refused({}, 2), HasSubstr("two subjects"));
  EXPECT_THAT(refused({1, 2, std::numeric_limits<double>::infinity(), 3}, 2), HasSubstr("not a number"));
  EXPECT_THAT(refused({3, 3, 3, 3}, 2), HasSubstr("do not differ"));
  EXPECT_THAT(refused({1, 2, 1, 2}, 2), HasSubstr("do not differ"));
}

TEST(Consensus, IsTheMeanOfTheMediansOfReaders) {
  const std::vector<Reading> readings{{"Abel^A", 30}, {"Bell^B", 50}, {"Abel^A", 40}, {"Abel^A", 31}};
  const Consensus together = consensus(readings);
  EXPECT_DOUBLE_EQ(together.value, (31 + 50) / 2.0);
  EXPECT_EQ(together.readers, 2U);
  EXPECT_EQ(together.readings, 4U);
  EXPECT_EQ(together.how, "median of 3 readings of reader 1, 1 reading of reader 2; mean of 2 readers");
}

TEST(Consensus, TakesTheMiddleOfAnEvenNumberAndNothingOfNothing) {
  const Consensus two = consensus(std::vector<Reading>{{"", 1}, {"", 4}});
  EXPECT_DOUBLE_EQ(two.value, 2.5);
  EXPECT_EQ(two.how, "median of 2 readings of reader 1");
  EXPECT_EQ(consensus(std::vector<Reading>{{"", 7}}).how, "1 reading of reader 1");
  EXPECT_EQ(consensus({}).readers, 0U);
  EXPECT_EQ(consensus({}).how, "no reading");
}

}  // namespace fitting
