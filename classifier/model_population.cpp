#include <algorithm>
#include <tuple>

#include "classifier/facts.h"
#include "classifier/model_reader.h"

namespace classifier {
namespace {

void read_values(const Node& node, Condition& condition) {
  for (const Node& item : node.at("values").items()) condition.values.push_back(item.number());
  if (condition.values.empty()) node.at("values").refuse("expected one field strength or more");
}

void read_least(const Node& node, Condition& condition) {
  condition.low = node.at("least").number();
  if (condition.low <= 0) node.at("least").refuse("expected more than 0");
}

// What the condition asks for; its key in the object.
const char* read_demand(const Node& node, Condition& condition) {
  switch (condition.of) {
    case Condition::Of::FieldStrength:
      read_values(node, condition);
      return "values";
    case Condition::Of::ContrastDose:
    case Condition::Of::PostContrastDelay:
      std::tie(condition.low, condition.high) = node.at("range").range();
      return "range";
    case Condition::Of::Lesion:
      condition.lesion = node.at("value").text_of({"mass", "nme"});
      return "value";
    case Condition::Of::Diameter:
      read_least(node, condition);
      return "least";
    case Condition::Of::SingleLesion:
      break;
  }
  return "why";
}

Condition read_condition(const Node& node, Condition::Of of) {
  Condition condition{.of = of, .why = node.at("why").text()};
  const char* demand = read_demand(node, condition);
  node.expect_keys({"enforce", "why", demand}, {"affects"});
  condition.refuse = node.at("enforce").text_of({"refuse", "flag"}) == "refuse";
  if (node.has("affects")) condition.affects = node.at("affects").sentences();
  return condition;
}

void read_conditions(const Node& node, Model& model) {
  using Of = Condition::Of;
  constexpr std::array kNames{std::pair{"field_strength_t", Of::FieldStrength},
                              std::pair{"contrast_dose_mmol_per_kg", Of::ContrastDose},
                              std::pair{"post_contrast_delay_s", Of::PostContrastDelay},
                              std::pair{"lesion", Of::Lesion},
                              std::pair{"max_diameter_mm", Of::Diameter},
                              std::pair{"single_lesion", Of::SingleLesion}};
  node.expect_keys(
      {}, {kNames[0].first, kNames[1].first, kNames[2].first, kNames[3].first, kNames[4].first, kNames[5].first});
  for (const auto& [name, of] : kNames)
    if (node.has(name)) model.conditions.push_back(read_condition(node.at(name), of));
}

bool is_used(const Model& model, const std::string& source) {
  return std::ranges::count(model.predictors, source, &Predictor::source) > 0 ||
         std::ranges::count(model.cutoffs, source, &Cutoff::source) > 0;
}

}  // namespace

std::string read_name(const Node& node, std::string_view also_allowed) {
  std::string name = node.text();
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also_allowed.find(c) != std::string_view::npos;
  };
  if (name.size() > 100 || !std::ranges::all_of(name, allowed))
    node.refuse("expected at most 100 letters, digits and " + std::string(also_allowed));
  return name;
}

std::string read_identifier(const Node& node) { return read_name(node, "_"); }

std::string read_unit(const Node& node) {
  return node.text_of({"1", "%", "ms", "s", "1/s", "mm", "cm", "mm2", "mm3", "10-3.mm2/s", "10-6.mm2/s", "a", "kg"});
}

Provenance read_provenance(const Node& node) {
  const std::string text = node.text_of({"published", "reconstructed", "locally-fitted"});
  return text == "published"       ? Provenance::Published
         : text == "reconstructed" ? Provenance::Reconstructed
                                   : Provenance::LocallyFitted;
}

std::string read_source(const Node& node, const Sources& known) {
  std::string source = read_identifier(node);
  const bool derived = std::ranges::count(kDerived, source, &Derived::name) > 0;
  if (!known.empty() && !derived && !known.contains(source))
    node.refuse("the recipe gives no " + source + ", it gives " + listed(known));
  return source;
}

void check_unit(const Node& unit, const std::string& source) {
  const auto derived = std::ranges::find(kDerived, source, &Derived::name);
  if (derived != kDerived.end() && read_unit(unit) != derived->unit)
    unit.refuse(source + " is in " + std::string(derived->unit));
}

std::string read_statistic(const Node& node, const std::string& source) {
  if (source != "max_diameter") return node.at("statistic").text_of({kStatistics.begin(), kStatistics.end()});
  if (node.has("statistic")) node.at("statistic").refuse("a diameter has none");
  return {};
}

std::string read_region(const Node& node) { return node.text_of({"largest slice", "whole lesion"}); }

Technique read_technique(const Node& node, const std::string& source) {
  Technique technique;
  if (node.has("methods")) technique.methods = node.at("methods").sentences();
  if (node.has("methods_flagged")) {
    if (technique.methods.empty()) node.at("methods_flagged").refuse("without methods any method is accepted");
    for (const auto& [method, doubt] : node.at("methods_flagged").members())
      technique.flagged.emplace(method, doubt.text());
  }
  if (!technique.methods.empty() && source == "max_diameter") node.at("methods").refuse("a diameter has none");
  if (!node.has("contrast")) return technique;
  technique.contrast = node.at("contrast").text_of({"before", "after"});
  if (std::ranges::count(kDerived, source, &Derived::name) > 0)
    node.at("contrast").refuse(source + " does not lie on one side of the contrast agent");
  return technique;
}

std::string read_fact_source(const Node& node) { return node.text_of({"pathology", "reader"}); }

std::string read_fact(const Node& node) {
  std::string name = node.text();
  std::vector<std::string> names;
  for (const Fact& fact : facts()) names.push_back(fact.name);
  if (find_fact(name) == nullptr) node.refuse("expected one of " + listed(names));
  return name;
}

void check_answer(const Node& node, const std::string& fact, const std::string& answer) {
  const auto read = read_answer(*find_fact(fact), answer);
  if (!read) node.refuse(read.error().what);
  if (*read != answer) node.refuse("expected " + *read);
}

void read_population(const Node& node, Model& model) {
  node.expect_keys({"n", "n_positive", "limits"}, {"conditions"});
  model.cases = node.at("n").count();
  model.positive_cases = node.at("n_positive").count();
  model.population = node.at("limits").sentences();
  if (node.has("conditions")) read_conditions(node.at("conditions"), model);
  if (model.positive_cases >= model.cases || model.positive_cases == 0)
    node.at("n_positive").refuse("expected 1 to n - 1");
}

void check_conditions(const Node& population, const Model& model) {
  if (!population.has("conditions")) return;
  for (const auto& [name, condition] : population.at("conditions").members()) {
    if (!condition.has("affects")) continue;
    for (const Node& source : condition.at("affects").items())
      if (!is_used(model, source.text())) source.refuse("neither a predictor nor a cut-off has this source");
  }
}

}  // namespace classifier
