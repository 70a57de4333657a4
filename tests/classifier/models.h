#pragma once
// Models for tests: the one that is shipped, and small ones written down here.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "classifier/evaluate.h"

namespace classifier_test {

inline std::filesystem::path model_folder() { return std::filesystem::path(HERALD_SOURCE_DIR) / "classifier/models"; }

inline classifier::Model shipped(const std::string& id) {
  auto model = classifier::load_model(model_folder() / (id + ".json"));
  if (!model) throw std::runtime_error(model.error().what);
  return *model;
}

inline classifier::Model zhang() { return shipped("zhang2026.her2pos_vs_low.er_t2s_t1post"); }
inline classifier::Model symri_literal() { return shipped("symri2025.her2pos.published_literal"); }
inline classifier::Model symri_table3() { return shipped("symri2025.her2pos.table3_reconstruction"); }
inline classifier::Model shen_cutoffs() { return shipped("shen2025.nme.over_vs_low.cutoffs"); }

// A small valid model with one measured predictor: linear predictor = x - 1.
inline nlohmann::json small_document() {
  return nlohmann::json::parse(R"({
    "schema": "herald.model/1", "id": "small", "version": "1",
    "citation": {"text": "nobody", "doi": "10.0/0"},
    "task": {"type": "binary", "positive": "A", "negative": "B", "excluded": []},
    "population": {"n": 10, "n_positive": 5, "limits": ["made up"]},
    "predictors": [{"name": "x", "title": "X", "kind": "continuous", "source": "t2", "statistic": "mean",
                    "region": "largest slice", "unit": "ms", "valid_range": [0, 10], "axis": [0, 10]}],
    "link": "logit", "coefficients": {"x": 1.0}, "intercept": -1.0,
    "provenance": {"coefficients": "published", "method": "as printed",
                   "numbers": {"intercept": {"provenance": "published", "method": "Table 1"},
                               "x": {"provenance": "published", "method": "Table 1"}}},
    "cutoffs": [{"on": "x", "title": "X", "source": "t2", "unit": "ms", "statistic": "mean", "region": "largest slice", "value": 4, "relation": "<=",
                 "positive": "B", "counts": {"true_positive": 4, "positives": 5, "true_negative": 3, "negatives": 5},
                 "auc": 0.7, "provenance": "published"}],
    "performance": "none", "status": "research-uncalibrated", "flags": [],
    "worked": [{"inputs": {"x": 1}, "linear_predictor": 0.0, "probability": 0.5}]
  })");
}

inline classifier::Model parsed(const nlohmann::json& document) {
  auto model = classifier::parse_model(document.dump(), "small.json");
  if (!model) throw std::runtime_error(model.error().what);
  return *model;
}

// What the loader says of a file that is called m.json.
inline std::string error_of(std::string_view text, const classifier::Sources& known = {}) {
  const auto model = classifier::parse_model(text, "m.json", known);
  return model ? "no error" : model.error().what;
}

// After one change of the small model.
inline std::string error_after(const std::function<void(nlohmann::json&)>& change) {
  nlohmann::json document = small_document();
  change(document);
  return error_of(document.dump());
}

// And after setting what a pointer names.
inline std::string error_with(const std::string& pointer, const nlohmann::json& value) {
  return error_after([&](nlohmann::json& document) { document[nlohmann::json::json_pointer(pointer)] = value; });
}

// The inputs of a worked case as an exam would bring them: measurements by name, facts by their answers.
struct Asked {
  classifier::Values values;
  classifier::Facts facts;
};
inline Asked asked(const classifier::Model& model, const std::map<std::string, double>& inputs) {
  Asked asked;
  for (const classifier::Predictor& predictor : model.predictors) {
    const double input = inputs.at(predictor.name);
    if (!predictor.is_fact()) {
      asked.values[predictor.name] = {input, predictor.unit, ""};
      continue;
    }
    const classifier::Level& level = predictor.meanings.at(static_cast<std::size_t>(input));
    asked.facts[predictor.fact] =
        level.answers.empty() ? std::to_string(level.from.value_or(0)) : level.answers.front();
  }
  return asked;
}

}  // namespace classifier_test
