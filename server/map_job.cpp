#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "dicom/input/acquisition.h"
#include "dicom/output/map_objects.h"
#include "fitting/arrival.h"
#include "fitting/fit.h"
#include "fitting/registration.h"
#include "server/exported_maps.h"
#include "server/images.h"
#include "server/job.h"
#include "server/objects.h"
#include "server/result_kinds.h"

namespace server {
namespace {

using nlohmann::json;

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
        source.per_slice[slice].push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid, image.frame});
      }
    }
  }
  source.template_image = instances[acquisition.volumes.front().slices.front().front()].file;
  source.content_datetime = content_datetime(acquisition, instances);
  source.digest = digest;
  return source;
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
  if (needed_kinds(context.settings).contains("pm_normalised") && grid.slice_voxels() % 4 == 0) {
    const auto scaled = need(dicom::write_parametric_map(request, mr_map, dicom::PixelScale::Normalised, folder.path()),
                             "write the Parametric Map");
    results.push_back(publish(context, job, scaled, {"pm_normalised", request.slot, 0}));
  }
  return results;
}

// --- fitting ---

// How the signal of inversion recovery was taken, for the Derivation Description: it decides what T1 is.
std::string readout_of(const fitting::Protocol& protocol) {
  if (protocol.axis_kind != fitting::Axis::InversionTimeMs) return {};
  return std::string(protocol.signed_signal ? "; signed images" : "; magnitudes") +
         (protocol.look_locker ? "; corrected for Look-Locker readouts" : "; no correction for Look-Locker readouts");
}

fitting::Series part_of(const fitting::Series& series, const std::vector<std::size_t>& planes) {
  fitting::Series part{.geometry = series.geometry, .protocol = series.protocol, .planes = {}};
  part.protocol.axis.clear();
  for (const std::size_t k : planes) {
    part.protocol.axis.push_back(series.protocol.axis[k]);
    part.planes.push_back(series.planes[k]);
    if (!series.averages.empty()) part.averages.push_back(series.averages[k]);
  }
  return part;
}

std::variant<fitting::Fit, fitting::Refusal> fit_model(const Context& context, const fitting::Series& series,
                                                       const fitting::Model& model, const json& payload,
                                                       const std::string& remark) {
  auto fitted = fitting::fit_series(series, model, context.settings.fitting);
  auto* fit = std::get_if<fitting::Fit>(&fitted);
  if (fit == nullptr) return fitted;
  fit->description += readout_of(series.protocol) + remark;
  if (fit->fitted == 0) return fitting::Refusal{"no voxel could be fitted: " + fit->description};
  if (const int revision = payload.value("revision", 1); revision > 1)
    fit->description += fmt::format("; revision {}", revision);
  for (const json& replaced : payload.at("replaces")) {
    fit->description += "; replaces series " + replaced.get<std::string>();
  }
  return fitted;
}

// Series numbers of further maps follow those of the slots' first ones.
constexpr int kMapSpacing = 20;

// What `work` returns; its time is added to `spent`.
template <class Work>
auto timed(std::chrono::milliseconds& spent, Work work) {
  const auto started = std::chrono::steady_clock::now();
  struct Stop {
    std::chrono::milliseconds& spent;
    std::chrono::steady_clock::time_point started;
    ~Stop() {
      spent += std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    }
  } stop{spent, started};
  return work();
}

class MapJob {
 public:
  MapJob(Context& context, const storage::Job& job, const json& payload, const dicom::Acquisition& acquisition,
         const std::vector<dicom::Instance>& instances)
      : context_(context),
        job_(job),
        payload_(payload),
        acquisition_(acquisition),
        instances_(instances),
        slot_(payload.at("slot").get<std::string>()) {}

  // What one model cannot do is said and does not take the others down.
  JobOutcome run() {
    loaded_ = timed(output_.spent.reading, [&] {
      return need(dicom::load_series(acquisition_, instances_, context_.settings.fitting.threads), "read the pixels");
    });
    if (acquisition_.kind == dicom::Kind::SyntheticMaps) return taken_over();
    if (payload_.value("align", false)) timed(output_.spent.aligning, [&] { align(); });
    if (acquisition_.kind == dicom::Kind::Dynamic && !acquisition_.contrast_start_s) find_arrival();
    int first_map = 0;  // of the model: names and numbers do not depend on what another model could do
    for (const std::string_view name : dicom::models_of(acquisition_)) {
      const fitting::Model& model = *fitting::find_model(name);
      auto fitted = timed(output_.spent.fitting, [&] { return fit(model); });
      if (const auto* refusal = std::get_if<fitting::Refusal>(&fitted))
        leave_out(refusal->reason);
      else
        timed(output_.spent.writing, [&] { write(std::get<fitting::Fit>(fitted), first_map); });
      first_map += static_cast<int>(model.maps);
    }
    if (output_.results.empty()) return fitting::Refusal{output_.left_out};
    output_.slot = slot_;
    return std::move(output_);
  }

 private:
  // The scanner's maps as its application exported them, in the objects and the units of our own.
  JobOutcome taken_over() {
    fitting::Fit fit = exported_maps(loaded_.series, acquisition_);
    timed(output_.spent.writing, [&] {
      for (std::size_t k = 0; k < fit.maps.size(); ++k) {
        if (!wanted(fit.maps[k].parameter)) continue;
        const int map = static_cast<int>(acquisition_.volumes[k].axis) - 1;
        auto rows = write_objects(context_, job_, request_for(fit, k, map));
        std::move(rows.begin(), rows.end(), std::back_inserter(output_.results));
      }
    });
    output_.slot = slot_;
    return std::move(output_);
  }

  void find_arrival() {
    const auto found = fitting::contrast_arrival(loaded_.series);
    if (const auto* arrival = std::get_if<fitting::Arrival>(&found)) {
      loaded_.series.protocol.contrast_arrival_s = arrival->time_s;
      alignment_ += "; " + arrival->description;
    } else {
      alignment_ += "; " + std::get<fitting::Refusal>(found).reason + ": the first phase is taken for the baseline";
    }
  }

  // Of the volumes that the model describes.
  std::variant<fitting::Fit, fitting::Refusal> fit(const fitting::Model& model) {
    const auto volumes = dicom::volumes_for(acquisition_, model.name);
    if (volumes.size() == loaded_.series.planes.size()) return fit_model(context_, loaded_.series, model, payload_, "");
    return fit_model(context_, part_of(loaded_.series, volumes), model, payload_,
                     fmt::format("; the other {} b-values are too large for one exponential",
                                 loaded_.series.planes.size() - volumes.size()));
  }

  void leave_out(const std::string& reason) { output_.left_out += (output_.left_out.empty() ? "" : "; ") + reason; }

  // A series that cannot be aligned is fitted as it was acquired, and says so.
  void align() {
    auto aligned = fitting::align(loaded_.series, {.threads = context_.settings.fitting.threads});
    if (const auto* refusal = std::get_if<fitting::Refusal>(&aligned)) {
      alignment_ += "; not aligned: " + refusal->reason;
      return;
    }
    auto& alignment = std::get<fitting::Alignment>(aligned);
    loaded_.series = std::move(alignment.series);
    alignment_ += "; " + alignment.description;
  }

  // Whether the recipe has this map delivered.
  bool wanted(const fitting::Parameter& parameter) const {
    const auto maps = payload_.value("maps", std::vector<std::string>());
    return maps.empty() || std::find(maps.begin(), maps.end(), parameter.name) != maps.end();
  }

  void write(fitting::Fit& fit, int first_map) {
    fit.description += alignment_;
    for (std::size_t parameter = 0; parameter < fit.model->maps; ++parameter) {
      if (!wanted(fit.maps[parameter].parameter)) continue;
      auto rows = write_objects(context_, job_, request_for(fit, parameter, first_map + static_cast<int>(parameter)));
      std::move(rows.begin(), rows.end(), std::back_inserter(output_.results));
    }
  }

  dicom::MapRequest request_for(const fitting::Fit& fit, std::size_t parameter, int map) const {
    dicom::MapRequest request;
    request.fit = &fit;
    request.parameter = parameter;
    request.slot = result_name(slot_, map, fit.maps[parameter].parameter);
    request.revision = payload_.value("revision", 1);
    request.contrast = payload_.at("contrast") == "unknown" ? "" : payload_.at("contrast").get<std::string>();
    request.series_offset = payload_.at("series_offset").get<int>() + kMapSpacing * map;
    request.source =
        source_of(acquisition_, instances_, storage::sha256_hex(loaded_.pixel_digest + "|" + fit.description));
    request.equipment = context_.settings.equipment;
    return request;
  }

  Context& context_;
  const storage::Job& job_;
  const json& payload_;
  const dicom::Acquisition& acquisition_;
  const std::vector<dicom::Instance>& instances_;
  dicom::LoadedSeries loaded_;
  std::string alignment_;  // what was done about motion and arrival, for the Derivation Description
  std::string slot_;
  JobOutput output_;
};

}  // namespace

JobOutcome run_map_job(Context& context, const storage::Job& job) {
  const json payload = json::parse(job.payload);
  auto read = read_again(context, payload);
  if (const auto* refusal = std::get_if<fitting::Refusal>(&read)) return *refusal;
  auto& [instances, acquisition] = std::get<ReadAgain>(read);

  // The recipe knows better than the images; a job that was queued by an earlier version does not say.
  if (const json forced = payload.value("look_locker", json()); forced.is_boolean())
    acquisition.look_locker = forced.get<bool>();
  return MapJob(context, job, payload, acquisition, instances).run();
}

}  // namespace server
