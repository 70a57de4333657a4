#pragma once
// The sign that magnitudes lose: from phase images or from real and imaginary parts.
#include <span>
#include <variant>

#include "fitting/series.h"

namespace fitting {

// The magnetisation along the direction in which it lies when it has recovered: magnitude * cos(phase - reference), the
// reference being the phase of the plane of the largest axis value with the same echo time (inversion recovery: the
// longest inversion time; MDME: for each echo the longest saturation delay). Phases of the coils and of the echoes drop
// out, voxel by voxel. The result has Protocol::signed_signal set and noise of a Gaussian.
//
// `phases_rad` holds one plane for each of the series; a phase may be off by any multiple of 2 pi. Refuses counts or
// sizes that disagree and series that are signed already.
[[nodiscard]] std::variant<Series, Refusal> with_signs(const Series& magnitudes, std::span<const Plane> phases_rad);

// The same of real and imaginary parts. `real` gives geometry and protocol.
[[nodiscard]] std::variant<Series, Refusal> with_signs_of_complex(const Series& real, std::span<const Plane> imaginary);

}  // namespace fitting
