#pragma once
// Data sets put together element by element, for the writers in which a DCMTK class would be in the way.
// Included by .cpp files of dicom/output only. Every function unwinds by Failure.
#include <span>
#include <string>

#include "dicom/dcmtk.h"
#include "dicom/output/object.h"

namespace dicom {

// A value of VR DS: the shortest of at most 16 characters that keeps 14 significant digits where they fit.
[[nodiscard]] std::string decimal_string(double value);
[[nodiscard]] std::string decimal_string(std::span<const double> values);

void put_text(DcmItem& item, const DcmTag& tag, const std::string& value);
void put_decimal(DcmItem& item, const DcmTag& tag, double value);
void put_unsigned(DcmItem& item, const DcmTag& tag, int value);

// A new last item of the sequence `tag`, which is created where it is missing.
[[nodiscard]] DcmItem& add_item(DcmItem& item, const DcmTag& tag);
void add_code(DcmItem& item, const DcmTag& tag, const char* value, const char* scheme, const char* meaning);
// An item of the Dimension Index Sequence, which is returned.
DcmItem& add_dimension(DcmItem& item, const std::string& organization_uid, const DcmTagKey& index,
                       const DcmTagKey& group);
// SOP class and instance as an item of `tag`, which is returned.
DcmItem& add_reference(DcmItem& item, const DcmTag& tag, const Reference& reference);

}  // namespace dicom
