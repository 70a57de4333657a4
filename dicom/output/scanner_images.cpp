#include "dicom/output/scanner_images.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"

namespace dicom {
namespace {

constexpr double kSecondsPerDay = 86400;
constexpr double kTick_s = 0.0025;  // the scanner's clock counts in steps of 2.5 ms
constexpr double kReconstruction_s = 1.5;
constexpr int kLargestPixel = 4095;

// Where in the series an image stands.
struct Place {
  int contrast = 0, slice = 0, instance = 1;
};

struct Image {
  const SimulatedExam& exam;
  const SimulatedSeries& series;
  Place place;

  [[nodiscard]] const SimulatedSeries::Parameters& contrast() const { return series.contrasts[place.contrast]; }
  [[nodiscard]] const fitting::Geometry& geometry() const { return series.series.geometry; }
};

bool is_multi_echo(const SimulatedSeries& series) {
  return series.contrasts.front().echo_time_ms != series.contrasts.back().echo_time_ms;
}

double acquired_s(const SimulatedSeries& series, int contrast, int slice) {
  const double since_first_excitation = is_multi_echo(series)
                                            ? series.contrasts[contrast].echo_time_ms / 1000
                                            : contrast * series.series.geometry.slices() * series.seconds_per_image;
  return series.start_s + since_first_excitation + slice * series.seconds_per_image;
}

double reconstructed_s(const SimulatedSeries& series) {
  const int last_contrast = static_cast<int>(series.contrasts.size()) - 1;
  return acquired_s(series, last_contrast, series.series.geometry.slices() - 1) + kReconstruction_s;
}

// VR TM with fractions, as the scanner prints it: "101530.002500".
std::string clock_time(double seconds) {
  const long ticks = std::lround(seconds / kTick_s);
  const long whole = ticks / 400;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%02ld%02ld%02ld.%06ld", whole / 3600, whole / 60 % 60, whole % 60,
                ticks % 400 * 2500);
  return digits;
}

void check_request(const SimulatedExam& exam, const SimulatedSeries& series) {
  const fitting::Geometry& geometry = series.series.geometry;
  if (series.contrasts.empty() || series.contrasts.size() != series.series.planes.size())
    fail(Fault::Malformed, "a simulated series needs the parameters of every contrast");
  for (const auto& plane : series.series.planes)
    if (plane.size() != geometry.voxels() || plane.size() == 0)
      fail(Fault::Malformed, "a simulated plane does not fit its geometry");
  if (exam.start_s < 0 || series.start_s < exam.start_s || reconstructed_s(series) >= kSecondsPerDay)
    fail(Fault::Malformed, "a simulated series must begin and end on the day of its exam");
}

void put_identity(DcmItem& item, const Image& image) {
  put_text(item, DCM_SpecificCharacterSet, "ISO_IR 100");
  put_text(item, DCM_SOPClassUID, UID_MRImageStorage);
  put_text(item, DCM_PatientName, image.exam.patient_name);
  put_text(item, DCM_PatientID, image.exam.patient_id);
  put_text(item, DCM_PatientBirthDate, "");
  put_text(item, DCM_PatientSex, "F");
  put_text(item, DCM_PatientAge, "050Y");
  put_text(item, DCM_PatientWeight, "65");
  put_text(item, DCM_StudyInstanceUID, image.exam.study_uid);
  put_text(item, DCM_StudyID, "1");
  put_text(item, DCM_AccessionNumber, image.exam.accession_number);
  put_text(item, DCM_ReferringPhysicianName, "");
  put_text(item, DCM_StudyDescription, "MR Breast quantitative (simulated)");
}

void put_times(DcmItem& item, const Image& image) {
  for (const auto& tag :
       {DCM_StudyDate, DCM_SeriesDate, DCM_AcquisitionDate, DCM_ContentDate, DCM_InstanceCreationDate})
    put_text(item, tag, image.exam.date);
  const std::string ready = clock_time(reconstructed_s(image.series));
  for (const auto& tag : {DCM_SeriesTime, DCM_ContentTime, DCM_InstanceCreationTime}) put_text(item, tag, ready);
  put_text(item, DCM_StudyTime, clock_time(image.exam.start_s));
  put_text(item, DCM_AcquisitionTime, clock_time(acquired_s(image.series, image.place.contrast, image.place.slice)));
}

void put_equipment(DcmItem& item) {
  put_text(item, DCM_Manufacturer, "SIEMENS");
  put_text(item, DCM_ManufacturerModelName, "Skyra");
  put_text(item, DCM_SoftwareVersions, "syngo MR E11");
  put_text(item, DCM_DeviceSerialNumber, "00000");
  put_text(item, DCM_StationName, "SIMULATED");
  put_text(item, DCM_InstitutionName, "Simulated");
  put_text(item, DCM_TransmitCoilName, "Body");
  put_text(item, DCM_MagneticFieldStrength, "3");
  put_text(item, DCM_ImagingFrequency, "123.25");
  put_text(item, DCM_ImagedNucleus, "1H");
}

std::string joined(const std::vector<std::string>& tokens, char separator) {
  std::string text;
  for (const std::string& token : tokens) {
    if (!text.empty()) text += separator;
    text += token;
  }
  return text;
}

void put_series(DcmItem& item, const Image& image) {
  const SimulatedSeries& series = image.series;
  put_text(item, DCM_Modality, "MR");
  put_text(item, DCM_SeriesInstanceUID, series.series_uid);
  put_text(item, DCM_SeriesNumber, std::to_string(series.series_number));
  put_text(item, DCM_SeriesDescription, series.description);
  put_text(item, DCM_ProtocolName, series.protocol);
  put_text(item, DCM_BodyPartExamined, "BREAST");
  put_text(item, DCM_Laterality, "");
  put_text(item, DCM_PatientPosition, "FFP");
  put_text(item, DCM_ImageType, joined(series.image_type, '\\'));
  put_text(item, DCM_AcquisitionNumber, std::to_string(is_multi_echo(series) ? 1 : image.place.contrast + 1));
  put_text(item, DCM_InstanceNumber, std::to_string(image.place.instance));
}

void put_physics(DcmItem& item, const Image& image) {
  const SimulatedSeries& series = image.series;
  const auto& contrast = image.contrast();
  put_text(item, DCM_ScanningSequence, series.scanning_sequence);
  put_text(item, DCM_SequenceVariant, series.sequence_variant);
  put_text(item, DCM_ScanOptions, series.scan_options);
  put_text(item, DCM_MRAcquisitionType, series.acquisition_type);
  put_text(item, DCM_SequenceName, contrast.sequence_name.empty() ? series.sequence_name : contrast.sequence_name);
  put_text(item, DCM_AngioFlag, "N");
  put_text(item, DCM_VariableFlipAngleFlag, "N");
  put_text(item, DCM_NumberOfAverages, "1");
  put_decimal(item, DCM_RepetitionTime, series.series.protocol.repetition_time_ms);
  put_decimal(item, DCM_EchoTime, contrast.echo_time_ms);
  put_decimal(item, DCM_FlipAngle, contrast.flip_angle_deg);
  put_text(item, DCM_EchoNumbers, std::to_string(is_multi_echo(series) ? image.place.contrast + 1 : 1));
  put_text(item, DCM_EchoTrainLength, std::to_string(series.echo_train_length));
}

void put_contrast_agent(DcmItem& item, const SimulatedSeries& series) {
  if (!series.contrast_agent) return;
  put_text(item, DCM_ContrastBolusAgent, "Gadolinium chelate");
  put_text(item, DCM_ContrastBolusRoute, "IV");
  put_text(item, DCM_ContrastBolusVolume, "13");
  put_text(item, DCM_ContrastBolusTotalDose, "13");
  put_text(item, DCM_ContrastBolusIngredient, "GADOLINIUM");
  if (series.contrast_start_s) put_text(item, DCM_ContrastBolusStartTime, clock_time(*series.contrast_start_s));
}

void put_geometry(DcmItem& item, const Image& image) {
  const fitting::Geometry& geometry = image.geometry();
  const fitting::Vec3& origin = geometry.slice_origins_mm[image.place.slice];
  const fitting::Vec3 &row = geometry.row_direction, &column = geometry.column_direction;
  put_text(item, DCM_FrameOfReferenceUID, image.exam.frame_of_reference_uid);
  put_text(item, DCM_PositionReferenceIndicator, "");
  put_text(item, DCM_ImagePositionPatient, decimal_string(std::array{origin.x(), origin.y(), origin.z()}));
  put_text(item, DCM_ImageOrientationPatient,
           decimal_string(std::array{row.x(), row.y(), row.z(), column.x(), column.y(), column.z()}));
  put_text(item, DCM_PixelSpacing, decimal_string(std::array{geometry.row_spacing_mm, geometry.column_spacing_mm}));
  put_decimal(item, DCM_SliceThickness, geometry.slice_thickness_mm);
  put_decimal(item, DCM_SliceLocation, geometry.height_mm(image.place.slice));
  if (image.series.acquisition_type == "2D") put_decimal(item, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
}

std::vector<Uint16> pixels_of(const Image& image) {
  const std::size_t size = image.geometry().slice_voxels();
  std::vector<float> signal(size);
  image.series.series.planes[image.place.contrast].read(image.place.slice * size, signal);
  std::vector<Uint16> pixels(size);
  std::transform(signal.begin(), signal.end(), pixels.begin(), [](float value) {
    return static_cast<Uint16>(std::lround(std::clamp(value, 0.0F, static_cast<float>(kLargestPixel))));
  });
  return pixels;
}

void put_pixels(DcmItem& item, const Image& image) {
  const std::vector<Uint16> pixels = pixels_of(image);
  const auto [smallest, largest] = std::minmax_element(pixels.begin(), pixels.end());
  put_unsigned(item, DCM_SamplesPerPixel, 1);
  put_text(item, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_unsigned(item, DCM_Rows, image.geometry().rows);
  put_unsigned(item, DCM_Columns, image.geometry().columns);
  put_unsigned(item, DCM_BitsAllocated, 16);
  put_unsigned(item, DCM_BitsStored, 12);
  put_unsigned(item, DCM_HighBit, 11);
  put_unsigned(item, DCM_PixelRepresentation, 0);
  put_unsigned(item, DcmTag(DCM_SmallestImagePixelValue, EVR_US), *smallest);
  put_unsigned(item, DcmTag(DCM_LargestImagePixelValue, EVR_US), *largest);
  put_decimal(item, DCM_WindowCenter, *largest / 2);
  put_decimal(item, DCM_WindowWidth, std::max<int>(*largest, 1));
  put_text(item, DCM_WindowCenterWidthExplanation, "Algo1");
  check(item.putAndInsertUint16Array(DcmTag(DCM_PixelData, EVR_OW), pixels.data(), pixels.size()), "insert pixels");
}

// The diffusion weighting stands in the private header only: E11 leaves (0018,9087) out of classic images.
void put_diffusion(DcmItem& item, const SimulatedSeries::Parameters& contrast) {
  if (!contrast.b_value_s_mm2) return;
  put_text(item, DcmTag(0x0019, 0x100C, EVR_IS), std::to_string(std::lround(*contrast.b_value_s_mm2)));
  put_text(item, DcmTag(0x0019, 0x100D, EVR_CS), contrast.direction ? "DIRECTIONAL" : "NONE");
  if (!contrast.direction) return;
  check(item.putAndInsertFloat64Array(DcmTag(0x0019, 0x100E, EVR_FD), contrast.direction->data(), 3),
        "insert direction");
}

void put_siemens_header(DcmItem& item, const Image& image) {
  for (const Uint16 group : {Uint16{0x0019}, Uint16{0x0051}}) {
    put_text(item, DcmTag(group, 0x0010, EVR_LO), "SIEMENS MR HEADER");
    put_text(item, DcmTag(group, 0x1008, EVR_CS), "IMAGE NUM 4");
    put_text(item, DcmTag(group, 0x1009, EVR_LO), "1.0");
  }
  const auto& tokens = image.series.image_type;
  const std::vector<std::string> kind(tokens.begin() + std::min<std::ptrdiff_t>(2, std::ssize(tokens)), tokens.end());
  put_text(item, DcmTag(0x0051, 0x1016, EVR_LO), joined(kind, '/'));
  put_diffusion(item, image.contrast());
}

std::string file_name(const Image& image) {
  char name[32];
  std::snprintf(name, sizeof name, "s%03d_i%05d.dcm", image.series.series_number, image.place.instance);
  return name;
}

Written write_image(const Image& image, const std::filesystem::path& folder) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_identity(dataset, image);
  put_times(dataset, image);
  put_equipment(dataset);
  put_series(dataset, image);
  put_physics(dataset, image);
  put_contrast_agent(dataset, image.series);
  put_geometry(dataset, image);
  put_pixels(dataset, image);
  put_siemens_header(dataset, image);
  return output::save(file, folder / file_name(image));
}

}  // namespace

Result<std::vector<Written>> write_skyra_series(const SimulatedExam& exam, const SimulatedSeries& series,
                                                const std::filesystem::path& folder) {
  return guarded([&] {
    initialise_dcmtk();
    check_request(exam, series);
    std::filesystem::create_directories(folder);
    std::vector<Written> written;
    int instance = series.first_instance;
    for (int contrast = 0; contrast < static_cast<int>(series.contrasts.size()); ++contrast)
      for (int slice = 0; slice < series.series.geometry.slices(); ++slice)
        written.push_back(write_image({exam, series, {contrast, slice, instance++}}, folder));
    return written;
  });
}

}  // namespace dicom
