// GE DV28: classic images of 16 signed bits without a rescale; the pulse sequence, b and the complex part stand in
// private groups only. All images of a series carry one Acquisition Time, in whole seconds: phases of a dynamic series
// are told apart by their Trigger Time, which the first lacks, or by counting.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <string>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"
#include "dicom/output/scanner_parts.h"

namespace dicom::output {
namespace {

constexpr Uint16 kAcquisitionGroup = 0x0019, kRelationGroup = 0x0021, kSeriesGroup = 0x0025, kParameterGroup = 0x0043;
// Second value of (0043,1039): of diffusion and of other sequences.
constexpr const char *kDiffusionSlop = "8", *kOtherSlop = "1073741824";
// (0043,1030): the image of b = 0, and one of the directions.
constexpr int kNoDiffusion = 0, kUnweighted = 14, kWeighted = 16;

std::string whole_seconds(double seconds) {
  const long whole = static_cast<long>(seconds);
  char digits[32];
  std::snprintf(digits, sizeof digits, "%02ld%02ld%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return digits;
}

void put_times(DcmItem& item, const Image& image) {
  for (const auto& tag : {DCM_StudyDate, DCM_SeriesDate, DCM_AcquisitionDate, DCM_ContentDate})
    put_text(item, tag, image.exam.date);
  put_text(item, DCM_StudyTime, whole_seconds(image.exam.start_s));
  for (const auto& tag : {DCM_SeriesTime, DCM_AcquisitionTime, DCM_ContentTime})
    put_text(item, tag, whole_seconds(image.series.start_s));
}

int images_in_series(const SimulatedSeries& series) {
  const int own = static_cast<int>(series.contrasts.size()) * series.series.geometry.slices();
  return std::max(series.images_in_series, own);
}

void put_counts(DcmItem& item, const Image& image) {
  put_text(item, DCM_AcquisitionNumber, "1");
  put_text(item, DCM_ImagesInAcquisition, std::to_string(images_in_series(image.series)));
  put_text(item, DCM_Laterality, "");
  put_decimal(item, DCM_SpacingBetweenSlices, image.geometry().slice_spacing_mm());
  if (!image.series.dynamic) return;
  put_text(item, DCM_NumberOfTemporalPositions, std::to_string(image.series.dynamic->phases));
  if (image.series.dynamic->phase > 1) put_decimal(item, DCM_TriggerTime, 1000 * image.series.dynamic->since_first_s);
}

void put_pixels(DcmItem& item, const Image& image) {
  const std::vector<Sint16> pixels = pixels_of<Sint16>(image, std::numeric_limits<Sint16>::max());
  const auto [smallest, largest] = std::minmax_element(pixels.begin(), pixels.end());
  put_size(item, image.geometry());
  put_unsigned(item, DCM_BitsStored, 16);
  put_unsigned(item, DCM_HighBit, 15);
  put_unsigned(item, DCM_PixelRepresentation, 1);
  check(item.putAndInsertSint16(DcmTag(DCM_SmallestImagePixelValue, EVR_SS), *smallest), "insert smallest pixel");
  check(item.putAndInsertSint16(DcmTag(DCM_LargestImagePixelValue, EVR_SS), *largest), "insert largest pixel");
  put_decimal(item, DCM_WindowCenter, *largest / 2);
  put_decimal(item, DCM_WindowWidth, std::max<int>(*largest, 1));
  check(item.putAndInsertUint16Array(DcmTag(DCM_PixelData, EVR_OW), reinterpret_cast<const Uint16*>(pixels.data()),
                                     pixels.size()),
        "insert pixels");
}

// --- private groups

void put_short(DcmItem& item, Uint16 group, Uint16 element, int value) {
  check(item.putAndInsertSint16(DcmTag(group, element, EVR_SS), static_cast<Sint16>(value)), "insert private number");
}

void put_long(DcmItem& item, Uint16 group, Uint16 element, int value) {
  check(item.putAndInsertSint32(DcmTag(group, element, EVR_SL), value), "insert private number");
}

void put_creator(DcmItem& item, Uint16 group, const char* creator) {
  put_text(item, DcmTag(group, 0x0010, EVR_LO), creator);
}

int directions_of(const SimulatedSeries& series) {
  std::set<std::array<double, 3>> distinct;
  for (const auto& contrast : series.contrasts)
    if (contrast.direction) distinct.insert(*contrast.direction);
  return static_cast<int>(distinct.size());
}

// Directions are in the axes of frequency, phase and slice; of an axial stack with the phase along the columns they are
// the image's own.
void put_acquisition_group(DcmItem& item, const Image& image) {
  put_creator(item, kAcquisitionGroup, "GEMS_ACQU_01");
  const std::string& name = image.series.sequence_name;
  std::string internal(name.size(), ' ');
  std::transform(name.begin(), name.end(), internal.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  put_short(item, kAcquisitionGroup, 0x107E, is_multi_echo(image.series) ? image.series.echo_train_length : 1);
  put_text(item, DcmTag(kAcquisitionGroup, 0x109C, EVR_LO), name);
  put_text(item, DcmTag(kAcquisitionGroup, 0x109E, EVR_LO), internal);
  const auto direction = image.contrast().direction.value_or(std::array{0.0, 0.0, 0.0});
  for (std::size_t axis = 0; axis < 3; ++axis)
    put_decimal(item, DcmTag(kAcquisitionGroup, static_cast<Uint16>(0x10BB + axis), EVR_DS), direction[axis]);
  put_decimal(item, DcmTag(kAcquisitionGroup, 0x10E0, EVR_DS), directions_of(image.series));
}

void put_relation_group(DcmItem& item, const Image& image) {
  put_creator(item, kRelationGroup, "GEMS_RELA_01");
  put_short(item, kRelationGroup, 0x104F, image.geometry().slices());
  put_long(item, kRelationGroup, 0x105A, directions_of(image.series) > 0 ? 7 : 0);  // ALL
}

int diffusion_kind(const Image& image) {
  const auto b = image.contrast().b_value_s_mm2;
  if (!b) return kNoDiffusion;
  return *b > 0 ? kWeighted : kUnweighted;
}

void put_parameter_group(DcmItem& item, const Image& image) {
  const auto b = image.contrast().b_value_s_mm2;
  put_creator(item, kParameterGroup, "GEMS_PARM_01");
  put_short(item, kParameterGroup, 0x102F, 0);  // magnitude
  put_short(item, kParameterGroup, 0x1030, diffusion_kind(image));
  put_text(item, DcmTag(kParameterGroup, 0x1039, EVR_IS),
           joined({std::to_string(std::lround(b.value_or(image.series.leftover_b_s_mm2))),
                   b ? kDiffusionSlop : kOtherSlop, "0", "0"},
                  '\\'));
}

void put_private_header(DcmItem& item, const Image& image) {
  put_acquisition_group(item, image);
  put_relation_group(item, image);
  put_creator(item, kSeriesGroup, "GEMS_SERS_01");
  put_long(item, kSeriesGroup, 0x1007, images_in_series(image.series));
  put_parameter_group(item, image);
}

}  // namespace

Written write_ge_image(const Image& image, const std::filesystem::path& folder) {
  return write_classic_image(image, folder, [](DcmItem& item, const Image& own) {
    put_times(item, own);
    put_counts(item, own);
    put_pixels(item, own);
    put_private_header(item, own);
  });
}

}  // namespace dicom::output
