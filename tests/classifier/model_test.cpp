#include "classifier/model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "tests/classifier/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace {

using classifier::Cutoff;
using classifier::Model;
using classifier::parse_model;
using classifier::Provenance;
using classifier_test::error_after;
using classifier_test::error_of;
using classifier_test::error_with;
using classifier_test::small_document;
using classifier_test::zhang;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

const Cutoff& cutoff_on(const Model& model, std::string_view name) {
  for (const Cutoff& cutoff : model.cutoffs)
    if (cutoff.on == name) return cutoff;
  throw std::runtime_error("no such cut-off");
}

TEST(ModelFile, HoldsTheReconstructionOfZhang) {
  const Model model = zhang();
  EXPECT_EQ(model.id, "zhang2026.her2pos_vs_low.er_t2s_t1post");
  EXPECT_EQ(model.positive, "HER2-positive");
  EXPECT_EQ(model.negative, "HER2-low");
  EXPECT_THAT(model.excluded, ElementsAre("HER2-zero"));
  EXPECT_EQ(model.cases, 158);
  EXPECT_EQ(model.positive_cases, 86);
  EXPECT_EQ(model.coefficients_provenance, Provenance::Reconstructed);
  EXPECT_EQ(model.status, "research-uncalibrated");
  ASSERT_THAT(model.predictors, SizeIs(3));
  EXPECT_EQ(model.predictors[0].source, "t2star");
  EXPECT_EQ(model.predictors[1].source, "t1_post");
  EXPECT_EQ(model.predictors[2].source, "pathology");
  EXPECT_FALSE(model.predictors[1].is_fact());
  EXPECT_TRUE(model.predictors[2].is_fact());
  EXPECT_THAT(model.worked, SizeIs(5));
}

// Zhang Table 4 prints three digits; the counts must round to them.
TEST(ModelFile, HasCountsThatGiveThePublishedSensitivitiesAndSpecificities) {
  const struct {
    const char* on;
    double sensitivity, specificity, auc;
  } rows[] = {{"T1_post", .872, .639, .762},
              {"dT1", .884, .583, .672},
              {"dT1_pre", .895, .556, .750},
              {"T2star", .663, .861, .800},
              {"probability", .651, .944, .854}};
  const Model model = zhang();
  ASSERT_THAT(model.cutoffs, SizeIs(std::size(rows) + 2));  // ER and PR count the other class as positive
  for (const auto& row : rows) {
    const Cutoff& cutoff = cutoff_on(model, row.on);
    EXPECT_NEAR(cutoff.sensitivity(), row.sensitivity, .0005) << row.on;
    EXPECT_NEAR(cutoff.specificity(), row.specificity, .0005) << row.on;
    EXPECT_EQ(cutoff.auc, row.auc) << row.on;
    EXPECT_EQ(cutoff.positives, model.positive_cases) << row.on;
    EXPECT_EQ(cutoff.negatives, model.cases - model.positive_cases) << row.on;
    EXPECT_EQ(cutoff.positive, "HER2-positive") << row.on;
  }
}

TEST(ModelFile, SaysThatTheCombinedCutoffBelongsToAnotherModel) {
  EXPECT_THAT(cutoff_on(zhang(), "probability").note, HasSubstr("authors' model"));
}

TEST(ModelFile, IsIdentifiedByItsBytes) {
  const std::string text = small_document().dump();
  const std::string first = parse_model(text, "m.json")->sha256;
  EXPECT_THAT(first, SizeIs(64));
  EXPECT_EQ(first, parse_model(text, "other.json")->sha256);
  EXPECT_NE(first, parse_model(text + "\n", "m.json")->sha256);
}

TEST(ModelFile, NamesFileAndPointerInEveryError) {
  EXPECT_EQ(error_with("/predictors/0/unit", "msec"),
            "m.json:1: /predictors/0/unit: expected one of 1, %, ms, s, 1/s, mm, cm, mm2, mm3, 10-3.mm2/s, 10-6.mm2/s, "
            "a, kg");
  EXPECT_EQ(error_with("/schema", "herald.model/2"), "m.json:1: /schema: expected one of herald.model/1");
  EXPECT_EQ(error_with("/intercept", "-1"), "m.json:1: /intercept: expected a number");
  EXPECT_EQ(error_with("/population/n", 1.5), "m.json:1: /population/n: expected a whole number");
  EXPECT_EQ(error_with("/population/n", -1), "m.json:1: /population/n: expected 0 to 1000000");
  EXPECT_EQ(error_with("/population/n_positive", 10), "m.json:1: /population/n_positive: expected 1 to n - 1");
  EXPECT_EQ(error_with("/population/limits", json::array()),
            "m.json:1: /population/limits: expected one sentence or more");
  EXPECT_EQ(error_with("/flags", "none"), "m.json:1: /flags: expected an array");
  EXPECT_EQ(error_with("/flags", json::array({""})), "m.json:1: /flags/0: expected a text that is not empty");
  EXPECT_EQ(error_with("/task", 3), "m.json:1: /task: expected an object");
  EXPECT_EQ(error_with("/task/negative", "A"), "m.json:1: /task/negative: the same as positive");
  EXPECT_EQ(error_with("/id", "../up"), "m.json:1: /id: expected at most 100 letters, digits and ._-");
  EXPECT_EQ(error_with("/status", "clinical"),
            "m.json:1: /status: expected one of research-uncalibrated, research-calibrated, do-not-report-probability, "
            "disabled");
}

TEST(ModelFile, RefusesKeysThatItDoesNotKnow) {
  EXPECT_EQ(error_with("/prevalence", 0.5), "m.json:1: /prevalence: unknown key");
  EXPECT_EQ(error_with("/predictors/0/transform", "log"), "m.json:1: /predictors/0/transform: unknown key");
  EXPECT_EQ(error_with("/cutoffs/0/a~1b~0c", 1), "m.json:1: /cutoffs/0/a~1b~0c: unknown key");
}

TEST(ModelFile, RefusesWhatIsIncomplete) {
  const json document = small_document();
  for (const auto& [key, value] : document.items()) {
    EXPECT_EQ(error_after([&](json& less) { less.erase(key); }), "m.json:1: /: \"" + key + "\" is missing");
  }
  EXPECT_EQ(error_after([](json& less) { less["predictors"][0].erase("axis"); }),
            "m.json:1: /predictors/0: \"axis\" is missing");
  EXPECT_EQ(error_after([](json& less) { less["predictors"][0].erase("kind"); }),
            "m.json:1: /predictors/0: \"kind\" is missing");
  EXPECT_EQ(error_with("/predictors", json::array()), "m.json:1: /predictors: expected one predictor or more");
  EXPECT_EQ(error_with("/worked", json::array()), "m.json:1: /worked: expected one worked case or more");
}

TEST(ModelFile, RefusesAKeyThatIsThereTwice) {
  std::string text = small_document().dump();
  text.insert(text.find("\"n\":10"), "\"n\":11,");
  EXPECT_EQ(error_of(text), "m.json:1: /population/n: the key is there twice");
}

TEST(ModelFile, RefusesNumbersThatAreNone) {
  const std::string text = small_document().dump();
  const auto with_intercept = [&](const std::string& number) {
    std::string changed = text;
    return error_of(changed.replace(changed.find("\"intercept\":-1.0") + 12, 4, number));
  };
  for (const char* number : {"NaN", "Infinity", "1e999", "-", "01", "0x1"})
    EXPECT_THAT(with_intercept(number), MatchesRegex("m.json(:1)?: not JSON: .*")) << number;
  EXPECT_EQ(with_intercept("null"), "m.json:1: /intercept: expected a number");
  EXPECT_EQ(with_intercept("true"), "m.json:1: /intercept: expected a number");
}

TEST(ModelFile, RefusesWhatIsNotJson) {
  const std::string text = small_document().dump();
  for (const std::string& broken : {std::string(), std::string("[]x"), text + "}", text.substr(0, text.size() / 2),
                                    std::string("{\"a\":\"\xff\"}"), std::string(100000, '[')})
    EXPECT_THAT(error_of(broken), StartsWith("m.json:1: not JSON: "));
  EXPECT_EQ(error_of("[]"), "m.json:1: /: expected an object");
}

TEST(ModelFile, RefusesWhatFollowsANullByte) {
  const std::string text = small_document().dump();
  for (const char* rest : {"", ",", "}", "]]", "\"", "{\"n\""})
    EXPECT_EQ(error_of(text + '\n' + '\0' + rest), "m.json:2: not JSON: a null byte") << rest;
}

TEST(ModelFile, SurvivesEveryTruncation) {
  const std::string text = small_document().dump();
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_model(std::string_view(text).substr(0, size), "m.json")) << size;
}

TEST(ModelFile, RefusesWhatIsTooLarge) {
  const std::string huge(classifier::kLargestModelBytes + 1, ' ');
  EXPECT_EQ(error_of(huge), "m.json: larger than 1048576 bytes");

  const support::TempFolder folder;
  std::ofstream(folder / "huge.json") << huge << huge;
  EXPECT_EQ(classifier::load_model(folder / "huge.json").error().what, "huge.json: larger than 1048576 bytes");
}

TEST(ModelFile, RefusesAFileThatIsNotThere) {
  const support::TempFolder folder;
  EXPECT_EQ(classifier::load_model(folder / "none.json").error().what, "none.json: no such file");
  EXPECT_EQ(classifier::load_model(folder.path()).error().what.substr(folder.path().filename().string().size()),
            ": no such file");
}

TEST(ModelFile, RefusesPredictorsThatContradictThemselves) {
  EXPECT_EQ(error_with("/predictors/0/valid_range", json::array({5, 5})),
            "m.json:1: /predictors/0/valid_range: expected low < high");
  EXPECT_EQ(error_with("/predictors/0/axis", json::array({5})), "m.json:1: /predictors/0/axis: expected [low, high]");
  EXPECT_EQ(error_with("/predictors/0/hard_limits", json::array({1, 20})),
            "m.json:1: /predictors/0/hard_limits: must enclose valid_range");
  EXPECT_EQ(error_after([](json& d) { d["predictors"].push_back(d["predictors"][0]); }),
            "m.json:1: /predictors/1/name: a predictor of this name is there already");
  EXPECT_EQ(error_with("/coefficients/y", 1), "m.json:1: /coefficients/y: no predictor of this name");
  EXPECT_EQ(error_with("/coefficients", json::object()), "m.json:1: /coefficients: \"x\" is missing");
  EXPECT_EQ(error_with("/coefficients/x", 0), "m.json:1: /coefficients: all predictors are without effect");
}

TEST(ModelFile, RefusesCutoffsThatContradictThemselves) {
  EXPECT_EQ(error_with("/cutoffs/0/unit", "s"), "m.json:1: /cutoffs/0/unit: the predictor's unit is ms");
  EXPECT_EQ(error_with("/cutoffs/0/positive", "C"), "m.json:1: /cutoffs/0/positive: expected A or B");
  EXPECT_EQ(error_with("/cutoffs/0/relation", "=="), "m.json:1: /cutoffs/0/relation: expected one of >, >=, <, <=");
  EXPECT_EQ(error_with("/cutoffs/0/auc", 0.4), "m.json:1: /cutoffs/0/auc: expected 0.5 to 1");
  EXPECT_EQ(error_with("/cutoffs/0/counts/true_positive", 6),
            "m.json:1: /cutoffs/0/counts/true_positive: more than positives, or none");
  EXPECT_EQ(
      error_with("/cutoffs/0/counts/true_negative", 5),
      "m.json:1: /cutoffs/0/counts/true_negative: expected 1 to negatives - 1, else a likelihood ratio is infinite");
}

TEST(ModelFile, RefusesCoefficientsThatDoNotGiveTheWorkedCases) {
  EXPECT_EQ(error_with("/intercept", -1.000001),
            "m.json:1: /worked/0/linear_predictor: the coefficients give -0.000001");
  EXPECT_EQ(error_with("/worked/0/probability", 0.500001),
            "m.json:1: /worked/0/probability: the coefficients give 0.500000");
  EXPECT_EQ(error_with("/worked/0/inputs/y", 1), "m.json:1: /worked/0/inputs/y: no predictor of this name");
  EXPECT_EQ(error_with("/worked/0/inputs", json::object()),
            "m.json:1: /worked/0/inputs: expected a value for each predictor");
}

}  // namespace
