// The map as a classic MR series. Every viewer shows it, and it is the only object whose numbers OHIF lets a reader
// probe (reference: viewers.md 4); no viewer shows its unit, which therefore stands in the Series Description.
#include <algorithm>
#include <cmath>

#include "dicom/output/elements.h"
#include "dicom/output/map_parts.h"

namespace dicom {

using namespace output;

namespace {

struct Pixels {
  std::vector<Uint16> stored;
  std::size_t clamped = 0;
};

Pixels pixels_of(std::span<const float> values, double slope) {
  Pixels pixels;
  pixels.stored.reserve(values.size());
  for (const float value : values) {
    const double stored = std::round(value / slope), kept = std::clamp(stored, 0.0, 65535.0);
    pixels.clamped += kept != stored ? 1 : 0;
    pixels.stored.push_back(static_cast<Uint16>(kept));
  }
  return pixels;
}

// OHIF (3.12, 3.13: cornerstone's getPixelDataTypeFromMinMax) takes a slice whose least and greatest rescaled values
// are whole for a slice of whole numbers, and forces the stored ones into the smallest type that holds the rescaled
// ones: with a slope of 0.1, a greatest T2 of 82 ms makes 820 an 8-bit 52, shown as 5.2 ms. So a slope below 1 is never
// a power of ten, with which a greatest value is often whole: times 1.0001, no 16-bit number but 0 becomes whole. Maps
// of whole numbers (classes of curves, maps that the scanner exported) are stored as they are.
double safe_slope(const Map& map) {
  constexpr double kNeverWhole = 1.0001;
  const double slope = map.quantity.slope;
  const auto is_whole = [](float value) { return value >= 0 && value <= 65535 && std::round(value) == value; };
  if (slope >= 1) return slope;
  return std::ranges::all_of(map.parameter->value, is_whole) ? 1 : slope * kNeverWhole;
}

// Type 1 or 2 in the MR Image module. A map has no single echo time or flip angle, so these stay empty.
void put_technique(DcmItem& to, DcmItem& source, const Map& map) {
  const auto value_or = [&](const DcmTagKey& tag, const char* otherwise) {
    OFString value;
    return source.findAndGetOFStringArray(tag, value).good() && !value.empty() ? std::string(value.c_str())
                                                                               : std::string(otherwise);
  };
  const std::string sequence = value_or(DCM_ScanningSequence, "RM");
  put_text(to, DCM_ScanningSequence, sequence);
  put_text(to, DCM_SequenceVariant, value_or(DCM_SequenceVariant, "NONE"));
  put_text(to, DCM_MRAcquisitionType, value_or(DCM_MRAcquisitionType, ""));
  for (const DcmTagKey& tag : {DCM_ScanOptions, DCM_EchoTime, DCM_EchoTrainLength, DCM_RepetitionTime})
    put_text(to, tag, "");
  // 2C: asked for by inversion sequences, forbidden to others.
  if (sequence.find("IR") != std::string::npos) put_text(to, DCM_InversionTime, "");
  if (map.fit->protocol.repetition_time_ms > 0)
    put_decimal(to, DCM_RepetitionTime, map.fit->protocol.repetition_time_ms);
  const std::string field = text(source, DCM_MagneticFieldStrength);
  if (!field.empty()) put_text(to, DCM_MagneticFieldStrength, field);
}

void put_scaling(DcmItem& to, const Map& map) {
  const Quantity& quantity = map.quantity;
  put_text(to, DCM_RescaleIntercept, "0");
  put_decimal(to, DCM_RescaleSlope, quantity.slope);
  put_text(to, DCM_RescaleType, quantity.unit_text.empty() ? "US" : one_line(quantity.unit_text));
  put_decimal(to, DCM_WindowCenter, quantity.display_upper / 2);
  put_decimal(to, DCM_WindowWidth, quantity.display_upper);
  put_text(to, DCM_WindowCenterWidthExplanation, one_line(quantity.title));
  DcmItem& mapping = add_real_world_mapping(to, map, quantity.slope);
  put_unsigned(mapping, DCM_RealWorldValueFirstValueMapped, 0);
  put_unsigned(mapping, DCM_RealWorldValueLastValueMapped, 65535);
}

void put_pixel_format(DcmItem& to, const fitting::Geometry& geometry) {
  put_text(to, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_unsigned(to, DCM_SamplesPerPixel, 1);
  put_unsigned(to, DCM_Rows, geometry.rows);
  put_unsigned(to, DCM_Columns, geometry.columns);
  put_unsigned(to, DCM_BitsAllocated, 16);
  put_unsigned(to, DCM_BitsStored, 16);
  put_unsigned(to, DCM_HighBit, 15);
  put_unsigned(to, DCM_PixelRepresentation, 0);
}

// Everything that the slices have in common.
void put_series_parts(DcmDataset& to, DcmItem& source, const Map& map) {
  const MapRequest& request = *map.request;
  put_modules(to, source, UID_MRImageStorage,
              {"MR", series_uid(map, "mr map", source), series_description(map, "map"), 9101 + request.series_offset},
              request.equipment, moment(request.source.content_datetime));
  put_frame_of_reference(to, source);
  put_text(to, DCM_ImageType, "DERIVED\\SECONDARY\\" + map.quantity.image_type);
  put_text(to, DCM_PatientPosition, text(source, DCM_PatientPosition));
  put_text(to, DCM_BodyPartExamined, "BREAST");
  put_text(to, DCM_ImageLaterality, laterality(source));  // 2C for a paired body part
  put_technique(to, source, map);
  put_scaling(to, map);
  put_pixel_format(to, map.geometry());
  put_text(to, DCM_ImageOrientationPatient, orientation(map.geometry()));
  put_text(to, DCM_PixelSpacing, pixel_spacing(map.geometry()));
  put_decimal(to, DCM_SliceThickness, map.geometry().slice_thickness_mm);
  put_decimal(to, DCM_SpacingBetweenSlices, map.geometry().slice_spacing_mm());
  put_text(to, DCM_BurnedInAnnotation, "NO");
  put_text(to, DCM_LossyImageCompression, "00");
  put_text(to, DCM_DerivationDescription, derivation_description(map));
  put_code(to, DCM_DerivationCodeSequence, map.quantity.derivation);
}

std::string comment(const Map& map, std::size_t clamped) {
  if (clamped == 0) return kResearchNotice;
  return std::string(kResearchNotice) + ". " + std::to_string(clamped) + " voxels of this slice lie outside 0 to " +
         decimal_string(65535 * map.quantity.slope) + " " + map.quantity.unit_text + " and are shown at the limit";
}

Written write_slice(const DcmFileFormat& common, const Map& map, int slice, const std::filesystem::path& folder) {
  DcmFileFormat file(common);
  DcmDataset& to = *file.getDataset();
  const Pixels pixels = pixels_of(map.slice(slice), map.quantity.slope);
  put_text(to, DCM_InstanceNumber, std::to_string(slice + 1));
  put_text(to, DCM_ImagePositionPatient, position(map.geometry(), slice));
  put_decimal(to, DCM_SliceLocation, map.geometry().height_mm(slice));
  put_text(to, DCM_ImageComments, comment(map, pixels.clamped));
  add_source_images(to, map.request->source.per_slice[static_cast<std::size_t>(slice)]);
  check(to.putAndInsertUint16Array(DCM_PixelData, pixels.stored.data(), pixels.stored.size()), "insert pixels");
  const std::string number = std::to_string(slice + 1);
  const std::string padding(number.size() < 4 ? 4 - number.size() : 0, '0');
  return save(file, folder / ("mr_map_" + file_stem(map) + "_" + padding + number + ".dcm"));
}

}  // namespace

Result<std::vector<Written>> write_mr_map(const MapRequest& request, const std::filesystem::path& folder) {
  return guarded([&] {
    Map map = checked(request);
    map.quantity.slope = safe_slope(map);
    const auto source = read_template(request.source.template_image);
    DcmFileFormat common;
    put_series_parts(*common.getDataset(), *source, map);
    std::vector<Written> written;
    for (int slice = 0; slice < map.geometry().slices(); ++slice)
      written.push_back(write_slice(common, map, slice, folder));
    return written;
  });
}

}  // namespace dicom
