#include "server/measuring/signal.h"

#include <numeric>

#include "fitting/arrival.h"
#include "server/images.h"

namespace server::measuring {
namespace {

using nlohmann::json;

std::variant<ReadAgain, fitting::Refusal> images_of(Context& context, const MapAtHand& map) {
  const auto job = need(storage::JobQueue(context.database).find(map.job), "find the map's job");
  if (!job) throw Failure{{"the map's job is not here any more"}};
  return read_again(context, json::parse(job->payload));
}

fitting::Series load(Context& context, const ReadAgain& images, const dicom::Acquisition& part) {
  return need(dicom::load_series(part, images.instances, context.settings.fitting.threads), "read the pixels").series;
}

// The slices from the first to the last that the region occupies.
struct Extent {
  int first = 0, count = 0;
};
Extent extent_of(const fitting::Mask& mask) {
  int first = mask.geometry.slices(), last = -1;
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    if (mask.count(slice) == 0) continue;
    first = std::min(first, slice);
    last = slice;
  }
  return {first, last - first + 1};
}

fitting::Mask part_of_mask(const fitting::Mask& mask, const Extent& extent) {
  fitting::Mask part{.geometry = mask.geometry, .inside = {}};
  const auto size = static_cast<std::ptrdiff_t>(mask.geometry.slice_voxels());
  const auto begin = mask.inside.begin() + extent.first * size;
  part.inside.assign(begin, begin + extent.count * size);
  const auto& origins = mask.geometry.slice_origins_mm;
  part.geometry.slice_origins_mm.assign(origins.begin() + extent.first, origins.begin() + extent.first + extent.count);
  return part;
}

std::variant<double, fitting::Refusal> arrival_in(const fitting::Series& series, const dicom::Acquisition& dynamic) {
  if (dynamic.contrast_start_s) return *dynamic.contrast_start_s;
  const auto found = fitting::contrast_arrival(series);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&found)) return *refusal;
  return std::get<fitting::Arrival>(found).time_s;
}

}  // namespace

LastEcho::LastEcho(Context& context, const MapAtHand& map) {
  const auto read = images_of(context, map);
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
  const auto read = images_of(context, map);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) return *refusal;
  const ReadAgain& images = std::get<ReadAgain>(read);
  const dicom::Acquisition& dynamic = images.acquisition;
  if (!fitting::same_grid(dynamic.geometry, mask.geometry))
    return fitting::Refusal{"the dynamic series is not on the map's grid"};
  std::vector<std::size_t> phases(dynamic.volumes.size());
  std::iota(phases.begin(), phases.end(), std::size_t{0});
  const Extent extent = extent_of(mask);
  const auto series = load(context, images, part_of(dynamic, phases, extent.first, extent.count));
  const auto arrival = arrival_in(series, dynamic);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&arrival)) return *refusal;
  return fitting::kinetics(series, std::get<double>(arrival), part_of_mask(mask, extent));
}

}  // namespace server::measuring
