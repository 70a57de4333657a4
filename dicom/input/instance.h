#pragma once
// One image as its header describes it, whoever wrote it. Vendor quirks end here: each has a function in its own file.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/result.h"
#include "fitting/geometry.h"

namespace dicom {

enum class Vendor { Siemens, GE, Philips, Other };

// What one file holds, as far as fitting is concerned.
enum class Content {
  Magnitude,  // an original magnitude image: may enter a fit
  Phase,
  Real,
  Imaginary,
  Derived,        // computed by someone (ADC, trace of a vendor, subtraction, MIP, MPR): never fitted …
  TraceWeighted,  // … except trace-weighted diffusion images, which are used when no directions are there
  Localizer,
  Mosaic,      // many slices tiled in one image
  MultiFrame,  // enhanced multi-frame: read by a later version
  OwnResult,   // made by Herald
  Roi,         // SEG (later: RTSTRUCT, SR with coordinates)
  Other,       // not an MR image
};

struct Instance {
  std::filesystem::path file;
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

  // Contrast agent.
  bool contrast_agent = false;             // (0018,0010), 1040, 1041, 1044 or 1048 says that some was given
  std::optional<double> contrast_start_s;  // (0018,1042) on the day that puts it nearest to the acquisition, same clock
                                           // as acquisition_time_s
  std::optional<double> contrast_dose_ml;  // (0018,1041)
};

// Reads the header, not the pixels. Malformed and non-DICOM files are errors; a DICOM object that is not an MR image is
// Content::Other with its reason.
[[nodiscard]] Result<Instance> read_instance(const std::filesystem::path& file);

[[nodiscard]] std::string_view to_string(Vendor);
[[nodiscard]] std::string_view to_string(Content);

}  // namespace dicom
