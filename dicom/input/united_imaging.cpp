#include "dicom/input/private_tags.h"
#include "dicom/input/vendors.h"

namespace dicom {
namespace {

constexpr PrivateTag kBValue{0x0065, "Image Private Header", 0x09, PrivateType::Float64};
constexpr PrivateTag kDirection{0x0065, "Image Private Header", 0x37, PrivateType::Float64};

}  // namespace

// uMR: the b-value that was applied along the direction (929.75, 1.25) is private; the standard attribute is absent.
void apply_united_imaging(DcmItem& header, Instance& instance) {
  if (!instance.echo_planar) return;
  if (const auto b = private_number(header, kBValue); b && *b >= 0) instance.b_value_s_mm2 = b;
  if (instance.b_value_s_mm2.value_or(0) > 0) {
    if (const auto direction = private_vector(header, kDirection)) instance.gradient_direction = direction;
  }
}

}  // namespace dicom
