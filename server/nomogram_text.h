#pragma once
// The words of a nomogram report. Nothing here reads as a diagnosis: a value lies on a side of a published cut-off, a
// probability carries its label.
#include <string>
#include <vector>

#include "classifier/evaluate.h"
#include "dicom/output/reports.h"

namespace server {

// A named line of a report.
[[nodiscard]] dicom::ReportItem line(std::string name, std::string text);

// What one model says about one lesion: its identity, the measured values that it was given ("Predictor: T2*"),
// probabilities with their labels, cut-offs, refusals, doubts.
[[nodiscard]] std::vector<dicom::ReportItem> nomogram_items(const classifier::Evaluation& evaluation,
                                                            const classifier::Values& values);

}  // namespace server
