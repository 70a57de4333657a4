#pragma once
// The numbers of one lesion, by map and reading, and what the models make of them. Pure.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "classifier/evaluate.h"
#include "fitting/agreement.h"
#include "fitting/roi.h"

namespace server::measuring {

// One reading on one map.
struct ReadingNumbers {
  int reader = 1;
  fitting::Statistics slice;  // of the largest slice
  fitting::Statistics whole;  // of the whole lesion
};

struct SlotNumbers {
  std::string unit;                      // UCUM
  std::string method{};                  // of the map; empty: not stated
  std::string contrast = "unknown";      // "before", "after"
  std::vector<ReadingNumbers> readings;  // never empty

  // "mean", "median", "p5", "p95", "sd", "skewness", "excess_kurtosis" or "entropy" of "largest slice" or "whole
  // lesion": median of each reader's readings, mean of the readers. nullopt for other names, and for an entropy that
  // was not computed.
  [[nodiscard]] std::optional<fitting::Consensus> of(std::string_view statistic, std::string_view region) const;
};

struct LesionNumbers {
  std::map<std::string, SlotNumbers> slots;
  std::map<std::string, std::string> missing;         // slot -> why it has no number
  std::optional<fitting::Consensus> max_diameter_mm;  // in-plane, as it was outlined
};

// A change by the contrast agent, of the means on the largest slices.
struct Change {
  std::string_view name;  // as models call it: "dT1"
  std::string_view title, pre, post;
  bool relative = false;
  std::string_view how;
};
// ΔT1 of Zhang; relative changes of SyMRI in the sign of the paper's tables, (pre - post) / pre, which its models use.
[[nodiscard]] std::span<const Change> changes();
struct ChangeValue {
  double value = 0;
  std::string unit;
};
// nullopt unless both means are there, in one unit, by one method as far as it is stated, and the one before is not 0.
[[nodiscard]] std::optional<ChangeValue> value_of(const Change& change, const LesionNumbers& numbers);

// What a model finds under its predictors and cut-offs; facts are not among them.
[[nodiscard]] classifier::Values values_for(const classifier::Model& model, const LesionNumbers& numbers);

}  // namespace server::measuring
