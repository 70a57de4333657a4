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

// Whose habits the images follow.
enum class Scanner {
  SkyraE11,   // Siemens MAGNETOM Skyra, 3 T, syngo MR E11: classic images of 12 bits, private header
  AeraE11,    // Siemens MAGNETOM Aera, 1.5 T, likewise
  SkyraXa60,  // Siemens, 3 T, syngo MR XA60: Enhanced MR, laid out as XA61 systems do
  AeraXa60,   // Siemens, 1.5 T, likewise
  Architect   // GE SIGNA Architect, 3 T, DV28: classic images of 16 signed bits, private header
};

// One exam of an invented patient.
struct SimulatedExam {
  std::string study_uid, frame_of_reference_uid;
  std::string patient_id, patient_name, accession_number;
  std::string date;    // YYYYMMDD
  double start_s = 0;  // of the study, seconds after midnight
  Scanner scanner = Scanner::SkyraE11;
  std::optional<double> field_strength_t = {};  // 1.5 or 3: what the header says instead of the scanner's own
  double weight_kg = 65;
  // What series with a contrast agent name.
  struct Injection {
    std::string agent = "Gadoterate meglumine";
    double mg_per_ml = 376.9, volume_ml = 13;  // undiluted
  };
  Injection injection = {};
};

// Images that share one DICOM series and one geometry. A series of several geometries (a localizer), and a dynamic one,
// is written in several calls with the same series_uid and a growing first_instance.
struct SimulatedSeries {
  std::string series_uid;
  int series_number = 1;
  int first_instance = 1;
  std::string description, protocol;                                                 // as a technologist names it
  std::vector<std::string> image_type;                                               // tokens
  std::string scanning_sequence, sequence_variant, sequence_name, acquisition_type;  // "GR", "SP", "*fl3d1", "3D"
  std::string scan_options = {};                                                     // "FS" where fat is suppressed
  double start_s = 0;               // seconds after midnight of the first image; dynamic: of the first phase
  double seconds_per_image = 0.01;  // from slice to slice; 0 where one excitation serves all slices (3D)
  bool contrast_agent = false;
  std::optional<double> contrast_start_s = {};  // of the injection, seconds after midnight
  int echo_train_length = 1;                    // multi-echo: the number of echoes
  // Of a dynamic series that is one DICOM series: which phase these images are.
  struct Dynamic {
    int phase = 1, phases = 1;
    double since_first_s = 0;
  };
  std::optional<Dynamic> dynamic = {};
  int images_in_series = 0;     // where several calls write it; 0: these alone
  double leftover_b_s_mm2 = 0;  // GE: what the scan before left in the private header of images without diffusion
  // For each contrast of `series`: its echo time, flip angle and b. Contrasts of different echo time are echoes of one
  // measurement, others are measurements of their own, one after the other.
  fitting::Series series = {};
  struct Parameters {
    double echo_time_ms = 0, flip_angle_deg = 0;
    std::optional<double> b_value_s_mm2 = {};
    // Unit vector in patient axes; absent for b = 0, traces and derived images.
    std::optional<std::array<double, 3>> direction = {};
    std::string sequence_name = {};                // where it differs from the series': "*ep_b800#2"
    std::optional<double> inversion_time_ms = {};  // or the delay after a saturation
  };
  std::vector<Parameters> contrasts = {};
};

// Writes the images as `exam.scanner` does: explicit VR little endian; signals rounded and clamped to what the scanner
// stores (0..4095, GE 0..32767). Classic: instance numbers run over the slices of the first contrast, then of the
// second, and so on, and the files come back in that order. Enhanced: one object for each contrast, or for all echoes
// of a multi-echo series; its frames are in the same order. Files of an earlier call with the same series and instance
// numbers are replaced. Malformed: contrasts that do not fit the planes, planes that do not fit the geometry, a series
// that is not acquired on the day of its exam.
[[nodiscard]] Result<std::vector<Written>> write_scanner_series(const SimulatedExam& exam,
                                                                const SimulatedSeries& series,
                                                                const std::filesystem::path& folder);

// A binary Segmentation of `mask` drawn on `drawn_on` (images of one series, ascending slices), as a workstation's
// reader makes it. One segment, one frame per slice that it occupies. Texts are ASCII.
struct OutlineRequest {
  std::filesystem::path template_image;
  // By slice of the mask's geometry; or one multi-frame object whose first frames are the slices.
  std::vector<Reference> drawn_on;
  fitting::Mask mask;
  std::string label, tracking_id, tracking_uid, series_uid, algorithm_type = "MANUAL";
  std::string content_datetime;  // YYYYMMDDHHMMSS
  int series_number = 9010, instance_number = 1;
  std::string creator = "Reader^One";  // who drew it
};
// Refuses (Malformed) an empty mask, a mask that does not fit its geometry, and a number of images that is neither one
// nor its number of slices.
[[nodiscard]] Result<Written> write_segmentation(const OutlineRequest& request, const Equipment& equipment,
                                                 const std::filesystem::path& folder);

}  // namespace dicom
