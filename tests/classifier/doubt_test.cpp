// Intervals, local calibration, standard deviations, and variants of one model that disagree.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/classifier/models.h"

namespace {

using classifier::disagreements;
using classifier::Evaluation;
using classifier::Model;
using classifier::parse_model;
using classifier::Values;
using classifier_test::error_of;
using classifier_test::parsed;
using classifier_test::shipped;
using classifier_test::small_document;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Values x(double number) { return {{"x", {number, "ms", ""}}}; }

// linear predictor = x - 1; variances 0.04 and 0.01, covariance -0.01.
json with_covariance() {
  json document = small_document();
  document["vcov"] = {{"terms", {"x", "intercept"}}, {"matrix", {{0.01, -0.01}, {-0.01, 0.04}}}};
  return document;
}

// By hand, at x = 3: lp 2, x'Vx = 9 * 0.01 - 2 * 3 * 0.01 + 0.04 = 0.07, lp -+ 1.96 * 0.264575 = 1.481433, 2.518567.
TEST(Interval, IsTheOneComputedByHand) {
  const Model model = parsed(with_covariance());
  const Evaluation evaluation = evaluate(model, x(3));
  ASSERT_THAT(evaluation.branches, SizeIs(1));
  ASSERT_TRUE(evaluation.branches[0].interval);
  EXPECT_NEAR(evaluation.branches[0].interval->first, 0.814789, 1e-6);
  EXPECT_NEAR(evaluation.branches[0].interval->second, 0.925433, 1e-6);
  EXPECT_THAT(evaluation.flags, Not(Contains(HasSubstr("no interval"))));
}

// With the fact's level: x'Vx = 0.07 + 0.25 with the covariance of the level with all others 0.
TEST(Interval, CountsTheLevelsOfFacts) {
  json document = with_covariance();
  document["predictors"].push_back(json::parse(R"({"name": "ER", "title": "ER", "kind": "binary",
      "source": "pathology", "fact": "er", "unit": "1", "levels": [
      {"name": "neg", "title": "ER negative", "answers": ["neg"]},
      {"name": "pos", "title": "ER positive", "answers": ["pos"]}]})"));
  document["coefficients"]["ER"] = {{"neg", 0}, {"pos", -2}};
  document["provenance"]["numbers"]["ER/pos"] = {{"provenance", "published"}, {"method", "Table 1"}};
  document["worked"][0]["inputs"]["ER"] = "neg";
  document["vcov"] = {{"terms", {"x", "intercept", "ER/pos"}},
                      {"matrix", {{0.01, -0.01, 0}, {-0.01, 0.04, 0}, {0, 0, 0.25}}}};
  const Model model = parsed(document);
  const Evaluation evaluation = evaluate(model, x(3));
  ASSERT_THAT(evaluation.branches, SizeIs(2));
  const auto width = [&](std::size_t branch) {
    const auto logit = [](double p) { return std::log(p / (1 - p)); };
    const auto& [low, high] = *evaluation.branches[branch].interval;
    return logit(high) - logit(low);
  };
  EXPECT_NEAR(width(0), 2 * 1.96 * std::sqrt(0.07), 1e-9);
  EXPECT_NEAR(width(1), 2 * 1.96 * std::sqrt(0.32), 1e-9);
}

TEST(Interval, IsNotInventedWithoutTheCovariance) {
  json document = small_document();
  document["coefficient_sd"] = {{"method", "Simulated."}, {"numbers", {{"x", 0.1}, {"intercept", 0.25}}}};
  const Model model = parsed(document);
  const Evaluation evaluation = evaluate(model, x(3));
  EXPECT_FALSE(evaluation.branches.at(0).interval);
  EXPECT_THAT(evaluation.flags, Contains("no interval: the covariance of the coefficients is not known; standard "
                                         "deviations: intercept 0.25, x 0.1. Simulated."));
}

TEST(Covariance, IsRefusedWhenItIsNone) {
  json document = with_covariance();
  document["vcov"]["matrix"][0][1] = -0.02;
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/matrix: not symmetric and positive definite");
  document["vcov"]["matrix"][0][1] = document["vcov"]["matrix"][1][0] = 0.02;  // |r| = 1
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/matrix: not symmetric and positive definite");
  document["vcov"]["matrix"] = {{-0.01, 0}, {0, 0.04}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/matrix: not symmetric and positive definite");
  document["vcov"]["matrix"] = {{0.01, 0}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/matrix: expected 2 rows");
  document["vcov"]["matrix"] = {{0.01}, {0.04}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/matrix/0: expected 2 numbers");
  document["vcov"]["terms"] = {"x", "x"};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /vcov/terms: expected intercept, x");
}

TEST(Covariance, MakesStandardDeviationsSuperfluous) {
  json document = with_covariance();
  document["coefficient_sd"] = {{"method", "m"}, {"numbers", {{"x", 0.1}}}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /coefficient_sd: vcov holds the variances already");
  document.erase("vcov");
  document["coefficient_sd"]["numbers"]["y"] = 1;
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /coefficient_sd/numbers/y: expected one of intercept, x");
  document["coefficient_sd"]["numbers"] = {{"x", 0}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /coefficient_sd/numbers/x: expected more than 0");
}

json calibrated() {
  json document = with_covariance();
  document["status"] = "research-calibrated";
  document["calibration"] = {{"a", -0.5}, {"b", 0.8}, {"source", "audit"}, {"date", "2026-11-01"}, {"n", 120}};
  return document;
}

TEST(Calibration, MovesProbabilityAndIntervalAndIsSaid) {
  const Model model = parsed(calibrated());
  const Evaluation evaluation = evaluate(model, x(3));
  const auto& branch = evaluation.branches.at(0);
  const auto logistic = [](double lp) { return 1 / (1 + std::exp(-lp)); };
  EXPECT_NEAR(branch.linear_predictor, 2, 1e-12);
  EXPECT_NEAR(branch.probability, logistic(-0.5 + 0.8 * 2), 1e-12);
  EXPECT_NEAR(branch.interval->first, logistic(-0.5 + 0.8 * (2 - 1.96 * std::sqrt(0.07))), 1e-12);
  EXPECT_EQ(branch.probability_label, "research, calibrated on 120 local cases");
  EXPECT_THAT(evaluation.flags, Contains("calibrated on local cases (audit, 2026-11-01)"));
}

TEST(Calibration, IsRefusedOnTooFewCases) {
  json document = calibrated();
  document["calibration"]["n"] = 99;
  EXPECT_EQ(error_of(document.dump()),
            "m.json:1: /calibration/n: expected 100 cases or more for this kind of calibration");
  document["calibration"]["b"] = 1;
  EXPECT_EQ(error_of(document.dump()), "no error");
  document["calibration"]["n"] = 49;
  EXPECT_EQ(error_of(document.dump()),
            "m.json:1: /calibration/n: expected 50 cases or more for this kind of calibration");
  document["calibration"]["b"] = 0;
  EXPECT_EQ(error_of(document.dump()),
            "m.json:1: /calibration/b: expected more than 0, else the order of the cases is lost");
}

TEST(Calibration, AndTheStatusBelongTogether) {
  json document = calibrated();
  document["status"] = "research-uncalibrated";
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /status: research-calibrated and a calibration come together");
  document = small_document();
  document["status"] = "research-calibrated";
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /status: research-calibrated and a calibration come together");
}

Values symri_values(double adc, double diameter, double t2) {
  return {{"ADC", {adc, "10-3.mm2/s", ""}}, {"max_diameter", {diameter, "mm", ""}}, {"T2_pre", {t2, "ms", ""}}};
}

TEST(Variants, ThatDisagreeAreSaid) {
  const Model literal = classifier_test::symri_literal();
  const Model table3 = classifier_test::symri_table3();
  EXPECT_EQ(table3.variant_of, literal.id);
  // A long T2 drives the literal reading: 0.998 against 0.404 by hand.
  const Values tail = symri_values(0.95, 23, 130);
  const std::vector<Evaluation> both{evaluate(literal, tail, {{"enhancement", "homogeneous"}}),
                                     evaluate(table3, tail, {{"enhancement", "homogeneous"}})};
  EXPECT_THAT(disagreements(both),
              ElementsAre("the variants of this model disagree with homogeneous enhancement (paper: I): > 0.99 "
                          "(symri2025.her2pos.published_literal; research, uncalibrated) and 0.40 "
                          "(symri2025.her2pos.table3_reconstruction; research, uncalibrated)"));
  const std::vector<Evaluation> open{evaluate(literal, tail), evaluate(table3, tail)};
  EXPECT_THAT(disagreements(open), Not(IsEmpty()));
  EXPECT_THAT(disagreements(open), testing::Each(HasSubstr("disagree if ")));
}

TEST(Variants, ThatAgreeAreLeftInPeace) {
  const Model literal = classifier_test::symri_literal();
  const Model table3 = classifier_test::symri_table3();
  const Values centre = symri_values(1.011, 26.28, 84.7);
  const classifier::Facts facts{{"enhancement", "heterogeneous"}};
  EXPECT_THAT(disagreements({evaluate(literal, centre, facts), evaluate(table3, centre, facts)}), IsEmpty());
  EXPECT_THAT(disagreements({evaluate(literal, centre, facts)}), IsEmpty());
  EXPECT_THAT(disagreements({evaluate(literal, {}, facts), evaluate(table3, centre, facts)}), IsEmpty());
}

TEST(Variants, AreNotLookedForInOtherModels) {
  json document = small_document();
  const Model one = parsed(document);
  document["id"] = "other";
  document["intercept"] = -5.0;
  document["worked"][0]["linear_predictor"] = -4.0;
  document["worked"][0]["probability"] = 1 / (1 + std::exp(4.0));
  const Model other = parsed(document);
  document["id"] = "third";
  document["variant_of"] = "small";
  const Model variant = parsed(document);
  EXPECT_THAT(disagreements({evaluate(one, x(3)), evaluate(other, x(3))}), IsEmpty());
  EXPECT_THAT(disagreements({evaluate(one, x(3)), evaluate(variant, x(3))}), SizeIs(1));
  document["variant_of"] = "third";
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /variant_of: the model itself");
}

}  // namespace
