#pragma once
// When a contrast agent arrives, from the images of a dynamic series alone: for scanners that do not record the
// injection.
#include <string>
#include <variant>

#include "fitting/series.h"

namespace fitting {

struct Arrival {
  double time_s = 0;        // on the clock of the protocol's axis: the last frame that shows no agent
  std::string description;  // how it was found, one line
};

// Takes the hundredth of the voxels with signal that rises most from the first frame to the mean of the last third, and
// looks for the last frame before their mean has risen by a fifth of its whole rise. A Refusal where that rise is less
// than a tenth of the first frame: nothing enhances; and for series of fewer than three frames. Pure.
[[nodiscard]] std::variant<Arrival, Refusal> contrast_arrival(const Series& series);

}  // namespace fitting
