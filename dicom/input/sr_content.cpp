#include "dicom/input/sr_content.h"

#include "dicom/input/roi_parts.h"

namespace dicom::sr {

std::vector<DcmItem*> children(DcmItem& item) { return roi::items_in(item, DCM_ContentSequence); }

std::string value_type(DcmItem& item) { return text(item, DCM_ValueType); }

Code concept_name(DcmItem& item) { return roi::code_of(item, DCM_ConceptNameCodeSequence); }

Code code_value(DcmItem& item) { return roi::code_of(item, DCM_ConceptCodeSequence); }

DcmItem* child(DcmItem& item, const char* value, const char* scheme) {
  for (DcmItem* below : children(item))
    if (roi::is(concept_name(*below), value, scheme)) return below;
  return nullptr;
}

}  // namespace dicom::sr
