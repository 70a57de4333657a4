#pragma once
// A fitted map as objects for the PACS: a classic MR series in usual units, which every viewer can show and probe, and
// a float Parametric Map, which is exact. Sources: reference dicom.md 2.1, 2.4, 2.5; viewers.md 3 and 4.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/output/object.h"
#include "fitting/fit.h"

namespace dicom {

// Where a map comes from.
struct MapSource {
  std::filesystem::path
      template_image;  // an image of the source series: patient, study and frame of reference are copied from it
  std::vector<std::vector<Reference>> per_slice;  // source images of every slice, ascending like the map's geometry
  std::string content_datetime;  // YYYYMMDDHHMMSS of the last source image: dates never come from the clock
  std::string digest;            // names the input pixels and the settings of the fit
};

struct MapRequest {
  const fitting::Fit* fit = nullptr;
  std::size_t parameter = 0;  // index into fit->maps
  std::string slot;           // "t1_pre", "t2", …: makes series of one study distinct
  std::string contrast;       // "before", "after" or "": becomes "pre" / "post" in the Series Description
  int revision = 1;           // of this slot's maps in the study: later images made a further one
  int series_offset = 0;      // MR series number = 9101 + offset, Parametric Map 9001 + offset
  MapSource source;
  Equipment equipment;
};

enum class PixelScale {
  Real,        // stored value = value in the unit, slope 1
  Normalised,  // stored value = value / full scale (OHIF colours 0..1); the Real World Value Mapping restores the unit
};

// One MR Image Storage instance per slice in `folder`, value = stored * Rescale Slope (+ the same Real World Value
// Mapping); the unit is in the Series Description: "T1 map pre [ms] (RESEARCH)". Slices in ascending order. 16 bit
// unsigned; larger values are clamped and said.
[[nodiscard]] Result<std::vector<Written>> write_mr_map(const MapRequest& request, const std::filesystem::path& folder);

// One Parametric Map instance, frames ascending along the normal, one per slice of the MR map, which is the first
// referenced series. Values are written as fitted, failed voxels as 0. Normalised refuses matrices whose rows * columns
// is not a multiple of 4 (viewers.md 2).
[[nodiscard]] Result<Written> write_parametric_map(const MapRequest& request, const std::vector<Written>& mr_map,
                                                   PixelScale scale, const std::filesystem::path& folder);

}  // namespace dicom
