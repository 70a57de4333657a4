#include "dicom/output/elements.h"

#include <cstdio>

namespace dicom {

std::string decimal_string(double value) {
  char digits[64];
  value += 0.0;  // no "-0"
  for (int precision = 14; precision > 0; --precision) {
    const int length = std::snprintf(digits, sizeof digits, "%.*g", precision, value);
    if (length <= 16) return digits;
  }
  fail(Fault::Malformed, "a number does not fit into a decimal string");
}

std::string decimal_string(std::span<const double> values) {
  std::string joined;
  for (const double value : values) {
    if (!joined.empty()) joined += '\\';
    joined += decimal_string(value);
  }
  return joined;
}

void put_text(DcmItem& item, const DcmTag& tag, const std::string& value) {
  check(item.putAndInsertString(tag, value.c_str()), "insert text");
}

void put_decimal(DcmItem& item, const DcmTag& tag, double value) { put_text(item, tag, decimal_string(value)); }

void put_unsigned(DcmItem& item, const DcmTag& tag, int value) {
  check(item.putAndInsertUint16(tag, static_cast<Uint16>(value)), "insert number");
}

DcmItem& add_item(DcmItem& item, const DcmTag& tag) {
  DcmItem* added = nullptr;
  check(item.findOrCreateSequenceItem(tag, added, -2), "insert item");
  return *added;
}

void add_code(DcmItem& item, const DcmTag& tag, const char* value, const char* scheme, const char* meaning) {
  DcmItem& code = add_item(item, tag);
  put_text(code, DCM_CodeValue, value);
  put_text(code, DCM_CodingSchemeDesignator, scheme);
  put_text(code, DCM_CodeMeaning, meaning);
}

DcmItem& add_dimension(DcmItem& item, const std::string& organization_uid, const DcmTagKey& index,
                       const DcmTagKey& group) {
  DcmItem& dimension = add_item(item, DCM_DimensionIndexSequence);
  put_text(dimension, DCM_DimensionOrganizationUID, organization_uid);
  check(dimension.putAndInsertTagKey(DCM_DimensionIndexPointer, index), "insert dimension");
  check(dimension.putAndInsertTagKey(DCM_FunctionalGroupPointer, group), "insert dimension");
  return dimension;
}

DcmItem& add_reference(DcmItem& item, const DcmTag& tag, const Reference& reference) {
  DcmItem& added = add_item(item, tag);
  put_text(added, DCM_ReferencedSOPClassUID, reference.sop_class_uid);
  put_text(added, DCM_ReferencedSOPInstanceUID, reference.sop_instance_uid);
  return added;
}

}  // namespace dicom
