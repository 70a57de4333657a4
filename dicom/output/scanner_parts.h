#pragma once
// What the writers of scanner images share: who, when and where is the same for every scanner; how it says so differs.
// Included by .cpp files of dicom/output only. Every function unwinds by Failure.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/output/scanner_images.h"

namespace dicom::output {

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

// The contrasts are echoes of one measurement.
[[nodiscard]] bool is_multi_echo(const SimulatedSeries& series);
// 1 for the first of the echo times that occur, in the order in which they do.
[[nodiscard]] int echo_number(const Image& image);
// Seconds after midnight: of the excitation, and of the last image's reconstruction.
[[nodiscard]] double acquired_s(const Image& image);
[[nodiscard]] double reconstructed_s(const SimulatedSeries& series);
// When the first images of the whole series were there: its Series Time.
[[nodiscard]] double series_time_s(const SimulatedSeries& series);
// VR TM with fractions in steps of 2.5 ms, as Siemens scanners print it: "101530.002500".
[[nodiscard]] std::string clock_time(double seconds);
// Of the exam's day, VR DT.
[[nodiscard]] std::string date_time(const SimulatedExam& exam, double seconds);
[[nodiscard]] std::string joined(const std::vector<std::string>& tokens, char separator);
[[nodiscard]] bool has_token(const SimulatedSeries& series, std::string_view token);
[[nodiscard]] std::string orientation_of(const fitting::Geometry& geometry);
[[nodiscard]] std::string position_of(const Image& image);

// Patient, study and SOP class.
void put_identity(DcmItem& item, const SimulatedExam& exam, const char* sop_class_uid);
void put_equipment(DcmItem& item, const SimulatedExam& exam);
[[nodiscard]] const char* imaging_frequency_mhz(const SimulatedExam& exam);
// Modality, UID, number and texts of the series; Body Part, Laterality and Patient Position; Image Type; instance.
void put_series(DcmItem& item, const Image& image);
// The sequence and its times and angles, as classic images have them.
void put_physics(DcmItem& item, const Image& image);
void put_contrast_agent(DcmItem& item, const Image& image);
void put_geometry(DcmItem& item, const Image& image);
void put_size(DcmItem& item, const fitting::Geometry& geometry);

// The signal of the image's slice, rounded and clamped to 0..largest.
template <class Pixel>
[[nodiscard]] std::vector<Pixel> pixels_of(const Image& image, int largest);

[[nodiscard]] std::filesystem::path file_of(const SimulatedSeries& series, int instance,
                                            const std::filesystem::path& folder);

// A classic image: what every scanner writes alike, then what is the scanner's own.
[[nodiscard]] Written write_classic_image(const Image& image, const std::filesystem::path& folder,
                                          void (*put_own)(DcmItem& item, const Image& image));

// The habits of each, in a file of its own. `image` is to be written to `folder`.
[[nodiscard]] Written write_siemens_image(const Image& image, const std::filesystem::path& folder);
[[nodiscard]] Written write_ge_image(const Image& image, const std::filesystem::path& folder);
// One object of the contrasts first..last.
[[nodiscard]] Written write_enhanced_object(const SimulatedExam& exam, const SimulatedSeries& series, int first,
                                            int last, int instance, const std::filesystem::path& folder);

}  // namespace dicom::output
