#include <regex>

#include "dicom/input/private_tags.h"
#include "dicom/input/vendors.h"

namespace dicom {
namespace {

constexpr PrivateTag kBValue{0x0019, "SIEMENS MR HEADER", 0x0C, PrivateType::Text};
constexpr PrivateTag kDirectionality{0x0019, "SIEMENS MR HEADER", 0x0D, PrivateType::Text};
constexpr PrivateTag kDirection{0x0019, "SIEMENS MR HEADER", 0x0E, PrivateType::Float64};

// `*se2d32`, `fl2d6`, `*fl3d12r`: the echoes of a multi-echo sequence close its name. `*tse2d1_13` is a turbo train,
// not echoes. Systems disagree on (0018,0091): Aera writes 32 for se2d32, Trio 1 for se2d16; the name is right on both.
std::optional<int> echoes_of(const std::string& sequence_name) {
  static const std::regex kPattern(R"(\*?(?:se|fl|me)[23]d(\d{1,3})[a-z_]*)");
  std::smatch found;
  if (!std::regex_match(sequence_name, found, kPattern)) return std::nullopt;
  const int echoes = std::stoi(found[1]);
  return echoes > 1 ? std::optional(echoes) : std::nullopt;
}

// `*fl3d1`: FLASH, spoiled by its name. Enhanced objects of XA do not say so elsewhere.
bool is_flash(const std::string& sequence_name) {
  return sequence_name.rfind("fl", 0) == 0 || sequence_name.rfind("*fl", 0) == 0;
}

void apply_siemens_sequence(const std::string& name, Instance& instance) {
  instance.echo_train_length = echoes_of(name);
  if (instance.gradient_echo && is_flash(name)) instance.spoiled = true;
}

}  // namespace

void apply_siemens(DcmItem& header, Instance& instance) {
  apply_siemens_sequence(text(header, DCM_SequenceName), instance);
  if (!instance.echo_planar) return;
  if (const auto b = private_number(header, kBValue))
    instance.b_value_s_mm2 = b;  // classic, including XA's interoperability images
  if (private_text(header, kDirectionality) == "ISOTROPIC" && instance.content == Content::Magnitude) {
    instance.content = Content::TraceWeighted;
    instance.why_not = "trace-weighted diffusion image";
  }
  if (instance.b_value_s_mm2.value_or(0) > 0) {
    if (const auto direction = private_vector(header, kDirection)) instance.gradient_direction = direction;
  }
}

}  // namespace dicom
