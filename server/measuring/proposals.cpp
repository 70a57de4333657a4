#include "server/measuring/proposals.h"

#include <fmt/format.h>

#include "dicom/uid.h"
#include "fitting/arrival.h"
#include "fitting/proposal.h"
#include "server/images.h"

namespace server::measuring {
namespace {

using nlohmann::json;

std::variant<double, fitting::Refusal> arrival_of(const fitting::Series& series, const dicom::Acquisition& dynamic) {
  if (dynamic.contrast_start_s) return *dynamic.contrast_start_s;
  const auto found = fitting::contrast_arrival(series);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&found)) return *refusal;
  return std::get<fitting::Arrival>(found).time_s;
}

// As outlines are: the slices that it occupies alone.
fitting::Mask occupied(const fitting::Mask& mask) {
  fitting::Mask part{.geometry = mask.geometry, .inside = {}};
  part.geometry.slice_origins_mm.clear();
  const auto size = static_cast<std::ptrdiff_t>(mask.geometry.slice_voxels());
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    if (mask.count(slice) == 0) continue;
    part.geometry.slice_origins_mm.push_back(mask.geometry.slice_origins_mm[static_cast<std::size_t>(slice)]);
    const auto begin = mask.inside.begin() + slice * size;
    part.inside.insert(part.inside.end(), begin, begin + size);
  }
  return part;
}

Lesion as_lesion(const fitting::ProposedLesion& proposed, std::size_t number, const dicom::Acquisition& dynamic,
                 const std::string& key) {
  dicom::Region region;
  region.number = static_cast<int>(number);
  region.label = fmt::format("Proposal {}", number);
  region.algorithm_type = "AUTOMATIC";
  region.frame_of_reference_uid = dynamic.frame_of_reference_uid;
  region.mask = occupied(proposed.mask);
  Lesion lesion{.tracking_id = fmt::format("Proposal {} (unreviewed)", number),
                .tracking_uid = dicom::uid_from_name(fmt::format("proposal|{}|{}", key, number)),
                .category = {"49755003", "SCT", "Morphologically Abnormal Structure"},
                .type = {"52988006", "SCT", "Lesion"},
                .laterality = {},
                .lesion = true,
                .proposal = true,
                .readings = {}};
  lesion.readings.push_back({1, 1, "", std::move(region)});
  return lesion;
}

std::variant<Outlines, fitting::Refusal> propose(Context& context, std::int64_t map_job) {
  const auto job = need(storage::JobQueue(context.database).find(map_job), "find the map's job");
  if (!job) throw Failure{{"the map's job is not here any more"}};
  const auto read = read_again(context, json::parse(job->payload));
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) return *refusal;
  const ReadAgain& images = std::get<ReadAgain>(read);
  const auto loaded = need(dicom::load_series(images.acquisition, images.instances, context.settings.fitting.threads),
                           "read the pixels");
  const auto arrival = arrival_of(loaded.series, images.acquisition);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&arrival)) return *refusal;
  auto proposed = fitting::propose_lesions(loaded.series, std::get<double>(arrival));
  if (const auto* refusal = std::get_if<fitting::Refusal>(&proposed)) return *refusal;
  auto& proposal = std::get<fitting::Proposal>(proposed);
  if (proposal.lesions.empty()) return fitting::Refusal{"no lesion is proposed: " + proposal.description};
  Outlines outlines;
  for (const dicom::Instance& image : images.instances) outlines.drawn_on.insert(image.series_uid);
  for (const fitting::ProposedLesion& lesion : proposal.lesions)
    outlines.lesions.push_back(as_lesion(lesion, outlines.lesions.size() + 1, images.acquisition, loaded.pixel_digest));
  outlines.remarks = {"Every outline of this document is an algorithm's proposal that nobody has reviewed: " +
                      proposal.description + "."};
  return outlines;
}

}  // namespace

std::variant<Measured, fitting::Refusal> measure_proposals(Context& context, const storage::Job& job) {
  const json payload = json::parse(job.payload);
  if (payload.at("dynamic").size() != 1)
    return fitting::Refusal{"there is more than one dynamic series; nothing is proposed on any of them"};
  auto proposed = propose(context, payload.at("dynamic").at(0).get<std::int64_t>());
  if (auto* refusal = std::get_if<fitting::Refusal>(&proposed)) return *refusal;
  Measured measured;
  measured.outlines = std::move(std::get<Outlines>(proposed));
  measured.maps = read_maps(context, job.study_uid, payload);
  measured.findings = measure(context, measured.maps, measured.outlines.lesions);
  if (measured.findings.slices.empty()) return fitting::Refusal{"no proposed lesion could be measured on any map"};
  auto& remarks = measured.findings.remarks;
  remarks.insert(remarks.begin(), measured.outlines.remarks.begin(), measured.outlines.remarks.end());
  return measured;
}

}  // namespace server::measuring
