#include "server/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>
#include <stdexcept>
#include <tuple>

#include "dicom/input/acquisition.h"
#include "dicom/input/roi.h"
#include "fitting/fit.h"
#include "fitting/phantom.h"
#include "tests/support/temp_folder.h"

namespace server {
namespace {

using dicom::Contrast, dicom::Kind;
using support::TempFolder;
using testing::ElementsAre, testing::HasSubstr, testing::Not, testing::UnorderedElementsAre;

constexpr double kPi = std::numbers::pi;

SimulateOptions small() { return {.matrix = 48, .slices = 16}; }

std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

// What `program` prints about a file of ours.
std::string output_of(const std::string& program, const std::filesystem::path& file) {
  std::FILE* pipe = popen((program + " '" + file.string() + "' 2>&1").c_str(), "r");
  std::string output;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof part, pipe)) output.append(part, size);
  return pclose(pipe) == 0 ? output : output + " Error: exit code";
}

// An exam on disk and as a node reads it.
struct Exam {
  TempFolder folder;
  std::vector<SimulatedFile> files;
  std::vector<dicom::Instance> instances;
  dicom::Grouping grouping;

  explicit Exam(const SimulateOptions& options = small()) {
    auto simulated = simulate(options, folder.path());
    if (!simulated) throw std::runtime_error(simulated.error());
    files = std::move(*simulated);
    for (const auto& file : files) instances.push_back(dicom::read_instance(file.path).value());
    grouping = dicom::group(instances);
  }
  [[nodiscard]] const dicom::Acquisition& acquisition(Kind kind, Contrast contrast) const {
    return *std::ranges::find_if(grouping.acquisitions, [&](const auto& a) {
      return a.kind == kind && (kind != Kind::T1Vfa || a.contrast == contrast);
    });
  }
  [[nodiscard]] fitting::Series load(Kind kind, Contrast contrast = Contrast::Unknown) const {
    return dicom::load_series(acquisition(kind, contrast), instances, 1).value().series;
  }
  [[nodiscard]] nlohmann::json truth() const { return nlohmann::json::parse(bytes(folder / "truth.json")); }
  // One image of every series.
  [[nodiscard]] std::map<std::string, std::filesystem::path> one_of_each_series() const {
    std::map<std::string, std::filesystem::path> chosen;
    for (const auto& instance : instances) chosen[instance.series_uid] = instance.file;
    return chosen;
  }
};

const Exam& shared_exam() {
  static const Exam exam;
  return exam;
}

TEST(Simulate, WritesTheSameBytesForTheSameOptions) {
  const SimulateOptions options{.matrix = 32, .slices = 8};
  const TempFolder one, two;
  const auto first = simulate(options, one.path()), again = simulate(options, two.path());
  ASSERT_TRUE(first && again);
  ASSERT_EQ(first->size(), again->size());
  for (std::size_t i = 0; i < first->size(); ++i) EXPECT_EQ(bytes((*first)[i].path), bytes((*again)[i].path));
  EXPECT_EQ(bytes(one / "truth.json"), bytes(two / "truth.json"));
}

TEST(Simulate, MakesSquarePixelsOfAMatrixThatIsNotSquare) {
  const Exam wide({.matrix = 45, .slices = 8, .columns = 51}), square({.matrix = 51, .slices = 8});
  EXPECT_NE(wide.truth()["study_instance_uid"], square.truth()["study_instance_uid"]);
  EXPECT_EQ(wide.truth()["lesion"]["voxels"], square.truth()["lesion"]["voxels"]);  // the same grid, cut at both ends
  EXPECT_EQ(wide.truth()["matrix"], 45);
  EXPECT_EQ(wide.truth()["columns"], 51);
}

TEST(Simulate, GivesEveryOtherExamOtherUids) {
  const SimulateOptions one{.matrix = 32, .slices = 8}, two{.matrix = 32, .slices = 8, .seed = 2},
      three{.matrix = 32, .slices = 8, .noise = 12.5};
  std::set<std::string> uids, studies;
  std::size_t files = 0;
  for (const auto& options : {one, two, three}) {
    const Exam exam(options);
    for (const auto& file : exam.files) uids.insert(file.sop_instance_uid);
    files += exam.files.size();
    studies.insert(exam.truth()["study_instance_uid"]);
  }
  EXPECT_EQ(uids.size(), files);
  EXPECT_EQ(studies.size(), 3U);
}

TEST(Simulate, DrawsNoOutlineWhenAskedNotToAndLeavesTheImagesAsTheyAre) {
  const TempFolder with, without;
  const auto outlined = simulate({.matrix = 32, .slices = 8}, with.path());
  const auto bare = simulate({.matrix = 32, .slices = 8, .outline = false}, without.path());
  ASSERT_TRUE(outlined && bare);
  EXPECT_EQ(bare->size() + 1, outlined->size());
  EXPECT_EQ(bare->back().sop_instance_uid, (*outlined)[bare->size() - 1].sop_instance_uid);
  EXPECT_TRUE(outlined->back().outline);
  EXPECT_FALSE(bare->back().outline);
}

TEST(Simulate, NamesTheOptionThatIsOutOfRange) {
  const TempFolder folder;
  const auto error_of = [&](const SimulateOptions& options) { return simulate(options, folder.path()).error(); };
  EXPECT_THAT(error_of({.profile = "vida"}), HasSubstr("profile"));
  EXPECT_THAT(error_of({.matrix = 31}), HasSubstr("matrix"));
  EXPECT_THAT(error_of({.matrix = 64, .columns = 31}), HasSubstr("matrix"));
  EXPECT_THAT(error_of({.slices = 7}), HasSubstr("slices"));
  EXPECT_THAT(error_of({.noise = -1}), HasSubstr("noise"));
  EXPECT_THAT(error_of({.noise = std::nan("")}), HasSubstr("noise"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Simulate, NeverMixesTwoExamsInOneFolder) {
  const TempFolder folder;
  ASSERT_TRUE(simulate({.matrix = 32, .slices = 8}, folder.path()));
  EXPECT_THAT(simulate({.matrix = 32, .slices = 9}, folder.path()).error(), HasSubstr("another exam"));
  EXPECT_THAT(simulate({.matrix = 32, .slices = 8, .outline = false}, folder.path()).error(),
              HasSubstr("another exam"));
  std::filesystem::remove(folder / "truth.json");
  EXPECT_THAT(simulate({.matrix = 32, .slices = 8}, folder.path()).error(), HasSubstr("another exam"));
}

TEST(Simulate, WritesTheSameExamOverItself) {
  const TempFolder folder;
  const auto first = simulate({.matrix = 32, .slices = 8}, folder.path());
  const auto again = simulate({.matrix = 32, .slices = 8}, folder.path());
  ASSERT_TRUE(first && again) << (again ? "" : again.error());
  EXPECT_EQ(first->back().sop_instance_uid, again->back().sop_instance_uid);
}

TEST(Simulate, ComesInTheOrderInWhichAScannerPushesIt) {
  const auto& instances = shared_exam().instances;
  for (std::size_t i = 1; i < instances.size(); ++i)
    EXPECT_LE(instances[i - 1].series_number, instances[i].series_number);
  EXPECT_EQ(instances.back().content, dicom::Content::Roi);
  double before = 0;
  for (const auto& acquisition : shared_exam().grouping.acquisitions) {
    EXPECT_LT(before, *acquisition.time_s);
    before = *acquisition.time_s;
  }
}

TEST(Simulate, IsRecognisedAsTheWholeProtocol) {
  std::vector<std::tuple<Kind, Contrast, std::size_t>> found;
  for (const auto& acquisition : shared_exam().grouping.acquisitions) {
    EXPECT_TRUE(acquisition.fits()) << acquisition.problem;
    found.emplace_back(acquisition.kind, acquisition.kind == Kind::T1Vfa ? acquisition.contrast : Contrast::Unknown,
                       acquisition.volumes.size());
  }
  EXPECT_THAT(
      found,
      ElementsAre(std::tuple(Kind::T1Vfa, Contrast::Before, 5U), std::tuple(Kind::T2MultiEcho, Contrast::Unknown, 8U),
                  std::tuple(Kind::T2StarMultiEcho, Contrast::Unknown, 8U),
                  std::tuple(Kind::Diffusion, Contrast::Unknown, 2U), std::tuple(Kind::T1Vfa, Contrast::After, 5U)));
}

TEST(Simulate, HoldsWhatANodeMustPassOver) {
  std::set<std::string> passed_over;
  for (const auto& series : shared_exam().grouping.passed_over) {
    EXPECT_NE(series.reason, "");
    passed_over.insert(series.series_description);
  }
  EXPECT_THAT(passed_over, UnorderedElementsAre("localizer", "ep2d_diff_tra_b0_b800_ADC", "t1_vibe_dyn_90s"));
  EXPECT_EQ(shared_exam().grouping.rois.size(), 1U);
}

TEST(Simulate, PassesTheIndependentValidator) {
  if (!installed("dciodvfy")) GTEST_SKIP() << "dciodvfy (package dicom3tools) is not installed";
  for (const auto& [uid, image] : shared_exam().one_of_each_series())
    EXPECT_THAT(output_of("dciodvfy", image), Not(HasSubstr("Error")));
}

TEST(Simulate, IsReadByAnotherParser) {
  if (!installed("dcmdump")) GTEST_SKIP() << "dcmdump (package dcmtk) is not installed";
  for (const auto& [uid, image] : shared_exam().one_of_each_series())
    EXPECT_THAT(output_of("dcmdump -q +fo", image), HasSubstr("PixelData"));
}

// --- physics

// Noise-free signals of the voxels of one tissue, by contrast.
std::vector<double> signals_of(const fitting::Series& series, std::uint8_t label) {
  const auto labels = fitting::labels(series.geometry);
  const auto voxel = static_cast<std::size_t>(std::ranges::find(labels, label) - labels.begin());
  std::vector<double> signals;
  for (const auto& plane : series.planes) signals.push_back(plane[voxel]);
  return signals;
}

double ernst(double flip_angle_deg, double repetition_time_ms, double t1_ms) {
  const double a = flip_angle_deg * kPi / 180, e = std::exp(-repetition_time_ms / t1_ms);
  return std::sin(a) * (1 - e) / (1 - e * std::cos(a));
}

// The ratios of all signals to the first, against those of an equation written here from the literature, not from the
// models.
void expect_ratios(const std::vector<double>& signals, const std::vector<double>& expected) {
  ASSERT_EQ(signals.size(), expected.size());
  for (std::size_t k = 1; k < signals.size(); ++k) {
    const double rounding = 0.5 * (1 / signals[k] + 1 / signals[0]);  // pixels are integers
    EXPECT_NEAR(signals[k] / signals[0] / (expected[k] / expected[0]), 1, 1.01 * rounding) << "contrast " << k;
  }
}

TEST(SimulateWithoutNoise, HasTheSignalsOfThePhysicsInEverySeries) {
  SimulateOptions options = small();
  options.noise = 0;
  const Exam exam(options);
  std::vector<double> before, after, t2, t2star;
  for (const double angle : {2.0, 5.0, 8.0, 12.0, 15.0}) {
    before.push_back(ernst(angle, 4.54, 1780));
    after.push_back(ernst(angle, 4.54, 585));
  }
  for (int echo = 1; echo <= 8; ++echo) {
    t2.push_back(std::exp(-13.8 * echo / 82));
    t2star.push_back(std::exp(-3.54 * echo / 52));
  }
  expect_ratios(signals_of(exam.load(Kind::T1Vfa, Contrast::Before), fitting::kLesionLabel), before);
  expect_ratios(signals_of(exam.load(Kind::T1Vfa, Contrast::After), fitting::kLesionLabel), after);
  expect_ratios(signals_of(exam.load(Kind::T2MultiEcho), fitting::kLesionLabel), t2);
  expect_ratios(signals_of(exam.load(Kind::T2StarMultiEcho), fitting::kLesionLabel), t2star);
  expect_ratios(signals_of(exam.load(Kind::Diffusion), fitting::kLesionLabel), {1, std::exp(-800 * 1.05e-3)});
}

TEST(Simulate, OutlinesTheLesionOnTheEnhancedPhase) {
  const Exam& exam = shared_exam();
  const auto segmentation = dicom::read_roi(exam.files.back().path);
  ASSERT_TRUE(segmentation) << segmentation.error().what;
  ASSERT_EQ(segmentation->regions.size(), 1U);
  const auto& region = segmentation->regions.front();
  EXPECT_EQ(region.label, "Lesion 1");
  EXPECT_FALSE(region.automatic());
  const auto labels = fitting::labels(region.mask.geometry);
  for (std::size_t v = 0; v < labels.size(); ++v)
    ASSERT_EQ(region.mask.inside[v] == 1, labels[v] == fitting::kLesionLabel);
  EXPECT_EQ(region.mask.count(), exam.truth()["lesion"]["voxels"].get<std::size_t>());
  const auto drawn_on = std::ranges::find(exam.instances, "t1_vibe_dyn_90s", &dicom::Instance::series_description);
  EXPECT_THAT(segmentation->referenced_series, ElementsAre(drawn_on->series_uid));
}

// Median of the fitted map inside the outline.
double measured(const Exam& exam, Kind kind, Contrast contrast) {
  const auto series = exam.load(kind, contrast);
  dicom::Acquisition acquisition;
  acquisition.kind = kind;
  const fitting::Model& model = *fitting::find_model(dicom::models_of(acquisition).front());
  const auto fit = std::get<fitting::Fit>(fitting::fit_series(series, model, {}));
  const auto outline = dicom::read_roi(exam.files.back().path).value().regions.front().mask;
  const auto mask = std::get<fitting::Carried>(fitting::carry(outline, fit.geometry)).mask;
  return fitting::measure(fit.maps.front().value, mask)->median;
}

TEST(Simulate, GivesTheLesionsTruthBackToAFit) {
  const Exam exam({.matrix = 64, .slices = 24});
  const auto slots = exam.truth()["lesion"]["slots"];
  const std::vector<std::tuple<const char*, Kind, Contrast>> expected{
      {"t1_pre", Kind::T1Vfa, Contrast::Before},
      {"t1_post", Kind::T1Vfa, Contrast::After},
      {"t2", Kind::T2MultiEcho, Contrast::Unknown},
      {"t2star", Kind::T2StarMultiEcho, Contrast::Unknown},
      {"dwi", Kind::Diffusion, Contrast::Unknown}};
  for (const auto& [slot, kind, contrast] : expected) {
    const double truth = slots[slot]["value"];
    // Hundreds of voxels of 1..5 % noise each, and some at the rim that hold the neighbouring tissue.
    EXPECT_NEAR(measured(exam, kind, contrast), truth, 0.02 * truth) << slot;
  }
}

}  // namespace
}  // namespace server
