#include "server/measuring/signal.h"

#include <numeric>

#include "server/images.h"

namespace server::measuring {
namespace {

fitting::Series load(Context& context, const ReadAgain& images, const dicom::Acquisition& part) {
  return need(dicom::load_series(part, images.instances, context.settings.fitting.threads), "read the pixels").series;
}

}  // namespace

LastEcho::LastEcho(Context& context, const MapAtHand& map) {
  const auto read = read_again(context, payload_of_map(context, map.job));
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) {
    problem_ = refusal->reason;
    return;
  }
  const ReadAgain& images = std::get<ReadAgain>(read);
  const dicom::Acquisition& all = images.acquisition;
  const auto series = load(context, images, part_of(all, {all.volumes.size() - 1}, 0, all.geometry.slices()));
  geometry_ = series.geometry;
  values_ = series.planes.front().values();
}

std::variant<fitting::LesionSnr, fitting::Refusal> LastEcho::snr(const fitting::Mask& mask, int slice,
                                                                 double least) const {
  if (!problem_.empty()) return fitting::Refusal{problem_};
  if (!fitting::same_grid(geometry_, mask.geometry)) return fitting::Refusal{"the last echo is not on the map's grid"};
  return fitting::lesion_snr(geometry_, values_, mask, slice, least);
}

std::variant<fitting::Kinetics, fitting::Refusal> kinetics_of(Context& context, const MapAtHand& map,
                                                              const fitting::Mask& mask) {
  const auto read = read_again(context, payload_of_map(context, map.job));
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) return *refusal;
  const ReadAgain& images = std::get<ReadAgain>(read);
  const dicom::Acquisition& dynamic = images.acquisition;
  if (!fitting::same_grid(dynamic.geometry, mask.geometry))
    return fitting::Refusal{"the dynamic series is not on the map's grid"};
  std::vector<std::size_t> phases(dynamic.volumes.size());
  std::iota(phases.begin(), phases.end(), std::size_t{0});
  // From the first to the last that the region occupies.
  const std::vector<int> occupied = mask.occupied_slices();
  std::vector<int> slices(static_cast<std::size_t>(occupied.back() - occupied.front() + 1));
  std::iota(slices.begin(), slices.end(), occupied.front());
  const auto series = load(context, images, part_of(dynamic, phases, slices.front(), static_cast<int>(slices.size())));
  const auto arrival = arrival_in(series, dynamic);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&arrival)) return *refusal;
  return fitting::kinetics(series, std::get<double>(arrival), fitting::slices_of(mask, slices));
}

}  // namespace server::measuring
