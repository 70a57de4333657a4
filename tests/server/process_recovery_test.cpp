// Maps that are more than one model's or many series' work: T1 by inversion recovery of real phantoms, kurtosis of
// synthetic diffusion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "dicom/output/scanner_images.h"
#include "server/explain.h"
#include "tests/server/processing.h"

namespace {

using namespace processing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The recipe's word against the images': what it forces is said in the result.
TEST(ProcessOnRealScanners, TheRecipeMayForceTheCorrectionForReadouts) {
  HERALD_NEEDS_DATA("dicom/hazen_t1ir_siemens_aera_p5");
  const support::TempFolder work;
  const auto corrected = [&](const std::string& name, const std::string& line) {
    std::ofstream(work / (name + ".toml")) << "name = 'r'\ntitle = 'R'\n[[slot]]\nname = 't1'\nkind = 't1_ir'\n"
                                           << line;
    config::Settings with_recipe = settings();
    with_recipe.recipe = work / (name + ".toml");
    const auto input = support::test_data() / "dicom/hazen_t1ir_siemens_aera_p5";
    server::process_folder(with_recipe, {input, work / name, config::ParametricMaps::Real}, [](const std::string&) {});
    return read_map(work / name / "study-1/t1/pm_real.dcm").value;
  };
  dicom::warm_up_writers();
  server::log::open(settings().logging);
  const auto by_images = corrected("by_images", ""), forced_off = corrected("off", "look_locker = false"),
             forced_on = corrected("on", "look_locker = true");
  EXPECT_EQ(by_images, forced_off);
  EXPECT_NE(by_images, forced_on);
}

constexpr double kD = 1100, kK = 0.9, kS0 = 3000, kNoise = 3;  // um2/s, 1, signal

// Diffusion of a disk in air, one trace-like image per b-value, with Rician noise.
void write_diffusion(const std::vector<double>& b_values, const fs::path& folder) {
  constexpr int kMatrix = 48;
  dicom::SimulatedSeries series;
  series.series_uid = "1.2.3.4.1";
  series.description = "ep2d_diff";
  series.image_type = {"ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND"};
  series.scanning_sequence = "EP";
  series.sequence_variant = "SK";
  series.sequence_name = "*ep_b";
  series.acquisition_type = "2D";
  series.start_s = 36000;
  auto& geometry = series.series.geometry;
  geometry.columns = geometry.rows = kMatrix;
  geometry.slice_origins_mm = {{0, 0, 0}, {0, 0, 5}};
  series.series.protocol = {fitting::Axis::BValueSPerMm2, b_values, 5000};
  std::mt19937 random(11);
  std::normal_distribution<double> noise(0, kNoise);
  for (const double b : b_values) {
    const double bd = b * kD * 1e-6, signal = kS0 * std::exp(-bd + bd * bd * kK / 6);
    std::vector<float> plane;
    for (std::size_t i = 0; i < geometry.voxels(); ++i) {
      const double x = static_cast<double>(i % kMatrix) - kMatrix / 2,
                   y = static_cast<double>(i / kMatrix % kMatrix) - kMatrix / 2;
      plane.push_back(
          static_cast<float>(std::hypot((std::hypot(x, y) < 14 ? signal : 0) + noise(random), noise(random))));
    }
    series.series.planes.emplace_back(std::move(plane));
    series.contrasts.push_back({.echo_time_ms = 60, .flip_angle_deg = 90, .b_value_s_mm2 = b});
  }
  fs::create_directories(folder);
  dicom::warm_up_writers();
  const dicom::SimulatedExam exam{"1.2.3.4", "1.2.3.4.0", "SYNTHETIC", "Synthetic^Exam", "A1", "20260102", 36000};
  const auto written = dicom::write_scanner_series(exam, series, folder);
  ASSERT_TRUE(written) << written.error().what;
}

double median_of_disk(const dicom::StoredMap& map) {
  return region(map, 0, json{map.geometry.rows / 2, map.geometry.columns / 2}, 6);
}

std::vector<std::string> slots_below(const fs::path& folder) {
  std::vector<std::string> slots;
  for (const fs::path& map : maps_below(folder)) slots.push_back(map.parent_path().filename());
  return slots;
}

TEST(ProcessDiffusion, WithHighBValuesGivesDiffusionAndKurtosisBesideTheAdc) {
  const support::TempFolder work;
  write_diffusion({0, 800, 1400, 2000}, work / "exam");
  const auto summary = process(work / "exam", work / "out");
  EXPECT_EQ(summary.jobs_failed, 0u);
  EXPECT_THAT(slots_below(work / "out"), ElementsAre("dwi", "dwi_d", "dwi_k"));
  const fs::path results = work / "out/study-1";
  const auto adc = read_map(results / "dwi/pm_real.dcm"), d = read_map(results / "dwi_d/pm_real.dcm"),
             k = read_map(results / "dwi_k/pm_real.dcm");
  EXPECT_EQ(adc.quantity, "ADC");
  EXPECT_EQ(d.quantity, "D");
  EXPECT_EQ(k.quantity, "K");
  EXPECT_NEAR(median_of_disk(d) / kD, 1, 0.01);
  EXPECT_NEAR(median_of_disk(k) / kK, 1, 0.02);
  EXPECT_LT(median_of_disk(adc), 0.95 * kD);  // a straight line through a curve that flattens
  for (const char* slot : {"dwi", "dwi_d", "dwi_k"})
    EXPECT_TRUE(fs::exists(results / slot / "mr_map_0002.dcm")) << slot;
}

TEST(ProcessDiffusion, WithoutHighBValuesGivesTheAdcOnly) {
  const support::TempFolder work;
  write_diffusion({0, 500, 1000}, work / "exam");
  const auto summary = process(work / "exam", work / "out");
  EXPECT_THAT(slots_below(work / "out"), ElementsAre("dwi"));
  for (const json& job : summary.studies.at(0).at("jobs")) EXPECT_FALSE(job.contains("reason")) << job;
}

TEST(Explain, TellsWhichMapADoneJobLeftOut) {
  json line{{"slot", "dwi"},
            {"kind", "dwi"},
            {"contrast", "unknown"},
            {"series_numbers", {4}},
            {"images", 8},
            {"slices", 2},
            {"matrix", {8, 8}},
            {"axis", {0, 800}},
            {"evidence", json::array()},
            {"reasons", json::array()},
            {"notes", json::array()},
            {"job_key", "dwi:1"}};
  json account{{"study", "1.2"},
               {"instances", 8},
               {"recipe", "r"},
               {"acquisitions", {line}},
               {"empty_required", json::array()},
               {"rois", json::array()},
               {"passed_over", json::array()},
               {"unreadable", json::array()},
               {"incidents", json::array()},
               {"results", json::array()}};
  account["jobs"] = json::array({{{"id", 3}, {"key", "dwi:1"}, {"state", "done"}, {"reason", "K needs more"}}});
  EXPECT_THAT(server::explain_in_words(account), HasSubstr("Computed (job 3), but not everything: K needs more"));
  account["jobs"][0].erase("reason");
  EXPECT_THAT(server::explain_in_words(account), Not(HasSubstr("not everything")));
}

}  // namespace
