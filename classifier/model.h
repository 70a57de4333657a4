#pragma once
// A nomogram as a JSON file (herald.model/1): every number with its provenance. The loader refuses what is incomplete.
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "classifier/result.h"

namespace classifier {

enum class Provenance { Published, Reconstructed, LocallyFitted };

struct Predictor {
  enum class Kind { Continuous, Binary, Categorical } kind = Kind::Continuous;
  std::string name;                      // key in coefficients: "T2star"
  std::string title;                     // as a person reads it: "T2*"
  std::string source;                    // where Herald finds it: a slot ("t2star", "t1_post"), "pathology" or "reader"
  std::string statistic;                 // "mean"; empty for facts
  std::string region;                    // "largest slice" or "whole lesion"; empty for facts
  std::string unit;                      // UCUM
  double valid_low = 0, valid_high = 0;  // outside: computed, flagged as extrapolation
  std::optional<double> hard_low, hard_high;  // outside: refused
  std::map<int, std::string> levels;   // binary, categorical: what each level means, "ER positive (>=1% of nuclei)"
  double axis_low = 0, axis_high = 0;  // of the drawn nomogram; the ends of `levels` where there are levels
  double coefficient = 0;              // per unit; not for categorical
  std::map<int, double> level_coefficients;  // categorical only: one per level
  // A fact is not measured on images: somebody has to say it, and until then both answers are open.
  [[nodiscard]] bool is_fact() const { return kind != Kind::Continuous; }
};

// A published threshold on one predictor, one derived quantity, or the probability. One on the probability belongs to
// the model that its authors fitted: it is kept for the record and never applied by evaluate().
struct Cutoff {
  std::string on;            // predictor or derived quantity: "T2star", "T1_post", "dT1", "dT1_pre", "probability"
  std::string title;         // as a person reads it: "dT1 (T1_pre - T1_post)"
  std::string source, unit;  // slot or derived name; UCUM
  std::string statistic;
  double value = 0;
  std::string relation;                                                    // ">", ">=", "<", "<="
  std::string positive;                                                    // the class on that side
  int true_positive = 0, positives = 0, true_negative = 0, negatives = 0;  // exact counts
  double auc = 0;
  Provenance provenance = Provenance::Published;
  std::string note;
  [[nodiscard]] double sensitivity() const { return static_cast<double>(true_positive) / positives; }
  [[nodiscard]] double specificity() const { return static_cast<double>(true_negative) / negatives; }
  [[nodiscard]] double positive_likelihood_ratio() const { return sensitivity() / (1 - specificity()); }
  [[nodiscard]] double negative_likelihood_ratio() const { return (1 - sensitivity()) / specificity(); }
};

struct Model {
  std::string id, version;
  std::string citation, doi;
  std::string positive, negative;       // classes of the probability
  std::vector<std::string> excluded;    // classes that the model does not know
  int cases = 0, positive_cases = 0;    // that the coefficients stand on
  std::vector<std::string> population;  // limits in sentences: field strength, dose, delay, lesion …
  std::vector<double>
      field_strengths_t;  // at which the cases were measured: elsewhere neither probability nor cut-offs
  std::optional<std::pair<double, double>> post_contrast_delay_s;  // of the measurement after contrast, range
  std::vector<Predictor> predictors;
  double intercept = 0;
  Provenance coefficients_provenance = Provenance::Reconstructed;
  std::string provenance_method;  // how the coefficients came about
  std::vector<Cutoff> cutoffs;
  std::string performance;  // in a sentence, with its provenance
  std::string status;       // "research-uncalibrated", "do-not-report-probability", "disabled"
  std::vector<std::string> flags;
  std::string sha256;  // of the file
  struct Worked {      // cases printed in the file; the loader computes them and refuses the file if they differ
    std::map<std::string, double> inputs;
    double linear_predictor = 0, probability = 0;
  };
  std::vector<Worked> worked;
};

inline constexpr std::size_t kLargestModelBytes = std::size_t{1} << 20;

// Errors name the file and the JSON pointer ("/predictors/0/unit"). Refused: more than kLargestModelBytes, unknown,
// missing and duplicate keys, wrong types, units that are not on the list, and worked cases that the coefficients do
// not give to the printed six decimals.
[[nodiscard]] Result<Model> load_model(const std::filesystem::path& file);
[[nodiscard]] Result<Model> parse_model(std::string_view json, std::string_view name);

}  // namespace classifier
