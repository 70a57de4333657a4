#include "dicom/input/private_tags.h"
#include "dicom/input/vendors.h"

namespace dicom {
namespace {

constexpr PrivateTag kBFactor{0x2001, "Philips Imaging DD 001", 0x03, PrivateType::Float32};
constexpr PrivateTag kEpiFactor{0x2001, "Philips Imaging DD 001", 0x13, PrivateType::Int32};
constexpr PrivateTag kEchoes{0x2001, "Philips Imaging DD 001", 0x14, PrivateType::Int32};
constexpr PrivateTag kScaleSlope{0x2005, "Philips MR Imaging DD 001", 0x0E, PrivateType::Float32};
constexpr double kLargestB = 1e5;  // unused b-values hold 7.23e75

std::optional<std::array<double, 3>> direction_of(DcmItem& header) {
  std::array<double, 3> direction{};
  for (Uint16 axis = 0; axis < 3; ++axis) {
    const PrivateTag tag{0x2005, "Philips MR Imaging DD 001", static_cast<Uint16>(0xB0 + axis), PrivateType::Float32};
    const auto value = private_number(header, tag);
    if (!value) return std::nullopt;
    direction[axis] = *value;
  }
  const bool none = direction[0] == 0 && direction[1] == 0 && direction[2] == 0;  // isotropic image
  return none ? std::nullopt : std::optional(direction);
}

}  // namespace

void apply_philips(DcmItem& header, Instance& instance) {
  // Scanning Sequence says SE for echo-planar diffusion: the EPI factor tells.
  if (private_number(header, kEpiFactor).value_or(1) > 1) instance.echo_planar = true;
  const auto echoes = private_number(header, kEchoes);
  instance.echo_train_length =
      echoes && *echoes > 1 && *echoes < 1000 ? std::optional(static_cast<int>(*echoes)) : std::nullopt;
  if (!instance.echo_planar) return;
  if (const auto b = private_number(header, kBFactor); b && *b >= 0 && *b < kLargestB) instance.b_value_s_mm2 = b;
  if (instance.b_value_s_mm2.value_or(0) > 0) {
    if (const auto direction = direction_of(header)) instance.gradient_direction = direction;
  }
}

std::optional<double> philips_scale_slope(DcmItem& header) { return private_number(header, kScaleSlope); }

// Enhanced objects keep the classic private attributes of a frame in a private sequence (2005,xx0F).
std::optional<double> philips_scale_slope(const FunctionalGroups& groups, unsigned long frame) {
  DcmItem* own = groups.own(frame);
  if (own == nullptr) return std::nullopt;
  for (DcmObject* at = own->nextInContainer(nullptr); at != nullptr; at = own->nextInContainer(at)) {
    auto* sequence = dynamic_cast<DcmSequenceOfItems*>(at);
    const bool theirs = sequence != nullptr && sequence->getGTag() == 0x2005 && (sequence->getETag() & 0xFFu) == 0x0F;
    if (theirs && sequence->card() > 0)
      if (const auto slope = philips_scale_slope(*sequence->getItem(0))) return slope;
  }
  return std::nullopt;
}

}  // namespace dicom
