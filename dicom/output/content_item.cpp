#include "dicom/output/content_item.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "dicom/output/elements.h"
#include "dicom/output/quantity.h"

namespace dicom::output {

namespace {

constexpr std::size_t kMostText = 4096;
constexpr std::size_t kMostPoints = 8191;  // explicit VR gives FL 65,534 bytes

void put_value(DcmItem& item, const Container& container) {
  put_text(item, DCM_ValueType, "CONTAINER");
  put_text(item, DCM_ContinuityOfContent, "SEPARATE");
  if (container.template_id.empty()) return;
  DcmItem& identification = add_item(item, DCM_ContentTemplateSequence);
  put_text(identification, DCM_MappingResource, "DCMR");
  put_text(identification, DCM_TemplateIdentifier, container.template_id);
}

void put_value(DcmItem& item, const Text& text) {
  put_text(item, DCM_ValueType, "TEXT");
  put_text(item, DCM_TextValue, text.value.empty() ? "-" : paragraph(text.value, kMostText));
}

void put_value(DcmItem& item, const Uid& uid) {
  put_text(item, DCM_ValueType, "UIDREF");
  put_text(item, DCM_UID, uid.value);
}

void put_value(DcmItem& item, const Code& code) {
  put_text(item, DCM_ValueType, "CODE");
  put_code(item, DCM_ConceptCodeSequence, code);
}

// Six digits are for people; where they lose something, the exact value stands beside them.
void put_value(DcmItem& item, const Number& number) {
  if (!std::isfinite(number.value)) fail(Fault::Malformed, "a number of the report is not finite");
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.6g", number.value);
  put_text(item, DCM_ValueType, "NUM");
  DcmItem& measured = add_item(item, DCM_MeasuredValueSequence);
  put_text(measured, DCM_NumericValue, digits);
  if (std::strtod(digits, nullptr) != number.value)
    check(measured.putAndInsertFloat64(DCM_FloatingPointValue, number.value), "insert number");
  put_code(measured, DCM_MeasurementUnitsCodeSequence, unit_code(number.unit.empty() ? "1" : number.unit));
}

// PS3.3 C.18.1: an empty sequence says that there is no value, the qualifier why.
void put_value(DcmItem& item, const NoNumber& none) {
  put_text(item, DCM_ValueType, "NUM");
  check(item.insertEmptyElement(DCM_MeasuredValueSequence), "insert an empty number");
  put_code(item, DCM_NumericValueQualifierCodeSequence, none.qualifier);
}

void put_value(DcmItem& item, const Person& person) {
  put_text(item, DCM_ValueType, "PNAME");
  put_text(item, DCM_PersonName, one_line(person.name));
}

void put_value(DcmItem& item, const Outline& outline) {
  if (outline.points.empty() || outline.points.size() > kMostPoints)
    fail(Fault::Unsupported, "an outline has no or too many points");
  std::vector<Float32> coordinates;
  for (const auto& [column, row] : outline.points) coordinates.insert(coordinates.end(), {column, row});
  put_text(item, DCM_ValueType, "SCOORD");
  put_text(item, DCM_GraphicType, "POLYLINE");
  check(item.putAndInsertFloat32Array(DCM_GraphicData, coordinates.data(), coordinates.size()), "insert outline");
}

void put_value(DcmItem& item, const Reference& image) {
  put_text(item, DCM_ValueType, "IMAGE");
  add_reference(item, DCM_ReferencedSOPSequence, image);
}

void put_value(DcmItem& item, const SegmentImage& image) {
  put_text(item, DCM_ValueType, "IMAGE");
  put_unsigned(add_reference(item, DCM_ReferencedSOPSequence, image.segmentation), DCM_ReferencedSegmentNumber,
               image.segment);
}

}  // namespace

void put_content(DcmItem& document, const ContentItem& root) {
  if (!root.name.value.empty()) put_code(document, DCM_ConceptNameCodeSequence, root.name);
  std::visit([&](const auto& value) { put_value(document, value); }, root.value);
  for (const ContentItem& child : root.children) {
    DcmItem& item = add_item(document, DCM_ContentSequence);
    put_text(item, DCM_RelationshipType, child.relationship);
    put_content(item, child);
  }
}

}  // namespace dicom::output
