#include "server/nomogram_text.h"

#include <fmt/format.h>

#include <cmath>

namespace server {
namespace {

using dicom::ReportItem;

std::optional<double> statistic(const fitting::Statistics& statistics, const std::string& name) {
  if (name == "mean") return statistics.mean;
  if (name == "median") return statistics.median;
  if (name == "p5") return statistics.p5;
  if (name == "p95") return statistics.p95;
  return std::nullopt;
}

// The value a model finds under `source`: a slot of the recipe or a derived quantity.
classifier::Value find_value(const std::string& source, const std::string& wanted, const MeasuredBySlot& by_slot,
                             const std::map<std::string, std::string>& missing) {
  if (source == "dT1" || source == "dT1_pre") {
    const auto change = contrast_change(by_slot);
    if (!change) return {std::nullopt, "", "T1 was not measured both before and after contrast"};
    return source == "dT1" ? classifier::Value{change->absolute_ms, "ms", ""}
                           : classifier::Value{change->relative, "1", ""};
  }
  if (const auto found = by_slot.find(source); found != by_slot.end()) {
    const auto number = statistic(found->second.statistics, wanted);
    return {number, found->second.unit, number ? "" : "the statistic " + wanted + " is not computed"};
  }
  const auto why = missing.find(source);
  return {std::nullopt, "", why != missing.end() ? why->second : "the study has no map for " + source};
}

bool is_fact(const classifier::Predictor& predictor) {
  return predictor.source == "pathology" || predictor.source == "reader";
}

ReportItem line(std::string name, std::string text) { return {std::move(name), std::move(text), std::nullopt, "", {}}; }
ReportItem quantity(std::string name, double number, std::string unit) {
  return {std::move(name), "", number, std::move(unit), {}};
}

// The reconstruction is good to about a tenth; more digits would promise more.
double rounded(double probability) { return std::round(probability * 100) / 100; }

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
                  branch.label.empty() ? "" : " " + branch.label, branch.probability, branch.probability_label,
                  branch.linear_predictor, points, branch.total_points)));
}

void append_sentences(std::vector<ReportItem>& items, const std::string& name,
                      const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences) items.push_back(line(name, sentence));
}

}  // namespace

std::optional<ContrastChange> contrast_change(const MeasuredBySlot& by_slot) {
  const auto before = by_slot.find("t1_pre");
  const auto after = by_slot.find("t1_post");
  if (before == by_slot.end() || after == by_slot.end() || before->second.unit != "ms" || after->second.unit != "ms")
    return std::nullopt;
  const double change = before->second.statistics.mean - after->second.statistics.mean;
  return ContrastChange{change, change / before->second.statistics.mean};
}

classifier::Values values_for(const classifier::Model& model, const MeasuredBySlot& by_slot,
                              const std::map<std::string, std::string>& missing) {
  classifier::Values values;
  for (const classifier::Predictor& predictor : model.predictors) {
    if (!is_fact(predictor))
      values[predictor.name] = find_value(predictor.source, predictor.statistic, by_slot, missing);
  }
  for (const classifier::Cutoff& cutoff : model.cutoffs) {
    if (cutoff.on != "probability" && cutoff.fact.empty())
      values.try_emplace(cutoff.on, find_value(cutoff.source, cutoff.statistic, by_slot, missing));
  }
  return values;
}

std::vector<ReportItem> nomogram_items(const classifier::Evaluation& evaluation) {
  const classifier::Model& model = *evaluation.model;
  std::vector<ReportItem> items;
  items.push_back(line("Nomogram", fmt::format("{} version {}; {}", model.id, model.version, model.citation)));
  items.push_back(line("Model file SHA-256", model.sha256));
  for (const auto& cutoff : evaluation.cutoffs) {
    items.push_back(line("Published cut-off", cutoff.sentence));
  }
  for (const classifier::Branch& branch : evaluation.branches) append_branch(items, evaluation, branch);
  append_sentences(items, "Not computed", evaluation.refusals);
  append_sentences(items, "Reason for doubt", evaluation.flags);
  items.push_back(line("Performance in the paper", model.performance));
  return items;
}

}  // namespace server
