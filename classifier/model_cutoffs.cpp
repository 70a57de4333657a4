#include <algorithm>

#include "classifier/facts.h"
#include "classifier/model_reader.h"

namespace classifier {
namespace {

// All likelihood ratios must be finite: neither side may be without a misjudged case and without a right one.
void read_counts(const Node& node, Cutoff& cutoff) {
  node.expect_keys({"true_positive", "positives", "true_negative", "negatives"});
  cutoff.true_positive = node.at("true_positive").count();
  cutoff.positives = node.at("positives").count();
  cutoff.true_negative = node.at("true_negative").count();
  cutoff.negatives = node.at("negatives").count();
  if (cutoff.true_positive > cutoff.positives || cutoff.positives == 0)
    node.at("true_positive").refuse("more than positives, or none");
  if (cutoff.true_negative >= cutoff.negatives || cutoff.true_negative == 0)
    node.at("true_negative").refuse("expected 1 to negatives - 1, else a likelihood ratio is infinite");
}

void check_target(const Node& node, const Model& model, const Cutoff& cutoff) {
  const Predictor* predictor = find_predictor(model, cutoff.on);
  if (predictor != nullptr && cutoff.fact.empty() && predictor->unit != cutoff.unit)
    node.at("unit").refuse("the predictor's unit is " + predictor->unit);
  if (predictor != nullptr && predictor->technique != cutoff.technique)
    node.refuse("the predictor asks for other methods or another side of the contrast agent");
  if (predictor != nullptr && predictor->fact != cutoff.fact) node.at("on").refuse("a predictor of another kind");
  if (cutoff.positive != model.positive && cutoff.positive != model.negative)
    node.at("positive").refuse("expected " + model.positive + " or " + model.negative);
}

void read_threshold(const Node& node, Cutoff& cutoff) {
  cutoff.unit = read_unit(node.at("unit"));
  cutoff.value = node.at("value").number();
  cutoff.relation = node.at("relation").text_of({">", ">=", "<", "<="});
}

// Answers count as 1 and 0, as the papers' own tables code them.
void read_on_fact(const Node& node, Cutoff& cutoff) {
  cutoff.source = read_fact_source(node.at("source"));
  cutoff.fact = read_fact(node.at("fact"));
  cutoff.answers = node.at("answers").texts();
  for (const Node& answer : node.at("answers").items()) check_answer(answer, cutoff.fact, answer.text());
  if (cutoff.answers.empty() || cutoff.answers.size() >= find_fact(cutoff.fact)->answers.size())
    node.at("answers").refuse("expected some of the fact's answers, not all");
  cutoff.unit = "1";
  cutoff.value = 0.5;
  cutoff.relation = ">";
}

void read_on_probability(const Node& node, Cutoff& cutoff) {
  cutoff.source = node.at("source").text_of({"probability"});
  read_threshold(node, cutoff);
}

void read_on_measured(const Node& node, const Sources& known, Cutoff& cutoff) {
  cutoff.source = read_source(node.at("source"), known);
  cutoff.statistic = read_statistic(node, cutoff.source);
  cutoff.region = read_region(node.at("region"));
  cutoff.technique = read_technique(node, cutoff.source);
  check_unit(node.at("unit"), cutoff.source);
  read_threshold(node, cutoff);
}

void read_auc(const Node& node, Cutoff& cutoff) {
  cutoff.auc = node.at("auc").number();
  if (cutoff.auc < 0.5 || cutoff.auc > 1) node.at("auc").refuse("expected 0.5 to 1");
  if (!node.has("auc_ci")) return;
  cutoff.auc_interval = node.at("auc_ci").range();
  if (cutoff.auc < cutoff.auc_interval->first || cutoff.auc > cutoff.auc_interval->second)
    node.at("auc_ci").refuse("does not enclose the auc");
}

Cutoff read_cutoff(const Node& node, const Sources& known, const Model& model) {
  Cutoff cutoff;
  cutoff.on = read_identifier(node.at("on"));
  if (node.has("fact")) {
    node.expect_keys({"on", "title", "source", "fact", "answers", "positive", "counts", "auc", "provenance"},
                     {"auc_ci", "note", "disabled"});
    read_on_fact(node, cutoff);
  } else if (cutoff.on == "probability") {
    node.expect_keys({"on", "title", "source", "unit", "value", "relation", "positive", "counts", "auc", "provenance"},
                     {"auc_ci", "note"});
    read_on_probability(node, cutoff);
  } else {
    node.expect_keys(
        {"on", "title", "source", "region", "unit", "value", "relation", "positive", "counts", "auc", "provenance"},
        {"statistic", "auc_ci", "note", "disabled", "methods", "methods_flagged", "contrast"});
    read_on_measured(node, known, cutoff);
  }
  cutoff.title = node.at("title").text();
  cutoff.positive = node.at("positive").text();
  cutoff.provenance = read_provenance(node.at("provenance"));
  if (node.has("note")) cutoff.note = node.at("note").text();
  if (node.has("disabled")) cutoff.disabled = node.at("disabled").text();
  read_auc(node, cutoff);
  read_counts(node.at("counts"), cutoff);
  check_target(node, model, cutoff);
  return cutoff;
}

}  // namespace

void read_cutoffs(const Node& node, const Sources& known, Model& model) {
  for (const Node& item : node.items()) {
    Cutoff cutoff = read_cutoff(item, known, model);
    // Values are found by this name.
    if (std::ranges::count(model.cutoffs, cutoff.on, &Cutoff::on) > 0)
      item.at("on").refuse("a cut-off on this is there already");
    model.cutoffs.push_back(std::move(cutoff));
  }
}

}  // namespace classifier
