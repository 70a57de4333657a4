#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dicom/input/acquisition.h"
#include "dicom/output/map_objects.h"
#include "fitting/fit.h"
#include "server/job.h"
#include "server/objects.h"
#include "server/parallel.h"

namespace server {
namespace {

using nlohmann::json;

std::vector<dicom::Instance> read_named(Context& context, const json& uids) {
  storage::Index index(context.database);
  std::vector<dicom::Instance> instances;
  for (const json& uid : uids) {
    const auto row = need(index.find(uid.get<std::string>()), "find an instance");
    if (!row) throw Failure{{"instance " + uid.get<std::string>() + " is not here any more"}};
    instances.push_back(need(dicom::read_instance(row->path), "read a header"));
    // Whether anything is missing was decided from the whole study; of these images alone the scanner's count would not
    // be true.
    instances.back().images_in_acquisition.reset();
  }
  return instances;
}

// The scanner's clock as DICOM writes it; the latest image dates the result.
std::string content_datetime(const dicom::Acquisition& acquisition, const std::vector<dicom::Instance>& instances) {
  std::optional<double> latest;
  for (const std::size_t i : acquisition.instances) {
    const auto time = instances[i].acquisition_time_s;
    if (time && (!latest || *time > *latest)) latest = time;
  }
  if (!latest)
    return "19000101000000";  // nobody knows: DICOM asks for a date here, and this one can be mistaken for none
  const auto seconds = static_cast<std::time_t>(*latest);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

dicom::MapSource source_of(const dicom::Acquisition& acquisition, const std::vector<dicom::Instance>& instances,
                           const std::string& digest) {
  dicom::MapSource source;
  source.per_slice.resize(static_cast<std::size_t>(acquisition.geometry.slices()));
  for (const dicom::Volume& volume : acquisition.volumes) {
    for (std::size_t slice = 0; slice < volume.slices.size(); ++slice) {
      for (const std::size_t i : volume.slices[slice]) {
        const dicom::Instance& image = instances[i];
        source.per_slice[slice].push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid});
      }
    }
  }
  source.template_image = instances[acquisition.volumes.front().slices.front().front()].file;
  source.content_datetime = content_datetime(acquisition, instances);
  source.digest = digest;
  return source;
}

bool wants(const config::Settings& settings, config::ParametricMaps form) {
  return std::any_of(settings.destinations.begin(), settings.destinations.end(),
                     [form](const config::Destination& destination) { return destination.parametric_maps == form; });
}

// The MR series, the exact Parametric Map (always: it is the store of record for measuring), and the normalised one
// where a destination wants it and the matrix allows it.
std::vector<storage::ResultRow> write_objects(Context& context, const storage::Job& job,
                                              const dicom::MapRequest& request) {
  const WorkFolder folder(context.store);
  const auto mr_map = need(dicom::write_mr_map(request, folder.path()), "write the MR map");
  std::vector<storage::ResultRow> results;
  for (std::size_t slice = 0; slice < mr_map.size(); ++slice) {
    results.push_back(publish(context, job, mr_map[slice], {"mr_map", request.slot, static_cast<int>(slice)}));
  }
  const auto exact = need(dicom::write_parametric_map(request, mr_map, dicom::PixelScale::Real, folder.path()),
                          "write the Parametric Map");
  results.push_back(publish(context, job, exact, {"pm_real", request.slot, 0}));
  const fitting::Geometry& grid = request.fit->geometry;
  if (wants(context.settings, config::ParametricMaps::Normalised) && grid.slice_voxels() % 4 == 0) {
    const auto scaled = need(dicom::write_parametric_map(request, mr_map, dicom::PixelScale::Normalised, folder.path()),
                             "write the Parametric Map");
    results.push_back(publish(context, job, scaled, {"pm_normalised", request.slot, 0}));
  }
  return results;
}

}  // namespace

JobOutcome run_map_job(Context& context, const storage::Job& job) {
  const json payload = json::parse(job.payload);
  const std::vector<dicom::Instance> instances = read_named(context, payload.at("instances"));
  const dicom::Grouping grouping = dicom::group(instances);
  if (grouping.acquisitions.size() != 1) {
    return fitting::Refusal{
        fmt::format("the images of this job form {} acquisitions, not one", grouping.acquisitions.size())};
  }
  const dicom::Acquisition& acquisition = grouping.acquisitions.front();
  if (!acquisition.fits()) return fitting::Refusal{acquisition.problem};

  const auto loaded =
      need(dicom::load_series(acquisition, instances, context.settings.fitting.threads), "read the pixels");
  const fitting::Model* model = fitting::find_model(dicom::model_of(acquisition.kind));
  auto fitted = fitting::fit_series(loaded.series, *model, context.settings.fitting);
  if (auto* refusal = std::get_if<fitting::Refusal>(&fitted)) return *refusal;
  auto& fit = std::get<fitting::Fit>(fitted);
  if (fit.fitted == 0) return fitting::Refusal{"no voxel could be fitted: " + fit.description};

  for (const json& series : payload.at("replaces")) {
    fit.description += "; replaces series " + series.get<std::string>() + ", made before all images had come";
  }

  dicom::MapRequest request;
  request.fit = &fit;
  request.slot = payload.at("slot").get<std::string>();
  request.contrast = payload.at("contrast") == "unknown" ? "" : payload.at("contrast").get<std::string>();
  request.series_offset = payload.at("series_offset").get<int>();
  request.source = source_of(acquisition, instances, storage::sha256_hex(loaded.pixel_digest + "|" + fit.description));
  request.equipment = context.settings.equipment;
  return JobOutput{write_objects(context, job, request), request.slot};
}

}  // namespace server
