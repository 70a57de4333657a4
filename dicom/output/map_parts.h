#pragma once
// What the classic MR series and the Parametric Map of one fitted map say alike. Included by .cpp files of dicom/output
// only.
#include <span>
#include <string>
#include <vector>

#include "dicom/output/common.h"
#include "dicom/output/map_objects.h"
#include "dicom/output/quantity.h"

namespace dicom::output {

// A request that has been looked through: everything that is dereferenced later is there and has the right size.
struct Map {
  const MapRequest* request = nullptr;
  const fitting::Fit* fit = nullptr;
  const fitting::ParameterMap* parameter = nullptr;
  Quantity quantity;
  [[nodiscard]] const fitting::Geometry& geometry() const { return fit->geometry; }
  [[nodiscard]] std::span<const float> slice(int index) const {
    return std::span(parameter->value)
        .subspan(static_cast<std::size_t>(index) * geometry().slice_voxels(), geometry().slice_voxels());
  }
};
// Malformed when the parts of the request do not fit together or a value is not finite.
[[nodiscard]] Map checked(const MapRequest& request);

// The UID of the series that plays `role` in the study: distinct for role, slot, parameter, inputs, settings and
// version.
[[nodiscard]] std::string series_uid(const Map& map, const std::string& role, DcmItem& source);
// "T1 map pre [ms] (RESEARCH)", with `kind` = "map".
[[nodiscard]] std::string series_description(const Map& map, const std::string& kind);
// Model, equation, contrasts, noise, how many voxels have a value. For ST: at most 1024 characters.
[[nodiscard]] std::string derivation_description(const Map& map);
// "t1_pre", "symri_pre_pd": lower-case letters, digits and underscores only, whatever the slot is called.
[[nodiscard]] std::string file_stem(const Map& map);
// Laterality of the source image; both breasts where it says nothing.
[[nodiscard]] std::string laterality(DcmItem& source);

[[nodiscard]] std::string position(const fitting::Geometry& geometry, int slice);
[[nodiscard]] std::string orientation(const fitting::Geometry& geometry);
[[nodiscard]] std::string pixel_spacing(const fitting::Geometry& geometry);

// An item of Real World Value Mapping with unit and quantity; the range of mapped values is the caller's.
DcmItem& add_real_world_mapping(DcmItem& to, const Map& map, double slope);
void add_source_images(DcmItem& to, std::span<const Reference> sources);

}  // namespace dicom::output
