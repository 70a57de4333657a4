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

server::Measured measured(double mean) {
  server::Measured m;
  m.statistics.mean = mean;
  m.unit = "ms";
  return m;
}

std::vector<std::string> texts_of(const std::vector<dicom::ReportItem>& items, const std::string& name) {
  std::vector<std::string> texts;
  for (const auto& item : items) {
    if (item.name.starts_with(name)) texts.push_back(item.text);
  }
  return texts;
}

std::vector<dicom::ReportItem> report(const server::MeasuredBySlot& by_slot,
                                      const std::map<std::string, std::string>& missing = {}) {
  static const classifier::Model kModel = zhang();
  return server::nomogram_items(classifier::evaluate(kModel, server::values_for(kModel, by_slot, missing)));
}

const server::MeasuredBySlot kLesion{
    {"t1_pre", measured(1788.6)}, {"t1_post", measured(580.93)}, {"t2star", measured(53.233)}};

TEST(NomogramText, ShowsBothBranchesWhileErIsUnknownAndLabelsEveryProbability) {
  std::vector<double> probabilities;
  for (const auto& item : report(kLesion)) {
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
  const auto sides = texts_of(report(kLesion), "Published cut-off");
  EXPECT_EQ(sides.size(), 4u);  // T1 post, ΔT1, ΔT1/T1, T2*
  EXPECT_TRUE(std::any_of(sides.begin(), sides.end(),
                          [](const std::string& side) { return side.find("4.77") != std::string::npos; }));
}

TEST(NomogramText, RefusesTheProbabilityWithTheReasonWhenAPredictorIsMissing) {
  const auto items = report({{"t2star", measured(50)}}, {{"t1_post", "it was outlined in another frame of reference"}});
  EXPECT_TRUE(texts_of(items, "P(").empty());
  const auto refusals = texts_of(items, "Not computed");
  ASSERT_FALSE(refusals.empty());
  EXPECT_THAT(refusals.front(), HasSubstr("another frame of reference"));
  EXPECT_EQ(texts_of(items, "Published cut-off").size(), 1u);  // T2* is still there
}

TEST(NomogramText, NeverReadsAsADiagnosis) {
  for (const auto& item : report(kLesion)) {
    for (const char* word : {"diagnosed", "diagnosis is", "is HER2-positive", "patient has", "should be treated"}) {
      EXPECT_EQ(item.text.find(word), std::string::npos) << item.text;
      EXPECT_EQ(item.name.find(word), std::string::npos) << item.name;
    }
  }
}

TEST(NomogramText, ContrastChangeIsZhangsDefinition) {
  const auto change = server::contrast_change(kLesion);
  ASSERT_TRUE(change);
  EXPECT_NEAR(change->absolute_ms, 1788.6 - 580.93, 1e-9);
  EXPECT_NEAR(change->relative, (1788.6 - 580.93) / 1788.6, 1e-12);
  EXPECT_FALSE(server::contrast_change({{"t1_pre", measured(1788.6)}}));
}

}  // namespace
