#include "classifier/evaluate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tl/expected.hpp>

#include "classifier/conditions.h"
#include "classifier/facts.h"
#include "classifier/linear.h"
#include "classifier/text.h"
#include "classifier/ticks.h"

// The order of the work: the conditions of the model, which may forbid everything or what rests on some sources; then
// check() each predictor (refusals, extrapolation, unknown facts), one branch per assignment of the unknown facts, and
// the cut-offs, which need no other value than their own. Wording is deliberate: a value lies on a side of a published
// cut-off; nowhere does a sentence say what the lesion is.

namespace classifier {
namespace {

constexpr std::size_t kMostBranches = 8;
constexpr double kNormal95 = 1.96;       // two-sided 95 % of the normal distribution
constexpr double kMostDifference = 0.2;  // between the probabilities of two variants, models.md 2.2

using Levels = std::map<std::string, int>;  // predictor -> place of its level
using Number = tl::expected<double, std::string>;

struct Question {
  const Model& model;
  const Values& values;
  const Facts& facts;
  Verdict verdict;
};

// With the decimals of the cut-off, and more where the two would read the same although they differ.
std::string measured_text(double measured, double cutoff) {
  const std::string text = shortest(cutoff);
  const auto point = text.find('.');
  int decimals = point == std::string::npos ? 0 : static_cast<int>(text.size() - point - 1);
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

// Diffusion is printed per 1e-3 and stored per 1e-6 mm2/s; no other unit is converted.
Number in_unit(double number, const std::string& from, const std::string& to) {
  constexpr double kMicroPerMilli = 1000;
  if (from == to) return number;
  if (from == "10-6.mm2/s" && to == "10-3.mm2/s") return number / kMicroPerMilli;
  if (from == "10-3.mm2/s" && to == "10-6.mm2/s") return number * kMicroPerMilli;
  return tl::unexpected("unit is " + (from.empty() ? "missing" : from) + ", the model wants " + to);
}

bool begins_with_one_of(const std::string& method, const Technique& technique) {
  return std::ranges::any_of(technique.methods, [&](const auto& accepted) { return method.starts_with(accepted); });
}

// The doubt about a method that is accepted with one.
const std::string* doubt_of(const std::string& method, const Technique& technique) {
  const auto found =
      std::ranges::find_if(technique.flagged, [&](const auto& known) { return method.starts_with(known.first); });
  return found == technique.flagged.end() ? nullptr : &found->second;
}

std::string either_of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " or ") + text;
  return all;
}

// Why a value is not the quantity that the model means; empty when it is, or nobody knows.
std::string unfit(const Value& value, const Technique& technique) {
  const bool any_method = technique.methods.empty() || value.method.empty();
  if (!any_method && !begins_with_one_of(value.method, technique) && doubt_of(value.method, technique) == nullptr)
    return value.method + ", the model wants " + either_of(technique.methods);
  if (!technique.contrast.empty() && value.contrast != technique.contrast && value.contrast != "unknown")
    return "measured " + value.contrast + " contrast, the model wants it " + technique.contrast;
  return {};
}

void add_doubts_of(const Value& value, const Technique& technique, const std::string& title, Evaluation& evaluation) {
  const std::string* doubt = doubt_of(value.method, technique);
  if (doubt != nullptr) evaluation.flags.push_back(title + ": " + *doubt);
  if (!technique.contrast.empty() && value.contrast == "unknown")
    evaluation.flags.push_back(title +
                               ": whether it was measured before or after contrast is not known, the model "
                               "wants it " +
                               technique.contrast);
}

// A measured value in the unit that is wanted, or why it cannot be used.
Number number_of(const Question& question, const std::string& name, const std::string& source, const std::string& unit,
                 const Technique& technique) {
  if (const auto invalid = question.verdict.invalid.find(source); invalid != question.verdict.invalid.end())
    return tl::unexpected(invalid->second);
  const auto found = question.values.find(name);
  if (found == question.values.end()) return tl::unexpected(std::string("not measured"));
  const Value& value = found->second;
  if (!value.number) return tl::unexpected(value.missing.empty() ? "not measured" : value.missing);
  if (!std::isfinite(*value.number)) return tl::unexpected(std::string("not a finite number"));
  if (std::string why = unfit(value, technique); !why.empty()) return tl::unexpected(std::move(why));
  return in_unit(*value.number, value.unit, unit);
}
Number number_of(const Question& question, const Predictor& predictor) {
  return number_of(question, predictor.name, predictor.source, predictor.unit, predictor.technique);
}

bool beyond_hard_limits(const Predictor& predictor, double value) {
  return (predictor.hard_low && value < *predictor.hard_low) || (predictor.hard_high && value > *predictor.hard_high);
}

void check_measured(const Question& question, const Predictor& predictor, Evaluation& evaluation) {
  const Number value = number_of(question, predictor);
  if (!value) {
    evaluation.refusals.push_back(predictor.title + ": " + value.error());
    return;
  }
  add_doubts_of(question.values.at(predictor.name), predictor.technique, predictor.title, evaluation);
  const std::string measured = predictor.title + " " + with_unit(readable(*value), predictor.unit);
  if (beyond_hard_limits(predictor, *value)) {
    evaluation.refusals.push_back(measured + " is outside " +
                                  range_text(*predictor.hard_low, *predictor.hard_high, predictor.unit) +
                                  ", beyond which the model is not computed");
  } else if (*value < predictor.valid_low || *value > predictor.valid_high) {
    evaluation.flags.push_back(measured + " is outside " +
                               range_text(predictor.valid_low, predictor.valid_high, predictor.unit) +
                               ": extrapolation");
  }
}

bool means(const Level& level, const std::string& answer, bool is_number) {
  if (!is_number) return std::ranges::count(level.answers, answer) > 0;
  double number = 0;
  std::from_chars(answer.data(), answer.data() + answer.size(), number);  // canonical: read_answer() wrote it
  return (!level.from || number >= *level.from) && (!level.below || number < *level.below);
}

// The place of the level that was stated; nullopt while nobody has, an error for what is no answer.
Result<std::optional<int>> stated_level(const Question& question, const Predictor& predictor) {
  const auto stated = question.facts.find(predictor.fact);
  if (stated == question.facts.end()) return std::nullopt;
  const Fact& fact = *find_fact(predictor.fact);
  const auto answer = read_answer(fact, stated->second);
  if (!answer) return tl::unexpected(answer.error());
  const auto level = std::ranges::find_if(
      predictor.meanings, [&](const Level& candidate) { return means(candidate, *answer, fact.is_number()); });
  return static_cast<int>(level - predictor.meanings.begin());
}

// The levels that are known; what is no answer refuses.
Levels known_levels(const Question& question, Evaluation& evaluation) {
  Levels known;
  for (const Predictor& predictor : question.model.predictors) {
    if (!predictor.is_fact()) continue;
    const auto level = stated_level(question, predictor);
    if (!level) evaluation.refusals.push_back(predictor.title + ": " + level.error().what);
    if (level && *level) known[predictor.name] = **level;
  }
  return known;
}

// Every combination of levels of the facts that are unknown: in the order of the predictors, the last one changing
// first. Stops growing once there are too many.
std::vector<Levels> assignments(const Model& model, const Levels& known) {
  std::vector<Levels> all{{}};
  for (const Predictor& predictor : model.predictors) {
    if (!predictor.is_fact() || known.contains(predictor.name)) continue;
    std::vector<Levels> longer;
    for (const Levels& levels : all) {
      for (const auto& [level, text] : predictor.levels) {
        longer.push_back(levels);
        longer.back()[predictor.name] = level;
      }
    }
    all = std::move(longer);
    if (all.size() > kMostBranches) break;  // refused by the caller
  }
  return all;
}

std::string label(const Model& model, const std::map<std::string, double>& inputs, const Levels& assumed) {
  std::string text;
  for (const Predictor& predictor : model.predictors) {
    if (!predictor.is_fact()) continue;
    const std::string& level = predictor.levels.at(static_cast<int>(inputs.at(predictor.name)));
    text += (text.empty() ? "" : ", ") + std::string(assumed.contains(predictor.name) ? "if " : "with ") + level;
  }
  return text;
}

std::string probability_label(const Model& model) {
  if (!model.calibration) return "research, uncalibrated";
  return "research, calibrated on " + std::to_string(model.calibration->cases) + " local cases";
}

// What the predictors contribute to one term of the covariance.
double regressor(const Model& model, const std::map<std::string, double>& inputs, const std::string& name) {
  for (const Predictor& predictor : model.predictors) {
    if (predictor.name == name) return inputs.at(name);
    for (std::size_t place = 0; place < predictor.meanings.size(); ++place)
      if (term(predictor, predictor.meanings[place]) == name)
        return inputs.at(predictor.name) == static_cast<double>(place) ? 1 : 0;
  }
  return 1;  // the intercept
}

// 95 % of the probability: lp -+ 1.96 sqrt(x'Vx), carried through the logistic function.
std::pair<double, double> interval(const Model& model, const std::map<std::string, double>& inputs, double linear) {
  const Covariance& covariance = *model.covariance;
  std::vector<double> x;
  for (const std::string& name : covariance.terms) x.push_back(regressor(model, inputs, name));
  double variance = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) variance += x[i] * covariance.matrix[i][j] * x[j];
  const double half = kNormal95 * std::sqrt(std::max(variance, 0.0));
  return {probability(model, linear - half), probability(model, linear + half)};
}

Branch branch(const Question& question, const Levels& known, const Levels& assumed) {
  const Model& model = question.model;
  std::map<std::string, double> inputs(assumed.begin(), assumed.end());
  inputs.insert(known.begin(), known.end());
  for (const Predictor& predictor : model.predictors)
    if (!predictor.is_fact()) inputs[predictor.name] = *number_of(question, predictor);

  Branch branch;
  branch.assumed = assumed;
  branch.label = label(model, inputs, assumed);
  branch.linear_predictor = linear_predictor(model, inputs);
  branch.probability = probability(model, branch.linear_predictor);
  branch.probability_label = probability_label(model);
  if (model.covariance) branch.interval = interval(model, inputs, branch.linear_predictor);
  const double per_logit = nomogram_scale(model).points_per_logit;
  for (const Predictor& predictor : model.predictors) {
    const double above = effect(predictor, inputs.at(predictor.name)) - effect_range(predictor).least;
    branch.points.push_back({predictor.name, per_logit * above});
    branch.total_points += branch.points.back().points;
  }
  return branch;
}

void evaluate_probability(const Question& question, Evaluation& evaluation) {
  const Model& model = question.model;
  for (const Predictor& predictor : model.predictors)
    if (!predictor.is_fact()) check_measured(question, predictor, evaluation);
  const Levels known = known_levels(question, evaluation);
  if (model.status == "do-not-report-probability")
    evaluation.refusals.push_back("no probability is reported for this model: " + model.status_reason);
  const std::vector<Levels> unknown = assignments(model, known);
  if (unknown.size() > kMostBranches)
    evaluation.refusals.emplace_back("too many facts are unknown: more than " + std::to_string(kMostBranches) +
                                     " combinations");
  if (!evaluation.refusals.empty()) return;
  for (const Levels& assumed : unknown) evaluation.branches.push_back(branch(question, known, assumed));
}

std::string sentence(const Model& model, const CutoffSide& side) {
  const Cutoff& cutoff = *side.cutoff;
  const std::string& other = cutoff.positive == model.positive ? model.negative : model.positive;
  const auto share = [](int part, int whole) { return std::to_string(part) + "/" + std::to_string(whole); };
  const std::string value = cutoff.fact.empty()
                                ? " " + with_unit(measured_text(side.measured, cutoff.value), cutoff.unit) + " " +
                                      (side.positive_side ? cutoff.relation : opposite(cutoff.relation)) + " " +
                                      with_unit(shortest(cutoff.value), cutoff.unit) + ": measured on the "
                                : std::string(": stated, on the ");
  return cutoff.title + value + (side.positive_side ? cutoff.positive : other) + " side of the " +
         to_string(cutoff.provenance) + " cut-off; LR" + (side.positive_side ? "+ " : "- ") +
         fixed(side.likelihood_ratio, 2) + " (sensitivity " + share(cutoff.true_positive, cutoff.positives) +
         ", specificity " + share(cutoff.true_negative, cutoff.negatives) + " for " + cutoff.positive + ")";
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
  return std::ranges::none_of(model.predictors, [&](const Predictor& predictor) {
    return predictor.name == name && beyond_hard_limits(predictor, value);
  });
}

bool is_predictor(const Model& model, const std::string& name) {
  return std::ranges::count(model.predictors, name, &Predictor::name) > 0;
}

// 1 when the stated answer is one of those that the cut-off counts as positive.
Number coded_answer(const Question& question, const Cutoff& cutoff) {
  const auto stated = question.facts.find(cutoff.fact);
  if (stated == question.facts.end()) return tl::unexpected(std::string("nobody has stated it"));
  const auto answer = read_answer(*find_fact(cutoff.fact), stated->second);
  if (!answer) return tl::unexpected(answer.error().what);
  return std::ranges::count(cutoff.answers, *answer) > 0 ? 1 : 0;
}

// What is wrong with a predictor is among the refusals already, and an unknown one has its branches; of all else it is
// said here.
void evaluate_cutoff(const Question& question, const Cutoff& cutoff, Evaluation& evaluation) {
  if (!cutoff.disabled.empty()) {
    evaluation.refusals.push_back(cutoff.title + ": its cut-off is not applied: " + cutoff.disabled);
    return;
  }
  const Number measured = cutoff.fact.empty()
                              ? number_of(question, cutoff.on, cutoff.source, cutoff.unit, cutoff.technique)
                              : coded_answer(question, cutoff);
  if (!measured) {
    if (!is_predictor(question.model, cutoff.on))
      evaluation.flags.push_back(cutoff.title + ": no cut-off applied: " + measured.error());
  } else if (is_believable(question.model, cutoff.on, *measured)) {
    evaluation.cutoffs.push_back(side_of(question.model, cutoff, *measured));
    if (cutoff.fact.empty() && !is_predictor(question.model, cutoff.on))
      add_doubts_of(question.values.at(cutoff.on), cutoff.technique, cutoff.title, evaluation);
  }
}

void evaluate_cutoffs(const Question& question, Evaluation& evaluation) {
  for (const Cutoff& cutoff : question.model.cutoffs)
    if (cutoff.on != "probability") evaluate_cutoff(question, cutoff, evaluation);
}

// Without the covariance an interval would be an invention; the standard deviations alone say how doubtful it is.
std::string doubt_of_coefficients(const Model& model) {
  std::string text = "no interval: the covariance of the coefficients is not known";
  std::string deviations;
  for (const auto& [name, sd] : model.coefficient_sd)
    deviations += (deviations.empty() ? "" : ", ") + name + " " + shortest(sd);
  return deviations.empty() ? text : text + "; standard deviations: " + deviations + ". " + model.coefficient_sd_method;
}

void add_doubts(const Model& model, Evaluation& evaluation) {
  auto& flags = evaluation.flags;
  if (!model.predictors.empty()) {
    if (model.coefficients_provenance != Provenance::Published)
      flags.push_back("coefficients are " + to_string(model.coefficients_provenance) + ": " + model.provenance_method);
    if (!model.covariance) flags.push_back(doubt_of_coefficients(model));
  }
  if (model.calibration)
    flags.push_back("calibrated on local cases (" + model.calibration->source + ", " + model.calibration->date + ")");
  if (!model.precondition.empty()) flags.push_back("the model is about " + model.precondition + " only");
  flags.insert(flags.end(), model.flags.begin(), model.flags.end());
  for (const std::string& excluded : model.excluded) flags.push_back("the model does not know " + excluded);
  flags.insert(flags.end(), model.population.begin(), model.population.end());
}

void refuse_disabled(const Model& model, Evaluation& evaluation) {
  evaluation.refusals.push_back("the model is disabled: " + model.status_reason);
  if (!model.awaits) return;
  for (const std::string& lack : model.awaits->lacks) evaluation.refusals.push_back("it lacks: " + lack);
}

const std::string& family(const Model& model) { return model.variant_of.empty() ? model.id : model.variant_of; }

void compare(const Evaluation& one, const Evaluation& other, std::vector<std::string>& sentences) {
  for (const Branch& a : one.branches) {
    for (const Branch& b : other.branches) {
      if (a.label != b.label || std::abs(a.probability - b.probability) <= kMostDifference) continue;
      sentences.push_back("the variants of this model disagree" + (a.label.empty() ? "" : " " + a.label) + ": " +
                          probability_in_words(a.probability) + " (" + one.model->id + "; " + a.probability_label +
                          ") and " + probability_in_words(b.probability) + " (" + other.model->id + "; " +
                          b.probability_label + ")");
    }
  }
}

}  // namespace

Scale nomogram_scale(const Model& model) {
  if (model.predictors.empty()) return {};
  Scale scale{.intercept = model.intercept};
  double widest = 0;
  for (const Predictor& predictor : model.predictors) {
    scale.intercept += effect_range(predictor).least;
    widest = std::max(widest, effect_range(predictor).width());
  }
  scale.points_per_logit = 100 / widest;
  return scale;
}

std::string probability_in_words(double probability) { return probability_text(probability); }

Evaluation evaluate(const Model& model, const Values& values, const Facts& facts, const Exam& exam) {
  Evaluation evaluation;
  evaluation.model = &model;
  if (model.status == "disabled") {
    refuse_disabled(model, evaluation);
    return evaluation;
  }
  const Question question{model, values, facts, check_conditions(model, facts, exam)};
  if (!question.verdict.refusals.empty()) {
    evaluation.refusals = question.verdict.refusals;
    return evaluation;
  }
  evaluation.flags = question.verdict.flags;
  if (model.task == Model::Task::Binary) evaluate_probability(question, evaluation);
  evaluate_cutoffs(question, evaluation);
  evaluation.refusals.insert(evaluation.refusals.end(), model.not_computable.begin(), model.not_computable.end());
  add_doubts(model, evaluation);
  return evaluation;
}

std::vector<std::string> disagreements(const std::vector<Evaluation>& evaluations) {
  std::vector<std::string> sentences;
  for (auto one = evaluations.begin(); one != evaluations.end(); ++one)
    for (auto other = one + 1; other != evaluations.end(); ++other)
      if (family(*one->model) == family(*other->model)) compare(*one, *other, sentences);
  return sentences;
}

}  // namespace classifier
