#pragma once
// A guard in front of DCMTK's parser, which recurses once per nested sequence and so can be made to exhaust the stack
// by a small file, and which needs some 200 bytes for an element of 8.
#include <cstddef>
#include <filesystem>

#include "dicom/result.h"

namespace dicom {

inline constexpr int kDeepestNesting = 64;
// Elements, items and fragments at all levels. An enhanced object of 4,000 frames with 300 attributes each has 1.2
// million.
inline constexpr std::size_t kMostElements = 2'000'000;
inline constexpr std::size_t kLongestMeta = 1u << 20;  // bytes

// Walks over the elements of a DICOM file without recursion and without reading values. Fault::Malformed when sequences
// nest deeper than kDeepestNesting, when there are more than kMostElements, or many in an item in descending order, or
// the meta header is longer than kLongestMeta, when the file is not DICOM Part 10, when the meta header, a sequence or
// an item does not keep to its own length, or when a deflated data set inflates to more than 256 MiB or ends inside a
// value. Fault::Unsupported when DCMTK does not know the transfer syntax.
[[nodiscard]] Result<void> check_nesting(const std::filesystem::path& file);

}  // namespace dicom
