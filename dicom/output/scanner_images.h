#pragma once
// Images as a scanner writes them, for `herald simulate`: synthetic patients only.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/output/object.h"
#include "fitting/roi.h"
#include "fitting/series.h"

namespace dicom {

// One exam of an invented patient.
struct SimulatedExam {
  std::string study_uid, frame_of_reference_uid;
  std::string patient_id, patient_name, accession_number;
  std::string date;              // YYYYMMDD
};

struct SimulatedSeries {
  std::string series_uid;
  int series_number = 1;
  std::string description, protocol;     // as a technologist names it
  std::vector<std::string> image_type;   // tokens
  std::string scanning_sequence, sequence_variant, sequence_name, acquisition_type;  // "GR", "SP", "*fl3d1", "3D"
  double start_s = 0;                    // seconds after midnight of the first image
  double seconds_per_image = 0.01;
  bool contrast_agent = false;
  std::optional<double> contrast_start_s;
  int echo_train_length = 1;
  // For each contrast of `series`: its echo time, flip angle and b.
  fitting::Series series;
  struct Parameters {
    double echo_time_ms = 0, flip_angle_deg = 0;
    std::optional<double> b_value_s_mm2;  // private (0019,100C), as VE11 writes it
  };
  std::vector<Parameters> contrasts;
};

// Siemens MAGNETOM Skyra, syngo MR E11 conventions: classic MR Image Storage, explicit VR little endian, 12 bit stored, private creators.
[[nodiscard]] Result<std::vector<Written>> write_skyra_series(const SimulatedExam& exam, const SimulatedSeries& series,
                                                              const std::filesystem::path& folder);

// A binary Segmentation of `mask` drawn on `drawn_on` (images of one series, ascending slices), as a workstation's reader makes it.
struct OutlineRequest {
  std::filesystem::path template_image;
  std::vector<Reference> drawn_on;      // by slice of the mask's geometry
  fitting::Mask mask;
  std::string label, tracking_id, tracking_uid, series_uid, algorithm_type = "MANUAL";
  std::string content_datetime;
  int series_number = 9010;
};
[[nodiscard]] Result<Written> write_segmentation(const OutlineRequest& request, const Equipment& equipment, const std::filesystem::path& folder);

}  // namespace dicom
