#include "server/measuring/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace server::measuring;
using testing::HasSubstr;

SlotNumbers slot(std::vector<double> means, const std::string& unit = "ms") {
  SlotNumbers numbers{.unit = unit, .readings = {}};
  for (const double mean : means) {
    ReadingNumbers reading;
    reading.slice.mean = mean;
    reading.whole.mean = 2 * mean;
    numbers.readings.push_back(reading);
  }
  return numbers;
}

classifier::Model zhang() {
  return classifier::load_model(std::filesystem::path(HERALD_SOURCE_DIR) /
                                "classifier/models/zhang2026.her2pos_vs_low.er_t2s_t1post.json")
      .value();
}

const Change& change(std::string_view name) {
  for (const Change& each : changes())
    if (each.name == name) return each;
  throw std::runtime_error("no such change");
}

TEST(LesionNumbers, GiveModelsTheConsensusOfTheReadings) {
  LesionNumbers numbers;
  numbers.slots["t2star"] = slot({40, 60, 50});  // three readings of one reader: their median
  numbers.slots["t1_post"] = slot({500});
  const auto values = values_for(zhang(), numbers);
  EXPECT_DOUBLE_EQ(values.at("T2star").number.value(), 50);
  EXPECT_EQ(values.at("T2star").unit, "ms");
  EXPECT_DOUBLE_EQ(values.at("T1_post").number.value(), 500);
}

TEST(LesionNumbers, TakeTheMeanOfTheReaders) {
  SlotNumbers numbers = slot({40, 60, 50, 70});
  numbers.readings[3].reader = 2;
  EXPECT_DOUBLE_EQ(numbers.of("mean", "largest slice")->value, 60);  // (median of 40, 60, 50; 70) / 2
  EXPECT_DOUBLE_EQ(numbers.of("mean", "whole lesion")->value, 120);
  EXPECT_EQ(numbers.of("mean", "largest slice")->readers, 2u);
}

TEST(LesionNumbers, SayWhyAValueIsMissing) {
  LesionNumbers numbers;
  numbers.missing["t1_post"] = "it was outlined in another frame of reference";
  const auto values = values_for(zhang(), numbers);
  EXPECT_FALSE(values.at("T1_post").number);
  EXPECT_EQ(values.at("T1_post").missing, "it was outlined in another frame of reference");
  EXPECT_THAT(values.at("T2star").missing, HasSubstr("no map for t2star"));
  EXPECT_FALSE(slot({1}).of("entropy", "largest slice")) << "an entropy without bin width was not computed";
  EXPECT_FALSE(slot({1}).of("mode", "largest slice"));
}

TEST(LesionNumbers, ChangeByContrastAsZhangDefinesIt) {
  LesionNumbers numbers;
  numbers.slots["t1_pre"] = slot({1788.6});
  EXPECT_FALSE(value_of(change("dT1"), numbers));
  numbers.slots["t1_post"] = slot({580.93});
  EXPECT_NEAR(value_of(change("dT1"), numbers)->value, 1788.6 - 580.93, 1e-9);
  EXPECT_EQ(value_of(change("dT1"), numbers)->unit, "ms");
  EXPECT_NEAR(value_of(change("dT1_pre"), numbers)->value, (1788.6 - 580.93) / 1788.6, 1e-12);
  EXPECT_EQ(value_of(change("dT1_pre"), numbers)->unit, "1");
  numbers.slots["t1_post"] = slot({0.58093}, "s");
  EXPECT_FALSE(value_of(change("dT1"), numbers)) << "units differ";
}

TEST(LesionNumbers, TellModelsMethodAndSideOfTheContrastAgent) {
  LesionNumbers numbers;
  for (const char* name : {"t2star", "t1_pre", "t1_post"}) numbers.slots[name] = slot({500});
  numbers.slots["t2star"].contrast = "before";
  for (const char* name : {"t1_pre", "t1_post"}) numbers.slots[name].method = "T1 by Multiple Flip Angles";
  const auto values = values_for(zhang(), numbers);
  EXPECT_EQ(values.at("T2star").contrast, "before");
  EXPECT_EQ(values.at("T1_post").contrast, "unknown");
  EXPECT_EQ(values.at("T1_post").method, "T1 by Multiple Flip Angles");
  EXPECT_EQ(values.at("dT1").method, "T1 by Multiple Flip Angles");
}

TEST(LesionNumbers, ThereIsNoChangeBetweenTwoMethods) {
  LesionNumbers numbers;
  numbers.slots["t1_pre"] = slot({1788.6});
  numbers.slots["t1_post"] = slot({580.93});
  numbers.slots["t1_pre"].method = "T1 by Inversion Recovery";
  EXPECT_TRUE(value_of(change("dT1"), numbers)) << "nothing is known against it";
  numbers.slots["t1_post"].method = "T1 by Multiple Flip Angles";
  EXPECT_FALSE(value_of(change("dT1"), numbers));
  EXPECT_THAT(values_for(zhang(), numbers).at("dT1").missing, HasSubstr("by one method"));
}

TEST(LesionNumbers, ChangeOfSyMriHasTheSignOfThePapersTables) {
  LesionNumbers numbers;
  numbers.slots["symri_pre_pd"] = slot({75}, "%");
  numbers.slots["symri_post_pd"] = slot({90}, "%");
  EXPECT_NEAR(value_of(change("PD_D"), numbers)->value, -0.2, 1e-12);
  EXPECT_THAT(std::string(change("PD_D").how), HasSubstr("other sign"));
}

}  // namespace
