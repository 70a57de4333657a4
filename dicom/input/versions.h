#pragma once
// Scanners store one acquisition with and without correction of distortion (DIS2D or DIS3D, ND), normalisation (NORM)
// and filters, as series or within one. Values from two versions make no fit: what remains of the Image Type tells them
// apart. Internal to dicom/input.
#include <map>
#include <string>
#include <vector>

#include "dicom/input/volumes.h"

namespace dicom {

// What the Image Type says beyond ORIGINAL, PRIMARY and which of its series an image is.
using Tokens = std::vector<std::string>;

[[nodiscard]] std::map<Tokens, Indices> split_by_version(const Indices& stack, Instances instances);

// Of a dynamic series that was stored in several versions, the one to use: the water of a Dixon sequence, then the
// better, then the more complete one. The others go to the rests where they are copies, acquired at the same times;
// where they are not, all of them are the series, and cannot be fitted.
struct DynamicVersion {
  Indices images;
  std::string problem;
  std::vector<Rest> rests;
};
[[nodiscard]] DynamicVersion one_version(const Indices& stack, Instances instances);

// Of sets that are versions of each other keeps the more complete one, then the better one; what they leave goes to the
// rests. Sets by time.
void settle_versions(Sets& result, Instances instances, const Rules& rules);

}  // namespace dicom
