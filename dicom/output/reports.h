#pragma once
// Structured reports: SR-A with what was measured (TID 1500 with TID 1410 groups, contours on the MR maps), SR-B with
// the nomogram as a text tree that viewers show. Never signed: UNVERIFIED. Sources: reference dicom.md 2.3, viewers.md
// 3 and 4.
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dicom/input/code.h"
#include "dicom/output/object.h"
#include "fitting/roi.h"

namespace dicom {

// One region on one slice of one map.
struct SliceMeasurement {
  std::string region;      // tracking identifier of the lesion
  std::string region_uid;  // its Tracking UID in the ROI object (or derived from it)
  Code finding;            // from the ROI object; Neoplasm where it says nothing
  std::string quantity;    // "T1", "T2", "T2star", "ADC"
  std::string unit;        // UCUM
  std::string slot;        // "t1_pre", …: printed in the measurement's name ("T1 pre mean")
  std::string method;      // e.g. "T1 by Multiple Flip Angles"
  Reference image;         // the MR map's slice on which the contour lies
  int slice = 0;           // 0-based in the map
  std::vector<std::vector<std::pair<float, float>>> outlines;  // closed, (column, row)
  fitting::Statistics statistics;                              // of this slice
  std::optional<fitting::Statistics>
      whole;  // of the whole region, given on its largest slice only: "T1 pre mean (lesion)"
};

// A number that belongs to the lesion, not to a map: ΔT1, ΔT1/T1, share of failed voxels …
struct DerivedMeasurement {
  std::string region_uid;  // of the lesion it belongs to, as in SliceMeasurement
  std::string name, unit;
  double value = 0;
  std::string how;  // formula in words
};

struct ReportSource {
  std::filesystem::path template_image;  // patient and study
  std::vector<Reference> evidence;       // every instance that was used
  Reference roi;                         // the ROI object
  std::string content_datetime;          // YYYYMMDDHHMMSS
  std::string digest;                    // names inputs and settings
  std::vector<std::string> remarks;      // flags and refusals in sentences
  Equipment equipment;
};

// Comprehensive SR "Imaging Measurement Report" (126000). Groups with their own Tracking UID each; plain tracking
// identifiers. `derived` is given in the group of its lesion's largest slice on the first map.
[[nodiscard]] Result<Written> write_measurement_report(const std::vector<SliceMeasurement>& measurements,
                                                       const std::vector<DerivedMeasurement>& derived,
                                                       const ReportSource& source, const std::filesystem::path& folder);

// A named line of a text tree: text or number, with children.
struct ReportItem {
  std::string name;
  std::string text;  // printed when there is no number
  std::optional<double> number;
  std::string unit;  // UCUM, with number
  std::vector<ReportItem> children;
};

// SR "Oncology Measurement Report" (126001): every content item has a concept name, no image library, so that viewers
// show it as text. The research notice becomes the first line, remarks the last. An item with children becomes a
// heading with its own value, if it has one, as first line. `series_description` gets "(RESEARCH)" where it lacks it.
// Probabilities must carry their label in their name: the caller decides the words.
[[nodiscard]] Result<Written> write_text_report(const std::vector<ReportItem>& items,
                                                const std::string& series_description, const ReportSource& source,
                                                const std::filesystem::path& folder);

}  // namespace dicom
