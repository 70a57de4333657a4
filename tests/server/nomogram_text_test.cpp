#include "server/nomogram_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

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
  EXPECT_NEAR(probabilities[1], 0.8664, 0.005);  // golden_predictions.csv, ER negative; reports round to 0.01
  EXPECT_LT(probabilities[0], probabilities[1]);
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
  EXPECT_NEAR(probabilities[0], 0.8664, 0.005);
}

}  // namespace
