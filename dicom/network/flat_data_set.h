#pragma once
// The top level of a data set in implicit little endian: what a C-FIND answer consists of.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dicom {

// (group << 16 | element) → value without padding, as views into `bytes`. Sequences are stepped over, by a counter and
// not by recursion. Stops where the bytes no longer make sense; what was read until there is returned. Of an attribute
// that is there twice the first counts.
[[nodiscard]] std::map<std::uint32_t, std::string_view> flat_data_set(std::string_view bytes);

// What people may be shown of a text from outside: at most 64 characters; everything but printable ASCII becomes '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace dicom
