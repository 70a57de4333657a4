#include "server/nomogram_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace server {
namespace {

using classifier::probability_in_words;
using dicom::ReportItem;

ReportItem quantity(std::string name, double number, std::string unit) {
  return {std::move(name), "", number, std::move(unit), {}};
}

constexpr std::size_t kLongestName = 64;  // a concept name is cut there
constexpr double kMostExtreme = 1e-6;     // six digits of a nearer number would read 0 or 1

// Four digits of the distance to the nearer end: 0.9998 is not 1, and what is computed from it is not infinite.
double in_four_digits(double probability) {
  const double p = std::clamp(probability, kMostExtreme, 1 - kMostExtreme);
  const double step = std::pow(10.0, std::floor(std::log10(std::min(p, 1 - p))) - 3);
  return std::round(p / step) * step;
}

// The label, and the interval where there is one.
std::string in_brackets(const classifier::Branch& branch) {
  if (!branch.interval) return branch.probability_label;
  return fmt::format("{}, 95 % confidence interval {} to {}", branch.probability_label,
                     probability_in_words(branch.interval->first), probability_in_words(branch.interval->second));
}

// "P(HER2-low), research, uncalibrated [branch 1 of 4]": neither label nor number may be cut. On how many cases it was
// calibrated stands in the sentence below, and so does a class that is too long to stand here.
std::string name_of(const classifier::Model& model, const classifier::Branch& branch, const std::string& number) {
  const std::string label = branch.probability_label.substr(0, branch.probability_label.find(" on "));
  const std::string name = fmt::format("P({}), {}{}", model.positive, label, number);
  return name.size() <= kLongestName ? name : fmt::format("P(positive class), {}{}", label, number);
}

// `number` is " [branch 1 of 4]", or nothing where there is one branch.
void append_branch(std::vector<ReportItem>& items, const classifier::Evaluation& evaluation,
                   const classifier::Branch& branch, const std::string& number) {
  items.push_back(quantity(name_of(*evaluation.model, branch, number), in_four_digits(branch.probability), "1"));
  std::string points;
  for (const auto& part : branch.points)
    points += fmt::format("{}{} {:.1f}", points.empty() ? "" : ", ", part.predictor, part.points);
  items.push_back(
      line("Nomogram" + number,
           fmt::format("Probability of {} rather than {}{}: {} ({}). Linear predictor {:.2f}; points {}; total {:.1f}.",
                       evaluation.model->positive, evaluation.model->negative,
                       branch.label.empty() ? "" : " " + branch.label, probability_in_words(branch.probability),
                       in_brackets(branch), branch.linear_predictor, points, branch.total_points)));
}

// Exact, so that the probability can be computed again from what stands here.
void append_values(std::vector<ReportItem>& items, const classifier::Model& model, const classifier::Values& values) {
  for (const classifier::Predictor& predictor : model.predictors) {
    const auto value = values.find(predictor.name);
    if (value == values.end() || !value->second.number) continue;
    items.push_back(quantity("Predictor: " + predictor.title, *value->second.number, value->second.unit));
  }
}

void append_sentences(std::vector<ReportItem>& items, const std::string& name,
                      const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences) items.push_back(line(name, sentence));
}

}  // namespace

ReportItem line(std::string name, std::string text) { return {std::move(name), std::move(text), std::nullopt, "", {}}; }

std::vector<ReportItem> nomogram_items(const classifier::Evaluation& evaluation, const classifier::Values& values) {
  const classifier::Model& model = *evaluation.model;
  std::vector<ReportItem> items;
  items.push_back(line("Nomogram", fmt::format("{} version {}; {}", model.id, model.version, model.citation)));
  // What was found, or why nothing, before what it was found from: viewers show the top.
  const std::size_t branches = evaluation.branches.size();
  for (std::size_t i = 0; i < branches; ++i)
    append_branch(items, evaluation, evaluation.branches[i],
                  branches == 1 ? "" : fmt::format(" [branch {} of {}]", i + 1, branches));
  append_sentences(items, "Not computed", evaluation.refusals);
  append_values(items, model, values);
  for (const auto& cutoff : evaluation.cutoffs) items.push_back(line("Published cut-off", cutoff.sentence));
  append_sentences(items, "Reason for doubt", evaluation.flags);
  items.push_back(line("Performance in the paper", model.performance));
  items.push_back(line("Model file SHA-256", model.sha256));
  return items;
}

}  // namespace server
