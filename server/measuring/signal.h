#pragma once
// What a measurement asks the images themselves, beyond the maps: the noise of an echo, the curve of a dynamic series.
#include <memory>
#include <optional>
#include <variant>

#include "fitting/enhancement.h"
#include "fitting/lesion_snr.h"
#include "server/measuring/maps.h"

namespace server::measuring {

// The last echo of the acquisition that a map was made of.
class LastEcho {
 public:
  // Reads it; throws a Failure when images are gone.
  LastEcho(Context& context, const MapAtHand& map);
  // `mask` is on the grid of the map. A Refusal where the noise cannot be told, or the images are put together
  // otherwise now.
  [[nodiscard]] std::variant<fitting::LesionSnr, fitting::Refusal> snr(const fitting::Mask& mask, int slice,
                                                                       double least) const;

 private:
  fitting::Geometry geometry_;
  std::vector<float> values_;
  std::string problem_;
};

// The curve of the lesion in the dynamic series that a map was made of; reads the slices of the lesion alone.
[[nodiscard]] std::variant<fitting::Kinetics, fitting::Refusal> kinetics_of(Context& context, const MapAtHand& map,
                                                                            const fitting::Mask& mask);

}  // namespace server::measuring
