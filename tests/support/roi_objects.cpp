#include "tests/support/roi_objects.h"

#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "tests/dicom/input/dicom_files.h"

namespace support {
namespace {

using namespace dicom_files;
using Piece = std::vector<std::pair<float, float>>;

std::string decimals(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    std::array<char, 32> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, 9).ptr;
    text.append(text.empty() ? "" : "\\").append(digits.data(), end);
  }
  return text;
}

std::string decimals(const fitting::Vec3& v) { return decimals(std::vector{v.x(), v.y(), v.z()}); }

void put_head(DcmDataset& dataset, const OutlinedLesion& lesion, const char* sop_class, const char* modality) {
  put(dataset, DCM_SOPClassUID, sop_class);
  put(dataset, DCM_SOPInstanceUID, lesion.sop_instance_uid);
  put(dataset, DCM_StudyInstanceUID, lesion.study_uid);
  put(dataset, DCM_SeriesInstanceUID, lesion.series_uid);
  put(dataset, DCM_Modality, modality);
  put(dataset, DCM_ContentDate, "20260301");
  put(dataset, DCM_ContentTime, "101112.5");
}

void put_image(DcmItem& item, const DcmTagKey& sequence, const OutlinedLesion& lesion, int slice) {
  DcmItem& reference = add_item(item, sequence);
  put(reference, DCM_ReferencedSOPClassUID, lesion.image_class_uid);
  put(reference, DCM_ReferencedSOPInstanceUID, lesion.images.at(static_cast<std::size_t>(slice)));
}

void put_type(DcmItem& item, const DcmTagKey& sequence, const OutlinedLesion& lesion) {
  const auto& [value, scheme, meaning] = lesion.type;
  if (!value.empty()) put_code(item, sequence, value.c_str(), scheme.c_str(), meaning.c_str());
}

void put_tracking(DcmItem& item, const OutlinedLesion& lesion) {
  put(item, DCM_TrackingID, lesion.label);
  if (!lesion.tracking_uid.empty()) put(item, DCM_TrackingUID, lesion.tracking_uid);
}

void for_each_outline(const OutlinedLesion& lesion, const std::function<void(int, const Piece&)>& visit) {
  for (int slice = 0; slice < lesion.mask.geometry.slices(); ++slice)
    for (const Piece& piece : fitting::outlines(lesion.mask, slice)) visit(slice, piece);
}

std::vector<double> in_patient(const OutlinedLesion& lesion, int slice, const Piece& piece) {
  std::vector<double> values;
  for (const auto& [column, row] : piece) {
    const fitting::Vec3 point =
        lesion.mask.geometry.centre_mm(static_cast<double>(column) - 0.5, static_cast<double>(row) - 0.5, slice);
    values.insert(values.end(), point.begin(), point.end());
  }
  return values;
}

void put_floats(DcmItem& item, const DcmTagKey& tag, const std::vector<double>& values) {
  const std::vector<Float32> floats(values.begin(), values.end());
  ASSERT_TRUE(item.putAndInsertFloat32Array(DcmTag(tag, EVR_FL), floats.data(), floats.size()).good());
}

std::vector<double> flat(const Piece& piece) {
  std::vector<double> values;
  for (const auto& [column, row] : piece) values.insert(values.end(), {column, row});
  return values;
}

// --- structured reports ---

DcmItem& add_content(DcmItem& parent, const char* relationship, const char* type, const char* code,
                     const char* meaning) {
  DcmItem& item = add_item(parent, DCM_ContentSequence);
  put(item, DCM_RelationshipType, relationship);
  put(item, DCM_ValueType, type);
  if (code != nullptr) put_code(item, DCM_ConceptNameCodeSequence, code, "DCM", meaning);
  return item;
}

void put_evidence(DcmDataset& dataset, const OutlinedLesion& lesion) {
  DcmItem& study = add_item(dataset, DCM_CurrentRequestedProcedureEvidenceSequence);
  put(study, DCM_StudyInstanceUID, lesion.study_uid);
  DcmItem& series = add_item(study, DCM_ReferencedSeriesSequence);
  put(series, DCM_SeriesInstanceUID, lesion.image_series_uid);
  for (int slice = 0; slice < lesion.mask.geometry.slices(); ++slice)
    put_image(series, DCM_ReferencedSOPSequence, lesion, slice);
}

DcmItem& put_report(DcmDataset& dataset, const OutlinedLesion& lesion, const char* sop_class) {
  put_head(dataset, lesion, sop_class, "SR");
  put_evidence(dataset, lesion);
  put(dataset, DCM_ValueType, "CONTAINER");
  put(dataset, DCM_ContinuityOfContent, "SEPARATE");
  put_code(dataset, DCM_ConceptNameCodeSequence, "126000", "DCM", "Imaging Measurement Report");
  DcmItem& observer = add_content(dataset, "HAS OBS CONTEXT", "CODE", "121005", "Observer Type");
  put_code(observer, DCM_ConceptCodeSequence, "121006", "DCM", "Person");
  put(add_content(dataset, "HAS OBS CONTEXT", "PNAME", "121008", "Person Observer Name"), DCM_PersonName,
      lesion.reader);
  return add_content(dataset, "CONTAINS", "CONTAINER", "126010", "Imaging Measurements");
}

DcmItem& add_group(DcmItem& measurements, const OutlinedLesion& lesion) {
  DcmItem& group = add_content(measurements, "CONTAINS", "CONTAINER", "125007", "Measurement Group");
  put(add_content(group, "HAS OBS CONTEXT", "TEXT", "112039", "Tracking Identifier"), DCM_TextValue, lesion.label);
  put(add_content(group, "HAS OBS CONTEXT", "UIDREF", "112040", "Tracking Unique Identifier"), DCM_UID,
      lesion.tracking_uid);
  if (!lesion.type.value.empty())
    put_type(add_content(group, "CONTAINS", "CODE", "121071", "Finding"), DCM_ConceptCodeSequence, lesion);
  return group;
}

void save_object(DcmFileFormat& file, const std::filesystem::path& path) { save(file, path); }

}  // namespace

OutlinedLesion outlined(fitting::Mask mask) {
  OutlinedLesion lesion{.mask = std::move(mask)};
  for (int slice = 0; slice < lesion.mask.geometry.slices(); ++slice)
    lesion.images.push_back("1.2.3.1." + std::to_string(slice + 1));
  return lesion;
}

// --- SEG ---
namespace {

// PS3.5 8.1.1: one row of bits over all frames.
std::vector<Uint8> packed(const fitting::Mask& mask) {
  std::vector<Uint8> bytes((mask.inside.size() + 15) / 16 * 2);
  for (std::size_t i = 0; i < mask.inside.size(); ++i)
    if (mask.inside[i] != 0) bytes[i / 8] = static_cast<Uint8>(bytes[i / 8] | 1U << i % 8);
  return bytes;
}

void put_segment(DcmDataset& dataset, const OutlinedLesion& lesion) {
  DcmItem& segment = add_item(dataset, DCM_SegmentSequence);
  put_number(segment, DCM_SegmentNumber, 1);
  put(segment, DCM_SegmentLabel, lesion.label);
  put(segment, DCM_SegmentAlgorithmType, "MANUAL");
  put_tracking(segment, lesion);
  put_type(segment, DCM_SegmentedPropertyTypeCodeSequence, lesion);
}

std::string orientation(const fitting::Geometry& grid) {
  return decimals(grid.row_direction) + "\\" + decimals(grid.column_direction);
}

}  // namespace

void write_seg(const OutlinedLesion& lesion, const std::filesystem::path& path) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  const fitting::Geometry& grid = lesion.mask.geometry;
  put_head(dataset, lesion, UID_SegmentationStorage, "SEG");
  put(dataset, DCM_FrameOfReferenceUID, lesion.frame_of_reference_uid);
  put(dataset, DCM_ContentCreatorName, lesion.reader);
  put(dataset, DCM_SegmentationType, "BINARY");
  put_number(dataset, DCM_Rows, grid.rows);
  put_number(dataset, DCM_Columns, grid.columns);
  put_number(dataset, DCM_BitsAllocated, 1);
  put(dataset, DCM_NumberOfFrames, std::to_string(grid.slices()));
  put(add_item(dataset, DCM_ReferencedSeriesSequence), DCM_SeriesInstanceUID, lesion.image_series_uid);
  put_segment(dataset, lesion);
  DcmItem& shared = add_item(dataset, DCM_SharedFunctionalGroupsSequence);
  DcmItem& measures = add_item(shared, DCM_PixelMeasuresSequence);
  put(measures, DCM_PixelSpacing, decimals(std::vector{grid.row_spacing_mm, grid.column_spacing_mm}));
  put(measures, DCM_SliceThickness, decimals(std::vector{grid.slice_thickness_mm}));
  put(add_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, orientation(grid));
  for (const fitting::Vec3& origin : grid.slice_origins_mm) {
    DcmItem& groups = add_item(dataset, DCM_PerFrameFunctionalGroupsSequence);
    put(add_item(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient, decimals(origin));
    put_number(add_item(groups, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber, 1);
  }
  const std::vector<Uint8> bits = packed(lesion.mask);
  ASSERT_TRUE(dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bits.data(), bits.size()).good());
  save_object(file, path);
}

// --- RTSTRUCT ---
namespace {

void put_structure(DcmDataset& dataset, const OutlinedLesion& lesion) {
  DcmItem& structure = add_item(dataset, DCM_StructureSetROISequence);
  put(structure, DCM_ROINumber, "1");
  put(structure, DCM_ReferencedFrameOfReferenceUID, lesion.frame_of_reference_uid);
  put(structure, DCM_ROIName, lesion.label);
  put(structure, DCM_ROIGenerationAlgorithm, "MANUAL");
  put_tracking(structure, lesion);
  DcmItem& observation = add_item(dataset, DCM_RTROIObservationsSequence);
  put(observation, DCM_ObservationNumber, "1");
  put(observation, DCM_ReferencedROINumber, "1");
  put(observation, DCM_ROIInterpreter, lesion.reader);
  put(observation, DCM_RTROIInterpretedType, lesion.interpreted_type);
  put_type(observation, DCM_RTROIIdentificationCodeSequence, lesion);
}

void put_frame_of_reference(DcmDataset& dataset, const OutlinedLesion& lesion) {
  DcmItem& frame = add_item(dataset, DCM_ReferencedFrameOfReferenceSequence);
  put(frame, DCM_FrameOfReferenceUID, lesion.frame_of_reference_uid);
  DcmItem& study = add_item(frame, DCM_RTReferencedStudySequence);
  put(study, DCM_ReferencedSOPInstanceUID, lesion.study_uid);
  DcmItem& series = add_item(study, DCM_RTReferencedSeriesSequence);
  put(series, DCM_SeriesInstanceUID, lesion.image_series_uid);
  for (int slice = 0; slice < lesion.mask.geometry.slices(); ++slice)
    put_image(series, DCM_ContourImageSequence, lesion, slice);
}

}  // namespace

void write_rtstruct(const OutlinedLesion& lesion, const std::filesystem::path& path) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_head(dataset, lesion, UID_RTStructureSetStorage, "RTSTRUCT");
  put(dataset, DCM_StructureSetLabel, "LESION");
  put(dataset, DCM_StructureSetDate, "20260301");
  put(dataset, DCM_StructureSetTime, "101112");
  put_frame_of_reference(dataset, lesion);
  put_structure(dataset, lesion);
  DcmItem& contours = add_item(dataset, DCM_ROIContourSequence);
  put(contours, DCM_ReferencedROINumber, "1");
  for_each_outline(lesion, [&](int slice, Piece piece) {
    piece.pop_back();  // closed by its type
    DcmItem& contour = add_item(contours, DCM_ContourSequence);
    put_image(contour, DCM_ContourImageSequence, lesion, slice);
    put(contour, DCM_ContourGeometricType, "CLOSED_PLANAR");
    put(contour, DCM_NumberOfContourPoints, std::to_string(piece.size()));
    put(contour, DCM_ContourData, decimals(in_patient(lesion, slice, piece)));
  });
  save_object(file, path);
}

// --- SR ---

void write_scoord_sr(const OutlinedLesion& lesion, const std::filesystem::path& path) {
  DcmFileFormat file;
  DcmItem& measurements = put_report(*file.getDataset(), lesion, UID_ComprehensiveSRStorage);
  for_each_outline(lesion, [&](int slice, const Piece& piece) {
    DcmItem& group = add_group(measurements, lesion);
    DcmItem& region = add_content(group, "CONTAINS", "SCOORD", "111030", "Image Region");
    put(region, DCM_GraphicType, "POLYLINE");
    put_floats(region, DCM_GraphicData, flat(piece));
    put_image(add_content(region, "SELECTED FROM", "IMAGE", nullptr, ""), DCM_ReferencedSOPSequence, lesion, slice);
  });
  save_object(file, path);
}

void write_scoord3d_sr(const OutlinedLesion& lesion, const std::filesystem::path& path) {
  DcmFileFormat file;
  DcmItem& measurements = put_report(*file.getDataset(), lesion, UID_Comprehensive3DSRStorage);
  for_each_outline(lesion, [&](int slice, const Piece& piece) {
    DcmItem& group = add_group(measurements, lesion);
    DcmItem& region = add_content(group, "CONTAINS", "SCOORD3D", "111030", "Image Region");
    put(region, DCM_GraphicType, "POLYGON");
    put(region, DCM_ReferencedFrameOfReferenceUID, lesion.frame_of_reference_uid);
    put_floats(region, DCM_GraphicData, in_patient(lesion, slice, piece));
  });
  save_object(file, path);
}

// --- GSPS ---

void write_gsps(const OutlinedLesion& lesion, const std::filesystem::path& path) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_head(dataset, lesion, UID_GrayscaleSoftcopyPresentationStateStorage, "PR");
  put(dataset, DCM_ContentLabel, "LESION");
  put(dataset, DCM_ContentCreatorName, lesion.reader);
  put(dataset, DCM_PresentationCreationDate, "20260301");
  put(dataset, DCM_PresentationCreationTime, "101112");
  DcmItem& series = add_item(dataset, DCM_ReferencedSeriesSequence);
  put(series, DCM_SeriesInstanceUID, lesion.image_series_uid);
  for (int slice = 0; slice < lesion.mask.geometry.slices(); ++slice)
    put_image(series, DCM_ReferencedImageSequence, lesion, slice);
  for_each_outline(lesion, [&](int slice, const Piece& piece) {
    DcmItem& annotation = add_item(dataset, DCM_GraphicAnnotationSequence);
    put_image(annotation, DCM_ReferencedImageSequence, lesion, slice);
    put(annotation, DCM_GraphicLayer, "LESIONS");
    put(add_item(annotation, DCM_TextObjectSequence), DCM_UnformattedTextValue, lesion.label);
    DcmItem& graphic = add_item(annotation, DCM_GraphicObjectSequence);
    put(graphic, DCM_GraphicAnnotationUnits, "PIXEL");
    put_number(graphic, DCM_GraphicDimensions, 2);
    put_number(graphic, DCM_NumberOfGraphicPoints, static_cast<double>(piece.size()));
    put_floats(graphic, DCM_GraphicData, flat(piece));
    put(graphic, DCM_GraphicType, "POLYLINE");
    put(graphic, DCM_GraphicFilled, "N");
    put_tracking(graphic, lesion);
  });
  save_object(file, path);
}

dicom::FindImage images_of(const OutlinedLesion& lesion) {
  std::map<std::string, dicom::Instance> images;
  const fitting::Geometry& grid = lesion.mask.geometry;
  for (int slice = 0; slice < grid.slices(); ++slice) {
    dicom::Instance image;
    image.sop_class_uid = lesion.image_class_uid;
    image.sop_instance_uid = lesion.images.at(static_cast<std::size_t>(slice));
    image.frame_of_reference_uid = lesion.frame_of_reference_uid;
    image.rows = grid.rows;
    image.columns = grid.columns;
    image.row_spacing_mm = grid.row_spacing_mm;
    image.column_spacing_mm = grid.column_spacing_mm;
    image.slice_thickness_mm = grid.slice_thickness_mm;
    image.row_direction = grid.row_direction;
    image.column_direction = grid.column_direction;
    image.position_mm = grid.slice_origins_mm[static_cast<std::size_t>(slice)];
    image.has_geometry = true;
    images[image.sop_instance_uid] = image;
  }
  return [images](const std::string& uid, int frame) -> std::optional<dicom::Instance> {
    const auto found = images.find(uid);
    return found != images.end() && frame == 0 ? std::optional(found->second) : std::nullopt;
  };
}

}  // namespace support
