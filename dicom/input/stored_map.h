#pragma once
// Reading back what Herald wrote: the float Parametric Map is the store of record for a map's values.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/result.h"
#include "fitting/geometry.h"

namespace dicom {

struct StoredMap {
  std::string sop_instance_uid, series_uid, study_uid, frame_of_reference_uid;
  std::string quantity;          // LUT Label: "T1", "T2", "T2star", "ADC"
  std::string unit;              // UCUM
  std::string method;            // meaning of the Measurement Method code
  std::string derivation;        // Derivation Description
  std::string content_datetime;  // YYYYMMDDHHMMSS of Content Date and Content Time
  fitting::Geometry geometry;
  std::vector<float> value;  // in the unit (real-world mapping applied); 0 = no value
};

[[nodiscard]] Result<StoredMap> read_parametric_map(const std::filesystem::path& file);

}  // namespace dicom
