// syngo MR E11: classic images of 12 bits, and what has no standard attribute in the private groups 0019 and 0051.
#include <algorithm>
#include <string>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"
#include "dicom/output/scanner_parts.h"

namespace dicom::output {
namespace {

constexpr int kLargestPixel = 4095;

void put_times(DcmItem& item, const Image& image) {
  for (const auto& tag :
       {DCM_StudyDate, DCM_SeriesDate, DCM_AcquisitionDate, DCM_ContentDate, DCM_InstanceCreationDate})
    put_text(item, tag, image.exam.date);
  put_text(item, DCM_SeriesTime, clock_time(series_time_s(image.series)));
  const std::string ready = clock_time(reconstructed_s(image.series));
  for (const auto& tag : {DCM_ContentTime, DCM_InstanceCreationTime}) put_text(item, tag, ready);
  put_text(item, DCM_StudyTime, clock_time(image.exam.start_s));
  put_text(item, DCM_AcquisitionTime, clock_time(acquired_s(image)));
}

// Every weighting and every phase is a measurement; echoes belong to one.
int acquisition_number(const Image& image) {
  if (image.series.dynamic) return image.series.dynamic->phase;
  return is_multi_echo(image.series) ? 1 : image.place.contrast + 1;
}

void put_sequence(DcmItem& item, const Image& image) {
  const std::string& own = image.contrast().sequence_name;
  put_text(item, DCM_SequenceName, own.empty() ? image.series.sequence_name : own);
  put_text(item, DCM_AcquisitionNumber, std::to_string(acquisition_number(image)));
  put_text(item, DCM_TransmitCoilName, "Body");
  put_text(item, DCM_Laterality, "");
}

void put_pixels(DcmItem& item, const Image& image) {
  const std::vector<Uint16> pixels = pixels_of<Uint16>(image, kLargestPixel);
  const auto [smallest, largest] = std::minmax_element(pixels.begin(), pixels.end());
  put_size(item, image.geometry());
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

const char* directionality(const Image& image) {
  if (image.contrast().direction) return "DIRECTIONAL";
  return has_token(image.series, "TRACEW") && *image.contrast().b_value_s_mm2 > 0 ? "ISOTROPIC" : "NONE";
}

// The diffusion weighting stands in the private header only: E11 leaves (0018,9087) out of classic images.
void put_diffusion(DcmItem& item, const Image& image) {
  const auto& contrast = image.contrast();
  if (!contrast.b_value_s_mm2) return;
  put_text(item, DcmTag(0x0019, 0x100C, EVR_IS), std::to_string(std::lround(*contrast.b_value_s_mm2)));
  put_text(item, DcmTag(0x0019, 0x100D, EVR_CS), directionality(image));
  if (!contrast.direction) return;
  check(item.putAndInsertFloat64Array(DcmTag(0x0019, 0x100E, EVR_FD), contrast.direction->data(), 3),
        "insert direction");
}

void put_private_header(DcmItem& item, const Image& image) {
  for (const Uint16 group : {Uint16{0x0019}, Uint16{0x0051}}) {
    put_text(item, DcmTag(group, 0x0010, EVR_LO), "SIEMENS MR HEADER");
    put_text(item, DcmTag(group, 0x1008, EVR_CS), "IMAGE NUM 4");
    put_text(item, DcmTag(group, 0x1009, EVR_LO), "1.0");
  }
  const auto& tokens = image.series.image_type;
  const std::vector<std::string> kind(tokens.begin() + std::min<std::ptrdiff_t>(2, std::ssize(tokens)), tokens.end());
  put_text(item, DcmTag(0x0051, 0x1016, EVR_LO), joined(kind, '/'));
  put_diffusion(item, image);
}

}  // namespace

Written write_siemens_image(const Image& image, const std::filesystem::path& folder) {
  return write_classic_image(image, folder, [](DcmItem& item, const Image& own) {
    put_times(item, own);
    put_sequence(item, own);
    put_pixels(item, own);
    put_private_header(item, own);
  });
}

}  // namespace dicom::output
