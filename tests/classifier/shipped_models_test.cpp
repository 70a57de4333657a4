// The models of the four papers: golden predictions, nomogram points, exact counts, and what each of them will not do.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>

#include "classifier/linear.h"
#include "tests/classifier/models.h"
#include "tests/support/test_data.h"

namespace {

namespace fs = std::filesystem;
using classifier::Cutoff;
using classifier::Evaluation;
using classifier::Facts;
using classifier::Model;
using classifier::nomogram_scale;
using classifier::Provenance;
using classifier::Values;
using classifier_test::asked;
using classifier_test::model_folder;
using classifier_test::shipped;
using nlohmann::json;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<Model> all_models() {
  std::vector<Model> models;
  for (const auto& entry : fs::directory_iterator(model_folder())) models.push_back(shipped(entry.path().stem()));
  return models;
}

TEST(ShippedModels, AreNamedAfterTheirIds) {
  std::vector<std::string> ids;
  for (const auto& entry : fs::directory_iterator(model_folder())) {
    const auto model = classifier::load_model(entry.path());
    ASSERT_TRUE(model) << model.error().what;
    EXPECT_EQ(entry.path().stem().string(), model->id);
    ids.push_back(model->id);
  }
  EXPECT_THAT(
      ids, testing::UnorderedElementsAre(
               "li2026.ihc2plus.clinical_imaging", "li2026.ihc2plus.radiomics", "shen2025.mass.low_vs_over.qualitative",
               "shen2025.mass.low_vs_zero.qualitative", "shen2025.nme.over_vs_low.cutoffs",
               "symri2025.her2low_vs_zero.published_literal", "symri2025.her2pos.published_literal",
               "symri2025.her2pos.table3_reconstruction", "zhang2026.her2pos_vs_low.er_t2s_t1post"));
}

TEST(ShippedModels, SayForEveryNumberHowItCameAbout) {
  for (const Model& model : all_models()) {
    EXPECT_EQ(model.origins.empty(), model.predictors.empty()) << model.id;
    for (const auto& [name, origin] : model.origins) EXPECT_FALSE(origin.method.empty()) << model.id << " " << name;
    for (const auto& condition : model.conditions) EXPECT_FALSE(condition.why.empty()) << model.id;
    EXPECT_FALSE(model.calibration) << "what is shipped is calibrated nowhere";
    EXPECT_THAT(model.conditions, Not(IsEmpty())) << model.id;
  }
  EXPECT_EQ(classifier_test::symri_literal().origins.at("ADC").provenance, Provenance::Published);
  EXPECT_EQ(classifier_test::symri_literal().origins.at("intercept").provenance, Provenance::Reconstructed);
  EXPECT_EQ(classifier_test::symri_literal().origins.at("enhancement_pattern/rim").provenance, Provenance::Published);
  EXPECT_EQ(classifier_test::symri_literal().origins.at("enhancement_pattern/heterogeneous").provenance,
            Provenance::Reconstructed);
}

TEST(ShippedModels, LoadForTheResultsOfTheirRecipes) {
  const auto error = [](const char* id, const classifier::Sources& known) {
    const auto model = classifier::load_model(model_folder() / (std::string(id) + ".json"), known);
    return model ? "no error" : model.error().what;
  };
  EXPECT_EQ(error("zhang2026.her2pos_vs_low.er_t2s_t1post", {"t1_pre", "t1_post", "t2star"}), "no error");
  EXPECT_EQ(error("symri2025.her2pos.published_literal", {"symri_pre", "symri_pre_t2", "dwi"}), "no error");
  EXPECT_EQ(error("symri2025.her2low_vs_zero.published_literal", {"dwi"}), "no error");
  EXPECT_EQ(error("shen2025.nme.over_vs_low.cutoffs", {"dwi", "dwi_d", "dwi_k"}), "no error");
  EXPECT_EQ(error("shen2025.mass.low_vs_zero.qualitative", {"dce"}), "no error");
  EXPECT_THAT(error("shen2025.nme.over_vs_low.cutoffs", {"dwi"}), HasSubstr("the recipe gives no dwi_d"));
}

// The golden file was written with the papers' codes; ours are names.
double coded(const classifier::Predictor& predictor, const json& value) {
  if (!predictor.is_fact()) return value.get<double>();
  static const std::map<std::string, std::string> kPattern{
      {"I", "homogeneous"}, {"II", "heterogeneous"}, {"III", "rim"}};
  const std::string name = value.is_string()          ? kPattern.at(value)
                           : predictor.fact == "er"   ? (value == 1 ? "pos" : "neg")
                           : predictor.fact == "ki67" ? (value == 1 ? "high" : "low")
                                                      : (value == 1 ? "yes" : "no");
  const auto level = std::ranges::find(predictor.meanings, name, &classifier::Level::name);
  EXPECT_NE(level, predictor.meanings.end()) << name;
  return static_cast<double>(level - predictor.meanings.begin());
}

struct GoldenRow {
  std::string model;
  json inputs;
  double linear = 0, probability = 0;
};
std::vector<GoldenRow> golden_rows() {
  std::ifstream file(support::test_data() / "models/golden_predictions.csv");
  std::vector<GoldenRow> rows;
  std::string line;
  std::getline(file, line);  // the names of the columns
  while (std::getline(file, line)) {
    GoldenRow row;
    row.model = line.substr(0, line.find(','));
    std::string inputs = line.substr(line.find('{'), line.find('}') - line.find('{') + 1);
    for (std::size_t at; (at = inputs.find("\"\"")) != std::string::npos;) inputs.erase(at, 1);
    row.inputs = json::parse(inputs);
    EXPECT_EQ(std::sscanf(line.c_str() + line.find("}\",") + 3, "%lf,%lf", &row.linear, &row.probability), 2);
    rows.push_back(std::move(row));
  }
  return rows;
}

// Independent predictions, made when the coefficients were reconstructed; printed with six decimals.
TEST(ShippedModels, GiveTheGoldenPredictions) {
  HERALD_NEEDS_DATA("models/golden_predictions.csv");
  const std::vector<GoldenRow> rows = golden_rows();
  ASSERT_THAT(rows, SizeIs(17));
  for (const GoldenRow& row : rows) {
    const Model model = shipped(row.model);
    std::map<std::string, double> inputs;
    for (const auto& predictor : model.predictors)
      inputs[predictor.name] = coded(predictor, row.inputs.at(predictor.name));
    const double linear = classifier::linear_predictor(model, inputs);
    EXPECT_NEAR(linear, row.linear, .51e-6) << row.model << row.inputs;
    EXPECT_NEAR(classifier::logistic(linear), row.probability, .51e-6) << row.model << row.inputs;
    if (model.status != "research-uncalibrated") continue;
    const auto [values, facts] = asked(model, inputs);
    const Evaluation evaluation = evaluate(model, values, facts);
    ASSERT_THAT(evaluation.branches, SizeIs(1)) << row.model;
    EXPECT_NEAR(evaluation.branches[0].probability, row.probability, .51e-6) << row.model;
    EXPECT_EQ(evaluation.branches[0].probability_label, "research, uncalibrated");
  }
}

// Golden numbers of R's rms::nomogram on these axes; tolerances are half of the last printed digit.
TEST(ShippedModels, HaveThePointsOfRmsForSymri) {
  const Model model = classifier_test::symri_literal();
  const auto scale = nomogram_scale(model);
  EXPECT_NEAR(scale.points_per_logit, 6.944, .0005);
  EXPECT_NEAR(scale.intercept, -10.799, .0005);
  EXPECT_NEAR(-scale.intercept * scale.points_per_logit, 75.0, .05);  // p = .5
  const Values top{{"ADC", {1.8, "10-3.mm2/s", ""}}, {"max_diameter", {60, "mm", ""}}, {"T2_pre", {140, "ms", ""}}};
  const Evaluation evaluation = evaluate(model, top);
  ASSERT_THAT(evaluation.branches, SizeIs(3));
  EXPECT_NEAR(evaluation.branches[0].points[0].points, 16.9, .05);
  EXPECT_NEAR(evaluation.branches[0].points[1].points, 88.4, .05);
  EXPECT_NEAR(evaluation.branches[0].points[2].points, 100, 1e-9);
  EXPECT_NEAR(evaluation.branches[0].points[3].points, 0, 1e-12);
  EXPECT_NEAR(evaluation.branches[1].points[3].points, 9.3, .05);
  EXPECT_NEAR(evaluation.branches[2].points[3].points, 4.1, .05);
}

TEST(ShippedModels, TakeDiffusionInTheUnitOfTheMaps) {
  const Model model = classifier_test::symri_literal();
  const auto with_adc = [&](double adc, const char* unit) {
    return evaluate(model, {{"ADC", {adc, unit, ""}}, {"max_diameter", {22, "mm", ""}}, {"T2_pre", {78, "ms", ""}}},
                    {{"enhancement", "homogeneous"}});
  };
  EXPECT_EQ(with_adc(940, "10-6.mm2/s").branches.at(0).linear_predictor,
            with_adc(.94, "10-3.mm2/s").branches.at(0).linear_predictor);
  EXPECT_THAT(with_adc(940, "10-3.mm2/s").refusals,
              ElementsAre("ADC 940 x 10-3 mm2/s is outside 0.05 to 3.5 x 10-3 mm2/s, beyond which the model is not "
                          "computed"));
  EXPECT_THAT(with_adc(.94, "mm2").refusals, ElementsAre("ADC: unit is mm2, the model wants 10-3.mm2/s"));
}

TEST(ShippedModels, OpenABranchPerPatternByName) {
  const Model model = classifier_test::symri_literal();
  const auto values = asked(model, model.worked[0].inputs).values;
  const Evaluation open = evaluate(model, values);
  ASSERT_THAT(open.branches, SizeIs(3));
  for (std::size_t place = 0; place < 3; ++place) {
    const Facts facts{{"enhancement", model.predictors[3].meanings[place].name}};
    EXPECT_EQ(evaluate(model, values, facts).branches.at(0).linear_predictor, open.branches[place].linear_predictor);
  }
  EXPECT_EQ(open.branches[2].label, "if rim enhancement (paper: III)");
}

TEST(ShippedModels, NeverGiveAProbabilityOfHer2LowAgainstZeroBySymri) {
  const Model model = shipped("symri2025.her2low_vs_zero.published_literal");
  const Evaluation evaluation =
      evaluate(model, {{"ADC", {951, "10-6.mm2/s", ""}}, {"PD_delta", {-.13, "1", ""}}}, {}, {.field_strength_t = 3});
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.refusals, ElementsAre(HasSubstr("no probability is reported for this model: over the whole")));
}

TEST(ShippedModels, OfShenOpenEightBranchesAtMost) {
  const Model model = shipped("shen2025.mass.low_vs_zero.qualitative");
  EXPECT_THAT(evaluate(model, {}).branches, SizeIs(8));
  const Evaluation evaluation =
      evaluate(model, {}, {{"shape", "oval"}, {"margin", "spiculated"}, {"t2_hyperintense", "no"}, {"lesion", "mass"}});
  ASSERT_THAT(evaluation.branches, SizeIs(1));
  EXPECT_NEAR(evaluation.branches[0].linear_predictor, -1.647 + .757, 1e-12);
  EXPECT_EQ(evaluation.branches[0].label,
            "with oval or round shape, with margin not circumscribed, with no intratumoral T2 hyperintensity");
}

// Tables 4 of Zhang (ER, PR) and Shen print three and four digits; the counts must round to them.
TEST(ShippedModels, HaveExactCounts) {
  const struct {
    const char* model;
    const char* on;
    double sensitivity, specificity, ratio, other_ratio;
  } rows[] = {{"zhang2026.her2pos_vs_low.er_t2s_t1post", "ER", .722, .512, 1.48, .54},
              {"zhang2026.her2pos_vs_low.er_t2s_t1post", "PR", .556, .651, 1.59, .68},
              {"shen2025.nme.over_vs_low.cutoffs", "ADC_mean", .9512, .3889, 1.56, .13},
              {"shen2025.nme.over_vs_low.cutoffs", "ADC_median", .9512, .3889, 1.56, .13},
              {"shen2025.nme.over_vs_low.cutoffs", "ADC_p5", .9024, .5556, 2.03, .18},
              {"shen2025.nme.over_vs_low.cutoffs", "D_mean", .9024, .4444, 1.62, .22},
              {"shen2025.nme.over_vs_low.cutoffs", "D_median", .7805, .5833, 1.87, .38},
              {"shen2025.nme.over_vs_low.cutoffs", "D_p5", .9268, .5, 1.85, .15},
              {"shen2025.nme.over_vs_low.cutoffs", "K_mean", .7805, .5833, 1.87, .38},
              {"shen2025.nme.over_vs_low.cutoffs", "K_median", .7561, .6111, 1.94, .40},
              {"shen2025.nme.over_vs_low.cutoffs", "K_p95", .8780, .5278, 1.86, .23},
              {"shen2025.nme.over_vs_low.cutoffs", "K_entropy", .6585, .9167, 7.90, .37}};
  for (const auto& row : rows) {
    const Model model = shipped(row.model);
    const auto found = std::ranges::find(model.cutoffs, row.on, &Cutoff::on);
    ASSERT_NE(found, model.cutoffs.end()) << row.on;
    EXPECT_NEAR(found->sensitivity(), row.sensitivity, .0005) << row.on;
    EXPECT_NEAR(found->specificity(), row.specificity, .0005) << row.on;
    EXPECT_NEAR(found->positive_likelihood_ratio(), row.ratio, .005) << row.on;
    EXPECT_NEAR(found->negative_likelihood_ratio(), row.other_ratio, .005) << row.on;
  }
}

TEST(ShippedModels, OfZhangCountErPositiveForHer2Low) {
  const Model model = classifier_test::zhang();
  const auto sides = [&](const Facts& facts) { return evaluate(model, {}, facts).cutoffs; };
  const auto positive = sides({{"er", "pos"}});
  ASSERT_THAT(positive, SizeIs(1));
  EXPECT_EQ(positive[0].sentence,
            "ER: stated, on the HER2-low side of the published cut-off; LR+ 1.48 (sensitivity 52/72, specificity 44/86 "
            "for HER2-low)");
  const auto negative = sides({{"er", "neg"}, {"pr", "neg"}});
  ASSERT_THAT(negative, SizeIs(2));
  EXPECT_THAT(negative[1].sentence, HasSubstr("PR: stated, on the HER2-positive side of the published cut-off; LR- "));
  EXPECT_THAT(evaluate(model, {}).flags, Contains("PR: no cut-off applied: nobody has stated it"));
}

TEST(ShippedModels, OfShenGiveSidesInTheUnitOfTheMapsAndNameWhatCannotBeComputed) {
  const Model model = classifier_test::shen_cutoffs();
  const Evaluation evaluation =
      evaluate(model, {{"ADC_p5", {650, "10-6.mm2/s", ""}}, {"K_p95", {1.2, "1", ""}}, {"K_entropy", {.7, "1", ""}}},
               {}, {.field_strength_t = 3, .lesion = "nme"});
  ASSERT_THAT(evaluation.cutoffs, SizeIs(2));
  EXPECT_EQ(evaluation.cutoffs[0].sentence,
            "ADC 5th percentile 0.650 x 10-3 mm2/s < 0.702 x 10-3 mm2/s: measured on the HER2-low side of the "
            "published cut-off; LR- 0.18 (sensitivity 37/41, specificity 20/36 for HER2-overexpression)");
  EXPECT_TRUE(evaluation.cutoffs[1].positive_side);
  EXPECT_THAT(evaluation.refusals, SizeIs(5));
  EXPECT_THAT(evaluation.refusals,
              Contains(HasSubstr("K entropy: its cut-off is not applied: the paper does not say")));
  EXPECT_THAT(evaluation.refusals, Contains(HasSubstr("Combined_All")));
}

TEST(ShippedModels, OfLiAreDisabledForTheirReasons) {
  const Model clinical = shipped("li2026.ihc2plus.clinical_imaging");
  EXPECT_THAT(evaluate(clinical, {}, {{"ki67", "30"}, {"margin", "spiculated"}, {"oedema", "no"}}).refusals,
              ElementsAre(HasSubstr("the paper contradicts itself about peripheral oedema")));
  const Model radiomics = shipped("li2026.ihc2plus.radiomics");
  ASSERT_TRUE(radiomics.awaits);
  EXPECT_EQ(radiomics.awaits->region, "3D including necrosis");
  EXPECT_THAT(radiomics.awaits->images, SizeIs(4));
  EXPECT_THAT(evaluate(radiomics, {}).refusals, Contains(HasSubstr("it lacks: all coefficients")));
}

// Li's file with its reason for being disabled taken away: how a number becomes a level.
TEST(ShippedModels, OfLiPutKi67OnItsSideOf20Percent) {
  std::ifstream file(model_folder() / "li2026.ihc2plus.clinical_imaging.json");
  json document = json::parse(file);
  document["status"] = "research-uncalibrated";
  document.erase("status_reason");
  const Model model = classifier_test::parsed(document);
  const auto linear = [&](const char* ki67) {
    return evaluate(model, {}, {{"ki67", ki67}, {"margin", "circumscribed"}, {"oedema", "no"}})
        .branches.at(0)
        .linear_predictor;
  };
  for (const char* low : {"0", "5", "19.9"}) EXPECT_NEAR(linear(low), -1.555, 1e-12) << low;
  for (const char* high : {"20", "20 %", "20.1", "100"}) EXPECT_NEAR(linear(high), -.3, 1e-12) << high;
  EXPECT_THAT(evaluate(model, {}, {{"ki67", "many"}}).refusals,
              ElementsAre("Ki-67: ki67: expected a number, 0 to 100 %"));
  EXPECT_THAT(evaluate(model, {}).flags, Contains("the model is about HER2 IHC 2+ only"));
}

// What a reader sees must not read as a diagnosis.
TEST(ShippedModels, NeverSayWhatALesionIs) {
  for (const Model& model : all_models()) {
    Values values;
    for (const Cutoff& cutoff : model.cutoffs) values[cutoff.on] = {cutoff.value, cutoff.unit, ""};
    const Facts facts{{"er", "pos"}, {"pr", "neg"}};
    std::vector<std::string> sentences;
    for (const auto& side : evaluate(model, values, facts).cutoffs) sentences.push_back(side.sentence);
    for (const char* word : {"diagnos", "predict", "classif", "lesion is", "tumour is", "likely", "patient"})
      EXPECT_THAT(sentences, Each(Not(HasSubstr(word)))) << model.id;
  }
}

}  // namespace
