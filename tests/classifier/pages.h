#pragma once
// Evaluations and results for the tests of pages: ordinary ones and the extremes of the four papers.
#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "classifier/evaluate.h"
#include "classifier/results_page.h"
#include "tests/classifier/models.h"

namespace classifier_test {

using nlohmann::json;

inline classifier::PictureLabels labels() {
  return {.title = "Lesion results",
          .study_date = "20 Nov 2026",
          .lesion = "Lesion 1, left breast",
          .software = "Herald 0.1.0",
          .notice = "",
          .notes = {}};
}

inline classifier::Values zhang_values(double t2star_ms, double t1_post_ms) {
  return {{"T2star", {t2star_ms, "ms", ""}},
          {"T1_post", {t1_post_ms, "ms", ""}},
          {"dT1", {1200, "ms", ""}},
          {"dT1_pre", {.674, "1", ""}}};
}

// The published coefficients of the HER2-positive model of the SyMRI paper, on axes for which R's numbers are known.
inline json symri_document() {
  json document = small_document();
  const auto measured = [](const char* name, const char* title, const char* source, const char* unit, json range) {
    return json{{"name", name},     {"title", title},       {"kind", "continuous"},
                {"source", source}, {"statistic", "mean"},  {"region", "largest slice"},
                {"unit", unit},     {"valid_range", range}, {"axis", range}};
  };
  document["id"] = "symri.her2pos.published_literal";
  document["task"]["positive"] = "HER2-overexpression";
  document["task"]["negative"] = "HER2-low or HER2-zero";
  document["predictors"] = json::array({measured("ADC", "ADC", "dwi", "10-3.mm2/s", {.5, 1.8}),
                                        measured("max_diameter", "Greatest diameter", "max_diameter", "mm", {10, 60}),
                                        measured("T2_pre", "T2 before contrast", "symri_pre_t2", "ms", {50, 140}),
                                        {{"name", "pattern"},
                                         {"title", "Enhancement pattern"},
                                         {"kind", "categorical"},
                                         {"source", "reader"},
                                         {"unit", "1"},
                                         {"levels", {{"1", "homogeneous"}, {"2", "heterogeneous"}, {"3", "rim"}}}}});
  document["coefficients"] = {
      {"ADC", 1.87}, {"max_diameter", .2546}, {"T2_pre", .16}, {"pattern", {{"1", 0}, {"2", 1.34}, {"3", .59}}}};
  document["intercept"] = -22.28;
  document["cutoffs"] = json::array();
  document["worked"] = json::array({{{"inputs", {{"ADC", 0}, {"max_diameter", 0}, {"T2_pre", 0}, {"pattern", 1}}},
                                     {"linear_predictor", -22.28},
                                     {"probability", 0}}});
  return document;
}
inline classifier::Values symri_values() {
  return {{"ADC", {1.011, "10-3.mm2/s", ""}}, {"max_diameter", {26.3, "mm", ""}}, {"T2_pre", {84.7, "ms", ""}}};
}

// Three binary facts, all unknown: eight branches.
inline json facts_document() {
  json document = small_document();
  document["id"] = "facts";
  for (const char* name : {"shape", "margin", "oedema"}) {
    document["predictors"].push_back(
        {{"name", name},
         {"title", std::string("Reader's ") + name},
         {"kind", "binary"},
         {"source", "reader"},
         {"unit", "1"},
         {"levels",
          {{"0", std::string(name) + " as of a benign lesion"},
           {"1", std::string(name) + " irregular or not circumscribed (BI-RADS 2013, two readers in consensus)"}}}});
    document["coefficients"][name] = 1.2;
    document["worked"][0]["inputs"][name] = 0;
  }
  return document;
}

// No predictors: twelve cut-offs, as many as a paper prints.
inline classifier::Model cutoff_set() {
  classifier::Model model;
  model.id = "shen2025.nme.cutoffs";
  model.version = "1";
  model.citation = "Shen, Tomography 2025;11:31";
  model.positive = "HER2-overexpression";
  model.negative = "HER2-low";
  model.cases = 77;
  model.positive_cases = 41;
  model.population = {"Non-mass enhancement only.", "Whole-lesion volumes at 3 T, b-values 0, 800, 1400, 2000 s/mm2."};
  model.performance = "AUC of single quantities, apparent.";
  model.status = "research-uncalibrated";
  for (const char* name : {"ADC", "D", "K"}) {
    for (const char* statistic : {"mean", "median", "5th percentile", "entropy"}) {
      classifier::Cutoff cutoff;
      cutoff.on = std::string(name) + statistic;
      cutoff.title = std::string(name) + " " + statistic;
      cutoff.unit = name[0] == 'K' ? "1" : "10-3.mm2/s";
      cutoff.value = .97;
      cutoff.relation = name[0] == 'K' ? "<=" : ">=";
      cutoff.positive = model.positive;
      cutoff.true_positive = 39;
      cutoff.positives = 41;
      cutoff.true_negative = 14;
      cutoff.negatives = 36;
      cutoff.auc = .668;
      cutoff.note = "Table 4, non-mass enhancement only.";
      model.cutoffs.push_back(cutoff);
    }
  }
  return model;
}

inline std::vector<std::string> long_sentences(int how_many) {
  std::vector<std::string> all;
  for (int i = 0; i < how_many; ++i)
    all.push_back("Sentence " + std::to_string(i + 1) +
                  ": the region holds 41 voxels of which 3 failed, the slice of the map lies 2.1 mm from that of the "
                  "outline, and the map was "
                  "made of images that were acquired before the patient moved by 1.4 mm.");
  return all;
}

// A round lesion in fatty tissue, with a hole of voxels that have no value.
inline classifier::MapCrop crop(const std::string& title, const std::string& unit, double low, double high) {
  constexpr int kSize = 36;
  classifier::MapCrop crop{.title = title,
                           .unit = unit,
                           .caption = "Mean " + std::to_string(static_cast<int>(low + (high - low) * .6)) +
                                      ", slice 17, 412 voxels; VFA, two flip angles",
                           .columns = kSize,
                           .rows = kSize,
                           .column_spacing_mm = 1.1,
                           .row_spacing_mm = 1.1,
                           .low = low,
                           .high = high};
  for (int row = 0; row < kSize; ++row) {
    for (int column = 0; column < kSize; ++column) {
      const double r = std::hypot(column - 18., row - 17.),
                   texture = .08 * std::sin(column * 1.7) * std::cos(row * 1.3);
      const double part = (r < 9 ? .65 : .3) + texture + (r < 3 ? .45 : 0);
      crop.value.push_back(row < 4 && column < 6 ? 0.F : static_cast<float>(low + (high - low) * part));
    }
  }
  std::vector<std::pair<float, float>> outline;
  for (int i = 0; i < 40; ++i) {
    const double angle = i * std::numbers::pi / 20;
    outline.emplace_back(static_cast<float>(18.5 + 9.3 * std::cos(angle)),
                         static_cast<float>(17.5 + 9 * std::sin(angle)));
  }
  crop.outlines = {outline};
  return crop;
}

inline classifier::ResultsPage results(std::size_t crops, std::size_t rows, int flags) {
  const struct {
    const char *title, *unit;
    double low, high;
  } maps[] = {{"T1 before contrast", "ms", 0, 3000},
              {"T1 after contrast", "ms", 0, 1500},
              {"ΔT1", "ms", -500, 2000},
              {"T2", "ms", 0, 200},
              {"T2*", "ms", 0, 100},
              {"ADC", "10-6.mm2/s", 500, 2500},
              {"K", "1", 0, 2},
              {"Enhancement at 90 s, percent of the signal before contrast", "%", 0, 250}};
  classifier::ResultsPage page{
      .labels = labels(), .crops = {}, .columns = {}, .rows = {}, .flags = long_sentences(flags)};
  for (std::size_t i = 0; i < crops; ++i) {
    const auto& map = maps[i % std::size(maps)];
    page.crops.push_back(crop(map.title, map.unit, map.low, map.high));
  }
  page.columns = {"Quantity", "Unit",   "Mean",           "SD",    "Median", "P5", "P95",
                  "Voxels",   "Failed", "Slice distance", "Method"};
  for (std::size_t i = 0; i < rows; ++i)
    page.rows.push_back({{maps[i % std::size(maps)].title, maps[i % std::size(maps)].unit, "1495.2", "215.0", "1478",
                          "1190", "1843", "412", "0.7 %", "0.6 mm", "variable flip angle, two angles, B1 corrected"}});
  return page;
}

struct Sample {
  std::string name;
  std::vector<classifier::Evaluation> evaluations;
};

// Every kind of page that a nomogram can have; the models live as long as this.
class Nomograms {
 public:
  Nomograms() {
    const auto& zhang = keep(classifier_test::zhang());
    const classifier::Exam exam{.field_strength_t = 2.89, .post_contrast_delay_s = 580};
    add("unknown_er", evaluate(zhang, zhang_values(53.233, 580.93), exam));
    auto known = zhang_values(35.92, 462.264);
    known["ER"] = {1, "1", ""};
    add("known_er", evaluate(zhang, known, exam));
    add("extrapolated", evaluate(zhang, zhang_values(131.7, 1250), {}));
    add("refused",
        evaluate(
            zhang,
            {{"T2star", {std::nullopt, "ms", "the multi-echo series has 2 echoes, T2* needs 3: no map was computed"}},
             {"T1_post", {580.93, "ms", ""}}},
            exam));
    add("other_field", evaluate(zhang, zhang_values(53, 580), {.field_strength_t = 1.5}));
    add("three_branches", evaluate(keep(parsed(symri_document())), symri_values()));
    add("eight_branches", evaluate(keep(parsed(facts_document())), {{"x", {4.4, "ms", ""}}}));
    json literal = symri_document();
    literal["status"] = "do-not-report-probability";
    add("not_reported", evaluate(keep(parsed(literal)), symri_values()));
    classifier::Model set = cutoff_set();
    const auto& cutoffs = keep(std::move(set));
    classifier::Evaluation sides{
        .model = &cutoffs, .branches = {}, .cutoffs = {}, .refusals = {}, .flags = long_sentences(3)};
    for (const auto& cutoff : cutoffs.cutoffs)
      if (sides.cutoffs.size() < 9)
        sides.cutoffs.push_back({&cutoff, 1.0123, cutoff.relation == ">=", 1.56, "sentence"});
    add("cutoff_set", sides);
    classifier::Model off = cutoff_set();
    off.status = "disabled";
    off.flags = {"K entropy depends on the width of its bins, which the paper does not print."};
    const auto& disabled = keep(std::move(off));
    add("disabled", evaluate(disabled, {}));
    classifier::Model doubtful = classifier_test::zhang();
    doubtful.flags = long_sentences(40);
    add("longest_flags", evaluate(keep(std::move(doubtful)), zhang_values(53.233, 580.93), exam));
  }

  [[nodiscard]] const std::vector<Sample>& all() const { return samples_; }
  [[nodiscard]] const classifier::Evaluation& operator[](const std::string& name) const {
    for (const Sample& sample : samples_)
      if (sample.name == name) return sample.evaluations[0];
    throw std::runtime_error("no such sample");
  }

 private:
  const classifier::Model& keep(classifier::Model model) {
    models_.push_back(std::make_unique<classifier::Model>(std::move(model)));
    return *models_.back();
  }
  void add(const std::string& name, classifier::Evaluation evaluation) {
    samples_.push_back({name, {std::move(evaluation)}});
  }

  std::vector<std::unique_ptr<classifier::Model>> models_;
  std::vector<Sample> samples_;
};

inline std::vector<std::pair<std::string, classifier::ResultsPage>> results_pages() {
  std::vector<std::pair<std::string, classifier::ResultsPage>> all{{"results_full", results(8, 12, 12)},
                                                                   {"results_four", results(4, 12, 4)},
                                                                   {"results_plain", results(0, 6, 0)},
                                                                   {"results_long", results(8, 60, 60)}};
  classifier::ResultsPage odd = results(3, 3, 1);
  odd.crops[0].dashed = true;
  odd.crops[1] = {.title = "T2*",
                  .unit = "ms",
                  .caption = "Refused: the multi-echo series has 2 echoes, T2* needs 3.",
                  .value = {}};
  odd.crops[2].rows = 12;
  odd.crops[2].value.resize(static_cast<std::size_t>(36) * 12);
  odd.labels.notice =
      "Unreviewed proposal: no class, no cut-off and no probability until a reader accepts the outline.";
  odd.rows[1].cells[10] = std::string(300, 'x');
  odd.flags.push_back(std::string(500, 'W') + " and \xff\xfe bytes that are no UTF-8");
  all.emplace_back("results_odd", odd);
  return all;
}

}  // namespace classifier_test
