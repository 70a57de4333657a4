#include "dicom/output/scanner_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"

namespace dicom::output {
namespace {

constexpr double kTick_s = 0.0025;  // Siemens scanners' clock counts in steps of 2.5 ms
constexpr double kReconstruction_s = 1.5;

struct Habits {
  const char *manufacturer, *model, *software, *field_t, *frequency_mhz;
};

Habits habits_of(Scanner scanner) {
  switch (scanner) {
    case Scanner::SkyraE11:
      return {"SIEMENS", "Skyra", "syngo MR E11", "3", "123.25"};
    case Scanner::AeraE11:
      return {"SIEMENS", "Aera", "syngo MR E11", "1.5", "63.68"};
    case Scanner::SkyraXa60:
      return {"Siemens Healthineers", "MAGNETOM Skyra", "syngo MR XA60", "3", "123.25"};
    case Scanner::AeraXa60:
      return {"Siemens Healthineers", "MAGNETOM Aera", "syngo MR XA60", "1.5", "63.68"};
    case Scanner::Architect:  // the backslashes make it three values, as on the real ones
      return {"GE MEDICAL SYSTEMS", "SIGNA Architect", "28\\LX\\MR Software release:DV28.0_R05_2034.a", "3",
              "127.763821"};
  }
  return {};
}

// Of the scanner that is asked for, or of the same vendor's at the other field strength.
Habits habits_of(const SimulatedExam& exam) {
  Habits habits = habits_of(exam.scanner);
  if (!exam.field_strength_t) return habits;
  const bool ge = exam.scanner == Scanner::Architect, low = *exam.field_strength_t < 2;
  habits.field_t = low ? "1.5" : "3";
  habits.frequency_mhz = ge ? (low ? "63.863" : "127.763821") : (low ? "63.68" : "123.25");
  return habits;
}

double since_first_excitation_s(const SimulatedSeries& series, int contrast) {
  if (series.dynamic) return series.dynamic->since_first_s;
  return is_multi_echo(series) ? series.contrasts[contrast].echo_time_ms / 1000
                               : contrast * series.series.geometry.slices() * series.seconds_per_image;
}

double acquired_s(const SimulatedSeries& series, int contrast, int slice) {
  return series.start_s + since_first_excitation_s(series, contrast) + slice * series.seconds_per_image;
}

}  // namespace

// --- when

// Delays after a saturation are measurements of their own, each with its echoes.
bool is_multi_echo(const SimulatedSeries& series) {
  return series.contrasts.front().echo_time_ms != series.contrasts.back().echo_time_ms &&
         !series.contrasts.front().inversion_time_ms;
}

int echo_number(const Image& image) {
  std::vector<double> times_ms;
  for (const auto& contrast : image.series.contrasts)
    if (std::find(times_ms.begin(), times_ms.end(), contrast.echo_time_ms) == times_ms.end())
      times_ms.push_back(contrast.echo_time_ms);
  return static_cast<int>(std::find(times_ms.begin(), times_ms.end(), image.contrast().echo_time_ms) -
                          times_ms.begin()) +
         1;
}

double acquired_s(const Image& image) { return acquired_s(image.series, image.place.contrast, image.place.slice); }

double reconstructed_s(const SimulatedSeries& series) {
  const int last_contrast = static_cast<int>(series.contrasts.size()) - 1;
  return acquired_s(series, last_contrast, series.series.geometry.slices() - 1) + kReconstruction_s;
}

double series_time_s(const SimulatedSeries& series) {
  return series.dynamic ? series.start_s + kReconstruction_s : reconstructed_s(series);
}

std::string clock_time(double seconds) {
  const long ticks = std::lround(seconds / kTick_s);
  const long whole = ticks / 400;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%02ld%02ld%02ld.%06ld", whole / 3600, whole / 60 % 60, whole % 60,
                ticks % 400 * 2500);
  return digits;
}

std::string date_time(const SimulatedExam& exam, double seconds) { return exam.date + clock_time(seconds); }

// --- texts

std::string joined(const std::vector<std::string>& tokens, char separator) {
  std::string text;
  for (const std::string& token : tokens) {
    if (!text.empty()) text += separator;
    text += token;
  }
  return text;
}

bool has_token(const SimulatedSeries& series, std::string_view token) {
  return std::find(series.image_type.begin(), series.image_type.end(), token) != series.image_type.end();
}

std::string orientation_of(const fitting::Geometry& geometry) {
  const fitting::Vec3 &row = geometry.row_direction, &column = geometry.column_direction;
  return decimal_string(std::array{row.x(), row.y(), row.z(), column.x(), column.y(), column.z()});
}

std::string position_of(const Image& image) {
  const fitting::Vec3& origin = image.geometry().slice_origins_mm[image.place.slice];
  return decimal_string(std::array{origin.x(), origin.y(), origin.z()});
}

std::filesystem::path file_of(const SimulatedSeries& series, int instance, const std::filesystem::path& folder) {
  char name[32];
  std::snprintf(name, sizeof name, "s%03d_i%05d.dcm", series.series_number, instance);
  return folder / name;
}

// --- modules

void put_identity(DcmItem& item, const SimulatedExam& exam, const char* sop_class_uid) {
  put_text(item, DCM_SpecificCharacterSet, "ISO_IR 100");
  put_text(item, DCM_SOPClassUID, sop_class_uid);
  put_text(item, DCM_PatientName, exam.patient_name);
  put_text(item, DCM_PatientID, exam.patient_id);
  put_text(item, DCM_PatientBirthDate, "");
  put_text(item, DCM_PatientSex, "F");
  put_text(item, DCM_PatientAge, "050Y");
  put_decimal(item, DCM_PatientWeight, exam.weight_kg);
  put_text(item, DCM_StudyInstanceUID, exam.study_uid);
  put_text(item, DCM_StudyID, "1");
  put_text(item, DCM_AccessionNumber, exam.accession_number);
  put_text(item, DCM_ReferringPhysicianName, "");
  put_text(item, DCM_StudyDescription, "MR Breast quantitative (simulated)");
}

void put_equipment(DcmItem& item, const SimulatedExam& exam) {
  const Habits habits = habits_of(exam);
  put_text(item, DCM_Manufacturer, habits.manufacturer);
  put_text(item, DCM_ManufacturerModelName, habits.model);
  put_text(item, DCM_SoftwareVersions, habits.software);
  put_text(item, DCM_DeviceSerialNumber, "00000");
  put_text(item, DCM_StationName, "SIMULATED");
  put_text(item, DCM_InstitutionName, "Simulated");
  put_text(item, DCM_MagneticFieldStrength, habits.field_t);
}

const char* imaging_frequency_mhz(const SimulatedExam& exam) { return habits_of(exam).frequency_mhz; }

void put_series(DcmItem& item, const Image& image) {
  const SimulatedSeries& series = image.series;
  put_text(item, DCM_Modality, "MR");
  put_text(item, DCM_SeriesInstanceUID, series.series_uid);
  put_text(item, DCM_SeriesNumber, std::to_string(series.series_number));
  put_text(item, DCM_SeriesDescription, series.description);
  put_text(item, DCM_ProtocolName, series.protocol);
  put_text(item, DCM_BodyPartExamined, "BREAST");
  put_text(item, DCM_PatientPosition, "FFP");
  put_text(item, DCM_ImageType, joined(series.image_type, '\\'));
  put_text(item, DCM_InstanceNumber, std::to_string(image.place.instance));
  put_text(item, DCM_FrameOfReferenceUID, image.exam.frame_of_reference_uid);
  put_text(item, DCM_PositionReferenceIndicator, "");
}

void put_physics(DcmItem& item, const Image& image) {
  const SimulatedSeries& series = image.series;
  const auto& contrast = image.contrast();
  put_text(item, DCM_ImagedNucleus, "1H");
  put_text(item, DCM_ImagingFrequency, imaging_frequency_mhz(image.exam));
  put_text(item, DCM_ScanningSequence, series.scanning_sequence);
  put_text(item, DCM_SequenceVariant, series.sequence_variant);
  put_text(item, DCM_ScanOptions, series.scan_options);
  put_text(item, DCM_MRAcquisitionType, series.acquisition_type);
  put_text(item, DCM_AngioFlag, "N");
  put_text(item, DCM_VariableFlipAngleFlag, "N");
  put_text(item, DCM_NumberOfAverages, "1");
  put_decimal(item, DCM_RepetitionTime, series.series.protocol.repetition_time_ms);
  put_decimal(item, DCM_EchoTime, contrast.echo_time_ms);
  if (contrast.inversion_time_ms) put_decimal(item, DCM_InversionTime, *contrast.inversion_time_ms);
  put_decimal(item, DCM_FlipAngle, contrast.flip_angle_deg);
  put_text(item, DCM_EchoNumbers, std::to_string(echo_number(image)));
  put_text(item, DCM_EchoTrainLength, std::to_string(series.echo_train_length));
}

void put_contrast_agent(DcmItem& item, const Image& image) {
  const SimulatedSeries& series = image.series;
  if (!series.contrast_agent) return;
  put_text(item, DCM_ContrastBolusAgent, image.exam.injection.agent);
  put_text(item, DCM_ContrastBolusRoute, "IV");
  put_decimal(item, DCM_ContrastBolusVolume, image.exam.injection.volume_ml);
  put_decimal(item, DCM_ContrastBolusTotalDose, image.exam.injection.volume_ml);
  put_text(item, DCM_ContrastBolusIngredient, "GADOLINIUM");
  if (series.contrast_start_s) put_text(item, DCM_ContrastBolusStartTime, clock_time(*series.contrast_start_s));
}

void put_geometry(DcmItem& item, const Image& image) {
  const fitting::Geometry& geometry = image.geometry();
  put_text(item, DCM_ImagePositionPatient, position_of(image));
  put_text(item, DCM_ImageOrientationPatient, orientation_of(geometry));
  put_text(item, DCM_PixelSpacing, decimal_string(std::array{geometry.row_spacing_mm, geometry.column_spacing_mm}));
  put_decimal(item, DCM_SliceThickness, geometry.slice_thickness_mm);
  put_decimal(item, DCM_SliceLocation, geometry.height_mm(image.place.slice));
  if (image.series.acquisition_type == "2D") put_decimal(item, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
}

void put_size(DcmItem& item, const fitting::Geometry& geometry) {
  put_unsigned(item, DCM_SamplesPerPixel, 1);
  put_text(item, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_unsigned(item, DCM_Rows, geometry.rows);
  put_unsigned(item, DCM_Columns, geometry.columns);
  put_unsigned(item, DCM_BitsAllocated, 16);
}

template <class Pixel>
std::vector<Pixel> pixels_of(const Image& image, int largest) {
  const std::size_t size = image.geometry().slice_voxels();
  std::vector<float> signal(size);
  image.series.series.planes[image.place.contrast].read(image.place.slice * size, signal);
  std::vector<Pixel> pixels(size);
  std::transform(signal.begin(), signal.end(), pixels.begin(), [largest](float value) {
    return static_cast<Pixel>(std::lround(std::clamp(value, 0.0F, static_cast<float>(largest))));
  });
  return pixels;
}

template std::vector<Uint16> pixels_of<Uint16>(const Image&, int);
template std::vector<Sint16> pixels_of<Sint16>(const Image&, int);

Written write_classic_image(const Image& image, const std::filesystem::path& folder,
                            void (*put_own)(DcmItem& item, const Image& image)) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_identity(dataset, image.exam, UID_MRImageStorage);
  put_equipment(dataset, image.exam);
  put_series(dataset, image);
  put_physics(dataset, image);
  put_contrast_agent(dataset, image);
  put_geometry(dataset, image);
  put_own(dataset, image);
  return save(file, file_of(image.series, image.place.instance, folder));
}

}  // namespace dicom::output
