#pragma once
// Private to classifier/: the arithmetic of a logistic model, shared by the loader (worked cases) and the evaluation.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "classifier/model.h"

namespace classifier {

// Contribution of a predictor to the linear predictor. The value of a fact is the place of one of its levels.
[[nodiscard]] inline double effect(const Predictor& predictor, double value) {
  if (!predictor.is_fact()) return predictor.coefficient * value;
  return predictor.level_coefficients.at(static_cast<int>(value));
}

// Least and greatest effect over the drawn axis; of levels, over all of them.
struct EffectRange {
  double least = 0, greatest = 0;
  [[nodiscard]] double width() const { return greatest - least; }
};
[[nodiscard]] inline EffectRange effect_range(const Predictor& predictor) {
  if (!predictor.is_fact())
    return {std::min(effect(predictor, predictor.axis_low), effect(predictor, predictor.axis_high)),
            std::max(effect(predictor, predictor.axis_low), effect(predictor, predictor.axis_high))};
  // Not `| std::views::values`: clang 14, which builds the fuzz targets, does not compile that of libstdc++ 12.
  const auto [least, greatest] =
      std::ranges::minmax_element(predictor.level_coefficients, {}, [](const auto& level) { return level.second; });
  return {least->second, greatest->second};
}

[[nodiscard]] inline double linear_predictor(const Model& model, const std::map<std::string, double>& inputs) {
  double sum = model.intercept;
  for (const Predictor& predictor : model.predictors) sum += effect(predictor, inputs.at(predictor.name));
  return sum;
}

[[nodiscard]] inline double logistic(double linear) { return 1 / (1 + std::exp(-linear)); }

// After the local calibration, where there is one.
[[nodiscard]] inline double probability(const Model& model, double linear) {
  return model.calibration ? logistic(model.calibration->a + model.calibration->b * linear) : logistic(linear);
}

// Name of a term of the linear predictor in provenance, covariance and standard deviations.
[[nodiscard]] inline std::string term(const Predictor& predictor, const Level& level) {
  return predictor.name + "/" + level.name;
}

}  // namespace classifier
