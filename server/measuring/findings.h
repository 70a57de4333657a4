#pragma once
// Outlines and maps to numbers: what the reports say of every lesion on every map.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/output/reports.h"
#include "server/measuring/lesions.h"
#include "server/measuring/maps.h"
#include "server/measuring/numbers.h"

namespace server::measuring {

// Ends the name of a derived measurement that puts the readings of one map together.
inline constexpr std::string_view kConsensus = " (consensus)";

// Where a lesion was measured on a map: for the picture.
struct Seen {
  std::size_t map = 0;  // index into Maps::maps
  std::string lesion_uid;
  int slice = 0;       // its largest
  fitting::Mask mask;  // of the first reading, that slice of the map's grid alone
};

struct Findings {
  std::vector<dicom::SliceMeasurement> slices;  // empty: nothing could be measured
  std::vector<dicom::DerivedMeasurement> derived;
  std::vector<dicom::Qualitative> qualitative;
  std::vector<std::string> remarks;
  std::set<std::string> refused;  // why a region has no number on a map, in words that name nobody: for the log
  std::vector<dicom::Reference> evidence;
  std::map<std::string, LesionNumbers> numbers;  // by Tracking UID
  std::vector<Seen> seen;
};

// Every lesion on every map: statistics of each slice (of several readings: of their largest slices), of the whole
// lesion, the consensus of the readings, changes by the contrast agent, diameter, SNR where the recipe asks for it, and
// proposals for the type of the curve and the pattern of enhancement. A lesion that a map cannot give a number for is
// explained in `remarks` and in its `missing`.
[[nodiscard]] Findings measure(Context& context, const Maps& maps, const std::vector<Lesion>& lesions);

// How the numbers of a lesion come from its several readings, a sentence about `name`.
[[nodiscard]] std::string told_of_readings(const Lesion& lesion, std::string_view name);

// The width of the bins of the histogram of an entropy, by quantity and unit: a fiftieth of what the quantity spans in
// breast tissue, rounded. 0 where nobody has set one.
[[nodiscard]] double entropy_bin_width(std::string_view quantity);

}  // namespace server::measuring
