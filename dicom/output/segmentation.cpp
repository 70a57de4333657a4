#include <algorithm>
#include <array>
#include <cstdint>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"
#include "dicom/output/scanner_images.h"
#include "dicom/output/segmentation_parts.h"
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

void put_content(DcmItem& item, const OutlineRequest& request) {
  put_text(item, DCM_ContentLabel, "LESION");
  put_text(item, DCM_ContentDescription, "Lesion outline");
  put_text(item, DCM_ContentCreatorName, request.creator);
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

void put_derivation(DcmItem& frame, const OutlineRequest& request, int slice) {
  DcmItem& derivation = add_item(frame, DCM_DerivationImageSequence);
  add_code(derivation, DCM_DerivationCodeSequence, "113076", "DCM", "Segmentation");
  const bool frames = is_multi_frame(request);
  DcmItem& image = add_reference(derivation, DCM_SourceImageSequence, request.drawn_on[frames ? 0 : slice]);
  if (frames) put_text(image, DCM_ReferencedFrameNumber, std::to_string(slice + 1));
  add_code(image, DCM_PurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
}

void put_references(DcmItem& item, const OutlineRequest& request, const std::vector<output::SegmentFrame>& frames) {
  DcmItem& series = add_item(item, DCM_ReferencedSeriesSequence);
  put_text(series, DCM_SeriesInstanceUID, request.drawn_on.front().series_uid);
  if (is_multi_frame(request)) {
    add_reference(series, DCM_ReferencedInstanceSequence, request.drawn_on.front());
    return;
  }
  for (const output::SegmentFrame& frame : frames)
    add_reference(series, DCM_ReferencedInstanceSequence, request.drawn_on[frame.slice]);
}

}  // namespace

Result<Written> write_segmentation(const OutlineRequest& request, const Equipment& equipment,
                                   const std::filesystem::path& folder) {
  return guarded([&] {
    initialise_dcmtk();
    check_request(request);
    const std::vector<output::SegmentFrame> frames = output::frames_of({&request.mask});
    DcmFileFormat file;
    DcmDataset& dataset = *file.getDataset();
    copy_from_template(dataset, request.template_image);
    put_series(dataset, request, equipment);
    put_content(dataset, request);
    output::put_binary_format(dataset, request.mask.geometry, frames.size());
    put_segment(dataset, request);
    output::put_segment_dimensions(dataset,
                                   uid_from_name("dimensions|" + request.series_uid + "|" + request.tracking_uid));
    output::put_segment_grid(dataset, request.mask.geometry);
    for (const output::SegmentFrame& frame : frames)
      put_derivation(output::add_segment_frame(dataset, frame), request, frame.slice);
    put_references(dataset, request, frames);
    output::put_binary_pixels(dataset, frames);
    std::filesystem::create_directories(folder);
    return output::save(file, folder / file_name(request));
  });
}

}  // namespace dicom
