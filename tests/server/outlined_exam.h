#pragma once
// A simulated exam and outlines that somebody else's program wrote, through the whole pipeline.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "dicom/input/instance.h"
#include "server/simulate.h"
#include "tests/server/processing.h"
#include "tests/server/report_reader.h"
#include "tests/support/roi_objects.h"

namespace outlined_exam {

namespace fs = std::filesystem;
using processing::json;
using support::OutlinedLesion;

// Prints what a table of the results quotes, where HERALD_TABLE asks for it.
inline void quote(const std::string& what, const std::string& sentence) {
  if (std::getenv("HERALD_TABLE") != nullptr) std::cout << "QUOTE " << what << " | " << sentence << '\n';
}

// What came of one folder.
struct Outcome {
  fs::path study;  // its results
  server::ProcessSummary summary;

  [[nodiscard]] fs::path file(const std::string& name) const { return study / (name + ".dcm"); }
  // Where nothing could be measured there is a report that says why, and no Segmentation of what was.
  [[nodiscard]] bool measured() const { return fs::exists(segmentation()); }
  // Of either kind: an outline may bring a grid of its own.
  [[nodiscard]] fs::path segmentation() const {
    const fs::path aligned = file("measurements/seg");
    return fs::exists(aligned) ? aligned : file("measurements/seg_unaligned");
  }
  [[nodiscard]] bool reported() const { return fs::exists(file("measurements/sr_measurements")); }
  [[nodiscard]] report::Report measurements() const { return report::read(file("measurements/sr_measurements")); }
  // State and reason of the jobs of one kind, a line each.
  [[nodiscard]] std::string jobs(const std::string& kind) const {
    std::string all;
    for (const json& job : summary.studies.at(0).at("jobs"))
      if (job.at("kind") == kind) all += job.at("state").get<std::string>() + ": " + job.value("reason", "") + "\n";
    return all;
  }
  // The first line that has `part` in it, of the report, else of the jobs and the account; empty: nobody says so.
  [[nodiscard]] std::string sentence(const std::string& part) const {
    const std::string texts = (reported() ? measurements().root.all_text() : "") + jobs("measure") +
                              summary.studies.at(0).at("passed_over").dump(0);
    const auto at = texts.find(part);
    if (at == std::string::npos) return {};
    const auto begin = texts.rfind('\n', at);
    return texts.substr(begin + 1, texts.find('\n', at) - begin - 1);
  }
};

// The bytes of every map of a run, by name.
inline std::map<std::string, std::string> maps_of(const Outcome& outcome) {
  std::map<std::string, std::string> maps;
  for (const auto& entry : fs::recursive_directory_iterator(outcome.study)) {
    const std::string folder = entry.path().parent_path().filename();
    if (!entry.is_regular_file() || folder == "measurements" || folder == "nomogram") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    maps[fs::relative(entry.path(), outcome.study)] = {std::istreambuf_iterator<char>(file), {}};
  }
  return maps;
}

class Exam {
 public:
  using Write = std::function<void(const fs::path& folder)>;

  explicit Exam(int matrix = 96, const std::string& profile = "skyra-mapping",
                const std::string& recipe = "zhang-mapping") {
    options_.profile = profile;
    options_.matrix = matrix;
    options_.slices = 24;
    options_.lesion_diameter_mm = 36;
    options_.noise = 3;
    const auto files = server::simulate(options_, sim());
    EXPECT_TRUE(files) << files.error();
    for (const auto& file : files.value()) read_file(file);
    std::erase_if(images_, [&](const dicom::Instance& image) { return image.series_uid != drawn_on_; });
    fs::remove_all(sim() / "outline");
    settings_.recipe = fs::path(HERALD_SOURCE_DIR) / "config/recipes" / (recipe + ".toml");
    dicom::warm_up_writers();
    server::log::open(settings_.logging);
  }

  // The exam's recipe with a line put before its slots.
  void add_to_recipe(const std::string& line) {
    std::ifstream shipped(settings_.recipe);
    std::string text{std::istreambuf_iterator<char>(shipped), {}};
    const auto slots = text.find("\n[[slot]]");
    settings_.recipe = folder_ / "changed.toml";
    std::ofstream(settings_.recipe) << text.substr(0, slots) + "\n" + line + "\n" + text.substr(slots);
  }

  // The lesion as the simulated reader drew it, with the real images of the series that it was drawn on.
  [[nodiscard]] OutlinedLesion lesion() const { return on_images(region_.mask); }
  // Another mask on the images of the same planes; its grid may be another within them.
  [[nodiscard]] OutlinedLesion on_images(fitting::Mask mask) const {
    OutlinedLesion lesion{.mask = std::move(mask)};
    for (const fitting::Vec3& origin : lesion.mask.geometry.slice_origins_mm)
      lesion.images.push_back(image_at(origin).sop_instance_uid);
    const dicom::Instance& image = images_.front();
    lesion.study_uid = image.study_uid;
    lesion.image_series_uid = image.series_uid;
    lesion.frame_of_reference_uid = image.frame_of_reference_uid;
    lesion.image_class_uid = image.sop_class_uid;
    return lesion;
  }
  // The exam and what `write` puts beside it.
  Outcome run(const Write& write, const std::vector<server::Statement>& facts = {}) {
    const fs::path outlines = sim() / "outline", out = folder_ / ("out" + std::to_string(++runs_));
    fs::create_directories(outlines);
    write(outlines);
    Outcome outcome{out / "study-1", server::process_folder(
                                         settings_, {.input = sim(), .output = out, .facts = facts, .said_by = "N.N."},
                                         [](const std::string&) {})};
    fs::remove_all(outlines);
    return outcome;
  }
  // Without any outline: the same exam gives the same.
  const Outcome& without() {
    if (without_.study.empty()) without_ = run([](const fs::path&) {});
    return without_;
  }

 private:
  [[nodiscard]] fs::path sim() const { return folder_ / "sim"; }

  void read_file(const server::SimulatedFile& file) {
    if (file.outline) {
      auto roi = dicom::read_roi(file.path);
      ASSERT_TRUE(roi) << roi.error().what;
      region_ = roi->regions.at(0);
      drawn_on_ = roi->referenced_series.at(0);
      return;
    }
    images_.push_back(dicom::read_instance(file.path).value());
  }

  [[nodiscard]] const dicom::Instance& image_at(const fitting::Vec3& origin) const {
    const fitting::Vec3 normal = region_.mask.geometry.normal();
    return *std::ranges::min_element(
        images_, {}, [&](const dicom::Instance& image) { return std::abs((image.position_mm - origin).dot(normal)); });
  }

  support::TempFolder folder_;
  server::SimulateOptions options_;
  config::Settings settings_ = processing::settings();
  dicom::Region region_;
  std::string drawn_on_;  // series
  std::vector<dicom::Instance> images_;
  Outcome without_;
  int runs_ = 0;
};

// --- numbers of a report

// Every number of a report, by the group that has it and its name.
inline std::map<std::string, double> numbers_of(const report::Report& report) {
  std::map<std::string, double> numbers;
  for (const report::Item* group : report.root.named("Measurement Group")) {
    const auto tracking = group->named("Tracking Identifier");
    for (const report::Item& item : group->children)
      if (item.number) numbers[tracking.at(0)->text + " | " + item.name] = *item.number;
  }
  return numbers;
}

}  // namespace outlined_exam
