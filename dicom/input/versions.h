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

// The versions of one dynamic series, the one to use first: the one with the most images, the water of a Dixon series,
// the better one. `name` tells them apart.
struct Version {
  std::string name;
  Indices images;
};
[[nodiscard]] std::vector<Version> versions_by_preference(const Indices& stack, Instances instances);

// Of sets that are versions of each other keeps the more complete one, then the better one; what they leave goes to the
// rests. Sets by time.
void settle_versions(Sets& result, Instances instances, const Rules& rules);

}  // namespace dicom
