#pragma once
// From a set of images to an acquisition that says what it is, what speaks for it and what is missing. Internal to
// dicom/input.
#include <string>
#include <string_view>

#include "dicom/input/acquisition.h"
#include "dicom/input/volumes.h"

namespace dicom {

// "1 slice", "3 slices".
[[nodiscard]] std::string count_of(std::size_t n, std::string_view one, std::string_view many);

[[nodiscard]] Indices by_uid(Indices images, Instances instances);

[[nodiscard]] Acquisition acquisition_of(const Set& set, Instances instances, const Rules& rules);

}  // namespace dicom
