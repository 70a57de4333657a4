#include "server/images.h"

#include <fmt/format.h>

#include <set>

#include "fitting/arrival.h"
#include "server/job.h"
#include "server/reconcile.h"

namespace server {

using nlohmann::json;

std::vector<dicom::Instance> read_named(Context& context, const json& names_of_images) {
  const storage::Index index(context.database);
  const auto names = names_of_images.get<std::set<std::string>>();
  std::set<std::string> uids;
  for (const std::string& name : names) uids.insert(uid_in(name));
  std::vector<storage::InstanceRow> rows;
  for (const std::string& uid : uids) {
    auto row = need(index.find(uid), "find an instance");
    if (!row) throw Failure{{"instance " + uid + " is not here any more"}};
    rows.push_back(*std::move(row));
  }
  if (!context.from_folder) verify(context.store, context.database, rows, context.settings.fitting.threads);
  std::vector<dicom::Instance> instances;
  for (const storage::InstanceRow& row : rows) {
    for (dicom::Instance& image : need(dicom::read_instances(row.path), "read a header")) {
      if (!names.contains(dicom::image_name(image))) continue;
      // Whether anything is missing was decided from the whole study; of these images alone the scanner's count would
      // not be true.
      image.images_in_acquisition.reset();
      instances.push_back(std::move(image));
    }
  }
  if (context.one_study) take_for_one_study(instances);
  return instances;
}

dicom::Acquisition part_of(const dicom::Acquisition& acquisition, const std::vector<std::size_t>& volumes,
                           int first_slice, int slices) {
  dicom::Acquisition part = acquisition;
  part.volumes.clear();
  part.instances.clear();
  for (const std::size_t v : volumes) {
    const auto& all = acquisition.volumes[v].slices;
    part.volumes.push_back(
        {acquisition.volumes[v].axis, {all.begin() + first_slice, all.begin() + first_slice + slices}});
    for (const auto& slice : part.volumes.back().slices)
      part.instances.insert(part.instances.end(), slice.begin(), slice.end());
  }
  const auto& origins = acquisition.geometry.slice_origins_mm;
  part.geometry.slice_origins_mm.assign(origins.begin() + first_slice, origins.begin() + first_slice + slices);
  return part;
}

std::variant<ReadAgain, fitting::Refusal> read_again(Context& context, const json& payload) {
  ReadAgain again;
  again.instances = read_named(context, payload.at("instances"));
  // Older jobs have no delays.
  dicom::Grouping grouping = dicom::group(again.instances, {payload.value("delays_ms", std::vector<double>())});
  if (grouping.acquisitions.size() != 1) {
    return fitting::Refusal{
        fmt::format("the images of this job form {} acquisitions, not one", grouping.acquisitions.size())};
  }
  again.acquisition = std::move(grouping.acquisitions.front());
  if (!again.acquisition.fits()) return fitting::Refusal{again.acquisition.problem};
  return again;
}

json payload_of_map(Context& context, std::int64_t map_job) {
  const auto job = need(storage::JobQueue(context.database).find(map_job), "find the map's job");
  if (!job) throw Failure{{"the map's job is not here any more"}};
  return json::parse(job->payload);
}

std::variant<double, fitting::Refusal> arrival_in(const fitting::Series& series, const dicom::Acquisition& dynamic) {
  if (dynamic.contrast_start_s) return *dynamic.contrast_start_s;
  const auto found = fitting::contrast_arrival(series);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&found)) return *refusal;
  return std::get<fitting::Arrival>(found).time_s;
}

}  // namespace server
