// The map as a float Parametric Map (PS3.3 A.75), put together by hand: DCMTK's document class overwrites the content
// time, takes the scanner for our equipment, leaves out Pixel Presentation and is not safe in threads (reference:
// dicom.md 3, defects 5, 6 and 11).
#include <algorithm>
#include <array>
#include <cctype>

#include "dicom/output/elements.h"
#include "dicom/output/map_parts.h"
#include "dicom/uid.h"

namespace dicom {

using namespace output;

namespace {

constexpr const char* kImageType = "DERIVED\\PRIMARY\\VOLUME\\QUANTITY";

struct Context {
  const Map& map;
  const std::vector<Written>& mr_map;
  PixelScale scale;
  double slope = 1;  // value in the unit = stored * slope
};

Reference reference(const Written& written) {
  return {written.sop_class_uid, written.sop_instance_uid, written.series_uid};
}

std::vector<float> stored_values(const Context& context) {
  std::vector<float> values = context.map.parameter->value;
  if (context.scale == PixelScale::Normalised)
    for (float& value : values) value = static_cast<float>(value / context.slope);
  return values;
}

// VR CS: 16 capitals, digits, underscores.
std::string content_label(const std::string& name) {
  std::string label = name.substr(0, 16);
  for (char& c : label) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte < 0x80 && std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return label;
}

void put_image_module(DcmItem& to, const Map& map) {
  put_text(to, DCM_ImageType, kImageType);
  put_text(to, DCM_ContentLabel, content_label(map.quantity.label));
  put_text(to, DCM_ContentDescription, one_line(map.quantity.title + " map. " + kResearchNotice));
  put_text(to, DCM_ContentCreatorName, std::string(kModelName) + "^Automatic");
  put_text(to, DCM_ContentQualification, "RESEARCH");
  put_text(to, DCM_ImageComments, kResearchNotice);
  put_text(to, DCM_DerivationDescription, derivation_description(map));
  put_text(to, DCM_BurnedInAnnotation, "NO");
  put_text(to, DCM_RecognizableVisualFeatures, "NO");
  put_text(to, DCM_LossyImageCompression, "00");
  put_text(to, DCM_PresentationLUTShape, "IDENTITY");
  put_text(to, DCM_PixelPresentation, "MONOCHROME");
  check(to.insertEmptyElement(DCM_AcquisitionContextSequence), "insert acquisition context");
}

void put_pixel_format(DcmItem& to, const fitting::Geometry& geometry) {
  put_text(to, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_unsigned(to, DCM_SamplesPerPixel, 1);
  put_text(to, DCM_NumberOfFrames, std::to_string(geometry.slices()));
  put_unsigned(to, DCM_Rows, geometry.rows);
  put_unsigned(to, DCM_Columns, geometry.columns);
  put_unsigned(to, DCM_BitsAllocated, 32);
}

void put_dimensions(DcmItem& to) {
  const std::string organization = uid_from_name("dimensions|" + text(to, DCM_SeriesInstanceUID));
  put_text(add_item(to, DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, organization);
  put_text(to, DCM_DimensionOrganizationType, "3D");
  put_text(add_dimension(to, organization, DCM_StackID, DCM_FrameContentSequence), DCM_DimensionDescriptionLabel,
           "Stack ID");
  put_text(add_dimension(to, organization, DCM_InStackPositionNumber, DCM_FrameContentSequence),
           DCM_DimensionDescriptionLabel, "In-Stack Position Number");
}

void put_shared_geometry(DcmItem& shared, const fitting::Geometry& geometry) {
  DcmItem& measures = add_item(shared, DCM_PixelMeasuresSequence);
  put_text(measures, DCM_PixelSpacing, pixel_spacing(geometry));
  put_decimal(measures, DCM_SliceThickness, geometry.slice_thickness_mm);
  put_decimal(measures, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
  put_text(add_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, orientation(geometry));
}

// PS3.3 A.75 allows only the identity here, so the unit lives in the Real World Value Mapping.
void put_identity_transformation(DcmItem& shared) {
  DcmItem& transformation = add_item(shared, DCM_PixelValueTransformationSequence);
  put_text(transformation, DCM_RescaleIntercept, "0");
  put_text(transformation, DCM_RescaleSlope, "1");
  put_text(transformation, DCM_RescaleType, "US");
}

void put_display(DcmItem& shared, const Context& context) {
  const Quantity& quantity = context.map.quantity;
  const double upper = quantity.display_upper / context.slope;
  DcmItem& window = add_item(shared, DCM_FrameVOILUTSequence);
  put_decimal(window, DCM_WindowCenter, upper / 2);
  put_decimal(window, DCM_WindowWidth, upper);
  put_text(window, DCM_WindowCenterWidthExplanation,
           one_line(quantity.title + " 0 to " + decimal_string(quantity.display_upper) + " " + quantity.unit_text));
  put_text(window, DCM_VOILUTFunction, "LINEAR_EXACT");
}

void put_shared_groups(DcmItem& to, DcmItem& source, const Context& context, const std::vector<float>& stored) {
  DcmItem& shared = add_item(to, DCM_SharedFunctionalGroupsSequence);
  put_shared_geometry(shared, context.map.geometry());
  DcmItem& anatomy = add_item(shared, DCM_FrameAnatomySequence);
  put_text(anatomy, DCM_FrameLaterality, laterality(source));
  put_code(anatomy, DCM_AnatomicRegionSequence, {"76752008", "SCT", "Breast"});
  put_identity_transformation(shared);
  put_display(shared, context);
  put_text(add_item(shared, DCM_ParametricMapFrameTypeSequence), DCM_FrameType, kImageType);
  DcmItem& mapping = add_real_world_mapping(shared, context.map, context.slope);
  const auto [lowest, highest] = std::minmax_element(stored.begin(), stored.end());
  check(mapping.putAndInsertFloat64(DCM_DoubleFloatRealWorldValueFirstValueMapped, *lowest), "insert range");
  check(mapping.putAndInsertFloat64(DCM_DoubleFloatRealWorldValueLastValueMapped, *highest), "insert range");
}

// The slice of the MR map comes first: viewers take the first source image for the background (reference: viewers.md
// 3).
std::vector<Reference> sources_of_frame(const Context& context, std::size_t slice) {
  std::vector<Reference> sources{reference(context.mr_map[slice])};
  const auto& inputs = context.map.request->source.per_slice[slice];
  sources.insert(sources.end(), inputs.begin(), inputs.end());
  return sources;
}

void add_frame(DcmItem& to, const Context& context, int slice) {
  DcmItem& frame = add_item(to, DCM_PerFrameFunctionalGroupsSequence);
  put_text(add_item(frame, DCM_PlanePositionSequence), DCM_ImagePositionPatient,
           position(context.map.geometry(), slice));
  DcmItem& content = add_item(frame, DCM_FrameContentSequence);
  const auto number = static_cast<Uint32>(slice + 1);
  put_text(content, DCM_StackID, "1");
  check(content.putAndInsertUint32(DCM_InStackPositionNumber, number), "insert frame number");
  const std::array<Uint32, 2> indices{1, number};
  check(content.putAndInsertUint32Array(DCM_DimensionIndexValues, indices.data(), indices.size()),
        "insert frame number");
  put_text(content, DCM_FrameReferenceDateTime, context.map.request->source.content_datetime);
  DcmItem& derivation = add_item(frame, DCM_DerivationImageSequence);
  put_text(derivation, DCM_DerivationDescription, derivation_description(context.map));
  put_code(derivation, DCM_DerivationCodeSequence, context.map.quantity.derivation);
  add_source_images(derivation, sources_of_frame(context, static_cast<std::size_t>(slice)));
}

void put_references(DcmItem& to, const Context& context) {
  std::vector<Reference> all;
  for (const Written& slice : context.mr_map) all.push_back(reference(slice));
  for (const auto& slice : context.map.request->source.per_slice) all.insert(all.end(), slice.begin(), slice.end());
  for (const SeriesReferences& series : by_series(all)) {
    DcmItem& item = add_item(to, DCM_ReferencedSeriesSequence);
    put_text(item, DCM_SeriesInstanceUID, series.series_uid);
    for (const Reference& instance : series.instances) add_reference(item, DCM_ReferencedInstanceSequence, instance);
  }
}

void put_header(DcmItem& to, DcmItem& source, const Context& context) {
  const MapRequest& request = *context.map.request;
  const bool normalised = context.scale == PixelScale::Normalised;
  put_modules(to, source, UID_ParametricMapStorage,
              {"MR", series_uid(context.map, normalised ? "normalised parametric map" : "parametric map", source),
               series_description(context.map, "Parametric Map"), 9001 + request.series_offset},
              request.equipment, moment(request.source.content_datetime));
  put_frame_of_reference(to, source);
  put_text(to, DCM_PatientPosition, text(source, DCM_PatientPosition));
  put_text(to, DCM_BodyPartExamined, "BREAST");
}

Context checked_context(const Map& map, const std::vector<Written>& mr_map, PixelScale scale) {
  if (mr_map.size() != static_cast<std::size_t>(map.geometry().slices()))
    fail(Fault::Malformed, "the MR map has another number of slices than the map");
  if (scale == PixelScale::Real) return {map, mr_map, scale, 1};
  if (map.geometry().slice_voxels() % 4 != 0)
    fail(Fault::Unsupported,
         "a normalised Parametric Map needs rows * columns to be a multiple of 4: viewers hang otherwise");
  if (!(map.quantity.display_upper > 0))
    fail(Fault::Unsupported, "a parameter without a display range cannot be normalised");
  return {map, mr_map, scale, map.quantity.display_upper};
}

}  // namespace

Result<Written> write_parametric_map(const MapRequest& request, const std::vector<Written>& mr_map, PixelScale scale,
                                     const std::filesystem::path& folder) {
  return guarded([&] {
    const Map map = checked(request);
    const Context context = checked_context(map, mr_map, scale);
    const auto source = read_template(request.source.template_image);
    const std::vector<float> stored = stored_values(context);
    DcmFileFormat file;
    DcmDataset& to = *file.getDataset();
    put_header(to, *source, context);
    put_image_module(to, map);
    put_pixel_format(to, map.geometry());
    put_dimensions(to);
    put_references(to, context);
    put_shared_groups(to, *source, context, stored);
    for (int slice = 0; slice < map.geometry().slices(); ++slice) add_frame(to, context, slice);
    check(to.putAndInsertFloat32Array(DCM_FloatPixelData, stored.data(), stored.size()), "insert pixels");
    return save(file,
                folder / ("pm_" + file_stem(map) + (scale == PixelScale::Normalised ? "_normalised.dcm" : ".dcm")));
  });
}

}  // namespace dicom
