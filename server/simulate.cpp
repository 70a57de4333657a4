#include "server/simulate.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <system_error>

#include "dicom/output/scanner_images.h"
#include "server/simulation/profile.h"
#include "server/simulation/truth.h"

namespace server {
namespace {

using simulation::Profile, simulation::WrittenSeries;
template <class T>
using Expected = tl::expected<T, std::string>;

constexpr const char* kOutlineTime = "20260105112000";  // the reader sits down when the patient has left
constexpr const char* kOutlineKey = "outline_sop_instance_uid";

std::string no_such_profile() {
  std::string known;
  for (const Profile& profile : simulation::profiles()) known += (known.empty() ? "" : ", ") + profile.name;
  return "there is no such profile; known: " + known;
}

std::optional<std::string> out_of_range(const SimulateOptions& options) {
  const Profile* profile = simulation::find_profile(options.profile);
  if (profile == nullptr) return no_such_profile();
  if (options.enhanced && !profile->enhanced)
    return "enhanced images are for Siemens profiles: what a SIGNA Architect writes is classic";
  if (options.matrix < 32 || options.matrix > 1024) return "the matrix must lie between 32 and 1024";
  if (options.slices < 8 || options.slices > 256) return "the number of slices must lie between 8 and 256";
  if (!(options.noise >= 0 && options.noise <= 500)) return "the noise must lie between 0 and 500";
  return std::nullopt;
}

// --- files

Expected<std::vector<WrittenSeries>> write_exam(const SimulateOptions& options, const Profile& profile,
                                                const std::filesystem::path& folder) {
  const dicom::SimulatedExam exam = simulation::exam_of(options);
  std::vector<WrittenSeries> all;
  for (const simulation::Step& step : profile.steps) {
    for (const auto& [series, role] : step(options)) {
      auto images = dicom::write_scanner_series(exam, series, folder);
      if (!images) return tl::unexpected(images.error().what);
      if (all.empty() || all.back().number != series.series_number)
        all.push_back({series.series_number, series.description, role, {}});
      std::ranges::move(*images, std::back_inserter(all.back().images));
    }
  }
  return all;
}

// The images of one volume: its slices, or the object that has them as frames.
std::span<const dicom::Written> outlined(const SimulateOptions& options, const Profile& profile,
                                         const std::vector<WrittenSeries>& exam) {
  const auto& images = std::ranges::find(exam, profile.outlined_series, &WrittenSeries::number)->images;
  const auto each = static_cast<std::size_t>(options.enhanced ? 1 : options.slices);
  return std::span(images).subspan(static_cast<std::size_t>(profile.outlined_volume) * each, each);
}

Expected<dicom::Written> write_outline(const SimulateOptions& options, const fitting::Mask& mask,
                                       std::span<const dicom::Written> images, const std::filesystem::path& folder) {
  const std::string study = simulation::study_uid(options);
  dicom::OutlineRequest request{.template_image = images.front().file,
                                .drawn_on = {},
                                .mask = mask,
                                .label = "Lesion 1",
                                .tracking_id = "Lesion 1",
                                .tracking_uid = simulation::uid_within(study, "lesion 1"),
                                .series_uid = simulation::uid_within(study, "outlines"),
                                .content_datetime = kOutlineTime};
  for (const auto& image : images)
    request.drawn_on.push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid});
  auto written =
      dicom::write_segmentation(request, {.manufacturer = "Simulated", .serial = "0", .version = "1"}, folder);
  if (!written) return tl::unexpected(written.error().what);
  return *written;
}

Expected<void> write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << '\n';
  file.close();
  if (!file) return tl::unexpected("cannot write " + path.filename().string());
  return {};
}

// Whether `out` holds the exam of these very options, which may be written over: it would be the same bytes.
bool holds_this_exam(const std::filesystem::path& out, const SimulateOptions& options) {
  std::ifstream file(out / "truth.json", std::ios::binary);
  const auto known = nlohmann::json::parse(file, nullptr, false);
  return known.is_object() && known.value("study_instance_uid", nlohmann::json()) == simulation::study_uid(options) &&
         known.contains(kOutlineKey) == options.outline;
}

Expected<void> prepare(const std::filesystem::path& out, const SimulateOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(out / "exam", failed);
  const bool empty = !failed && std::filesystem::is_empty(out / "exam", failed);
  if (failed) return tl::unexpected("cannot use the output folder: " + failed.message());
  if (!empty && !holds_this_exam(out, options))
    return tl::unexpected(std::string("the output folder holds another exam"));
  return {};
}

}  // namespace

std::vector<ProfileName> simulation_profiles() {
  std::vector<ProfileName> names;
  for (const Profile& profile : simulation::profiles()) names.push_back({profile.name, profile.title});
  return names;
}

tl::expected<std::vector<SimulatedFile>, std::string> simulate(const SimulateOptions& options,
                                                               const std::filesystem::path& out) {
  if (auto wrong = out_of_range(options)) return tl::unexpected(*wrong);
  if (auto ready = prepare(out, options); !ready) return tl::unexpected(ready.error());

  const Profile& profile = *simulation::find_profile(options.profile);
  const auto written = write_exam(options, profile, out / "exam");
  if (!written) return tl::unexpected(written.error());
  std::vector<SimulatedFile> files;
  for (const auto& series : *written)
    for (const auto& image : series.images)
      files.push_back({image.file, image.sop_class_uid, image.sop_instance_uid, false});

  const fitting::Mask mask = simulation::lesion(options, profile.outlined_field_mm);
  auto known = simulation::truth(options, profile, mask, *written);
  if (options.outline) {
    const auto outline = write_outline(options, mask, outlined(options, profile, *written), out / "outline");
    if (!outline) return tl::unexpected(outline.error());
    files.push_back({outline->file, outline->sop_class_uid, outline->sop_instance_uid, true});
    known[kOutlineKey] = outline->sop_instance_uid;
  }
  if (auto stored = write_text(out / "truth.json", known.dump(2)); !stored) return tl::unexpected(stored.error());
  return files;
}

}  // namespace server
