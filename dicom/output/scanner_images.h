#pragma once
// Images as a scanner writes them, for `herald simulate`: synthetic patients only.
#include <array>
#include <filesystem>
#include <optional>
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
  std::string date;    // YYYYMMDD
  double start_s = 0;  // of the study, seconds after midnight
};

// Images that share one DICOM series and one geometry. A series of several geometries (a localizer) is written in
// several calls with the same series_uid and a growing first_instance.
struct SimulatedSeries {
  std::string series_uid;
  int series_number = 1;
  int first_instance = 1;
  std::string description, protocol;                                                 // as a technologist names it
  std::vector<std::string> image_type;                                               // tokens
  std::string scanning_sequence, sequence_variant, sequence_name, acquisition_type;  // "GR", "SP", "*fl3d1", "3D"
  std::string scan_options = {};                                                     // "FS" where fat is suppressed
  double start_s = 0;               // seconds after midnight of the first image
  double seconds_per_image = 0.01;  // from slice to slice; 0 where one excitation serves all slices (3D)
  bool contrast_agent = false;
  std::optional<double> contrast_start_s = {};  // of the injection, seconds after midnight
  int echo_train_length = 1;                    // multi-echo: the number of echoes
  // For each contrast of `series`: its echo time, flip angle and b. Contrasts of different echo time are echoes of one
  // measurement, others are measurements of their own, one after the other.
  fitting::Series series = {};
  struct Parameters {
    double echo_time_ms = 0, flip_angle_deg = 0;
    std::optional<double> b_value_s_mm2 = {};  // private (0019,100C), as VE11 writes it
    // Private (0019,100E), unit vector in patient axes; absent for b = 0 and derived images.
    std::optional<std::array<double, 3>> direction = {};
    std::string sequence_name = {};  // where it differs from the series': "*ep_b800#2"
  };
  std::vector<Parameters> contrasts = {};
};

// Siemens MAGNETOM Skyra, syngo MR E11 conventions: classic MR Image Storage, explicit VR little endian, 12 bit stored,
// private creators. Instance numbers run over the slices of the first contrast, then of the second, and so on; the
// files come back in that order. Signals are rounded and clamped to 0..4095. Files of an earlier call with the same
// series and instance numbers are replaced.
[[nodiscard]] Result<std::vector<Written>> write_skyra_series(const SimulatedExam& exam, const SimulatedSeries& series,
                                                              const std::filesystem::path& folder);

// A binary Segmentation of `mask` drawn on `drawn_on` (images of one series, ascending slices), as a workstation's
// reader makes it. One segment, one frame per slice that it occupies. Texts are ASCII.
struct OutlineRequest {
  std::filesystem::path template_image;
  std::vector<Reference> drawn_on;  // by slice of the mask's geometry
  fitting::Mask mask;
  std::string label, tracking_id, tracking_uid, series_uid, algorithm_type = "MANUAL";
  std::string content_datetime;  // YYYYMMDDHHMMSS
  int series_number = 9010;
};
// Refuses (Malformed) an empty mask, a mask that does not fit its geometry, and a number of images that is not its
// number of slices.
[[nodiscard]] Result<Written> write_segmentation(const OutlineRequest& request, const Equipment& equipment,
                                                 const std::filesystem::path& folder);

}  // namespace dicom
