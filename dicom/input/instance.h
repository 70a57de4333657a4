#pragma once
// One image as its header describes it, whoever wrote it: a classic object, or one frame of an enhanced multi-frame
// one. Vendor quirks end here: each has a function in its own file.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/result.h"
#include "fitting/geometry.h"

namespace dicom {

enum class Vendor { Siemens, GE, Philips, Canon, UnitedImaging, Other };

// What one file holds, as far as fitting is concerned.
enum class Content {
  Magnitude,  // an original magnitude image: may enter a fit
  Phase,
  Real,
  Imaginary,
  Derived,        // computed by someone (ADC, trace of a vendor, subtraction, MIP, MPR): never fitted …
  TraceWeighted,  // … except trace-weighted diffusion images, which are used when no directions are there
  QuantityMap,    // T1, T2 or PD as SyMRI exports them: never fitted, taken over as they are
  Localizer,
  Mosaic,     // many slices tiled in one image
  OwnResult,  // made by Herald
  Roi,        // outlines: SEG, RTSTRUCT, SR with regions, GSPS with closed graphics
  Other,      // not an MR image
};

struct Instance {
  std::filesystem::path file;
  int frame = 0;  // of a multi-frame object, from 1; 0: the object is one image
  std::string sop_class_uid, sop_instance_uid, study_uid, series_uid, frame_of_reference_uid;
  Vendor vendor = Vendor::Other;
  Content content = Content::Other;
  std::string why_not;  // for contents that are never fitted: the reason as a person reads it
  std::string accession_number;

  int series_number = 0, instance_number = 0, acquisition_number = 0;
  std::string series_description, protocol_name;
  std::vector<std::string> image_type;
  // Seconds since 1970-01-01 of the scanner's clock; (0008,002A) or (0008,0022)+(0008,0032).
  std::optional<double> acquisition_time_s;
  std::optional<double> content_time_s;   // (0008,0023)+(0008,0033): when it was reconstructed, on some scanners
  std::optional<double> trigger_time_ms;  // (0018,1060): of a dynamic series, since its first phase
  std::optional<int> temporal_position;   // (0020,0100) or (0020,9128): number of the phase

  // Geometry of this slice.
  int rows = 0, columns = 0;
  double row_spacing_mm = 0, column_spacing_mm = 0, slice_thickness_mm = 0;
  std::optional<double> spacing_between_slices_mm;
  fitting::Vec3 position_mm = fitting::Vec3::Zero(), row_direction = fitting::Vec3::UnitX(),
                column_direction = fitting::Vec3::UnitY();
  bool has_geometry = false;

  // Physics.
  bool spin_echo = false, gradient_echo = false, echo_planar = false, inversion = false, spoiled = false,
       three_dimensional = false;
  std::optional<double> field_strength_t;
  std::optional<double> repetition_time_ms, echo_time_ms, inversion_time_ms, flip_angle_deg;
  std::optional<double> b_value_s_mm2;                      // only where the vendor's header proves diffusion
  std::optional<std::array<double, 3>> gradient_direction;  // absent for b = 0 and for traces
  std::optional<int> echo_train_length;      // multi-echo: the number of echoes that were acquired, where the vendor's
                                             // header tells it (Siemens, Philips)
  std::optional<int> images_in_acquisition;  // the scanner's own count, where it gives one (GE (0020,1002))
  bool fat_suppressed = false;
  std::string quantity;  // of Content::QuantityMap: "T1", "T2", "PD"

  // Contrast agent.
  bool contrast_agent = false;             // (0018,0010), 1040, 1041, 1044 or 1048 says that some was given
  std::optional<double> contrast_start_s;  // (0018,1042) on the day that puts it nearest to the acquisition, same clock
                                           // as acquisition_time_s
  std::optional<double> contrast_dose_ml;  // (0018,1041)
  std::optional<double> contrast_dose_mmol_per_kg;  // volume x concentration of a known agent / Patient's Weight
  std::string contrast_dose_why;                    // how it was derived, or why it is not known (contrast_dose.h)
};

// Reads the header, not the pixels: one Instance, or one for each frame of an enhanced multi-frame object, in their
// order. Malformed and non-DICOM files are errors; a DICOM object that is not an MR image is one Content::Other with
// its reason. Never empty.
[[nodiscard]] Result<std::vector<Instance>> read_instances(const std::filesystem::path& file);
// The first of them: what patient, study and scanner are.
[[nodiscard]] Result<Instance> read_instance(const std::filesystem::path& file);

// Orders images by SOP Instance UID, then by frame.
[[nodiscard]] bool precedes(const Instance& a, const Instance& b);
[[nodiscard]] bool same_image(const Instance& a, const Instance& b);
// Names an image: "1.2.3" or, of a frame, "1.2.3#7".
[[nodiscard]] std::string image_name(const Instance& instance);

[[nodiscard]] std::string_view to_string(Vendor);
[[nodiscard]] std::string_view to_string(Content);

}  // namespace dicom
