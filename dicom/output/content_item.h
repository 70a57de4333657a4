#pragma once
// The content tree of a structured report as values, and its encoding (PS3.3 C.17.3). Built by hand: DCMTK's document
// classes count their nodes in an unguarded static and invent UIDs, and its templates lack TID 1410 (reference:
// dicom.md 3, defects 5 and 7). Included by .cpp files of dicom/output only.
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dicom/output/common.h"

namespace dicom::output {

// How an item relates to its parent.
inline constexpr const char* kContains = "CONTAINS";
inline constexpr const char* kContext = "HAS OBS CONTEXT";
inline constexpr const char* kModifier = "HAS CONCEPT MOD";
inline constexpr const char* kInferredFrom = "INFERRED FROM";
inline constexpr const char* kSelectedFrom = "SELECTED FROM";

struct Container {
  std::string template_id;  // of PS3.16, or empty
};
struct Text {
  std::string value;
};
struct Uid {
  std::string value;
};
struct Number {
  double value = 0;
  std::string unit;  // UCUM
};
struct Outline {
  std::vector<std::pair<float, float>> points;  // (column, row)
};

struct ContentItem {
  const char* relationship = kContains;
  Code name;  // empty only for the image of an outline
  std::variant<Container, Text, Uid, Code, Number, Outline, Reference> value;
  std::vector<ContentItem> children;
};

// Writes `root`, a Container, as the content of a document.
void put_content(DcmItem& document, const ContentItem& root);

}  // namespace dicom::output
