#pragma once
// A nomogram's answer in words: what a radiologist reads in the text report. Nothing here may read as a diagnosis.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "classifier/evaluate.h"
#include "dicom/output/reports.h"
#include "fitting/roi.h"

namespace server {

// The lesion on one map, largest slice.
struct Measured {
  fitting::Statistics statistics;
  std::string unit;  // UCUM
};
using MeasuredBySlot = std::map<std::string, Measured>;

// Zhang's change by contrast agent: T1 before - T1 after (ms), and its share of T1 before; nullopt unless both were
// measured in one unit.
struct ContrastChange {
  double absolute_ms = 0, relative = 0;
};
[[nodiscard]] std::optional<ContrastChange> contrast_change(const MeasuredBySlot& by_slot);

// What was measured, as the model asks for it: by predictor name for predictors, by quantity for published cut-offs.
// Facts that images do not hold (ER) stay out, so that evaluate() opens a branch for each of their levels. `missing`
// says why a slot has no number.
[[nodiscard]] classifier::Values values_for(const classifier::Model& model, const MeasuredBySlot& by_slot,
                                            const std::map<std::string, std::string>& missing);

[[nodiscard]] std::vector<dicom::ReportItem> nomogram_items(const classifier::Evaluation& evaluation);

}  // namespace server
