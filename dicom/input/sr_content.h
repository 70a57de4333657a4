#pragma once
// The content tree of structured reports (PS3.3 C.17.3), as far as Herald reads it. Internal to dicom/input: shows
// DCMTK types.
#include <string>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/input/code.h"

namespace dicom::sr {

// Content items below `item`, which may be the document.
[[nodiscard]] std::vector<DcmItem*> children(DcmItem& item);
[[nodiscard]] std::string value_type(DcmItem& item);
[[nodiscard]] Code concept_name(DcmItem& item);
[[nodiscard]] Code code_value(DcmItem& item);
// The first child with that concept name; nullptr when there is none.
[[nodiscard]] DcmItem* child(DcmItem& item, const char* value, const char* scheme);

// Calls visit(item, path) for every item in document order; `path` leads from the document to its parent.
template <class Visit>
void walk(DcmItem& item, std::vector<DcmItem*>& path, Visit& visit) {
  path.push_back(&item);
  for (DcmItem* below : children(item)) {
    visit(*below, path);
    walk(*below, path, visit);
  }
  path.pop_back();
}

template <class Visit>
void walk(DcmItem& document, Visit visit) {
  std::vector<DcmItem*> path;
  walk(document, path, visit);
}

}  // namespace dicom::sr
