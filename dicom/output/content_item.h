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
inline constexpr const char* kAcquisition = "HAS ACQ CONTEXT";
inline constexpr const char* kProperties = "HAS PROPERTIES";
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
// A number that could not be given, and what kind of lack that is (CID 42).
struct NoNumber {
  Code qualifier;
};
struct Person {
  std::string name;  // PN
};
struct Outline {
  std::vector<std::pair<float, float>> points;  // (column, row)
};
// One segment of a Segmentation.
struct SegmentImage {
  Reference segmentation;
  int segment = 0;  // from 1
};

struct ContentItem {
  const char* relationship = kContains;
  Code name;  // empty only for images: that of an outline, those of a library
  std::variant<Container, Text, Uid, Code, Number, NoNumber, Person, Outline, Reference, SegmentImage> value;
  std::vector<ContentItem> children;
};

// The relationships that our reports use are those that PS3.3 A.35.2 (Enhanced SR), A.35.3 (Comprehensive) and A.35.13
// (Comprehensive 3D) all allow: everything by value, observation context below containers only. One tree serves all.

// Writes `root`, a Container, as the content of a document.
void put_content(DcmItem& document, const ContentItem& root);

}  // namespace dicom::output
