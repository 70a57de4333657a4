#include "server/nomogram_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

classifier::Model zhang() {
  auto model = classifier::load_model(std::filesystem::path(HERALD_SOURCE_DIR) /
                                      "classifier/models/zhang2026.her2pos_vs_low.er_t2s_t1post.json");
  EXPECT_TRUE(model) << model.error().what;
  return *model;
}

classifier::Values lesion(std::optional<double> t1_post = 580.93) {
  return {{"T2star", {53.233, "ms", ""}},
          {"T1_post", {t1_post, "ms", "it was outlined in another frame of reference"}},
          {"dT1", {1788.6 - 580.93, "ms", ""}},
          {"dT1_pre", {(1788.6 - 580.93) / 1788.6, "1", ""}}};
}

std::vector<std::string> texts_of(const std::vector<dicom::ReportItem>& items, const std::string& name) {
  std::vector<std::string> texts;
  for (const auto& item : items) {
    if (item.name.starts_with(name)) texts.push_back(item.text);
  }
  return texts;
}

std::vector<dicom::ReportItem> report(const classifier::Values& values, const classifier::Facts& facts = {}) {
  static const classifier::Model kModel = zhang();
  return server::nomogram_items(classifier::evaluate(kModel, values, facts), values);
}

TEST(NomogramText, ShowsBothBranchesWhileErIsUnknownAndLabelsEveryProbability) {
  std::vector<double> probabilities;
  for (const auto& item : report(lesion())) {
    if (!item.name.starts_with("P(")) continue;
    EXPECT_THAT(item.name, HasSubstr("uncalibrated"));
    EXPECT_LE(item.name.size(), 64u) << "a concept name is cut at 64 characters, the label with it";
    EXPECT_EQ(item.unit, "1");
    probabilities.push_back(item.number.value());
  }
  std::sort(probabilities.begin(), probabilities.end());
  ASSERT_EQ(probabilities.size(), 2u);
  EXPECT_NEAR(probabilities[1], 0.8664, 1e-4);  // golden_predictions.csv, ER negative
  EXPECT_LT(probabilities[0], probabilities[1]);
}

std::vector<std::string> names_of(const std::vector<dicom::ReportItem>& items, const std::string& beginning) {
  std::vector<std::string> names;
  for (const auto& item : items)
    if (item.name.starts_with(beginning)) names.push_back(item.name);
  return names;
}

TEST(NomogramText, NumbersItsBranchesAndSpellsTheirConditionsOutBelow) {
  const auto items = report(lesion());
  EXPECT_THAT(names_of(items, "P("), ElementsAre("P(HER2-positive), research, uncalibrated [branch 1 of 2]",
                                                 "P(HER2-positive), research, uncalibrated [branch 2 of 2]"));
  EXPECT_THAT(texts_of(items, "Nomogram [branch 1 of 2]"),
              ElementsAre(HasSubstr("if ER negative (<1% of nuclei): 0.87 (research, uncalibrated)")));
  EXPECT_THAT(texts_of(items, "Nomogram [branch 2 of 2]"), ElementsAre(HasSubstr("if ER positive (>=1% of nuclei)")));
  EXPECT_THAT(names_of(report(lesion(), {{"er", "neg"}}), "P("),
              ElementsAre("P(HER2-positive), research, uncalibrated"));
}

TEST(NomogramText, KeepsLabelAndNumberOfTheBranchInTheNameHoweverLongTheClassIs) {
  classifier::Model model = zhang();
  model.positive = "HER2-overexpression or HER2-low with amplification";
  model.calibration = classifier::Calibration{.a = 0, .b = 1, .source = "here", .date = "2026-01-01", .cases = 123};
  const auto items = server::nomogram_items(classifier::evaluate(model, lesion()), lesion());
  EXPECT_THAT(names_of(items, "P("), ElementsAre("P(positive class), research, calibrated [branch 1 of 2]",
                                                 "P(positive class), research, calibrated [branch 2 of 2]"));
  EXPECT_THAT(texts_of(items, "Nomogram [branch 1 of 2]"),
              ElementsAre(AllOf(HasSubstr(model.positive), HasSubstr("calibrated on 123 local cases"))));
}

// What the model says at a linear predictor of `linear`.
std::vector<dicom::ReportItem> at(double linear) {
  static classifier::Model model = zhang();
  model.intercept = linear;
  for (classifier::Predictor& predictor : model.predictors) {
    predictor.coefficient = 0;
    for (auto& [level, coefficient] : predictor.level_coefficients) coefficient = level == 0 ? 0 : 1e-9;
  }
  return server::nomogram_items(classifier::evaluate(model, lesion(), {{"er", "neg"}}), lesion());
}
double number_at(double linear) {
  for (const auto& item : at(linear))
    if (item.name.starts_with("P(")) return item.number.value();
  return -1;
}

TEST(NomogramText, NeverPrintsAProbabilityOfExactlyZeroOrOne) {
  EXPECT_DOUBLE_EQ(number_at(std::log(0.9998 / 0.0002)), 0.9998);
  EXPECT_DOUBLE_EQ(number_at(std::log(0.00012346 / (1 - 0.00012346))), 0.0001235);
  EXPECT_DOUBLE_EQ(number_at(std::log(0.43218 / (1 - 0.43218))), 0.4322);
  for (const double linear : {-800.0, -40.0, 40.0, 800.0}) {
    EXPECT_GT(number_at(linear), 0);
    EXPECT_LT(number_at(linear), 1);
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", number_at(linear));  // as reports print numbers
    EXPECT_STRNE(digits, "1");
    EXPECT_THAT(texts_of(at(linear), "Nomogram"),
                testing::Contains(HasSubstr(linear > 0 ? ": > 0.99 (research" : ": < 0.01 (research")));
  }
}

TEST(NomogramText, GivesPublishedCutoffSidesWithLikelihoodRatios) {
  const auto sides = texts_of(report(lesion()), "Published cut-off");
  EXPECT_EQ(sides.size(), 4u);  // T1 post, ΔT1, ΔT1/T1, T2*
  EXPECT_TRUE(std::any_of(sides.begin(), sides.end(),
                          [](const std::string& side) { return side.find("4.77") != std::string::npos; }));
}

TEST(NomogramText, RefusesTheProbabilityWithTheReasonWhenAPredictorIsMissing) {
  const auto items = report(lesion(std::nullopt));
  EXPECT_TRUE(texts_of(items, "P(").empty());
  const auto refusals = texts_of(items, "Not computed");
  ASSERT_FALSE(refusals.empty());
  EXPECT_THAT(refusals.front(), HasSubstr("another frame of reference"));
  EXPECT_THAT(texts_of(items, "Published cut-off"), testing::Contains(HasSubstr("T2*")));
}

TEST(NomogramText, ShowsTheResultOrItsRefusalBeforeWhatItWasFoundFrom) {
  EXPECT_THAT(report(lesion()).at(1).name, HasSubstr("P(HER2-positive)"));
  EXPECT_EQ(report(lesion(std::nullopt)).at(1).name, "Not computed");
}

TEST(NomogramText, NeverReadsAsADiagnosis) {
  for (const auto& item : report(lesion())) {
    for (const char* word : {"diagnosed", "diagnosis is", "is HER2-positive", "patient has", "should be treated"}) {
      EXPECT_EQ(item.text.find(word), std::string::npos) << item.text;
      EXPECT_EQ(item.name.find(word), std::string::npos) << item.name;
    }
  }
}

TEST(NomogramText, HasOneBranchWhenErIsKnown) {
  const auto items = report(lesion(), {{"er", "neg"}});
  std::vector<double> probabilities;
  for (const auto& item : items)
    if (item.name.starts_with("P(")) probabilities.push_back(item.number.value());
  ASSERT_EQ(probabilities.size(), 1u);
  EXPECT_NEAR(probabilities[0], 0.8664, 1e-4);
}

}  // namespace
