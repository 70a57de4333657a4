#pragma once
// What a fitted parameter is called in DICOM: codes, units, words. A table and pure functions; a parameter that the
// table does not know gets private codes, so that adding a map needs no edit here. Source of the codes: reference
// dicom.md 2.1.
#include <string>
#include <string_view>
#include <vector>

#include "dicom/input/code.h"
#include "fitting/model.h"

namespace dicom {

// How a map of one parameter is described and stored.
struct Quantity {
  Code quantity;             // concept: (113063, DCM, "T1")
  Code unit;                 // UCUM
  std::string unit_text;     // as printed: "ms", "10^-6 mm2/s"; empty for numbers without unit
  Code method;               // Measurement Method
  Code fit;                  // Model fitting method
  Code derivation;           // Derivation Code (CID 7203)
  std::string title;         // "T2*"
  std::string label;         // the parameter's short name, for the LUT Label: "T2star"
  std::string image_type;    // value 3 of the Image Type of a classic MR image
  double slope = 1;          // Rescale Slope of 16-bit images
  double display_upper = 1;  // the window is [0, display_upper], unit of the map
};
// `model` may be null: a map that no model of ours computed.
[[nodiscard]] Quantity quantity_of(const fitting::Parameter& parameter, const fitting::Model* model);

// Code of the quantity with that short name ("T1", "T2star"); private with `title` as its meaning where there is no
// standard one.
[[nodiscard]] Code quantity_code(std::string_view name, std::string_view title = {});
// "T2*" for "T2star"; the name itself where the table does not know it.
[[nodiscard]] std::string quantity_title(std::string_view name);
[[nodiscard]] Code unit_code(std::string_view ucum);
[[nodiscard]] std::string printed_unit(std::string_view ucum);
// The code for a method by its words: "T1 by Multiple Flip Angles" is standard, "T2 by mono-exponential decay" is
// private.
[[nodiscard]] Code method_code(std::string_view meaning);
// Standard concepts for what is measured of a lesion as a whole. A change of T1 has none: 113062 is for differences
// pixel by pixel, and the code of T1 itself would make a reader's software take the change for a T1.
[[nodiscard]] Code volume_code(std::string_view meaning = "Volume");        // in mm3
[[nodiscard]] Code area_code(std::string_view meaning = "Area");            // in mm2
[[nodiscard]] Code long_axis_code(std::string_view meaning = "Long Axis");  // the longest diameter in a slice, in mm

// A code of the scheme 99HERALD. Equal meanings give equal values of at most 16 characters, different meanings
// different ones.
[[nodiscard]] Code private_code(std::string_view meaning);
// The private code with that meaning that is always written alike; it must be one of private_codes().
[[nodiscard]] Code fixed_code(std::string_view meaning);
// All codes of the scheme 99HERALD that do not depend on a model file, a recipe or a reader's words: for the
// conformance statement, in a fixed order. Besides them there are codes of the names of nomograms' lines, of derived
// measurements and of stated facts, each made by private_code() from its meaning.
[[nodiscard]] std::vector<Code> private_codes();

}  // namespace dicom
