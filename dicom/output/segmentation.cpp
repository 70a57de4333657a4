#include <algorithm>
#include <array>
#include <cstdint>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"
#include "dicom/output/scanner_images.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

// Not Herald: an outline is a reader's work, and objects of Herald's own are refused on the way in.
constexpr const char* kWorkstationModel = "Outline workstation";

bool is_multi_frame(const OutlineRequest& request) {
  return request.drawn_on.size() == 1 && request.drawn_on.front().sop_class_uid == UID_EnhancedMRImageStorage;
}

void check_request(const OutlineRequest& request) {
  const fitting::Mask& mask = request.mask;
  if (mask.inside.size() != mask.geometry.voxels()) fail(Fault::Malformed, "the mask does not fit its geometry");
  if (!is_multi_frame(request) && request.drawn_on.size() != mask.geometry.slice_origins_mm.size())
    fail(Fault::Malformed, "an outline needs one source image for every slice of its mask");
  if (mask.count() == 0) fail(Fault::Malformed, "the mask is empty");
  if (request.content_datetime.size() < 14) fail(Fault::Malformed, "the content date and time must be YYYYMMDDHHMMSS");
}

std::vector<int> occupied_slices(const fitting::Mask& mask) {
  std::vector<int> slices;
  for (int slice = 0; slice < mask.geometry.slices(); ++slice)
    if (mask.count(slice) > 0) slices.push_back(slice);
  return slices;
}

const std::array kCopied{DCM_SpecificCharacterSet, DCM_PatientAge,       DCM_PatientWeight,
                         DCM_StudyDescription,     DCM_StudyInstanceUID, DCM_FrameOfReferenceUID};
// Type 2: empty where the template lacks them.
const std::array kCopiedOrEmpty{DCM_PatientName,
                                DCM_PatientID,
                                DCM_PatientBirthDate,
                                DCM_PatientSex,
                                DCM_StudyDate,
                                DCM_StudyTime,
                                DCM_StudyID,
                                DCM_AccessionNumber,
                                DCM_ReferringPhysicianName,
                                DCM_PositionReferenceIndicator};

// Patient, study, frame of reference, and the character set in which their texts are written.
void copy_from_template(DcmItem& to, const std::filesystem::path& template_image) {
  DcmFileFormat file;
  check(file.loadFile(template_image.c_str()), "load template image", Fault::Io);
  DcmItem& from = *file.getDataset();
  for (const auto& tag : kCopiedOrEmpty) check(to.insertEmptyElement(tag), "insert empty element");
  const auto copy = [&](const DcmTagKey& tag) {
    if (from.tagExists(tag)) check(from.findAndInsertCopyOfElement(tag, &to), "copy from template image");
  };
  std::for_each(kCopied.begin(), kCopied.end(), copy);
  std::for_each(kCopiedOrEmpty.begin(), kCopiedOrEmpty.end(), copy);
}

// The first of a series has no number of its own.
std::string file_name(const OutlineRequest& request) {
  const std::string series = "seg_" + std::to_string(request.series_number);
  return series + (request.instance_number > 1 ? "_" + std::to_string(request.instance_number) : "") + ".dcm";
}

void put_series(DcmItem& item, const OutlineRequest& request, const Equipment& equipment) {
  const std::string date = request.content_datetime.substr(0, 8), time = request.content_datetime.substr(8, 6);
  put_text(item, DCM_SOPClassUID, UID_SegmentationStorage);
  put_text(item, DCM_Modality, "SEG");
  put_text(item, DCM_SeriesInstanceUID, request.series_uid);
  put_text(item, DCM_SeriesNumber, std::to_string(request.series_number));
  put_text(item, DCM_SeriesDescription, "Lesion outline");
  for (const auto& tag : {DCM_SeriesDate, DCM_ContentDate}) put_text(item, tag, date);
  for (const auto& tag : {DCM_SeriesTime, DCM_ContentTime}) put_text(item, tag, time);
  put_text(item, DCM_InstanceNumber, std::to_string(request.instance_number));
  put_text(item, DCM_Manufacturer, equipment.manufacturer);
  put_text(item, DCM_ManufacturerModelName, kWorkstationModel);
  put_text(item, DCM_DeviceSerialNumber, equipment.serial);
  put_text(item, DCM_SoftwareVersions, equipment.version.empty() ? "0" : equipment.version);
}

void put_image_description(DcmItem& item, const OutlineRequest& request, std::size_t frames) {
  const fitting::Geometry& geometry = request.mask.geometry;
  put_text(item, DCM_ImageType, "DERIVED\\PRIMARY");
  put_text(item, DCM_ContentLabel, "LESION");
  put_text(item, DCM_ContentDescription, "Lesion outline");
  put_text(item, DCM_ContentCreatorName, request.creator);
  put_text(item, DCM_SegmentationType, "BINARY");
  put_text(item, DCM_LossyImageCompression, "00");
  put_unsigned(item, DCM_SamplesPerPixel, 1);
  put_text(item, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_text(item, DCM_NumberOfFrames, std::to_string(frames));
  put_unsigned(item, DCM_Rows, geometry.rows);
  put_unsigned(item, DCM_Columns, geometry.columns);
  put_unsigned(item, DCM_BitsAllocated, 1);
  put_unsigned(item, DCM_BitsStored, 1);
  put_unsigned(item, DCM_HighBit, 0);
  put_unsigned(item, DCM_PixelRepresentation, 0);
}

void put_segment(DcmItem& item, const OutlineRequest& request) {
  DcmItem& segment = add_item(item, DCM_SegmentSequence);
  put_unsigned(segment, DCM_SegmentNumber, 1);
  put_text(segment, DCM_SegmentLabel, request.label);
  put_text(segment, DCM_SegmentAlgorithmType, request.algorithm_type);
  if (request.algorithm_type != "MANUAL") put_text(segment, DCM_SegmentAlgorithmName, kWorkstationModel);
  add_code(segment, DCM_SegmentedPropertyCategoryCodeSequence, "49755003", "SCT", "Morphologically Abnormal Structure");
  add_code(segment, DCM_SegmentedPropertyTypeCodeSequence, "108369006", "SCT", "Neoplasm");
  add_code(segment, DCM_AnatomicRegionSequence, "76752008", "SCT", "Breast");
  put_text(segment, DCM_TrackingID, request.tracking_id);
  put_text(segment, DCM_TrackingUID, request.tracking_uid);
  const std::array<Uint16, 3> red{43803, 26565, 37722};  // CIELab
  check(segment.putAndInsertUint16Array(DCM_RecommendedDisplayCIELabValue, red.data(), red.size()), "insert colour");
}

void put_dimensions(DcmItem& item, const OutlineRequest& request) {
  const std::string uid = uid_from_name("dimensions|" + request.series_uid + "|" + request.tracking_uid);
  put_text(add_item(item, DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, uid);
  add_dimension(item, uid, DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence);
  add_dimension(item, uid, DCM_ImagePositionPatient, DCM_PlanePositionSequence);
}

void put_shared_groups(DcmItem& item, const fitting::Geometry& geometry) {
  DcmItem& shared = add_item(item, DCM_SharedFunctionalGroupsSequence);
  DcmItem& measures = add_item(shared, DCM_PixelMeasuresSequence);
  put_text(measures, DCM_PixelSpacing, decimal_string(std::array{geometry.row_spacing_mm, geometry.column_spacing_mm}));
  put_decimal(measures, DCM_SliceThickness, geometry.slice_thickness_mm);
  put_decimal(measures, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
  const fitting::Vec3 &row = geometry.row_direction, &column = geometry.column_direction;
  put_text(add_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient,
           decimal_string(std::array{row.x(), row.y(), row.z(), column.x(), column.y(), column.z()}));
}

void put_derivation(DcmItem& frame, const OutlineRequest& request, int slice) {
  DcmItem& derivation = add_item(frame, DCM_DerivationImageSequence);
  add_code(derivation, DCM_DerivationCodeSequence, "113076", "DCM", "Segmentation");
  const bool frames = is_multi_frame(request);
  DcmItem& image = add_reference(derivation, DCM_SourceImageSequence, request.drawn_on[frames ? 0 : slice]);
  if (frames) put_text(image, DCM_ReferencedFrameNumber, std::to_string(slice + 1));
  add_code(image, DCM_PurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
}

void put_frame(DcmItem& item, const OutlineRequest& request, int slice, std::size_t number) {
  DcmItem& frame = add_item(item, DCM_PerFrameFunctionalGroupsSequence);
  DcmItem& content = add_item(frame, DCM_FrameContentSequence);
  const std::array<Uint32, 2> indices{1, static_cast<Uint32>(number)};  // segment, position
  check(content.putAndInsertUint32Array(DCM_DimensionIndexValues, indices.data(), indices.size()), "insert indices");
  const fitting::Vec3& origin = request.mask.geometry.slice_origins_mm[slice];
  put_text(add_item(frame, DCM_PlanePositionSequence), DCM_ImagePositionPatient,
           decimal_string(std::array{origin.x(), origin.y(), origin.z()}));
  put_derivation(frame, request, slice);
  put_unsigned(add_item(frame, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber, 1);
}

void put_references(DcmItem& item, const OutlineRequest& request, const std::vector<int>& slices) {
  DcmItem& series = add_item(item, DCM_ReferencedSeriesSequence);
  put_text(series, DCM_SeriesInstanceUID, request.drawn_on.front().series_uid);
  const std::vector<int> images = is_multi_frame(request) ? std::vector<int>{0} : slices;
  for (const int image : images) add_reference(series, DCM_ReferencedInstanceSequence, request.drawn_on[image]);
}

// Bits run on from frame to frame without padding, the first in the lowest bit (PS3.5 8.1.1 and A.1); only the end is
// filled up, to an even number of bytes.
std::vector<std::uint8_t> packed(const fitting::Mask& mask, const std::vector<int>& slices) {
  const std::size_t size = mask.geometry.slice_voxels();
  std::vector<std::uint8_t> bytes((slices.size() * size + 15) / 16 * 2);
  std::size_t bit = 0;
  for (const int slice : slices)
    for (std::size_t voxel = 0; voxel < size; ++voxel, ++bit)
      if (mask.inside[slice * size + voxel] != 0) bytes[bit / 8] |= static_cast<std::uint8_t>(1U << (bit % 8));
  return bytes;
}

}  // namespace

Result<Written> write_segmentation(const OutlineRequest& request, const Equipment& equipment,
                                   const std::filesystem::path& folder) {
  return guarded([&] {
    initialise_dcmtk();
    check_request(request);
    const std::vector<int> slices = occupied_slices(request.mask);
    DcmFileFormat file;
    DcmDataset& dataset = *file.getDataset();
    copy_from_template(dataset, request.template_image);
    put_series(dataset, request, equipment);
    put_image_description(dataset, request, slices.size());
    put_segment(dataset, request);
    put_dimensions(dataset, request);
    put_shared_groups(dataset, request.mask.geometry);
    for (std::size_t i = 0; i < slices.size(); ++i) put_frame(dataset, request, slices[i], i + 1);
    put_references(dataset, request, slices);
    const std::vector<std::uint8_t> bits = packed(request.mask, slices);
    check(dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bits.data(), bits.size()), "insert pixels");
    std::filesystem::create_directories(folder);
    return output::save(file, folder / file_name(request));
  });
}

}  // namespace dicom
