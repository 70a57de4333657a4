#include "server/nomogram_text.h"

#include <fmt/format.h>

#include <cmath>

namespace server {
namespace {

using dicom::ReportItem;

ReportItem line(std::string name, std::string text) { return {std::move(name), std::move(text), std::nullopt, "", {}}; }
ReportItem quantity(std::string name, double number, std::string unit) {
  return {std::move(name), "", number, std::move(unit), {}};
}

// The reconstruction is good to about a tenth; more digits would promise more.
double rounded(double probability) { return std::round(probability * 100) / 100; }

// The label, and the interval where there is one.
std::string in_brackets(const classifier::Branch& branch) {
  if (!branch.interval) return branch.probability_label;
  return fmt::format("{}, 95 % confidence interval {:.2f} to {:.2f}", branch.probability_label, branch.interval->first,
                     branch.interval->second);
}

void append_branch(std::vector<ReportItem>& items, const classifier::Evaluation& evaluation,
                   const classifier::Branch& branch) {
  const std::string condition = branch.label.empty() ? "" : ", " + branch.label.substr(0, branch.label.find(" ("));
  // A concept name holds 64 characters: the label comes before whatever might be cut.
  const std::string name = fmt::format("P({}), {}{}", evaluation.model->positive, branch.probability_label, condition);
  items.push_back(quantity(name, rounded(branch.probability), "1"));
  std::string points;
  for (const auto& part : branch.points)
    points += fmt::format("{}{} {:.1f}", points.empty() ? "" : ", ", part.predictor, part.points);
  items.push_back(line(
      "Nomogram" + condition,
      fmt::format("Probability of {} rather than {}{}: {:.2f} ({}). Linear predictor {:.2f}; points {}; total {:.1f}.",
                  evaluation.model->positive, evaluation.model->negative,
                  branch.label.empty() ? "" : " " + branch.label, branch.probability, in_brackets(branch),
                  branch.linear_predictor, points, branch.total_points)));
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

std::vector<ReportItem> nomogram_items(const classifier::Evaluation& evaluation, const classifier::Values& values) {
  const classifier::Model& model = *evaluation.model;
  std::vector<ReportItem> items;
  items.push_back(line("Nomogram", fmt::format("{} version {}; {}", model.id, model.version, model.citation)));
  // What was found, or why nothing, before what it was found from: viewers show the top.
  for (const classifier::Branch& branch : evaluation.branches) append_branch(items, evaluation, branch);
  append_sentences(items, "Not computed", evaluation.refusals);
  append_values(items, model, values);
  for (const auto& cutoff : evaluation.cutoffs) items.push_back(line("Published cut-off", cutoff.sentence));
  append_sentences(items, "Reason for doubt", evaluation.flags);
  items.push_back(line("Performance in the paper", model.performance));
  items.push_back(line("Model file SHA-256", model.sha256));
  return items;
}

}  // namespace server
