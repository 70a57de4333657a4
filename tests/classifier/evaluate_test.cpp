#include "classifier/evaluate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/classifier/models.h"

namespace {

using classifier::Evaluation;
using classifier::Facts;
using classifier::Model;
using classifier::nomogram_scale;
using classifier::Value;
using classifier::Values;
using classifier_test::asked;
using classifier_test::parsed;
using classifier_test::small_document;
using classifier_test::zhang;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Value measured(double number, const char* unit = "ms") { return {number, unit, ""}; }
Value missing(const char* why) { return {std::nullopt, "ms", why}; }

// The means of Zhang's HER2-positive group.
Values group_means() { return {{"T2star", measured(53.233)}, {"T1_post", measured(580.93)}}; }

const Facts kErNegative{{"er", "neg"}}, kErPositive{{"er", "pos"}};

TEST(Evaluation, ShowsBothAnswersWhileAFactIsUnknown) {
  const Model model = zhang();
  const Evaluation evaluation = evaluate(model, group_means());
  ASSERT_THAT(evaluation.branches, SizeIs(2));
  EXPECT_EQ(evaluation.branches[0].label, "if ER negative (<1% of nuclei)");
  EXPECT_EQ(evaluation.branches[1].label, "if ER positive (>=1% of nuclei)");
  EXPECT_EQ(evaluation.branches[0].assumed.at("ER"), 0);
  EXPECT_EQ(evaluation.branches[1].assumed.at("ER"), 1);
  EXPECT_NEAR(evaluation.branches[0].probability, .866412, .51e-6);
  EXPECT_NEAR(evaluation.branches[0].linear_predictor - evaluation.branches[1].linear_predictor, 1.00501, 1e-12);
  EXPECT_THAT(evaluation.refusals, IsEmpty());
}

TEST(Evaluation, HasOneBranchWhenAllFactsAreKnown) {
  const Model model = zhang();
  for (int er : {0, 1}) {
    const Evaluation both = evaluate(model, group_means());
    const Evaluation one = evaluate(model, group_means(), er == 1 ? kErPositive : kErNegative);
    ASSERT_THAT(one.branches, SizeIs(1));
    EXPECT_THAT(one.branches[0].assumed, IsEmpty());
    EXPECT_EQ(one.branches[0].linear_predictor, both.branches[er].linear_predictor);
  }
  EXPECT_EQ(evaluate(model, group_means(), kErPositive).branches[0].label, "with ER positive (>=1% of nuclei)");
}

TEST(Evaluation, LabelsEveryProbability) {
  const Model model = zhang();
  for (const auto& branch : evaluate(model, group_means()).branches)
    EXPECT_EQ(branch.probability_label, "research, uncalibrated");
}

TEST(Evaluation, ReproducesItsWorkedCases) {
  const Model model = zhang();
  for (const auto& worked : model.worked) {
    const auto [values, facts] = asked(model, worked.inputs);
    const Evaluation evaluation = evaluate(model, values, facts);
    ASSERT_THAT(evaluation.branches, SizeIs(1));
    EXPECT_NEAR(evaluation.branches[0].linear_predictor, worked.linear_predictor, .51e-6);
    EXPECT_NEAR(evaluation.branches[0].probability, worked.probability, .51e-6);
  }
}

// Golden numbers of R's rms::nomogram for this model on these axes; tolerances are half of the last printed digit.
TEST(Nomogram, HasThePointsOfRmsForZhang) {
  const Model model = zhang();
  const auto scale = nomogram_scale(model);
  EXPECT_NEAR(scale.points_per_logit, 13.123, .0005);
  EXPECT_NEAR(scale.intercept, -4.1671, .00005);
  EXPECT_NEAR(-scale.intercept * scale.points_per_logit, 54.69, .005);                           // p = .5
  EXPECT_NEAR((std::log(.702 / .298) - scale.intercept) * scale.points_per_logit, 65.93, .005);  // p = .702

  const Values top{{"T2star", measured(110)}, {"T1_post", measured(1100)}};
  const Evaluation evaluation = evaluate(model, top);
  ASSERT_THAT(evaluation.branches, SizeIs(2));
  const auto& points = evaluation.branches[0].points;
  EXPECT_EQ(points[0].predictor, "T2star");
  EXPECT_NEAR(points[0].points, 100, 1e-9);
  EXPECT_NEAR(points[1].points, 60.9, .05);
  EXPECT_NEAR(points[2].points, 13.19, .005);
  EXPECT_NEAR(evaluation.branches[1].points[2].points, 0, 1e-12);
}

TEST(Nomogram, LeadsFromTotalPointsBackToTheLinearPredictor) {
  const Model model = zhang();
  const auto scale = nomogram_scale(model);
  const Values off_the_axis{{"T2star", measured(5)}, {"T1_post", measured(2000)}};
  for (const Values& values : {group_means(), off_the_axis}) {
    for (const auto& branch : evaluate(model, values).branches)
      EXPECT_NEAR(scale.intercept + branch.total_points / scale.points_per_logit, branch.linear_predictor, 1e-12);
  }
}

// R 4.2.2, rms 6.5: low birth weight by lwt (axis 80 to 260), smoking and race, data of MASS::birthwt. Smoking and race
// borrow the names of facts that have as many answers.
json birth_weight_document() {
  json document = small_document();
  const auto level = [](const char* name) { return json{{"name", name}, {"title", name}, {"answers", {name}}}; };
  document["predictors"] = json::array({{{"name", "lwt"},
                                         {"title", "lwt"},
                                         {"kind", "continuous"},
                                         {"source", "scale"},
                                         {"statistic", "mean"},
                                         {"region", "whole lesion"},
                                         {"unit", "kg"},
                                         {"valid_range", {80, 250}},
                                         {"axis", {80, 260}}},
                                        {{"name", "smoke"},
                                         {"title", "smoking"},
                                         {"kind", "binary"},
                                         {"source", "reader"},
                                         {"fact", "oedema"},
                                         {"unit", "1"},
                                         {"levels", {level("no"), level("yes")}}},
                                        {{"name", "race"},
                                         {"title", "race"},
                                         {"kind", "categorical"},
                                         {"source", "reader"},
                                         {"fact", "enhancement"},
                                         {"unit", "1"},
                                         {"levels", {level("homogeneous"), level("heterogeneous"), level("rim")}}}});
  document["coefficients"] = {{"lwt", -0.01325945278},
                              {"smoke", {{"no", 0}, {"yes", 1.06000589374}}},
                              {"race", {{"homogeneous", 0}, {"heterogeneous", 1.29009445747}, {"rim", 0.97051487666}}}};
  document["intercept"] = -0.10922083631;
  const json origin = {{"provenance", "published"}, {"method", "rms::lrm"}};
  document["provenance"]["numbers"] = {{"intercept", origin},
                                       {"lwt", origin},
                                       {"smoke/yes", origin},
                                       {"race/heterogeneous", origin},
                                       {"race/rim", origin}};
  document["cutoffs"] = json::array();
  document["worked"] = json::array({{{"inputs", {{"lwt", 260}, {"smoke", "no"}, {"race", "heterogeneous"}}},
                                     {"linear_predictor", -0.10922083631 - 0.01325945278 * 260 + 1.29009445747},
                                     {"probability", 0}}});
  const double linear = document["worked"][0]["linear_predictor"];
  document["worked"][0]["probability"] = 1 / (1 + std::exp(-linear));
  return document;
}

TEST(Nomogram, HasThePointsOfRmsForFactorsAndFallingAxes) {
  const Model model = parsed(birth_weight_document());
  const auto scale = nomogram_scale(model);
  EXPECT_NEAR(scale.points_per_logit, 41.89882981, 1e-8 * 41);
  EXPECT_NEAR(scale.intercept, -3.55667856, 1e-8);
  EXPECT_NEAR(-scale.intercept * scale.points_per_logit, 149.0, .05);  // risk .5
  const Evaluation evaluation = evaluate(model, {{"lwt", measured(80, "kg")}});
  ASSERT_THAT(evaluation.branches, SizeIs(6));
  const auto& last = evaluation.branches.back();
  EXPECT_EQ(last.label, "if yes, if rim");
  EXPECT_NEAR(last.points[0].points, 100, 1e-9);  // a negative coefficient: the axis is reversed
  EXPECT_NEAR(last.points[1].points, 44.41, .005);
  EXPECT_NEAR(last.points[2].points, 40.66, .005);
  const Evaluation known =
      evaluate(model, {{"lwt", measured(80, "kg")}}, {{"oedema", "no"}, {"enhancement", "heterogeneous"}});
  ASSERT_THAT(known.branches, SizeIs(1));
  EXPECT_NEAR(known.branches[0].total_points, 154.05, .005);
}

// R prints the points of every tick, rounded to whole ones.
TEST(Nomogram, PutsTheTicksOfRmsWhereRmsPutsThem) {
  const Model model = parsed(birth_weight_document());
  const double printed[] = {100, 89, 78, 67, 56, 44, 33, 22, 11, 0};
  for (int tick = 0; tick < 10; ++tick) {
    const Evaluation evaluation = evaluate(model, {{"lwt", measured(80 + 20 * tick, "kg")}}, {{"oedema", "no"}});
    EXPECT_NEAR(evaluation.branches.at(0).points[0].points, printed[tick], .5) << tick;
  }
}

TEST(Evaluation, RefusesMoreBranchesThanAReaderCanTakeIn) {
  json document = birth_weight_document();
  for (const char* name : {"f", "g"}) {
    json fact = document["predictors"][1];
    fact["name"] = name;
    fact["fact"] = "t2_hyperintense";
    document["predictors"].push_back(fact);
    document["coefficients"][name] = {{"no", 0}, {"yes", 0}};
    document["worked"][0]["inputs"][name] = "no";
    document["provenance"]["numbers"][std::string(name) + "/yes"] = document["provenance"]["numbers"]["lwt"];
  }
  const Model model = parsed(document);
  const Evaluation evaluation = evaluate(model, {{"lwt", measured(80, "kg")}});
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.refusals, ElementsAre("too many facts are unknown: more than 8 combinations"));
  const Evaluation fewer = evaluate(model, {{"lwt", measured(80, "kg")}}, {{"enhancement", "rim"}});
  EXPECT_THAT(fewer.branches, SizeIs(8));
}

TEST(Evaluation, RefusesTheProbabilityWhenAPredictorIsMissingButGivesTheOtherCutoffs) {
  const Model model = zhang();
  Values values = group_means();
  values["T1_post"] = missing("the T1 map after contrast has not arrived");
  const Evaluation evaluation = evaluate(model, values);
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.refusals, ElementsAre("T1_post: the T1 map after contrast has not arrived"));
  ASSERT_THAT(evaluation.cutoffs, SizeIs(1));
  EXPECT_EQ(evaluation.cutoffs[0].cutoff->on, "T2star");
}

TEST(Evaluation, RefusesValuesWithoutTheModelsUnit) {
  const Model model = zhang();
  Values values = group_means();
  values["T2star"].unit = "s";
  values["T1_post"].unit = "";
  const Evaluation evaluation = evaluate(model, values);
  EXPECT_THAT(evaluation.refusals,
              ElementsAre("T2*: unit is s, the model wants ms", "T1_post: unit is missing, the model wants ms"));
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.cutoffs, IsEmpty());
}

TEST(Evaluation, RefusesNumbersThatAreNone) {
  const Model model = zhang();
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Values values = group_means();
    values["T2star"].number = bad;
    const Evaluation evaluation = evaluate(model, values);
    EXPECT_THAT(evaluation.refusals, ElementsAre("T2*: not a finite number"));
    EXPECT_THAT(evaluation.branches, IsEmpty());
    EXPECT_THAT(evaluation.cutoffs, SizeIs(1));
  }
}

TEST(Evaluation, RefusesWhatIsBeyondTheHardLimits) {
  const Model model = zhang();
  Values values = group_means();
  values["T1_post"] = measured(20);
  const Evaluation evaluation = evaluate(model, values);
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.refusals,
              ElementsAre("T1_post 20 ms is outside 50 to 3000 ms, beyond which the model is not computed"));
  ASSERT_THAT(evaluation.cutoffs, SizeIs(1));  // no side for a value that is not believed
  EXPECT_EQ(evaluation.cutoffs[0].cutoff->on, "T2star");
}

TEST(Evaluation, RefusesAnAnswerThatIsNone) {
  const Model model = zhang();
  for (const char* answer : {"", "1", "positive", "unknown", "pos neg"}) {
    const Evaluation evaluation = evaluate(model, group_means(), {{"er", answer}});
    EXPECT_THAT(evaluation.branches, IsEmpty()) << answer;
    EXPECT_THAT(evaluation.refusals, ElementsAre("ER: er: expected one of neg, pos")) << answer;
  }
}

TEST(Evaluation, ComputesOutsideTheValidRangeAndSaysSo) {
  const Model model = zhang();
  Values values = group_means();
  values["T2star"] = measured(120);
  const Evaluation evaluation = evaluate(model, values);
  EXPECT_THAT(evaluation.branches, SizeIs(2));
  EXPECT_THAT(evaluation.flags, Contains("T2* 120 ms is outside 15 to 110 ms: extrapolation"));
  EXPECT_THAT(evaluate(model, group_means()).flags, Not(Contains(HasSubstr("extrapolation"))));
}

TEST(Evaluation, CarriesEveryReasonForDoubt) {
  const Model model = zhang();
  const Evaluation evaluation = evaluate(model, group_means());
  EXPECT_THAT(evaluation.flags, Contains(HasSubstr("coefficients are reconstructed: The paper prints no coefficient")));
  EXPECT_THAT(evaluation.flags, Contains("the model does not know HER2-zero"));
  for (const std::string& limit : model.population) EXPECT_THAT(evaluation.flags, Contains(limit));
  for (const std::string& flag : model.flags) EXPECT_THAT(evaluation.flags, Contains(flag));
}

// Exact counts of Zhang's Table 4; two decimals.
TEST(Cutoffs, HaveThePublishedLikelihoodRatios) {
  const struct {
    const char* name;
    const char* unit;
    double positive_side, other_side, ratio, other_ratio;
  } rows[] = {{"T2star", "ms", 60, 30, 4.77, .39},
              {"T1_post", "ms", 600, 400, 2.42, .20},
              {"dT1", "ms", 1000, 1600, 2.12, .20},
              {"dT1_pre", "1", .6, .8, 2.01, .19}};
  const Model model = zhang();
  for (const auto& row : rows) {
    const Evaluation above = evaluate(model, {{row.name, measured(row.positive_side, row.unit)}});
    ASSERT_THAT(above.cutoffs, SizeIs(1)) << row.name;
    EXPECT_TRUE(above.cutoffs[0].positive_side) << row.name;
    EXPECT_NEAR(above.cutoffs[0].likelihood_ratio, row.ratio, .005) << row.name;
    const Evaluation below = evaluate(model, {{row.name, measured(row.other_side, row.unit)}});
    ASSERT_THAT(below.cutoffs, SizeIs(1)) << row.name;
    EXPECT_FALSE(below.cutoffs[0].positive_side) << row.name;
    EXPECT_NEAR(below.cutoffs[0].likelihood_ratio, row.other_ratio, .005) << row.name;
  }
}

TEST(Cutoffs, SayOnWhichSideAValueWasMeasured) {
  const Model model = zhang();
  const auto sentence = [&](const char* name, double value, const char* unit = "ms") {
    return evaluate(model, {{name, measured(value, unit)}}).cutoffs.at(0).sentence;
  };
  EXPECT_EQ(sentence("T2star", 53.233),
            "T2* 53.2 ms > 47.1 ms: measured on the HER2-positive side of the published cut-off; LR+ 4.77 (sensitivity "
            "57/86, "
            "specificity 62/72 for HER2-positive)");
  EXPECT_EQ(
      sentence("T2star", 35.92),
      "T2* 35.9 ms <= 47.1 ms: measured on the HER2-low side of the published cut-off; LR- 0.39 (sensitivity 57/86, "
      "specificity 62/72 for HER2-positive)");
  EXPECT_EQ(sentence("dT1_pre", .6694, "1"),
            "dT1_pre ((T1_pre - T1_post) / T1_pre) 0.669 < 0.749: measured on the HER2-positive side of the published "
            "cut-off; "
            "LR+ 2.01 (sensitivity 77/86, specificity 40/72 for HER2-positive)");
}

TEST(Cutoffs, NeverPrintTwoNumbersThatContradictTheirSide) {
  const Model model = zhang();
  const auto sentence = [&](double value) {
    return evaluate(model, {{"T2star", measured(value)}}).cutoffs.at(0).sentence;
  };
  EXPECT_THAT(sentence(47.1), HasSubstr("T2* 47.1 ms <= 47.1 ms"));
  EXPECT_THAT(sentence(47.1004), HasSubstr("T2* 47.1004 ms > 47.1 ms"));
  EXPECT_THAT(sentence(47.09), HasSubstr("T2* 47.09 ms <= 47.1 ms"));
}

TEST(Cutoffs, MayCountTheOtherClassAsPositive) {
  const Model model = parsed(small_document());
  const Evaluation low = evaluate(model, {{"x", measured(4)}});
  ASSERT_THAT(low.cutoffs, SizeIs(1));
  EXPECT_TRUE(low.cutoffs[0].positive_side);
  EXPECT_NEAR(low.cutoffs[0].likelihood_ratio, .8 / .4, 1e-12);
  EXPECT_THAT(low.cutoffs[0].sentence, HasSubstr("X 4 ms <= 4 ms: measured on the B side"));
  const Evaluation high = evaluate(model, {{"x", measured(5)}});
  EXPECT_THAT(high.cutoffs[0].sentence, HasSubstr("X 5 ms > 4 ms: measured on the A side"));
}

TEST(Cutoffs, OnTheAuthorsProbabilityAreNeverApplied) {
  const Model model = zhang();
  Values values = group_means();
  values["probability"] = measured(.9, "1");
  for (const auto& side : evaluate(model, values, kErNegative).cutoffs) EXPECT_NE(side.cutoff->on, "probability");
  EXPECT_THAT(evaluate(model, values).flags, Contains(HasSubstr("0.702 belongs to the authors'")));
}

TEST(Cutoffs, OfDerivedQuantitiesSayWhyTheyAreNotApplied) {
  const Model model = zhang();
  Values values = group_means();
  values["dT1"] = missing("no T1 map before contrast");
  const Evaluation evaluation = evaluate(model, values);
  EXPECT_THAT(evaluation.flags, Contains("dT1 (T1_pre - T1_post): no cut-off applied: no T1 map before contrast"));
  EXPECT_THAT(evaluation.branches, SizeIs(2));
}

TEST(Status, DecidesWhatMayBeSaid) {
  json document = small_document();
  document["status"] = "do-not-report-probability";
  document["status_reason"] = "made up";
  const Model silent = parsed(document);
  const Evaluation cutoffs_only = evaluate(silent, {{"x", measured(5)}});
  EXPECT_THAT(cutoffs_only.branches, IsEmpty());
  EXPECT_THAT(cutoffs_only.refusals, ElementsAre("no probability is reported for this model: made up"));
  EXPECT_THAT(cutoffs_only.cutoffs, SizeIs(1));

  document["status"] = "disabled";
  const Model disabled = parsed(document);
  const Evaluation nothing = evaluate(disabled, {{"x", measured(5)}});
  EXPECT_THAT(nothing.branches, IsEmpty());
  EXPECT_THAT(nothing.cutoffs, IsEmpty());
  EXPECT_THAT(nothing.refusals, ElementsAre("the model is disabled: made up"));
}

// What a reader sees must not read as a diagnosis.
TEST(Wording, NeverSaysWhatTheLesionIs) {
  const Model model = zhang();
  const Evaluation evaluation = evaluate(model, group_means(), kErNegative);
  for (const auto& side : evaluation.cutoffs) {
    for (const char* word : {"diagnos", "predict", "classif", "lesion is", "tumour is", "likely"})
      EXPECT_THAT(side.sentence, Not(HasSubstr(word)));
  }
}

}  // namespace
