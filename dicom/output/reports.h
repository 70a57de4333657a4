#pragma once
// Structured reports: SR-A with what was measured (TID 1500 with TID 1410 groups, contours on the MR maps), the same
// numbers as TID 1411 groups that refer to segments, and SR-B with the nomogram as a text tree that viewers show. Never
// signed: UNVERIFIED. Sources: reference dicom.md 2.3, viewers.md 3 and 4.
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dicom/input/code.h"
#include "dicom/output/object.h"
#include "fitting/roi.h"

namespace dicom {

// The SOP class of a report. The content is the same in each and keeps to what all three allow.
enum class ReportClass { Comprehensive, Enhanced, Comprehensive3D };

// One region on one slice of one map.
struct SliceMeasurement {
  std::string region;      // tracking identifier of the lesion
  std::string region_uid;  // its Tracking UID in the ROI object (or derived from it)
  Code finding;            // from the ROI object; Neoplasm where it says nothing
  std::string quantity;    // "T1", "T2", "T2star", "ADC"
  std::string unit;        // UCUM
  std::string slot;        // "t1_pre", …: printed in the measurement's name ("T1 pre mean")
  std::string method;      // e.g. "T1 by Multiple Flip Angles"
  std::string laterality;  // of the breast: "R", "L", "B"; "" when nobody says
  std::string reader;      // whose outline it is: "Reader 1", never a name; "" when there is one reading only
  Reference image;         // the MR map's slice on which the contour lies
  Reference map;           // the Parametric Map that was measured; without UIDs where it is not stated
  int slice = 0;           // 0-based in the map
  std::vector<std::vector<std::pair<float, float>>> outlines;  // closed, (column, row)
  fitting::Statistics statistics;                              // of this slice
  std::optional<fitting::Statistics>
      whole;              // of the whole region, given on its largest slice only: "T1 pre mean (lesion)"
  double volume_mm3 = 0;  // of the whole region, with `whole`; 0: not stated
};

// A number that belongs to the lesion, not to a map: ΔT1, ΔT1/T1, maximum diameter, a consensus of readers …
// A consensus says in its name that it is one ("T1 pre mean (consensus)") and in `how` how the readings were combined.
struct DerivedMeasurement {
  std::string region_uid;  // of the lesion it belongs to, as in SliceMeasurement
  std::string name, unit;
  std::optional<double> value;  // nullopt: it could not be computed, and `missing` says why
  std::string how = {};         // formula in words
  Code code = {};               // concept; empty: a private code of the name. quantity.h has standard ones
  std::string method = {};      // Measurement Method in words; may be empty
  std::string missing = {};     // "T1 after contrast was not measured: …"
  std::string region = {};      // tracking identifier of the lesion: needed where it was measured on no map
};

// A finding in words: kinetic curve type, enhancement pattern, a fact that a reader stated.
struct Qualitative {
  std::string region_uid;   // "" where it is the exam's
  std::string name, value;  // "Kinetic curve type", "washout": private codes
  std::string how;          // where it comes from and when: the reader, or "proposed: …" with its thresholds
  std::string region = {};  // as in DerivedMeasurement
};

// A person who drew or stated something. The name is written once, into the observation context; measurements say the
// label ("Reader 1").
struct PersonObserver {
  std::string name, label;
};

struct ReportSource {
  std::filesystem::path template_image;  // patient and study
  std::vector<Reference> evidence;       // every instance that was used
  std::vector<Reference> rois;           // the ROI objects
  std::vector<PersonObserver> readers;
  std::string content_datetime;         // YYYYMMDDHHMMSS
  std::string digest;                   // names inputs and settings
  std::vector<std::string> remarks;     // flags and refusals in sentences
  std::vector<Reference> predecessors;  // reports of the same study that this one replaces
  int revision = 1;                     // above 1 it is said in the Series Description: "rev 2"
  ReportClass report_class = ReportClass::Comprehensive;
  Equipment equipment;
};

// SR "Imaging Measurement Report" (126000), series 9020. A TID 1410 group for each region and slice of each map, with
// its own Tracking UID and a plain tracking identifier, and no other group: viewers show a black page otherwise.
// `derived` is given in the group of its lesion's largest slice on the first map, `qualitative` outside the groups,
// with the Tracking UID of its lesion. Where a lesion was measured on no map there is neither a group nor a Tracking
// UID to refer to: what is known of it all the same becomes a Comment ("lesion-2: Maximum diameter 8.1 mm (…)").
// Malformed: nothing measured, a slice without outline, a number that is none, or a derived one without value and
// reason.
[[nodiscard]] Result<Written> write_measurement_report(const std::vector<SliceMeasurement>& measurements,
                                                       const std::vector<DerivedMeasurement>& derived,
                                                       const std::vector<Qualitative>& qualitative,
                                                       const ReportSource& source, const std::filesystem::path& folder);

// The Segmentation whose segments were measured.
struct MeasuredSegments {
  Reference segmentation;
  std::vector<std::string> tracking_uids;  // of its segments in their order: the region_uid of their measurements
  std::string source_series_uid;           // the series that was segmented
};

// SR "Imaging Measurement Report" (126000), series 9022, for Slicer and research; viewers that want coordinates show it
// black (viewers.md 2). A TID 1411 group for each region and map with the numbers of the whole region (`whole`), its
// segment, and the lesion's own Tracking ID and UID; an Image Library with the Parametric Maps of the evidence.
// Malformed: no measurement has `whole`, or one that has it belongs to no segment; or the segmented series is not known:
// TID 1411 asks for it or for its images, and PixelMed counts a group without either as an error.
[[nodiscard]] Result<Written> write_segment_report(const std::vector<SliceMeasurement>& measurements,
                                                   const MeasuredSegments& segments, const ReportSource& source,
                                                   const std::filesystem::path& folder);

// A named line of a text tree: text or number, with children.
struct ReportItem {
  std::string name;
  std::string text;  // printed when there is no number
  std::optional<double> number;
  std::string unit;  // UCUM, with number
  std::vector<ReportItem> children;
};

// SR "Oncology Measurement Report" (126001), series 9021: every content item has a concept name, no image library, so
// that viewers show it as text. The research notice becomes the first line, remarks the last. An item with children
// becomes a heading with its own value, if it has one, as first line. `series_description` gets "(RESEARCH)" where it
// lacks it, and the revision. Probabilities must carry their label in their name: the caller decides the words.
[[nodiscard]] Result<Written> write_text_report(const std::vector<ReportItem>& items,
                                                const std::string& series_description, const ReportSource& source,
                                                const std::filesystem::path& folder);

}  // namespace dicom
