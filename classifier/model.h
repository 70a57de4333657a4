#pragma once
// A nomogram or a set of published cut-offs as a JSON file (herald.model/1): every number with its provenance. The
// loader refuses what is incomplete, and names the line.
//
// The file, beside what the structs below say:
//   task.type       "binary": a logistic model; "cutoff_set": published thresholds only, no predictors, no coefficients
//   predictors      measured ones have source, statistic, region, unit and ranges; facts have levels, each with a name
//                   and what answers of classifier/facts.h mean it ("answers": [...], or "from"/"below" of a number)
//   coefficients    a number per measured predictor; per fact an object with a number per level NAME
//   provenance      of the whole in "coefficients" and "method", of each number in "numbers"
//   vcov            {"terms": [...], "matrix": [[...]]}; terms are "intercept", a measured predictor, or
//                   "fact/level" for the levels of a fact but its first
//   population.conditions   machine-readable limits (Condition)
//   awaits          of a disabled model that nobody has coefficients of: what it lacks and what it would be fed with
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "classifier/result.h"

namespace classifier {

enum class Provenance { Published, Reconstructed, LocallyFitted };
[[nodiscard]] std::string to_string(Provenance);  // "published", "reconstructed", "locally fitted"
struct Origin {
  Provenance provenance = Provenance::Published;
  std::string method;  // "Table 4, B", "mean risk made 49/138"
};

// Which answers to a fact mean a level: words, or a number in [from, below).
struct Level {
  std::string name;                       // "rim"
  std::vector<std::string> answers{};     // "rim"; empty for numbers
  std::optional<double> from{}, below{};  // unset: no bound on that side
};

// How a value must have been measured to be what the model means; the same number by another method is another
// quantity.
struct Technique {
  // Beginnings of the map's method ("T1 by Multiple Flip Angles"); none: any method. A value by another one is refused.
  std::vector<std::string> methods{};
  // Beginnings of methods that are accepted with a doubt, and the doubt in a sentence.
  std::map<std::string, std::string> flagged{};
  // "before" or "after" the contrast agent: the other side is refused, an unknown one flagged; "": either.
  std::string contrast{};
  bool operator==(const Technique&) const = default;
};

struct Predictor {
  enum class Kind { Continuous, Binary, Categorical } kind = Kind::Continuous;
  std::string name;    // key in coefficients: "T2star"
  std::string title;   // as a person reads it: "T2*"
  std::string source;  // a result slot ("t2star", "dwi", "symri_pre_t2"), a derived quantity, "pathology" or "reader"
  std::string fact;    // which fact of classifier/facts.h; empty when measured
  std::string statistic;                      // one of kStatistics; empty for facts and for max_diameter
  std::string region;                         // "largest slice" or "whole lesion"; empty for facts
  Technique technique;                        // of measured predictors: keys methods, methods_flagged, contrast
  std::string unit;                           // UCUM
  double valid_low = 0, valid_high = 0;       // outside: computed, flagged as extrapolation
  std::optional<double> hard_low, hard_high;  // outside: refused
  // Of facts, by place in the file (0, 1, …), which has no other meaning than the order on the drawn axis:
  std::map<int, std::string> levels;         // as a person reads it: "ER positive (>=1% of nuclei)"
  std::vector<Level> meanings;               // the same levels: name and answers
  std::map<int, double> level_coefficients;  // one per level
  double axis_low = 0, axis_high = 0;        // of the drawn nomogram; the ends of `levels` where there are levels
  double coefficient = 0;                    // per unit; of measured predictors
  // A fact is not measured on images: somebody has to say it, and until then all answers are open.
  [[nodiscard]] bool is_fact() const { return kind != Kind::Continuous; }
};

// A published threshold on one predictor, one derived quantity, a fact, or the probability. One on the probability
// belongs to the model that its authors fitted: it is kept for the record and never applied by evaluate().
struct Cutoff {
  std::string on;            // name of the value: "T2star", "dT1", "K_p95", "ER", "probability"
  std::string title;         // as a person reads it: "dT1 (T1_pre - T1_post)"
  std::string source, unit;  // as of predictors
  std::string statistic;     // empty for facts, max_diameter and probabilities
  std::string region;        // likewise
  Technique technique;       // as of predictors, and the same as of the predictor of this name
  std::string fact;          // then `answers` lie on the positive side: they count as 1, all others as 0
  std::vector<std::string> answers;
  double value = 0;                                                        // 0.5 for facts
  std::string relation;                                                    // ">", ">=", "<", "<="
  std::string positive;                                                    // the class on that side
  int true_positive = 0, positives = 0, true_negative = 0, negatives = 0;  // exact counts
  double auc = 0;
  std::optional<std::pair<double, double>> auc_interval;  // 95 %
  Provenance provenance = Provenance::Published;
  std::string note;
  std::string disabled;  // why it is not applied; empty: it is
  [[nodiscard]] double sensitivity() const { return static_cast<double>(true_positive) / positives; }
  [[nodiscard]] double specificity() const { return static_cast<double>(true_negative) / negatives; }
  [[nodiscard]] double positive_likelihood_ratio() const { return sensitivity() / (1 - specificity()); }
  [[nodiscard]] double negative_likelihood_ratio() const { return (1 - sensitivity()) / specificity(); }
};

// What an exam must be like for the model to speak about it. Not met: refused or flagged; not known: flagged.
struct Condition {
  enum class Of { FieldStrength, ContrastDose, PostContrastDelay, Lesion, Diameter, SingleLesion };
  Of of = Of::FieldStrength;
  std::vector<double> values{};        // field strengths in tesla
  double low = 0, high = 0;            // dose in mmol/kg, delay in s; diameter in mm: low only
  std::string lesion{};                // "mass" or "nme"
  bool refuse = false;                 // else flag
  std::vector<std::string> affects{};  // sources that it concerns; empty: the whole model
  std::string why{};                   // the reason for refusing or flagging, a sentence
};

// Covariance of the coefficients, terms in the order of the file.
struct Covariance {
  std::vector<std::string> terms;
  std::vector<std::vector<double>> matrix;
};

// Logistic recalibration on local cases: p = logistic(a + b lp).
struct Calibration {
  double a = 0, b = 1;
  std::string source, date;  // YYYY-MM-DD
  int cases = 0;
};

// A model that is named but cannot be computed by anybody yet.
struct Awaits {
  std::vector<std::string> lacks;   // sentences
  std::vector<std::string> images;  // "DWI, b 1000 s/mm2"
  std::string region;               // "3D including necrosis"
};

struct Model {
  std::string id, version;
  std::string variant_of;  // id of the model that it is another reading of; empty: none
  std::string citation, doi;
  enum class Task { Binary, CutoffSet } task = Task::Binary;
  std::string positive, negative;       // classes
  std::vector<std::string> excluded;    // classes that the model does not know
  std::string precondition;             // "IHC 2+"; empty: none
  int cases = 0, positive_cases = 0;    // that the coefficients or counts stand on
  std::vector<std::string> population;  // limits in sentences
  std::vector<Condition> conditions;    // the same for the machine
  std::vector<Predictor> predictors;    // none in a cut-off set and where `awaits` is set
  double intercept = 0;
  Provenance coefficients_provenance = Provenance::Reconstructed;  // of the least well founded number
  std::string provenance_method;                                   // how the coefficients came about
  std::map<std::string, Origin> origins;  // of each number: "intercept", "ADC", "enhancement_pattern/rim"
  std::optional<Covariance> covariance;
  std::string coefficient_sd_method;
  std::map<std::string, double> coefficient_sd;  // where no covariance is known; keys as of `origins`
  std::optional<Calibration> calibration;
  std::vector<Cutoff> cutoffs;
  std::vector<std::string> not_computable;  // models of the same paper without coefficients, in sentences
  std::optional<Awaits> awaits;
  std::string performance;    // in a sentence, with its provenance
  std::string status;         // "research-uncalibrated", "research-calibrated", "do-not-report-probability", "disabled"
  std::string status_reason;  // of the last two
  std::vector<std::string> flags;
  std::string sha256;  // of the file
  struct Worked {      // cases printed in the file; the loader computes them and refuses the file if they differ
    std::map<std::string, double> inputs;          // of a fact: the place of its level
    double linear_predictor = 0, probability = 0;  // the latter before any calibration
  };
  std::vector<Worked> worked;
};

inline constexpr std::size_t kLargestModelBytes = std::size_t{1} << 20;
inline constexpr std::array kStatistics{"mean", "median", "p5", "p95", "sd", "skewness", "excess_kurtosis", "entropy"};

// Quantities computed from several maps or from the outline, and their units: always known as sources.
struct Derived {
  std::string_view name, unit;
};
inline constexpr std::array kDerived{
    Derived{"dT1", "ms"},          // T1 before - T1 after contrast
    Derived{"dT1_pre", "1"},       // its share of T1 before
    Derived{"T1_D", "1"},          // SyMRI: (pre - post) / pre, a fraction
    Derived{"T2_D", "1"},          //
    Derived{"PD_D", "1"},          //
    Derived{"max_diameter", "mm"}  // largest in-plane caliper
};

// Names of the results that a recipe can give ("t2star", "dwi_k"); empty: any name is accepted.
using Sources = std::set<std::string>;

// Errors name the file, the line and the JSON pointer ("m.json:45: /predictors/0/unit: …"). Refused: more than
// kLargestModelBytes, unknown, missing and duplicate keys, wrong types, units that are not on the list, sources that
// neither `known_sources` nor kDerived nor the facts give, contradictions, and worked cases that the coefficients do
// not give to the printed six decimals.
[[nodiscard]] Result<Model> load_model(const std::filesystem::path& file, const Sources& known_sources = {});
[[nodiscard]] Result<Model> parse_model(std::string_view json, std::string_view name,
                                        const Sources& known_sources = {});

}  // namespace classifier
