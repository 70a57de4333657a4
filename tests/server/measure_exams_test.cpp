// From an exam and an outline to what the reports say: predictors have the values that the lesion was given, and a
// probability is that of the model at the measured values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "classifier/evaluate.h"
#include "server/simulate.h"
#include "tests/server/processing.h"
#include "tests/server/report_reader.h"

namespace {

using processing::json;
namespace fs = std::filesystem;
using report::Item;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Exam {
 public:
  explicit Exam(const std::string& profile) {
    options.profile = profile;
    options.matrix = 128;
    options.slices = 24;
    options.noise = 3;
  }

  // Computes what the exam and everything in `more` give.
  void compute(const std::string& recipe, const std::vector<server::Statement>& facts = {}) {
    const auto simulated = server::simulate(options, folder / "sim");
    ASSERT_TRUE(simulated) << simulated.error();
    config::Settings settings = processing::settings();
    settings.recipe = fs::path(HERALD_SOURCE_DIR) / "config/recipes" / (recipe + ".toml");
    dicom::warm_up_writers();
    server::log::open(settings.logging);
    summary = server::process_folder(
        settings,
        {.input = folder / "sim", .output = folder / "out", .facts = facts, .said_by = "Pathology, Dr. Example"},
        [](const std::string&) {});
    std::ifstream file(folder / "sim/truth.json");
    truth = json::parse(file).at("lesion");
  }

  [[nodiscard]] fs::path result(const std::string& name) const { return folder / "out/study-1" / (name + ".dcm"); }
  [[nodiscard]] report::Report measurements() const { return report::read(result("measurements/sr_measurements")); }
  [[nodiscard]] report::Report nomogram() const { return report::read(result("nomogram/sr_nomogram")); }

  server::SimulateOptions options;
  support::TempFolder folder;
  server::ProcessSummary summary;
  json truth;
};

classifier::Model model(const std::string& id) {
  return classifier::load_model(fs::path(HERALD_SOURCE_DIR) / "classifier/models" / (id + ".json")).value();
}

// The heading of one model in SR-B.
const Item& section(const report::Report& report, const std::string& id) {
  for (const Item* item : report.root.named("Measurement Group")) {
    for (const Item* tracking : item->named("Tracking Identifier"))
      if (tracking->text == id) return *item;
  }
  throw std::runtime_error("no section of " + id + " in\n" + report.root.all_text());
}

double predictor(const Item& section, const std::string& title) {
  const auto found = section.named("Predictor: " + title);
  if (found.size() != 1 || !found[0]->number) throw std::runtime_error("no predictor " + title + section.all_text());
  return *found[0]->number;
}

std::vector<double> probabilities(const Item& section) {
  std::vector<double> all;
  for (const Item* item : section.named("P(")) {
    EXPECT_THAT(item->name, HasSubstr("research")) << "a probability without its label";
    all.push_back(item->number.value());
  }
  return all;
}

// The probability that the model gives at the values that the report prints.
double expected(const classifier::Model& model, const Item& section, const classifier::Facts& facts) {
  classifier::Values values;
  for (const auto& p : model.predictors)
    if (!p.is_fact()) {
      const auto found = section.named("Predictor: " + p.title);
      values[p.name] = {found.at(0)->number, found.at(0)->unit, ""};
    }
  return classifier::evaluate(model, values, facts).branches.at(0).probability;
}

double true_value(const json& truth, const std::string& slot) { return truth.at("slots").at(slot).at("value"); }
double true_value(const json& truth, const std::string& slot, const std::string& quantity) {
  return truth.at("slots").at(slot).at(quantity).at("value");
}

TEST(MeasuredExam, OfZhangGivesTheModelWhatTheLesionHas) {
  const std::string id = "zhang2026.her2pos_vs_low.er_t2s_t1post";
  Exam exam("skyra-mapping");
  exam.compute("zhang-mapping", {{"er", "neg"}});
  const auto report = exam.nomogram();
  const Item& nomogram = section(report, id);
  EXPECT_NEAR(predictor(nomogram, "T2*") / true_value(exam.truth, "t2star"), 1, 0.02);
  EXPECT_NEAR(predictor(nomogram, "T1_post") / true_value(exam.truth, "t1_post"), 1, 0.02);
  ASSERT_EQ(probabilities(nomogram).size(), 1u);
  EXPECT_NEAR(probabilities(nomogram)[0], expected(model(id), nomogram, {{"er", "neg"}}), 1e-3);
  EXPECT_THAT(report.root.all_text(), HasSubstr("Pathology, Dr. Example"));
  for (const char* refusal : {"the model wants T1", "the model wants it after", "measured after contrast"})
    EXPECT_THAT(nomogram.all_text(), Not(HasSubstr(refusal)));
}

TEST(MeasuredExam, OfSyMriGivesTheModelsWhatTheLesionHas) {
  Exam exam("architect-symri-maps");
  exam.options.matrix = 192;
  exam.compute("symri-muse", {{"enhancement", "rim"}, {"lesion", "mass"}});
  const auto report = exam.nomogram();
  for (const char* id : {"symri2025.her2pos.published_literal", "symri2025.her2pos.table3_reconstruction"}) {
    const Item& nomogram = section(report, id);
    const auto m = model(id);
    EXPECT_NEAR(predictor(nomogram, m.predictors.at(0).title) / true_value(exam.truth, "dwi"), 1, 0.02);
    EXPECT_NEAR(predictor(nomogram, m.predictors.at(1).title) / exam.truth.at("max_diameter_mm").get<double>(), 1,
                0.02);
    EXPECT_NEAR(predictor(nomogram, m.predictors.at(2).title) / true_value(exam.truth, "symri_pre", "T2"), 1, 0.02);
    if (m.status == "do-not-report-probability") {
      EXPECT_TRUE(probabilities(nomogram).empty());
      continue;
    }
    ASSERT_EQ(probabilities(nomogram).size(), 1u) << nomogram.all_text();
    EXPECT_NEAR(probabilities(nomogram)[0], expected(m, nomogram, {{"enhancement", "rim"}, {"lesion", "mass"}}), 1e-3);
  }
  const Item& low = section(report, "symri2025.her2low_vs_zero.published_literal");
  EXPECT_TRUE(probabilities(low).empty()) << "its status forbids one";
  const double pre = true_value(exam.truth, "symri_pre", "PD"), post = true_value(exam.truth, "symri_post", "PD");
  EXPECT_NEAR(predictor(low, model("symri2025.her2low_vs_zero.published_literal").predictors.at(1).title),
              (pre - post) / pre, 0.02);
}

TEST(MeasuredExam, OfShenGivesTheCutOffsWhatTheLesionHas) {
  Exam exam("skyra-dki");
  exam.options.matrix = 256;  // diffusion at half of it: 2.5 mm
  exam.options.slices = 64;
  exam.options.lesion_diameter_mm = 40;  // as large as the paper's
  exam.compute("skyra-dki", {{"lesion", "nme"}});
  const auto report = exam.measurements();
  const auto mean = [&](const std::string& name) {
    const auto found = report.root.named(name);
    EXPECT_FALSE(found.empty()) << name;
    return found.empty() ? 0 : found[0]->number.value();
  };
  EXPECT_NEAR(mean("ADC dwi mean (lesion)") / true_value(exam.truth, "dwi", "ADC at b 0 and 800"), 1, 0.02);
  EXPECT_NEAR(mean("D dwi d mean (lesion)") / true_value(exam.truth, "dwi", "D"), 1, 0.02);
  EXPECT_NEAR(mean("K dwi k mean (lesion)") / true_value(exam.truth, "dwi", "K"), 1, 0.02);
  EXPECT_THAT(section(exam.nomogram(), "shen2025.nme.over_vs_low.cutoffs").all_text(), HasSubstr("Published cut-off"));
}

// --- shown on purpose

const std::string kZhang = "zhang2026.her2pos_vs_low.er_t2s_t1post";

TEST(MeasuredExam, WithoutErStatusShowsBothBranches) {
  Exam exam("skyra-mapping");
  exam.compute("zhang-mapping");
  const auto report = exam.nomogram();
  EXPECT_EQ(probabilities(section(report, kZhang)).size(), 2u);
  EXPECT_THAT(report.root.all_text(), HasSubstr("nobody has stated"));
}

TEST(MeasuredExam, AtHalfTheDoseDoesNotUseT1AfterContrast) {
  Exam exam("skyra-mapping");
  exam.options.dose_mmol_per_kg = 0.1;
  exam.compute("zhang-mapping", {{"er", "neg"}});
  const std::string text = section(exam.nomogram(), kZhang).all_text();
  EXPECT_TRUE(probabilities(section(exam.nomogram(), kZhang)).empty()) << text;
  EXPECT_THAT(text, HasSubstr("0.1 mmol/kg"));
  EXPECT_THAT(text, HasSubstr("T2* "));  // the cut-off of T2* needs no contrast agent
}

TEST(MeasuredExam, AtAnotherFieldStrengthIsRefused) {
  Exam exam("skyra-mapping");
  exam.options.field_strength_t = 1.5;
  exam.compute("zhang-mapping", {{"er", "neg"}});
  const auto report = exam.nomogram();
  const Item& nomogram = section(report, kZhang);
  EXPECT_TRUE(probabilities(nomogram).empty());
  EXPECT_THAT(nomogram.all_text(), HasSubstr("1.5 T"));
}

TEST(MeasuredExam, OfASmallLesionIsRefusedByAModelOfLargerOnes) {
  Exam exam("architect-symri-maps");
  exam.options.lesion_diameter_mm = 8;
  exam.compute("symri-muse", {{"enhancement", "rim"}, {"lesion", "mass"}});
  const std::string text = section(exam.nomogram(), "symri2025.her2pos.table3_reconstruction").all_text();
  EXPECT_THAT(text, HasSubstr("10 mm"));
}

TEST(MeasuredExam, OfANonMassLesionIsRefusedByAModelOfMasses) {
  Exam exam("architect-symri-maps");
  exam.compute("symri-muse", {{"enhancement", "rim"}, {"lesion", "nme"}});
  const auto report = exam.nomogram();
  const Item& nomogram = section(report, "symri2025.her2pos.table3_reconstruction");
  EXPECT_TRUE(probabilities(nomogram).empty());
  EXPECT_THAT(nomogram.all_text(), HasSubstr("mass"));
}

TEST(MeasuredExam, OfSeveralReadersIsTheMeanOfTheirMedians) {
  Exam exam("skyra-mapping");
  exam.options.readers = 2;
  exam.options.repeats = 3;
  exam.compute("zhang-mapping", {{"er", "neg"}});
  const auto report = exam.measurements();
  const auto consensus = report.root.named("t2star mean (consensus)");
  ASSERT_EQ(consensus.size(), 1u) << report.root.all_text();
  EXPECT_EQ(report.root.named("Lesion SNR of the last echo, t2star").size(), 1u) << "one number of all readings";
  std::vector<std::vector<double>> by_reader(2);
  for (const Item* group : report.root.named("Measurement Group")) {
    const auto means = group->named("T2* mean");
    if (means.empty()) continue;
    const std::string text = group->all_text();
    by_reader.at(text.find("Reader 2") != std::string::npos ? 1 : 0).push_back(means[0]->number.value());
  }
  ASSERT_EQ(by_reader[0].size(), 3u);
  ASSERT_EQ(by_reader[1].size(), 3u);
  const double expected_value = (processing::median(by_reader[0]) + processing::median(by_reader[1])) / 2;
  EXPECT_NEAR(consensus[0]->number.value(), expected_value, 1e-6);
  EXPECT_NEAR(predictor(section(exam.nomogram(), kZhang), "T2*"), expected_value, 1e-6);
  EXPECT_THAT(exam.nomogram().root.all_text(),
              HasSubstr("median of 3 readings of reader 1, median of 3 readings of reader 2; mean of 2 readers"));
}

TEST(MeasuredExam, WithoutAnOutlineProposesOneOnlyWhereTheRecipeAsksAndGivesNoProbability) {
  Exam exam("skyra-dki");
  exam.options.outline = false;
  exam.compute("skyra-dki");
  EXPECT_FALSE(fs::exists(exam.result("measurements/sr_measurements")));
}

}  // namespace
