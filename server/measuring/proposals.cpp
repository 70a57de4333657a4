#include "server/measuring/proposals.h"

#include <fmt/format.h>

#include "dicom/uid.h"
#include "fitting/proposal.h"
#include "server/images.h"

namespace server::measuring {
namespace {

using nlohmann::json;

Lesion as_lesion(const fitting::ProposedLesion& proposed, std::size_t number, const dicom::Acquisition& dynamic,
                 const std::string& key) {
  dicom::Region region;
  region.number = static_cast<int>(number);
  region.label = fmt::format("Proposal {}", number);
  region.algorithm_type = "AUTOMATIC";
  region.frame_of_reference_uid = dynamic.frame_of_reference_uid;
  region.mask = fitting::slices_of(proposed.mask, proposed.mask.occupied_slices());
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
  const auto read = read_again(context, payload_of_map(context, map_job));
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) return *refusal;
  const ReadAgain& images = std::get<ReadAgain>(read);
  const auto loaded = need(dicom::load_series(images.acquisition, images.instances, context.settings.fitting.threads),
                           "read the pixels");
  const auto arrival = arrival_in(loaded.series, images.acquisition);
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
  auto measured = measure_lesions(context, job, std::move(std::get<Outlines>(proposed)));
  if (const auto* found = std::get_if<Measured>(&measured); found != nullptr && found->nothing())
    return fitting::Refusal{"no proposed lesion could be measured on any map"};
  return measured;
}

}  // namespace server::measuring
