#pragma once
// Private elements by their creator. After a hop through implicit VR a private value arrives as UN bytes, and DCMTK's
// dictionary does not know SIEMENS MR HEADER at all: so the caller names the type that the vendor documents, and the
// bytes are decoded here. Internal to dicom/input: shows a DCMTK type.
#include <array>
#include <optional>
#include <string>

#include "dicom/dcmtk.h"

namespace dicom {

enum class PrivateType { Text, Float32, Float64, Int16, Int32 };  // CS, LO, IS, DS are Text; little endian

struct PrivateTag {
  Uint16 group = 0;
  const char* creator = "";
  Uint16 element = 0;  // the low byte: 0x0C for (0019,xx0C)
  PrivateType type = PrivateType::Text;
};

// Value `index` as text, or as a finite number; nullopt when absent.
[[nodiscard]] std::optional<std::string> private_text(DcmItem& item, const PrivateTag& tag, unsigned long index = 0);
[[nodiscard]] std::optional<double> private_number(DcmItem& item, const PrivateTag& tag, unsigned long index = 0);
[[nodiscard]] std::optional<std::array<double, 3>> private_vector(DcmItem& item, const PrivateTag& tag);

}  // namespace dicom
