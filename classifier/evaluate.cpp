#include "classifier/evaluate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "classifier/linear.h"

// The order of the work: check() each predictor (refusals, extrapolation, unknown facts), then one branch per
// assignment of the unknown facts, then the cut-offs, which need no other value than their own. Wording is deliberate:
// a value lies on a side of a published cut-off; nowhere does a sentence say what the lesion is.

namespace classifier {
namespace {

constexpr std::size_t kMostBranches = 8;
using Facts = std::map<std::string, int>;

// Shortest text that reads back as the same number: 47.1, 461.55, 0.749.
std::string shortest(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string fixed(double number, int decimals) {
  char text[400];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.*f", decimals, number))};
}

// UCUM "1" is no unit to a reader.
std::string with_unit(const std::string& number, const std::string& unit) {
  return unit == "1" ? number : number + " " + unit;
}

int decimals_of(double number) {
  const std::string text = shortest(number);
  const auto point = text.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

// With the decimals of the cut-off, and more where the two would read the same although they differ.
std::string measured_text(double measured, double cutoff) {
  int decimals = decimals_of(cutoff);
  while (measured != cutoff && decimals < 9 && fixed(measured, decimals) == fixed(cutoff, decimals)) ++decimals;
  return fixed(measured, decimals);
}

bool holds(double measured, const std::string& relation, double value) {
  if (relation == ">") return measured > value;
  if (relation == ">=") return measured >= value;
  return relation == "<" ? measured < value : measured <= value;
}

std::string opposite(const std::string& relation) {
  if (relation == ">") return "<=";
  if (relation == ">=") return "<";
  return relation == "<" ? ">=" : ">";
}

std::string_view origin(Provenance provenance) {
  switch (provenance) {
    case Provenance::Published:
      return "published";
    case Provenance::Reconstructed:
      return "reconstructed";
    case Provenance::LocallyFitted:
      return "locally fitted";
  }
  return "";
}

// Why a value cannot be used, or empty.
std::string problem(const std::string& name, const std::string& unit, const Values& values) {
  const auto found = values.find(name);
  if (found == values.end()) return "not measured";
  const Value& value = found->second;
  if (!value.number) return value.missing.empty() ? "not measured" : value.missing;
  if (!std::isfinite(*value.number)) return "not a finite number";
  if (value.unit != unit)
    return "unit is " + (value.unit.empty() ? "missing" : value.unit) + ", the model wants " + unit;
  return {};
}

std::string range_text(double low, double high, const std::string& unit) {
  return with_unit(shortest(low) + " to " + shortest(high), unit);
}

bool beyond_hard_limits(const Predictor& predictor, double value) {
  return (predictor.hard_low && value < *predictor.hard_low) || (predictor.hard_high && value > *predictor.hard_high);
}

void check_measured(const Predictor& predictor, const Values& values, Evaluation& evaluation) {
  const std::string why = problem(predictor.name, predictor.unit, values);
  if (!why.empty()) {
    evaluation.refusals.push_back(predictor.title + ": " + why);
    return;
  }
  const double value = *values.at(predictor.name).number;
  const std::string measured = predictor.title + " " + with_unit(shortest(value), predictor.unit);
  if (beyond_hard_limits(predictor, value)) {
    evaluation.refusals.push_back(measured + " is outside " +
                                  range_text(*predictor.hard_low, *predictor.hard_high, predictor.unit) +
                                  ", beyond which the model is not computed");
  } else if (value < predictor.valid_low || value > predictor.valid_high) {
    evaluation.flags.push_back(measured + " is outside " +
                               range_text(predictor.valid_low, predictor.valid_high, predictor.unit) +
                               ": extrapolation");
  }
}

bool is_unknown(const Predictor& fact, const Values& values) {
  const auto found = values.find(fact.name);
  return found == values.end() || !found->second.number;
}

// An unknown fact is no refusal: it opens branches.
void check_fact(const Predictor& fact, const Values& values, Evaluation& evaluation) {
  if (is_unknown(fact, values)) return;
  const double value = *values.at(fact.name).number;
  if (!is_level(fact, value))
    evaluation.refusals.push_back(fact.title + " " + shortest(value) + " is none of its levels");
}

// Every assignment of the unknown facts, the later facts varying fastest; one empty assignment when all are known.
std::vector<Facts> assignments(const Model& model, const Values& values) {
  std::vector<Facts> all(1);
  for (const Predictor& predictor : model.predictors) {
    if (!predictor.is_fact() || !is_unknown(predictor, values)) continue;
    std::vector<Facts> longer;
    for (const Facts& facts : all) {
      for (const auto& [level, text] : predictor.levels) {
        longer.push_back(facts);
        longer.back()[predictor.name] = level;
      }
    }
    all = std::move(longer);
    if (all.size() > kMostBranches) break;  // refused by the caller
  }
  return all;
}

std::string label(const Model& model, const std::map<std::string, double>& inputs, const Facts& assumed) {
  std::string text;
  for (const Predictor& predictor : model.predictors) {
    if (!predictor.is_fact()) continue;
    const std::string& level = predictor.levels.at(static_cast<int>(inputs.at(predictor.name)));
    text += (text.empty() ? "" : ", ") + std::string(assumed.contains(predictor.name) ? "if " : "with ") + level;
  }
  return text;
}

Branch branch(const Model& model, const Values& values, const Facts& assumed) {
  std::map<std::string, double> inputs(assumed.begin(), assumed.end());
  for (const Predictor& predictor : model.predictors)
    if (!assumed.contains(predictor.name)) inputs[predictor.name] = *values.at(predictor.name).number;

  Branch branch;
  branch.assumed = assumed;
  branch.label = label(model, inputs, assumed);
  branch.linear_predictor = linear_predictor(model, inputs);
  branch.probability = logistic(branch.linear_predictor);
  branch.probability_label = "research, uncalibrated";
  const double per_logit = nomogram_scale(model).points_per_logit;
  for (const Predictor& predictor : model.predictors) {
    const double above = effect(predictor, inputs.at(predictor.name)) - effect_range(predictor).least;
    branch.points.push_back({predictor.name, per_logit * above});
    branch.total_points += branch.points.back().points;
  }
  return branch;
}

void evaluate_probability(const Model& model, const Values& values, Evaluation& evaluation) {
  for (const Predictor& predictor : model.predictors)
    predictor.is_fact() ? check_fact(predictor, values, evaluation) : check_measured(predictor, values, evaluation);
  if (model.status == "do-not-report-probability")
    evaluation.refusals.emplace_back("the model is not good enough for a probability; its published cut-offs only");
  const std::vector<Facts> unknown = assignments(model, values);
  if (unknown.size() > kMostBranches)
    evaluation.refusals.emplace_back("too many facts are unknown: more than " + std::to_string(kMostBranches) +
                                     " combinations");
  if (!evaluation.refusals.empty()) return;
  for (const Facts& assumed : unknown) evaluation.branches.push_back(branch(model, values, assumed));
}

std::string sentence(const Model& model, const CutoffSide& side) {
  const Cutoff& cutoff = *side.cutoff;
  const std::string& other = cutoff.positive == model.positive ? model.negative : model.positive;
  const auto share = [](int part, int whole) { return std::to_string(part) + "/" + std::to_string(whole); };
  return cutoff.title + " " + with_unit(measured_text(side.measured, cutoff.value), cutoff.unit) + " " +
         (side.positive_side ? cutoff.relation : opposite(cutoff.relation)) + " " +
         with_unit(shortest(cutoff.value), cutoff.unit) + ": measured on the " +
         (side.positive_side ? cutoff.positive : other) + " side of the " + std::string(origin(cutoff.provenance)) +
         " cut-off; LR" + (side.positive_side ? "+ " : "- ") + fixed(side.likelihood_ratio, 2) + " (sensitivity " +
         share(cutoff.true_positive, cutoff.positives) + ", specificity " +
         share(cutoff.true_negative, cutoff.negatives) + " for " + cutoff.positive + ")";
}

CutoffSide side_of(const Model& model, const Cutoff& cutoff, double measured) {
  CutoffSide side;
  side.cutoff = &cutoff;
  side.measured = measured;
  side.positive_side = holds(measured, cutoff.relation, cutoff.value);
  side.likelihood_ratio = side.positive_side ? cutoff.positive_likelihood_ratio() : cutoff.negative_likelihood_ratio();
  side.sentence = sentence(model, side);
  return side;
}

// A value out of a predictor's hard limits is no measurement, so it has no side either.
bool is_believable(const Model& model, const std::string& name, double value) {
  for (const Predictor& predictor : model.predictors)
    if (predictor.name == name && beyond_hard_limits(predictor, value)) return false;
  return true;
}

bool is_predictor(const Model& model, const std::string& name) {
  return std::ranges::count(model.predictors, name, &Predictor::name) > 0;
}

// What is wrong with a predictor is among the refusals already; of derived quantities it is said here.
void evaluate_cutoff(const Model& model, const Cutoff& cutoff, const Values& values, Evaluation& evaluation) {
  const std::string why = problem(cutoff.on, cutoff.unit, values);
  if (!why.empty()) {
    if (!is_predictor(model, cutoff.on)) evaluation.flags.push_back(cutoff.title + ": no cut-off applied: " + why);
    return;
  }
  const double measured = *values.at(cutoff.on).number;
  if (is_believable(model, cutoff.on, measured)) evaluation.cutoffs.push_back(side_of(model, cutoff, measured));
}

void evaluate_cutoffs(const Model& model, const Values& values, Evaluation& evaluation) {
  for (const Cutoff& cutoff : model.cutoffs)
    if (cutoff.on != "probability") evaluate_cutoff(model, cutoff, values, evaluation);
}

constexpr double kSameField_t = 0.25;  // 2.89 T is called 3 T

// Relaxation times depend on the field: numbers of another one are refused, not flagged.
std::optional<std::string> wrong_field(const Model& model, const Exam& exam) {
  if (!exam.field_strength_t || model.field_strengths_t.empty()) return std::nullopt;
  const bool known = std::ranges::any_of(
      model.field_strengths_t, [&](double t) { return std::abs(t - *exam.field_strength_t) <= kSameField_t; });
  if (known) return std::nullopt;
  return "this exam was acquired at " + shortest(*exam.field_strength_t) + " T, the model was made at " +
         shortest(model.field_strengths_t.front()) + " T";
}

void add_doubts_of_exam(const Model& model, const Exam& exam, Evaluation& evaluation) {
  auto& flags = evaluation.flags;
  if (!model.field_strengths_t.empty() && !exam.field_strength_t)
    flags.emplace_back("the field strength of this exam is not known");
  if (!model.post_contrast_delay_s) return;
  const auto [least, most] = *model.post_contrast_delay_s;
  if (!exam.post_contrast_delay_s) {
    flags.emplace_back("the time from the injection to the measurement after contrast is not known for this exam");
  } else if (*exam.post_contrast_delay_s < least || *exam.post_contrast_delay_s > most) {
    flags.push_back("the measurement after contrast began " + shortest(std::round(*exam.post_contrast_delay_s)) +
                    " s after the injection, in the paper " + shortest(least) + " to " + shortest(most) + " s");
  }
}

void add_doubts(const Model& model, Evaluation& evaluation) {
  auto& flags = evaluation.flags;
  if (model.coefficients_provenance != Provenance::Published)
    flags.push_back("coefficients are " + std::string(origin(model.coefficients_provenance)) + ": " +
                    model.provenance_method);
  flags.insert(flags.end(), model.flags.begin(), model.flags.end());
  for (const std::string& excluded : model.excluded) flags.push_back("the model does not know " + excluded);
  flags.insert(flags.end(), model.population.begin(), model.population.end());
}

}  // namespace

Scale nomogram_scale(const Model& model) {
  Scale scale{.intercept = model.intercept};
  double widest = 0;
  for (const Predictor& predictor : model.predictors) {
    scale.intercept += effect_range(predictor).least;
    widest = std::max(widest, effect_range(predictor).width());
  }
  scale.points_per_logit = 100 / widest;
  return scale;
}

Evaluation evaluate(const Model& model, const Values& values, const Exam& exam) {
  Evaluation evaluation;
  evaluation.model = &model;
  if (model.status == "disabled") {
    evaluation.refusals.emplace_back("the model is disabled");
    return evaluation;
  }
  if (auto reason = wrong_field(model, exam)) {
    evaluation.refusals.push_back(*std::move(reason));
    return evaluation;
  }
  evaluate_probability(model, values, evaluation);
  evaluate_cutoffs(model, values, evaluation);
  add_doubts_of_exam(model, exam, evaluation);
  add_doubts(model, evaluation);
  return evaluation;
}

}  // namespace classifier
