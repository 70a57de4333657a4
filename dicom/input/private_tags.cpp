#include "dicom/input/private_tags.h"

#include <cmath>
#include <cstring>

namespace dicom {
namespace {

constexpr Uint16 kFirstBlock = 0x10, kLastBlock = 0xFF;

DcmElement* find(DcmItem& item, const PrivateTag& tag) {
  for (Uint16 block = kFirstBlock; block <= kLastBlock; ++block) {
    if (text(item, DcmTagKey(tag.group, block)) != tag.creator) continue;
    DcmElement* element = nullptr;
    const DcmTagKey key(tag.group, static_cast<Uint16>(block << 8 | tag.element));
    if (item.findAndGetElement(key, element).good()) return element;
  }
  return nullptr;
}

bool is_raw(DcmElement& element) {
  const DcmEVR vr = element.ident();
  return vr == EVR_UN || vr == EVR_OB || vr == EVR_UNKNOWN || vr == EVR_UNKNOWN2B;
}

std::string raw_bytes(DcmElement& element) {
  Uint8* bytes = nullptr;
  if (element.getUint8Array(bytes).bad() || bytes == nullptr) return {};
  return std::string(reinterpret_cast<const char*>(bytes), element.getLengthField());
}

std::string trimmed(const std::string& value) {
  const std::string blanks(" \0", 2);
  const auto first = value.find_first_not_of(blanks);
  return first == std::string::npos ? std::string() : value.substr(first, value.find_last_not_of(blanks) - first + 1);
}

std::string part(const std::string& values, unsigned long index) {
  std::size_t start = 0;
  for (; index > 0; --index) {
    start = values.find('\\', start);
    if (start == std::string::npos) return {};
    ++start;
  }
  return trimmed(values.substr(start, values.find('\\', start) - start));
}

std::optional<double> parsed(const std::string& value) {
  try {
    std::size_t used = 0;
    const double result = std::stod(value, &used);
    if (used == value.size() && std::isfinite(result)) return result;
  } catch (const std::exception&) {  // not a number, or too large for one
  }
  return std::nullopt;
}

template <class T>
std::optional<double> binary(const std::string& bytes, unsigned long index) {
  if (bytes.size() / sizeof(T) <= index) return std::nullopt;
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  const double result = static_cast<double>(value);
  return std::isfinite(result) ? std::optional(result) : std::nullopt;
}

// DCMTK prints nine digits of a float: they name that float but not its value, which the bytes of the same element
// give after a hop through implicit VR.
std::optional<double> exact_float(DcmElement& element, unsigned long index) {
  Float32 value = 0;
  if (element.ident() != EVR_FL || element.getFloat32(value, index).bad() || !std::isfinite(value)) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> decoded(const std::string& bytes, PrivateType type, unsigned long index) {
  switch (type) {
    case PrivateType::Text:
      return parsed(part(bytes, index));
    case PrivateType::Float32:
      return binary<float>(bytes, index);
    case PrivateType::Float64:
      return binary<double>(bytes, index);
    case PrivateType::Int16:
      return binary<std::int16_t>(bytes, index);
    case PrivateType::Int32:
      return binary<std::int32_t>(bytes, index);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> private_text(DcmItem& item, const PrivateTag& tag, unsigned long index) {
  DcmElement* element = find(item, tag);
  if (element == nullptr) return std::nullopt;
  if (is_raw(*element)) return part(raw_bytes(*element), index);
  OFString value;
  if (element->getOFString(value, index).bad()) return std::nullopt;
  return trimmed(std::string(value.c_str(), value.size()));
}

std::optional<double> private_number(DcmItem& item, const PrivateTag& tag, unsigned long index) {
  DcmElement* element = find(item, tag);
  if (element == nullptr) return std::nullopt;
  if (is_raw(*element)) return decoded(raw_bytes(*element), tag.type, index);
  if (const auto value = exact_float(*element, index)) return value;
  OFString value;
  if (element->getOFString(value, index).bad()) return std::nullopt;
  return parsed(trimmed(std::string(value.c_str(), value.size())));
}

std::optional<std::array<double, 3>> private_vector(DcmItem& item, const PrivateTag& tag) {
  std::array<double, 3> result{};
  for (unsigned i = 0; i < 3; ++i) {
    const auto value = private_number(item, tag, i);
    if (!value) return std::nullopt;
    result[i] = *value;
  }
  return result;
}

}  // namespace dicom
