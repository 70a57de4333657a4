#pragma once
// What a model says about one lesion, and everything that speaks against believing it.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "classifier/model.h"

namespace classifier {

// A measured predictor or derived quantity, or the reason why there is none.
struct Value {
  std::optional<double> number;
  std::string unit;                  // UCUM; the model's, or 10-6.mm2/s for 10-3.mm2/s and the other way round
  std::string missing;               // sentence, when there is no number
  std::string method{};              // of the map, as Technique names it; empty: not stated
  std::string contrast = "unknown";  // "before" or "after" the contrast agent
};
using Values = std::map<std::string, Value>;  // by predictor name or cut-off name

// Facts that somebody stated, by name -> answer word or number as text (classifier/facts.h). Those that are not here
// are unknown.
using Facts = std::map<std::string, std::string>;

// What the exam says about itself; nullopt where its headers say nothing.
struct Exam {
  std::optional<double> field_strength_t{};
  std::optional<double> post_contrast_delay_s{};  // from the start of the bolus to the measurement after contrast
  std::optional<double> contrast_dose_mmol_per_kg{};
  std::optional<double> max_diameter_mm{};
  std::string lesion{};     // "mass" or "nme"; empty: unknown, unless the facts have "lesion"
  bool multifocal = false;  // more than one lesion
};

// One assignment of the facts that are unknown (ER positive, ER negative). A model without unknown facts has one
// branch.
struct Branch {
  std::map<std::string, int> assumed;  // predictor -> place of its level; empty when everything is known
  std::string label;  // "if ER positive (>=1% of nuclei)", or "with …" for facts that are known; empty without facts
  double linear_predictor = 0;
  double probability = 0;                             // after the local calibration, where the model has one
  std::string probability_label;                      // never empty: "research, uncalibrated"
  std::optional<std::pair<double, double>> interval;  // 95 % of the probability; where the covariance is known
  struct Points {
    std::string predictor;
    double points = 0;
  };
  std::vector<Points> points;  // rms::nomogram's scale: the widest axis is 100; off the axis: below 0 or above its end
  double total_points = 0;
};

// Where a measured value or a stated fact lies with respect to a published threshold.
struct CutoffSide {
  const Cutoff* cutoff = nullptr;
  double measured = 0;  // in the cut-off's unit; of a fact: 1 or 0
  bool positive_side = false;
  double likelihood_ratio = 0;  // LR+ on the positive side, LR- on the other
  // "T2* 53.2 ms > 47.1 ms: measured on the HER2-positive side of the published cut-off; LR+ 4.77 (sensitivity 57/86,
  // specificity 62/72)"
  std::string sentence;
};

struct Evaluation {
  const Model* model = nullptr;
  std::vector<Branch> branches;     // empty when refused, and of cut-off sets
  std::vector<CutoffSide> cutoffs;  // of those whose value is there
  std::vector<std::string>
      refusals;                    // missing predictors, wrong units, hard limits, conditions not met, not computable
  std::vector<std::string> flags;  // extrapolation, conditions, population limits, model's own flags
};

// The scale of the nomogram that evaluate() draws points on: linear predictor = intercept + total points /
// points_per_logit. Of a model without predictors both are 0.
struct Scale {
  double points_per_logit = 0;
  double intercept = 0;
};
[[nodiscard]] Scale nomogram_scale(const Model& model);

// As pictures print it: two decimals; never 0 or 1, which no model knows: "< 0.01", "> 0.99".
[[nodiscard]] std::string probability_in_words(double probability);

// Pure. `model` must outlive the result. Facts that are missing open a branch for each level, at most 8 branches;
// measured predictors that are missing or outside their hard limits refuse the probability, while published cut-offs of
// the values that are there are still given. A model whose status is "do-not-report-probability" gives cut-offs only, a
// "disabled" one gives its reason only. A condition of the model that the exam does not meet is flagged, or refuses
// either the whole model (another field strength) or what rests on the sources it affects (T1 after another dose);
// where the exam does not say, it is flagged. A value by another method or from the other side of the contrast agent
// than its Technique wants counts as missing.
[[nodiscard]] Evaluation evaluate(const Model& model, const Values& values, const Facts& facts = {},
                                  const Exam& exam = {});

// Sentences about variants of one model (Model::variant_of) whose probabilities for the same answers differ by more
// than 0.2; empty when they agree or only one of them was computed.
[[nodiscard]] std::vector<std::string> disagreements(const std::vector<Evaluation>& evaluations);

}  // namespace classifier
