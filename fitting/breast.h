#pragma once
// Where the breasts are in an image without contrast: between the skin and the line of the sternum. Internal to
// fitting/proposal.
#include <span>
#include <string>
#include <variant>

#include "fitting/roi.h"
#include "fitting/series.h"

namespace fitting {

struct BreastOptions {
  double least_signal = 0;      // of tissue
  double skin_mm = 3;           // left out under the surface
  double least_valley_mm = 10;  // between the breasts, behind their tips
};

// Looks from the front (-y of the patient) along the axis of the grid that is nearest to it: the surface is where three
// voxels in a row have signal, the sternum line is where the surface between the tips of the breasts lies deepest.
// Everything behind the surface, in front of that line and `skin_mm` away from air belongs to the breasts, dark fat
// too. Works for axial, coronal and sagittal grids of both breasts. Refuses where there is no valley between two tips.
// Linear time.
[[nodiscard]] std::variant<Mask, Refusal> breasts(const Geometry& geometry, std::span<const float> image,
                                                  const BreastOptions& options);

}  // namespace fitting
