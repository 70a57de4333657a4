#include "dicom/input/content.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dicom/input/roi_parts.h"
#include "dicom/output/object.h"

namespace dicom {
namespace {

struct Verdict {
  Content content = Content::Magnitude;
  std::string why_not;
  std::string quantity = {};
};

std::string class_name(const std::string& sop_class_uid) {
  const char* name = dcmFindNameOfUID(sop_class_uid.c_str());
  return name != nullptr ? name : "private or unknown SOP class";
}

// Objects that may hold outlines: those that have none are told apart from those that never could.
std::optional<Verdict> outlines(DcmItem& item, const std::string& sop_class) {
  if (sop_class == UID_SegmentationStorage || sop_class == UID_RTStructureSetStorage) return Verdict{Content::Roi, ""};
  if (sop_class == UID_GrayscaleSoftcopyPresentationStateStorage)
    return roi::has_closed_graphics(item) ? Verdict{Content::Roi, ""}
                                          : Verdict{Content::Other, "a presentation state without closed graphics"};
  if (!roi::is_report(sop_class)) return std::nullopt;
  return roi::report_has_regions(item) ? Verdict{Content::Roi, ""}
                                       : Verdict{Content::Other, "a structured report without outlined regions"};
}

std::optional<Verdict> by_object(DcmItem& item, const Instance& instance) {
  const std::string& sop_class = instance.sop_class_uid;
  if (text(item, DCM_ManufacturerModelName) == kModelName) return Verdict{Content::OwnResult, "a result of Herald"};
  if (const auto verdict = outlines(item, sop_class)) return verdict;
  if (sop_class == UID_EnhancedMRColorImageStorage) return Verdict{Content::Derived, "colour images"};
  if (sop_class == UID_MRImageStorage && number(item, DCM_NumberOfFrames).value_or(1) > 1)
    return Verdict{Content::Other, "a classic MR image with several frames"};
  if (!is_mr_image(sop_class)) return Verdict{Content::Other, "not an MR image (" + class_name(sop_class) + ")"};
  return std::nullopt;
}

// Tokens with which scanners mark what they computed, whether or not they also write DERIVED.
std::optional<std::string> computed(const std::vector<std::string>& image_type) {
  static constexpr std::array kTokens{"ADC",          "EADC",
                                      "FA",           "COLFA",
                                      "TENSOR",       "TENSOR_B0",
                                      "CALC_BVALUE",  "MIP",
                                      "MINIP",        "MPR",
                                      "CURVED",       "SUB",
                                      "SUBTRACTION",  "PROJECTION IMAGE",
                                      "T1 MAP",       "T2 MAP",
                                      "T2_STAR MAP",  "T2* MAP",
                                      "R2 MAP",       "R2_STAR MAP",
                                      "B0 MAP",       "FLIP ANGLE MAP",
                                      "SYNTHETIC",    "PHASE MAP",
                                      "FIELD MAP",    "MEAN",
                                      "STDDEV",       "RELCBV",
                                      "TTP",          "PBP",
                                      "COMPOSED",     "SCREEN SAVE",
                                      "CSA RESAMPLED"};
  for (std::size_t i = 2; i < image_type.size(); ++i)
    if (std::find(kTokens.begin(), kTokens.end(), image_type[i]) != kTokens.end()) return image_type[i];
  return std::nullopt;
}

// Maps that the SyMRI application exports: DERIVED\PRIMARY\QMAP\T1. GE's MAGiC also stores a bundle of them, encrypted.
std::optional<Verdict> synthetic(const std::vector<std::string>& type) {
  if (has(type, "ENCRYPTED") || has(type, "MULTI_QMAP"))
    return Verdict{Content::Derived, "encrypted SyMRI maps (MULTI_QMAP): export readable QMAP series from SyMRI"};
  if (!has(type, "QMAP")) return std::nullopt;
  for (const char* quantity : {"T1", "T2", "PD"})
    if (has(type, quantity)) return Verdict{Content::QuantityMap, "quantity map of SyMRI", quantity};
  return Verdict{Content::Derived, "derived by the scanner (QMAP, neither T1 nor T2 nor PD)"};
}

Verdict by_image_type(const std::vector<std::string>& type) {
  if (has(type, "LOCALIZER")) return {Content::Localizer, "localizer"};
  if (has(type, "MOSAIC") || has(type, "VFRAME")) return {Content::Mosaic, "mosaic: many slices tiled in one image"};
  if (has(type, "TRACEW") || has(type, "TRACE")) return {Content::TraceWeighted, "trace-weighted diffusion image"};
  if (const auto verdict = synthetic(type)) return *verdict;
  if (const auto token = computed(type)) return {Content::Derived, "derived by the scanner (" + *token + ")"};
  if (!type.empty() && type[0] == "DERIVED") return {Content::Derived, "derived by the scanner"};
  const auto part = [&](const char* letter, const char* word) {
    const auto found = [&](const std::string& token) { return token == letter || token == word; };
    return type.size() > 2 && std::any_of(type.begin() + 2, type.end(), found);
  };
  if (part("P", "PHASE")) return {Content::Phase, "phase images"};
  if (part("R", "REAL")) return {Content::Real, "real part of complex images"};
  if (part("I", "IMAGINARY")) return {Content::Imaginary, "imaginary part of complex images"};
  if (part("MIXED", "MIXED")) return {Content::Derived, "several complex components in one object"};
  return {};
}

}  // namespace

bool has(const std::vector<std::string>& values, std::string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

bool is_enhanced_mr(const std::string& sop_class_uid) {
  return sop_class_uid == UID_EnhancedMRImageStorage || sop_class_uid == UID_LegacyConvertedEnhancedMRImageStorage;
}

bool is_mr_image(const std::string& sop_class_uid) {
  return sop_class_uid == UID_MRImageStorage || is_enhanced_mr(sop_class_uid);
}

bool is_lossy(DcmDataset& dataset) {
  if (text(dataset, DCM_LossyImageCompression) == "01") return true;
  // JPEG 2000 may be either, and is not decoded.
  static constexpr std::array kLossless{EXS_JPEGProcess14,  EXS_JPEGProcess14SV1,
                                        EXS_JPEGLSLossless, EXS_JPEG2000LosslessOnly,
                                        EXS_RLELossless,    EXS_DeflatedLittleEndianExplicit};
  const DcmXfer syntax(dataset.getOriginalXfer());
  return syntax.isEncapsulated() && std::find(kLossless.begin(), kLossless.end(), syntax.getXfer()) == kLossless.end();
}

void judge_content(DcmItem& item, Instance& instance) {
  const Verdict verdict = by_object(item, instance).value_or(by_image_type(instance.image_type));
  instance.content = verdict.content;
  instance.why_not = verdict.why_not;
  instance.quantity = verdict.quantity;
}

}  // namespace dicom
