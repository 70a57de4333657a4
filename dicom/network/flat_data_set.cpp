#include "dicom/network/flat_data_set.h"

#include <algorithm>

namespace dicom {
namespace {

constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr std::size_t kHead = 8;  // tag and length
constexpr std::size_t kLongestText = 64;

std::uint32_t number_at(std::string_view bytes, std::size_t at, unsigned size) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < size; ++i) number |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return number;
}

std::string_view without_padding(std::string_view value) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && is_padding(value.back())) value.remove_suffix(1);
  while (!value.empty() && is_padding(value.front())) value.remove_prefix(1);
  return value;
}

}  // namespace

std::map<std::uint32_t, std::string_view> flat_data_set(std::string_view bytes) {
  std::map<std::uint32_t, std::string_view> elements;
  std::size_t depth = 0;  // open sequences and items without a length
  for (std::size_t at = 0; bytes.size() - at >= kHead;) {
    const std::uint32_t tag = number_at(bytes, at, 2) << 16 | number_at(bytes, at + 2, 2);
    const std::uint32_t length = number_at(bytes, at + 4, 4);
    at += kHead;
    if (tag == kItemEnd || tag == kSequenceEnd) {
      if (depth == 0) break;
      --depth;
    } else if (length == kUndefined) {
      ++depth;
    } else if (length > bytes.size() - at) {
      break;
    } else {
      if (depth == 0 && tag != kItem) elements.emplace(tag, without_padding(bytes.substr(at, length)));
      at += length;
    }
  }
  return elements;
}

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, kLongestText));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return clean;
}

}  // namespace dicom
