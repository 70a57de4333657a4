#pragma once
// Models for tests: the one that is shipped, and small ones written down here.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "classifier/model.h"

namespace classifier_test {

inline std::filesystem::path zhang_file() {
  return std::filesystem::path(HERALD_SOURCE_DIR) / "classifier/models/zhang2026.her2pos_vs_low.er_t2s_t1post.json";
}

inline classifier::Model zhang() {
  auto model = classifier::load_model(zhang_file());
  if (!model) throw std::runtime_error(model.error().what);
  return *model;
}

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
    "provenance": {"coefficients": "published", "method": "as printed"},
    "cutoffs": [{"on": "x", "title": "X", "source": "t2", "unit": "ms", "statistic": "mean", "value": 4, "relation": "<=",
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

}  // namespace classifier_test
