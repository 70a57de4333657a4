#include "dicom/output/quantity.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <cmath>

#include "dicom/output/object.h"
#include "dicom/uid.h"

namespace dicom {

namespace {

struct Known {
  std::string_view name, title, value, scheme, meaning;
  std::string_view image_type;  // defined terms of PS3.3 C.8.3.1.1.1 where one fits; T2_STAR MAP is what scanners write
  double slope;                 // such that 16 bit cover the range and the stored number is readable by itself
};
constexpr std::array kKnown = {
    Known{"T1", "T1", "113063", "DCM", "T1", "T1 MAP", 1},
    Known{"T2", "T2", "113065", "DCM", "T2", "T2 MAP", 0.1},
    Known{"T2star", "T2*", "113064", "DCM", "T2*", "T2_STAR MAP", 0.1},
    Known{"R1", "R1", "126393", "DCM", "R1", "OTHER", 0.001},
    Known{"R2", "R2", "126394", "DCM", "R2", "OTHER", 0.01},
    Known{"R2star", "R2*", "126395", "DCM", "R2*", "OTHER", 0.1},
    Known{"PD", "PD", "113058", "DCM", "Proton Density", "DENSITY MAP", 0.1},
    Known{"ADC", "ADC", "113041", "DCM", "Apparent Diffusion Coefficient", "DIFFUSION MAP", 1},
    Known{"D", "D", "113289", "DCM", "Diffusion Coefficient", "DIFFUSION MAP", 1},
    Known{"K", "K", "113206", "DCM", "Apparent Kurtosis Coefficient", "DIFFUSION MAP", 0.001},
};

const Known* known(std::string_view name) {
  const auto found = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& row) { return row.name == name; });
  return found == kKnown.end() ? nullptr : &*found;
}

struct Words {
  std::string_view key, value;
};

constexpr std::array kStandardMethods = {
    Words{"126350", "T1 by Multiple Flip Angles"},
    Words{"126351", "T1 by Inversion Recovery"},
    Words{"113250", "Mono-exponential diffusion model"},
    Words{"113252", "Kurtosis diffusion model"},
};

// Which of our models uses which standard method; the others say so in their own words.
constexpr std::array kModelMethods = {
    Words{"t1_vfa", "T1 by Multiple Flip Angles"}, Words{"t1_ir", "T1 by Inversion Recovery"},
    Words{"t1_ir_tr", "T1 by Inversion Recovery"}, Words{"adc", "Mono-exponential diffusion model"},
    Words{"dki", "Kurtosis diffusion model"},
};

constexpr std::array kUnits = {
    Words{"ms", "millisecond"},
    Words{"s", "second"},
    Words{"/s", "per second"},
    Words{"10-6.mm2/s", "10^-6 square millimeter per second"},
    Words{"mm2/s", "square millimeter per second"},
    Words{"s/mm2", "second per square millimeter"},
    Words{"mm", "millimeter"},
    Words{"mm2", "square millimeter"},
    Words{"mm3", "cubic millimeter"},
    Words{"deg", "degree"},
    Words{"bit", "bit"},
    Words{"%", "percent"},
    Words{"1", "no units"},
    Words{"[arb'U]", "arbitrary unit"},
};

constexpr const char* kNoMethod = "Method not stated";

// What our writers say in codes of our own, whatever is measured.
constexpr std::array<std::string_view, 8> kFixed = {
    kNoMethod,
    "Notice",
    "Voxels",
    "Voxels without a value",
    "Entropy of the histogram",
    "Bin width",
    "Determined by",
    "Replaced instance",
};

template <std::size_t N>
std::string_view look_up(const std::array<Words, N>& table, std::string_view key) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Words& row) { return row.key == key; });
  return found == table.end() ? std::string_view{} : found->value;
}

// The smallest power of ten with which `upper` still fits into 16 bits.
double slope_for(double upper) { return upper > 0 ? std::pow(10.0, std::ceil(std::log10(upper / 65535.0))) : 1; }

Code method_of(const fitting::Model* model) {
  if (model == nullptr) return fixed_code(kNoMethod);
  const std::string_view standard = look_up(kModelMethods, model->name);
  return method_code(standard.empty() ? model->title : standard);
}

bool is_diffusion(const fitting::Model* model) {
  return model != nullptr && model->axis == fitting::Axis::BValueSPerMm2;
}

}  // namespace

Code quantity_code(std::string_view name, std::string_view title) {
  if (const Known* row = known(name))
    return {std::string(row->value), std::string(row->scheme), std::string(row->meaning)};
  return private_code(title.empty() ? name : title);
}

std::string quantity_title(std::string_view name) {
  const Known* row = known(name);
  return std::string(row == nullptr ? name : row->title);
}

Code unit_code(std::string_view ucum) {
  const std::string_view words = look_up(kUnits, ucum);
  return {std::string(ucum), "UCUM", std::string(words.empty() ? ucum : words)};
}

std::string printed_unit(std::string_view ucum) {
  if (ucum == "1") return {};
  if (ucum == "10-6.mm2/s") return "10^-6 mm2/s";
  if (ucum == "[arb'U]") return "a.u.";
  return std::string(ucum);
}

Code method_code(std::string_view meaning) {
  const auto found = std::find_if(kStandardMethods.begin(), kStandardMethods.end(),
                                  [&](const Words& row) { return row.value == meaning; });
  if (found == kStandardMethods.end()) return private_code(meaning);
  return {std::string(found->key), "DCM", std::string(meaning)};
}

std::string private_scheme_uid() { return uid_from_name(std::string("coding scheme ") + kPrivateScheme); }

Code private_code(std::string_view meaning) {
  constexpr std::size_t kMost = 16, kReadable = 8;  // VR SH
  const std::string hash = uid_from_name("99HERALD|" + std::string(meaning));
  std::string value;
  for (const char c : meaning) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      value += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    else if (!value.empty() && value.back() != '_')
      value += '_';
  }
  // Readable alone is not unique: punctuation and whatever lies behind the cut are lost.
  value = value.substr(0, kReadable) + "_" + hash.substr(hash.size() - (kMost - kReadable - 1));
  return {value, kPrivateScheme, std::string(meaning)};
}

Code fixed_code(std::string_view meaning) {
  assert(std::find(kFixed.begin(), kFixed.end(), meaning) != kFixed.end());
  return private_code(meaning);
}

// Methods and parameters of the catalog that have no standard code, and what the writers say besides.
std::vector<Code> private_codes() {
  std::vector<Code> codes;
  const auto add = [&](const Code& code) {
    const bool known = std::any_of(codes.begin(), codes.end(), [&](const Code& c) { return c.value == code.value; });
    if (code.scheme == kPrivateScheme && !known) codes.push_back(code);
  };
  for (const std::string_view meaning : kFixed) add(private_code(meaning));
  for (const fitting::Model& model : fitting::catalog()) {
    add(method_of(&model));
    for (const fitting::Parameter& parameter : model.parameters) add(quantity_code(parameter.name, parameter.title));
  }
  return codes;
}

Code volume_code(std::string_view meaning) { return {"118565006", "SCT", std::string(meaning)}; }
Code area_code(std::string_view meaning) { return {"42798000", "SCT", std::string(meaning)}; }
Code long_axis_code(std::string_view meaning) { return {"103339001", "SCT", std::string(meaning)}; }

Quantity quantity_of(const fitting::Parameter& parameter, const fitting::Model* model) {
  Quantity q;
  const Known* row = known(parameter.name);
  q.quantity = quantity_code(parameter.name, parameter.title);
  q.unit = unit_code(parameter.unit);
  q.unit_text = printed_unit(parameter.unit);
  q.method = method_of(model);
  q.fit = {"113261", "DCM", "Least squares fit of multiple samples"};
  q.derivation = is_diffusion(model) ? Code{"129105", "DCM", "Diffusion image analysis"}
                                     : Code{"110001", "DCM", "Image Processing"};
  q.title = std::string(parameter.title.empty() ? parameter.name : parameter.title);
  q.label = std::string(parameter.name);
  q.image_type = std::string(row == nullptr ? "OTHER" : row->image_type);
  q.slope = row == nullptr ? slope_for(parameter.upper) : row->slope;
  q.display_upper = parameter.display_upper > 0 ? parameter.display_upper : parameter.upper;
  return q;
}

}  // namespace dicom
