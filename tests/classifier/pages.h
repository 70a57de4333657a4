#pragma once
// Evaluations and results for the tests of pages: ordinary ones and the extremes of the four papers.
#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "classifier/evaluate.h"
#include "classifier/results_page.h"
#include "tests/classifier/models.h"

namespace classifier_test {

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

inline classifier::Values symri_values() {
  return {{"ADC", {1.011, "10-3.mm2/s", ""}}, {"max_diameter", {26.3, "mm", ""}}, {"T2_pre", {84.7, "ms", ""}}};
}

// All facts long and unknown: the combinations have no room beside the scales.
inline classifier::Model with_long_levels() {
  classifier::Model model = shipped("shen2025.mass.low_vs_zero.qualitative");
  model.id = "long_levels";
  for (classifier::Predictor& predictor : model.predictors)
    for (auto& [place, title] : predictor.levels)
      title += ", as two readers said in consensus after they had looked at all images (BI-RADS 2013)";
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
    const classifier::Exam exam{
        .field_strength_t = 2.89, .post_contrast_delay_s = 580, .contrast_dose_mmol_per_kg = .2};
    const auto means = zhang_values(53.233, 580.93);
    add("unknown_er", evaluate(zhang, means, {}, exam));
    add("known_er", evaluate(zhang, zhang_values(35.92, 462.264), {{"er", "pos"}, {"pr", "neg"}}, exam));
    add("extrapolated", evaluate(zhang, zhang_values(131.7, 1250), {}, {}));
    auto without = means;
    without["T2star"] = {std::nullopt, "ms", "the multi-echo series has 2 echoes, T2* needs 3: no map was computed"};
    add("refused", evaluate(zhang, without, {}, exam));
    add("other_field", evaluate(zhang, means, {}, {.field_strength_t = 1.5}));
    add("three_branches", evaluate(keep(symri_literal()), symri_values()));
    add("table3", evaluate(keep(symri_table3()), symri_values(), {{"enhancement", "rim"}}));
    add("eight_branches", evaluate(keep(shipped("shen2025.mass.low_vs_zero.qualitative")), {}));
    add("four_branches", evaluate(keep(shipped("shen2025.mass.low_vs_over.qualitative")), {}));
    add("long_levels", evaluate(keep(with_long_levels()), {}));
    add("not_reported", evaluate(keep(shipped("symri2025.her2low_vs_zero.published_literal")), symri_values()));
    add("disabled", evaluate(keep(shipped("li2026.ihc2plus.clinical_imaging")), {}));
    add("awaited", evaluate(keep(shipped("li2026.ihc2plus.radiomics")), {}));
    classifier::Values diffusion{{"ADC_mean", {1012.3, "10-6.mm2/s", ""}}, {"K_mean", {.91, "1", ""}}};
    add("cutoff_set", evaluate(keep(shen_cutoffs()), diffusion));
    classifier::Model doubtful = classifier_test::zhang();
    doubtful.flags = long_sentences(40);
    add("longest_flags", evaluate(keep(std::move(doubtful)), means, {}, exam));
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
