#include <cmath>

#include "dicom/input/private_tags.h"
#include "dicom/input/vendors.h"

namespace dicom {
namespace {

constexpr PrivateTag kBValue{0x0043, "GEMS_PARM_01", 0x39, PrivateType::Text};
constexpr PrivateTag kComplexPart{0x0043, "GEMS_PARM_01", 0x2F, PrivateType::Int16};
constexpr double kBias = 1e9;  // 1000001000 means 1000 on some releases

void apply_complex_part(DcmItem& header, Instance& instance) {
  const auto part = private_number(header, kComplexPart);
  if (!part || instance.content != Content::Magnitude) return;
  if (*part == 1) instance.content = Content::Phase, instance.why_not = "phase images";
  if (*part == 2) instance.content = Content::Real, instance.why_not = "real part of complex images";
  if (*part == 3) instance.content = Content::Imaginary, instance.why_not = "imaginary part of complex images";
}

// Axes are frequency, phase and slice, not the patient's: good enough to tell directions apart and to know that there
// is one.
std::optional<std::array<double, 3>> direction_of(DcmItem& header) {
  std::array<double, 3> direction{};
  for (Uint16 axis = 0; axis < 3; ++axis) {
    const PrivateTag tag{0x0019, "GEMS_ACQU_01", static_cast<Uint16>(0xBB + axis), PrivateType::Text};
    const auto value = private_number(header, tag);
    if (!value) return std::nullopt;
    direction[axis] = *value;
  }
  const bool none = direction[0] == 0 && direction[1] == 0 && direction[2] == 0;  // combined trace
  return none ? std::nullopt : std::optional(direction);
}

}  // namespace

void apply_ge(DcmItem& header, Instance& instance) {
  apply_complex_part(header, instance);
  if (const auto count = number(header, DCM_ImagesInAcquisition); count && *count > 0)
    instance.images_in_acquisition = static_cast<int>(*count);
  // Every GE image carries (0043,1039), localizers a stale one of the last diffusion scan: it counts for echo-planar
  // images only.
  if (!instance.echo_planar) return;
  if (const auto b = private_number(header, kBValue); b && *b >= 0) instance.b_value_s_mm2 = std::fmod(*b, kBias);
  if (instance.b_value_s_mm2.value_or(0) > 0) instance.gradient_direction = direction_of(header);
}

}  // namespace dicom
