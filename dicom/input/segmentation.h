#pragma once
// DICOM Segmentation objects as masks. Own unpacking: dcmseg 3.6.7 is not trusted (reference: dicom.md 3, defect 1).
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/result.h"
#include "fitting/roi.h"

namespace dicom {

struct Code {
  std::string value, scheme, meaning;
};

struct Region {
  int number = 0;  // segment number
  std::string label;
  std::string tracking_id, tracking_uid;
  Code category, type;         // e.g. (108369006, SCT, "Neoplasm")
  std::string algorithm_type;  // MANUAL, SEMIAUTOMATIC, AUTOMATIC
  fitting::Mask mask;          // only the slices that the segment occupies
  [[nodiscard]] bool automatic() const { return algorithm_type == "AUTOMATIC"; }
};

struct Segmentation {
  std::string sop_instance_uid, series_uid, study_uid, frame_of_reference_uid;
  std::string creator;                         // Content Creator's Name: for the SR, never for a log
  std::vector<std::string> referenced_series;  // on which it was drawn
  std::vector<Region> regions;                 // by segment number; empty segments left out
};

// BINARY (any matrix size, bits packed across frames as PS3.5 8.1.1 says) and FRACTIONAL (>= half of Maximum Fractional
// Value). Geometry from the shared or per-frame functional groups. Unsupported (compressed, label map, unequal
// orientations within one segment) and malformed objects are errors that name what is wrong.
[[nodiscard]] Result<Segmentation> read_segmentation(const std::filesystem::path& file);

}  // namespace dicom
