#include "server/simulate.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <system_error>

#include "dicom/output/scanner_images.h"
#include "server/simulation/profile.h"
#include "server/simulation/reader.h"
#include "server/simulation/truth.h"

namespace server {
namespace {

using simulation::Profile, simulation::WrittenSeries;
template <class T>
using Expected = tl::expected<T, std::string>;

// The readers sit down when the patient has left.
constexpr const char* kOutlineDate = "20260105";
constexpr int kOutlineMinute = 11 * 60 + 20, kMinutesEach = 5;
constexpr int kOutlineSeries = 9010;
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
  const auto [least, most] = std::minmax({options.matrix, simulation::columns(options)});
  if (least < 32 || most > 1024) return "the matrix must lie between 32 and 1024";
  if (options.slices < 8 || options.slices > 256) return "the number of slices must lie between 8 and 256";
  if (!(options.noise >= 0 && options.noise <= 500)) return "the noise must lie between 0 and 500";
  const double dose = options.dose_mmol_per_kg.value_or(profile->dose_mmol_per_kg);
  if (!(dose >= 0.02 && dose <= 0.4)) return "the dose must lie between 0.02 and 0.4 mmol/kg";
  const double field = options.field_strength_t.value_or(3);
  if (field != 1.5 && field != 3) return "the field strength must be 1.5 or 3 T";
  if (!(options.lesion_diameter_mm >= 4 && options.lesion_diameter_mm <= 40))
    return "the diameter of the lesion must lie between 4 and 40 mm";
  if (options.readers < 1 || options.readers > simulation::kMostReaders || options.repeats < 1 ||
      options.repeats > simulation::kMostRepeats)
    return "the readings must be those of 1 to 5 readers, 1 to 5 times each";
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

struct Reading {
  int reader = 1, repeat = 1;
};

std::vector<Reading> readings(const SimulateOptions& options) {
  std::vector<Reading> all;
  for (int reader = 1; options.outline && reader <= options.readers; ++reader)
    for (int repeat = 1; repeat <= options.repeats; ++repeat) all.push_back({reader, repeat});
  return all;
}

// "2x3"; empty without an outline.
std::string named_readings(const SimulateOptions& options) {
  return options.outline ? std::to_string(options.readers) + "x" + std::to_string(options.repeats) : "";
}

// One reading is the lesion itself.
fitting::Mask drawn(const SimulateOptions& options, const Profile& profile, const Reading& reading) {
  const bool single = options.readers == 1 && options.repeats == 1;
  return single ? simulation::lesion(options, profile.outlined_field_mm)
                : simulation::drawn_by(options, profile.outlined_field_mm, reading.reader, reading.repeat);
}

std::string drawn_at(const SimulateOptions& options, const Reading& reading) {
  const int minute = kOutlineMinute + kMinutesEach * ((reading.reader - 1) * options.repeats + reading.repeat - 1);
  char digits[32];
  std::snprintf(digits, sizeof digits, "%02d%02d00", minute / 60, minute % 60);
  return kOutlineDate + std::string(digits);
}

Expected<dicom::Written> write_outline(const SimulateOptions& options, const Profile& profile, const Reading& reading,
                                       std::span<const dicom::Written> images, const std::filesystem::path& folder) {
  const std::string study = simulation::study_uid(options);
  const std::string series = reading.reader == 1 ? "outlines" : "outlines of reader " + std::to_string(reading.reader);
  dicom::OutlineRequest request{.template_image = images.front().file,
                                .drawn_on = {},
                                .mask = drawn(options, profile, reading),
                                .label = "Lesion 1",
                                .tracking_id = "Lesion 1",
                                .tracking_uid = simulation::uid_within(study, "lesion 1"),
                                .series_uid = simulation::uid_within(study, series),
                                .content_datetime = drawn_at(options, reading),
                                .series_number = kOutlineSeries + reading.reader - 1,
                                .instance_number = reading.repeat,
                                .creator = simulation::reader_name(reading.reader)};
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
         known.value("readings", "") == named_readings(options);
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
  known["readings"] = named_readings(options);
  for (const Reading& reading : readings(options)) {
    const auto outline =
        write_outline(options, profile, reading, outlined(options, profile, *written), out / "outline");
    if (!outline) return tl::unexpected(outline.error());
    files.push_back({outline->file, outline->sop_class_uid, outline->sop_instance_uid, true});
    if (!known.contains(kOutlineKey)) known[kOutlineKey] = outline->sop_instance_uid;
    known["outlines"].push_back(
        {{"reader", reading.reader}, {"repeat", reading.repeat}, {"sop_instance_uid", outline->sop_instance_uid}});
  }
  if (auto stored = write_text(out / "truth.json", known.dump(2)); !stored) return tl::unexpected(stored.error());
  return files;
}

}  // namespace server
