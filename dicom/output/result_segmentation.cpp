#include "dicom/output/result_segmentation.h"

#include <algorithm>
#include <array>

#include "dicom/output/elements.h"
#include "dicom/output/map_parts.h"
#include "dicom/output/measurement_items.h"
#include "dicom/output/quantity.h"
#include "dicom/output/segmentation_parts.h"
#include "dicom/uid.h"

namespace dicom {

using namespace output;

namespace {

constexpr const char* kProposal = "PROPOSAL";
constexpr const char* kUnreviewed = "unreviewed";

const fitting::Geometry& grid(const SegmentationRequest& request) { return request.segments.front().mask.geometry; }

void check_segment(const SegmentToWrite& segment, const fitting::Geometry& geometry) {
  if (segment.mask.inside.size() != segment.mask.geometry.voxels())
    fail(Fault::Malformed, "a segment's mask does not fit its geometry");
  if (!fitting::same_grid(segment.mask.geometry, geometry))
    fail(Fault::Malformed, "the segments lie on different grids");
  if (segment.mask.count() == 0) fail(Fault::Malformed, "a segment is empty");
  if (segment.tracking_id.empty() || !is_uid(segment.tracking_uid))
    fail(Fault::Malformed, "a segment has no tracking identity");
  const std::string& type = segment.algorithm_type;
  if (type != "MANUAL" && type != "SEMIAUTOMATIC" && type != "AUTOMATIC")
    fail(Fault::Malformed, "a segment's algorithm type is none");
  if (type != "MANUAL" && segment.algorithm_name.empty())
    fail(Fault::Malformed, "a segment that is not manual lacks the name of its algorithm");
}

void check_request(const SegmentationRequest& request) {
  if (request.segments.empty()) fail(Fault::Malformed, "there is no segment to write");
  const fitting::Geometry& geometry = grid(request);
  if (geometry.rows > 65535 || geometry.columns > 65535) fail(Fault::Malformed, "the matrix is too large");
  for (const SegmentToWrite& segment : request.segments) check_segment(segment, geometry);
  if (request.per_slice.size() != static_cast<std::size_t>(geometry.slices()))
    fail(Fault::Malformed, "the source images are not listed for every slice of the grid");
  if (request.content_label != "LESION" && request.content_label != kProposal)
    fail(Fault::Malformed, "the content label is neither LESION nor PROPOSAL");
}

// ST in the standard of 2022, of which some readers show one line.
std::string segment_description(const SegmentToWrite& segment, bool proposal) {
  std::string words = segment.description;
  if (proposal && words.find(kUnreviewed) == std::string::npos)
    words = std::string(kUnreviewed) + " proposal" + (words.empty() ? "" : ": " + words);
  return paragraph(words, 1024);
}

// Version and family are known of our own algorithms only, which are the automatic ones.
void put_algorithm(DcmItem& to, const SegmentToWrite& segment, const Equipment& equipment) {
  put_text(to, DCM_SegmentAlgorithmType, segment.algorithm_type);
  if (segment.algorithm_type == "MANUAL") return;
  const std::string name = one_line(segment.algorithm_name);
  put_text(to, DCM_SegmentAlgorithmName, name);
  if (segment.algorithm_type != "AUTOMATIC") return;
  DcmItem& identification = add_item(to, DCM_SegmentationAlgorithmIdentificationSequence);
  put_code(identification, DCM_AlgorithmFamilyCodeSequence, private_code(name));
  put_text(identification, DCM_AlgorithmName, name);
  put_text(identification, DCM_AlgorithmVersion, one_line(equipment.version));
}

// CIELab colours that stay apart on a grey image: red, green, blue, yellow, magenta, cyan.
void put_colour(DcmItem& to, std::size_t index) {
  constexpr std::array<std::array<Uint16, 3>, 6> kColours{{{43803, 26565, 37722},
                                                           {57502, 10749, 53999},
                                                           {21168, 53209, 5176},
                                                           {63659, 27361, 57090},
                                                           {39525, 58141, 17266},
                                                           {59716, 20340, 29259}}};
  const auto& colour = kColours[index % kColours.size()];
  check(to.putAndInsertUint16Array(DCM_RecommendedDisplayCIELabValue, colour.data(), colour.size()), "insert colour");
}

void add_segment(DcmItem& to, const SegmentationRequest& request, std::size_t index) {
  const SegmentToWrite& segment = request.segments[index];
  DcmItem& item = add_item(to, DCM_SegmentSequence);
  put_unsigned(item, DCM_SegmentNumber, static_cast<int>(index) + 1);
  put_text(item, DCM_SegmentLabel, one_line(segment.label.empty() ? segment.tracking_id : segment.label));
  const std::string description = segment_description(segment, request.content_label == kProposal);
  if (!description.empty()) put_text(item, DCM_SegmentDescription, description);
  put_algorithm(item, segment, request.equipment);
  const Code abnormal{"49755003", "SCT", "Morphologically Abnormal Structure"},
      neoplasm{"108369006", "SCT", "Neoplasm"};
  put_code(item, DCM_SegmentedPropertyCategoryCodeSequence,
           segment.category.value.empty() ? abnormal : segment.category);
  put_code(item, DCM_SegmentedPropertyTypeCodeSequence, segment.type.value.empty() ? neoplasm : segment.type);
  put_code(item, DCM_AnatomicRegionSequence, {"76752008", "SCT", "Breast"});
  if (!segment.laterality.empty()) {
    DcmItem* region = nullptr;
    check(item.findAndGetSequenceItem(DCM_AnatomicRegionSequence, region, 0), "find the anatomic region");
    put_code(*region, DCM_AnatomicRegionModifierSequence, laterality_code(segment.laterality));
  }
  put_text(item, DCM_TrackingID, paragraph(segment.tracking_id, 1024));
  put_text(item, DCM_TrackingUID, segment.tracking_uid);
  put_colour(item, index);
}

void put_content(DcmItem& to, const SegmentationRequest& request) {
  put_text(to, DCM_ContentLabel, request.content_label);
  put_text(to, DCM_ContentDescription, kResearchNotice);
  put_text(to, DCM_ContentCreatorName, std::string(kModelName) + "^Automatic");
  put_text(to, DCM_BurnedInAnnotation, "NO");
  put_text(to, DCM_RecognizableVisualFeatures, "NO");
  put_text(to, DCM_ImageComments, kResearchNotice);
}

// An outline may lie in another frame of reference than the image that lends patient and study; what that image says of
// its own frame's reference point then does not hold.
void put_frame_of_reference_of(DcmItem& to, const SegmentationRequest& request, DcmItem& source) {
  put_frame_of_reference(to, source);
  const std::string& uid = request.frame_of_reference_uid;
  if (uid.empty() || uid == text(source, DCM_FrameOfReferenceUID)) return;
  put_text(to, DCM_FrameOfReferenceUID, is_uid(uid) ? uid : uid_from_name("frame of reference|" + uid));
  put_text(to, DCM_PositionReferenceIndicator, "");
}

// An outline on whose grid no image lies is derived from nothing that could be named.
void add_frame(DcmItem& to, const SegmentationRequest& request, const SegmentFrame& frame) {
  DcmItem& item = add_segment_frame(to, frame);
  const auto& sources = request.per_slice[static_cast<std::size_t>(frame.slice)];
  if (sources.empty()) {
    check(item.insertEmptyElement(DCM_DerivationImageSequence), "insert an empty derivation");
    return;
  }
  DcmItem& derivation = add_item(item, DCM_DerivationImageSequence);
  put_code(derivation, DCM_DerivationCodeSequence, {"113076", "DCM", "Segmentation"});
  add_source_images(derivation, sources);
}

void put_references(DcmItem& to, const SegmentationRequest& request, const std::vector<SegmentFrame>& frames) {
  std::vector<Reference> all;
  for (const SegmentFrame& frame : frames) {
    const auto& sources = request.per_slice[static_cast<std::size_t>(frame.slice)];
    all.insert(all.end(), sources.begin(), sources.end());
  }
  for (const SeriesReferences& series : by_series(all)) {
    DcmItem& item = add_item(to, DCM_ReferencedSeriesSequence);
    put_text(item, DCM_SeriesInstanceUID, series.series_uid);
    for (const Reference& instance : series.instances) add_reference(item, DCM_ReferencedInstanceSequence, instance);
  }
}

}  // namespace

Code reference_tissue_category() { return {"85756007", "SCT", "Tissue"}; }
Code reference_tissue_type() { return {"60005003", "SCT", "Pectoralis major muscle"}; }

Result<Written> write_result_segmentation(const SegmentationRequest& request, const std::filesystem::path& folder) {
  return guarded([&] {
    check_request(request);
    const auto source = read_template(request.template_image);
    std::vector<const fitting::Mask*> masks;
    for (const SegmentToWrite& segment : request.segments) masks.push_back(&segment.mask);
    const std::vector<SegmentFrame> frames = frames_of(masks);
    const std::string series = series_uid_for("segmentation " + request.content_label, *source, request.digest,
                                              request.equipment, request.revision);
    DcmFileFormat file;
    DcmDataset& to = *file.getDataset();
    put_modules(
        to, *source, UID_SegmentationStorage,
        {"SEG", series, marked_description(request.series_description, request.revision), request.series_number},
        request.equipment, moment(request.content_datetime));
    put_frame_of_reference_of(to, request, *source);
    put_content(to, request);
    put_binary_format(to, grid(request), frames.size());
    for (std::size_t i = 0; i < request.segments.size(); ++i) add_segment(to, request, i);
    put_segment_dimensions(to, uid_from_name("dimensions|" + series));
    put_segment_grid(to, grid(request));
    for (const SegmentFrame& frame : frames) add_frame(to, request, frame);
    put_references(to, request, frames);
    put_replaced(to, request.predecessors);
    put_binary_pixels(to, frames);
    return save(file, folder / ("seg_" + file_suffix(series) + ".dcm"));
  });
}

}  // namespace dicom
