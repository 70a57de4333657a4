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
using classifier_test::small_document;
using classifier_test::zhang;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string error_of(std::string_view text) {
  const auto model = parse_model(text, "m.json");
  return model ? "no error" : model.error().what;
}

// The error after one change of the small model.
std::string error_after(const std::function<void(json&)>& change) {
  json document = small_document();
  change(document);
  return error_of(document.dump());
}

// And after setting what a pointer names.
std::string error_with(const std::string& pointer, const json& value) {
  return error_after([&](json& document) { document[json::json_pointer(pointer)] = value; });
}

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

TEST(ModelFile, IsNamedAfterItsId) { EXPECT_EQ(classifier_test::zhang_file().stem().string(), zhang().id); }

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
  ASSERT_THAT(model.cutoffs, SizeIs(std::size(rows)));
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
  EXPECT_EQ(
      error_with("/predictors/0/unit", "msec"),
      "m.json: /predictors/0/unit: expected one of 1, %, ms, s, 1/s, mm, cm, mm2, mm3, 10-3.mm2/s, 10-6.mm2/s, a, kg");
  EXPECT_EQ(error_with("/schema", "herald.model/2"), "m.json: /schema: expected one of herald.model/1");
  EXPECT_EQ(error_with("/intercept", "-1"), "m.json: /intercept: expected a number");
  EXPECT_EQ(error_with("/population/n", 1.5), "m.json: /population/n: expected a whole number");
  EXPECT_EQ(error_with("/population/n", -1), "m.json: /population/n: expected 0 to 1000000");
  EXPECT_EQ(error_with("/population/n_positive", 10), "m.json: /population/n_positive: expected less than n");
  EXPECT_EQ(error_with("/population/limits", json::array()),
            "m.json: /population/limits: expected one sentence or more");
  EXPECT_EQ(error_with("/flags", "none"), "m.json: /flags: expected an array");
  EXPECT_EQ(error_with("/flags", json::array({""})), "m.json: /flags/0: expected a text that is not empty");
  EXPECT_EQ(error_with("/task", 3), "m.json: /task: expected an object");
  EXPECT_EQ(error_with("/task/negative", "A"), "m.json: /task/negative: the same as positive");
  EXPECT_EQ(error_with("/id", "../up"), "m.json: /id: expected at most 100 letters, digits and ._-");
  EXPECT_EQ(error_with("/status", "clinical"),
            "m.json: /status: expected one of research-uncalibrated, do-not-report-probability, disabled");
}

TEST(ModelFile, RefusesKeysThatItDoesNotKnow) {
  EXPECT_EQ(error_with("/prevalence", 0.5), "m.json: /prevalence: unknown key");
  EXPECT_EQ(error_with("/predictors/0/transform", "log"), "m.json: /predictors/0/transform: unknown key");
  EXPECT_EQ(error_with("/cutoffs/0/a~1b~0c", 1), "m.json: /cutoffs/0/a~1b~0c: unknown key");
}

TEST(ModelFile, RefusesWhatIsIncomplete) {
  const json document = small_document();
  for (const auto& [key, value] : document.items()) {
    EXPECT_EQ(error_after([&](json& less) { less.erase(key); }), "m.json: /: \"" + key + "\" is missing");
  }
  EXPECT_EQ(error_after([](json& less) { less["predictors"][0].erase("axis"); }),
            "m.json: /predictors/0: \"axis\" is missing");
  EXPECT_EQ(error_after([](json& less) { less["predictors"][0].erase("kind"); }),
            "m.json: /predictors/0: \"kind\" is missing");
  EXPECT_EQ(error_with("/predictors", json::array()), "m.json: /predictors: expected one predictor or more");
  EXPECT_EQ(error_with("/worked", json::array()), "m.json: /worked: expected one worked case or more");
}

TEST(ModelFile, RefusesAKeyThatIsThereTwice) {
  std::string text = small_document().dump();
  text.insert(text.find("\"n\":10"), "\"n\":11,");
  EXPECT_EQ(error_of(text), "m.json: /population/n: the key is there twice");
}

TEST(ModelFile, RefusesNumbersThatAreNone) {
  const std::string text = small_document().dump();
  const auto with_intercept = [&](const std::string& number) {
    std::string changed = text;
    return error_of(changed.replace(changed.find("\"intercept\":-1.0") + 12, 4, number));
  };
  for (const char* number : {"NaN", "Infinity", "1e999", "-", "01", "0x1"})
    EXPECT_THAT(with_intercept(number), StartsWith("m.json: not JSON: ")) << number;
  EXPECT_EQ(with_intercept("null"), "m.json: /intercept: expected a number");
  EXPECT_EQ(with_intercept("true"), "m.json: /intercept: expected a number");
}

TEST(ModelFile, RefusesWhatIsNotJson) {
  const std::string text = small_document().dump();
  for (const std::string& broken : {std::string(), std::string("[]x"), text + "}", text.substr(0, text.size() / 2),
                                    std::string("{\"a\":\"\xff\"}"), std::string(100000, '[')})
    EXPECT_THAT(error_of(broken), StartsWith("m.json: not JSON: "));
  EXPECT_EQ(error_of("[]"), "m.json: /: expected an object");
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
            "m.json: /predictors/0/valid_range: expected low < high");
  EXPECT_EQ(error_with("/predictors/0/axis", json::array({5})), "m.json: /predictors/0/axis: expected [low, high]");
  EXPECT_EQ(error_with("/predictors/0/hard_limits", json::array({1, 20})),
            "m.json: /predictors/0/hard_limits: must enclose valid_range");
  EXPECT_EQ(error_after([](json& d) { d["predictors"].push_back(d["predictors"][0]); }),
            "m.json: /predictors/1/name: a predictor of this name is there already");
  EXPECT_EQ(error_with("/coefficients/y", 1), "m.json: /coefficients/y: no predictor of this name");
  EXPECT_EQ(error_with("/coefficients", json::object()), "m.json: /coefficients: \"x\" is missing");
  EXPECT_EQ(error_with("/coefficients/x", 0), "m.json: /coefficients: all predictors are without effect");
}

TEST(ModelFile, RefusesCutoffsThatContradictThemselves) {
  EXPECT_EQ(error_with("/cutoffs/0/unit", "s"), "m.json: /cutoffs/0/unit: the predictor's unit is ms");
  EXPECT_EQ(error_with("/cutoffs/0/positive", "C"), "m.json: /cutoffs/0/positive: expected A or B");
  EXPECT_EQ(error_with("/cutoffs/0/relation", "=="), "m.json: /cutoffs/0/relation: expected one of >, >=, <, <=");
  EXPECT_EQ(error_with("/cutoffs/0/auc", 0.4), "m.json: /cutoffs/0/auc: expected 0.5 to 1");
  EXPECT_EQ(error_with("/cutoffs/0/counts/true_positive", 6),
            "m.json: /cutoffs/0/counts/true_positive: more than positives, or none");
  EXPECT_EQ(
      error_with("/cutoffs/0/counts/true_negative", 5),
      "m.json: /cutoffs/0/counts/true_negative: expected 1 to negatives - 1, else a likelihood ratio is infinite");
}

TEST(ModelFile, RefusesFactsWithoutProperLevels) {
  const auto with_levels = [](const json& levels, const char* kind) {
    return error_after([&](json& d) {
      d["predictors"].push_back(
          {{"name", "f"}, {"title", "F"}, {"kind", kind}, {"source", "reader"}, {"unit", "1"}, {"levels", levels}});
    });
  };
  EXPECT_EQ(with_levels({{"0", "no"}}, "binary"),
            "m.json: /predictors/1/levels: a binary predictor has the levels 0 and 1");
  EXPECT_EQ(with_levels({{"1", "no"}}, "categorical"), "m.json: /predictors/1/levels: expected two or more levels");
  EXPECT_EQ(with_levels({{"no", "no"}}, "binary"), "m.json: /predictors/1/levels/no: expected a level, 0 to 99");
  EXPECT_EQ(with_levels({{"0", "no"}, {"1", ""}}, "binary"),
            "m.json: /predictors/1/levels/1: expected a text that is not empty");
}

TEST(ModelFile, RefusesCoefficientsThatDoNotGiveTheWorkedCases) {
  EXPECT_EQ(error_with("/intercept", -1.000001), "m.json: /worked/0/linear_predictor: the coefficients give -0.000001");
  EXPECT_EQ(error_with("/worked/0/probability", 0.500001),
            "m.json: /worked/0/probability: the coefficients give 0.500000");
  EXPECT_EQ(error_with("/worked/0/inputs/y", 1), "m.json: /worked/0/inputs/y: no predictor of this name");
  EXPECT_EQ(error_with("/worked/0/inputs", json::object()),
            "m.json: /worked/0/inputs: expected a value for each predictor");
}

// Independent predictions, made when the coefficients were reconstructed; printed with six decimals.
TEST(ModelFile, GivesTheGoldenPredictionsOfZhang) {
  HERALD_NEEDS_DATA("models/golden_predictions.csv");
  std::ifstream file(support::test_data() / "models/golden_predictions.csv");
  const Model model = zhang();
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(model.id)) continue;
    std::string inputs = line.substr(line.find('{'), line.find('}') - line.find('{') + 1);
    for (std::size_t at; (at = inputs.find("\"\"")) != std::string::npos;) inputs.erase(at, 1);
    const json x = json::parse(inputs);
    double linear = model.intercept;
    for (const auto& predictor : model.predictors) linear += predictor.coefficient * x[predictor.name].get<double>();
    double expected_linear = 0, expected_probability = 0;
    ASSERT_EQ(std::sscanf(line.c_str() + line.find("}\",") + 3, "%lf,%lf", &expected_linear, &expected_probability), 2);
    EXPECT_NEAR(linear, expected_linear, .51e-6);
    EXPECT_NEAR(1 / (1 + std::exp(-linear)), expected_probability, .51e-6);
    ++compared;
  }
  EXPECT_EQ(compared, 5);
}

}  // namespace
