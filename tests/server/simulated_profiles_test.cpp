// The exams of `herald simulate`, one profile after the other: what holds for all, then what each is for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "dicom/input/acquisition.h"
#include "dicom/input/roi.h"
#include "fitting/fit.h"
#include "server/simulate.h"
#include "server/simulation/profile.h"
#include "tests/support/temp_folder.h"

namespace server {
namespace {

using dicom::Kind;
using support::TempFolder;
using testing::Each, testing::HasSubstr, testing::Not, testing::StartsWith;

std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// An exam on disk and as a node reads it.
struct Exam {
  SimulateOptions options;
  TempFolder folder;
  std::vector<SimulatedFile> files;
  std::vector<dicom::Instance> instances;
  nlohmann::json truth;

  explicit Exam(const SimulateOptions& wanted) : options(wanted) {
    auto simulated = simulate(options, folder.path());
    if (!simulated) throw std::runtime_error(simulated.error());
    files = std::move(*simulated);
    for (const auto& file : files) instances.push_back(dicom::read_instance(file.path).value());
    truth = nlohmann::json::parse(bytes(folder / "truth.json"));
  }
  [[nodiscard]] std::vector<dicom::Instance> of_series(int number) const {
    std::vector<dicom::Instance> images;
    std::ranges::copy_if(instances, std::back_inserter(images),
                         [&](const auto& image) { return image.series_number == number; });
    return images;
  }
  [[nodiscard]] std::map<int, std::string> roles() const {
    std::map<int, std::string> all;
    for (const auto& series : truth["series"]) all[series["series_number"]] = series["role"];
    return all;
  }
  // Any one image of every series, and the outline.
  [[nodiscard]] std::map<std::string, std::filesystem::path> one_of_each_series() const {
    std::map<std::string, std::filesystem::path> chosen;
    for (const auto& instance : instances) chosen.emplace(instance.series_uid, instance.file);
    return chosen;
  }
};

struct Variant {
  const char* profile;
  bool enhanced = false;
};
std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  return out << variant.profile << (variant.enhanced ? " enhanced" : "");
}

SimulateOptions small(const Variant& variant) {
  return {.profile = variant.profile, .matrix = 32, .slices = 8, .enhanced = variant.enhanced};
}

class SimulatedProfile : public testing::TestWithParam<Variant> {};

TEST_P(SimulatedProfile, HasTheSameBytesForTheSameOptions) {
  const Exam first(small(GetParam())), again(small(GetParam()));
  ASSERT_EQ(first.files.size(), again.files.size());
  for (std::size_t i = 0; i < first.files.size(); ++i)
    ASSERT_EQ(bytes(first.files[i].path), bytes(again.files[i].path)) << first.files[i].path.filename();
  EXPECT_EQ(first.truth, again.truth);
}

TEST_P(SimulatedProfile, SaysWhatEverySeriesIsFor) {
  const Exam exam(small(GetParam()));
  std::set<std::string> filled;
  std::size_t images = 0;
  for (const auto& series : exam.truth["series"]) {
    const std::string role = series["role"];
    if (!role.starts_with("ignore: ")) filled.insert(role);
    const auto written = exam.of_series(series["series_number"]);
    EXPECT_EQ(written.size(), series["images"].get<std::size_t>());
    for (const auto& image : written) EXPECT_EQ(image.series_uid, series["series_instance_uid"]);
    images += written.size();
  }
  EXPECT_EQ(images + 1, exam.files.size()) << "the outline is the one file more";
  std::set<std::string> slots;
  for (const auto& [slot, truth] : exam.truth["lesion"]["slots"].items()) slots.insert(slot);
  EXPECT_EQ(filled, slots);
}

TEST_P(SimulatedProfile, ComesInTheOrderOfItsSeriesNumbersEachImageOnce) {
  const Exam exam(small(GetParam()));
  std::set<std::string> uids;
  for (std::size_t i = 0; i < exam.instances.size(); ++i) {
    EXPECT_TRUE(uids.insert(exam.instances[i].sop_instance_uid).second);
    if (i > 0) {
      EXPECT_LE(exam.instances[i - 1].series_number, exam.instances[i].series_number);
    }
  }
  EXPECT_TRUE(exam.files.back().outline);
}

TEST_P(SimulatedProfile, IsOutlinedOnTheImagesOfItsEnhancedPhase) {
  const Exam exam(small(GetParam()));
  const auto segmentation = dicom::read_roi(exam.files.back().path);
  ASSERT_TRUE(segmentation) << segmentation.error().what;
  const auto& region = segmentation->regions.front();
  const auto labels = fitting::labels(region.mask.geometry);
  for (std::size_t v = 0; v < labels.size(); ++v)
    ASSERT_EQ(region.mask.inside[v] == 1, labels[v] == fitting::kLesionLabel);
  ASSERT_EQ(segmentation->referenced_series.size(), 1U);
  const auto& drawn_on = segmentation->referenced_series.front();
  const auto image = std::ranges::find(exam.instances, drawn_on, &dicom::Instance::series_uid);
  ASSERT_NE(image, exam.instances.end());
  EXPECT_EQ(image->rows, exam.options.matrix);
}

// What dciodvfy finds in images of real scanners too: (0018,1060) in dynamic series of GE, and what Enhanced MR objects
// of XA61 repeat in derived images.
bool is_of_real_ones(const std::string& line) {
  return line.find("condition unsatisfied") != std::string::npos &&
         (line.find("<TriggerTime>") != std::string::npos ||
          line.find("Module=<MRPulseSequence>") != std::string::npos);
}

TEST_P(SimulatedProfile, HasNoErrorsThatRealScannersDoNotMake) {
  if (std::system("command -v dciodvfy >/dev/null") != 0) GTEST_SKIP() << "dciodvfy (dicom3tools) is not installed";
  const Exam exam(small(GetParam()));
  for (const auto& [uid, image] : exam.one_of_each_series()) {
    std::FILE* pipe = popen(("dciodvfy '" + image.string() + "' 2>&1").c_str(), "r");
    char line[2048];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
      if (is_of_real_ones(line)) continue;
      EXPECT_THAT(std::string(line), Not(HasSubstr("Error"))) << image.filename();
    }
    pclose(pipe);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimulatedProfile,
                         testing::Values(Variant{"skyra-mapping"}, Variant{"skyra-mapping", true}, Variant{"skyra-dki"},
                                         Variant{"skyra-dki", true}, Variant{"aera-radiomics"},
                                         Variant{"aera-radiomics", true}, Variant{"architect-symri"},
                                         Variant{"architect-symri-maps"}));

TEST(SimulatedProfiles, AreAllNamedWithALineForPeople) {
  std::set<std::string> names;
  for (const auto& [name, title] : simulation_profiles()) {
    names.insert(name);
    EXPECT_NE(title, "");
  }
  EXPECT_EQ(names, (std::set<std::string>{"skyra-mapping", "skyra-dki", "aera-radiomics", "architect-symri",
                                          "architect-symri-maps"}));
}

TEST(SimulatedProfiles, OfGeRefuseToBeEnhanced) {
  const TempFolder folder;
  EXPECT_THAT(simulate({.profile = "architect-symri", .enhanced = true}, folder.path()).error(), HasSubstr("enhanced"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SimulatedProfiles, AreOtherStudiesWhenEnhanced) {
  EXPECT_NE(Exam(small({"skyra-dki"})).truth["study_instance_uid"],
            Exam(small({"skyra-dki", true})).truth["study_instance_uid"]);
}

// --- what a node recognises today

class SimulatedClassicProfile : public testing::TestWithParam<Variant> {};

TEST_P(SimulatedClassicProfile, HasADiffusionSeriesAndFitsNothingThatIsToBeIgnored) {
  const Exam exam(small(GetParam()));
  const auto roles = exam.roles();
  std::vector<std::string> diffusion;
  for (const auto& acquisition : dicom::group(exam.instances).acquisitions) {
    for (const std::size_t i : acquisition.instances) {
      const std::string& role = roles.at(exam.instances[i].series_number);
      EXPECT_THAT(role, Not(StartsWith("ignore")));
      if (acquisition.kind == Kind::Diffusion) diffusion.push_back(role);
    }
    EXPECT_TRUE(acquisition.fits()) << acquisition.problem;
  }
  EXPECT_FALSE(diffusion.empty());
  EXPECT_THAT(diffusion, Each(std::string("dwi")));
}

INSTANTIATE_TEST_SUITE_P(All, SimulatedClassicProfile,
                         testing::Values(Variant{"skyra-dki"}, Variant{"aera-radiomics"}, Variant{"architect-symri"},
                                         Variant{"architect-symri-maps"}));

// --- physics, on the signals before they are written

fitting::Series signals_of(const SimulateOptions& options, int series_number, int phase = 1) {
  for (const auto& step : simulation::find_profile(options.profile)->steps)
    for (auto& acquired : step(options))
      if (acquired.series.series_number == series_number &&
          (!acquired.series.dynamic || acquired.series.dynamic->phase == phase))
        return std::move(acquired.series.series);
  throw std::runtime_error("no such series");
}

// Medians of the fitted maps over the lesion.
std::map<std::string, double> measured(const fitting::Series& series, const char* model) {
  const auto fit = std::get<fitting::Fit>(fitting::fit_series(series, *fitting::find_model(model), {}));
  fitting::Mask lesion{fit.geometry, {}};
  for (const std::uint8_t label : fitting::labels(fit.geometry))
    lesion.inside.push_back(label == fitting::kLesionLabel ? 1 : 0);
  std::map<std::string, double> medians;
  for (const auto& map : fit.maps)
    medians[std::string(map.parameter.name)] = fitting::measure(map.value, lesion)->median;
  return medians;
}

TEST(ArchitectSymri, GivesRelaxationTimesAndTheChangeOfProtonDensityBackToAFit) {
  const SimulateOptions options{.profile = "architect-symri", .matrix = 64, .slices = 16, .noise = 3};
  const Exam exam(small({"architect-symri"}));
  const auto slots = exam.truth["lesion"]["slots"];
  const auto before = measured(signals_of(options, 2), "mdme"), after = measured(signals_of(options, 10), "mdme");
  for (const auto& [slot, medians] : {std::pair{"symri_pre", before}, {"symri_post", after}}) {
    const double t1 = slots[slot]["T1"]["value"], t2 = slots[slot]["T2"]["value"];
    EXPECT_NEAR(medians.at("T1"), t1, 0.02 * t1) << slot;
    EXPECT_NEAR(medians.at("T2"), t2, 0.02 * t2) << slot;
  }
  const double change = exam.truth["lesion"]["pd_d"]["value"];
  EXPECT_NEAR((before.at("PD") - after.at("PD")) / before.at("PD"), change, 0.02);
}

TEST(ArchitectSymri, ExportsMapsInMillisecondsAndPercent) {
  const SimulateOptions options = small({"architect-symri-maps"});
  const Exam exam(options);
  const auto truth = exam.truth["lesion"]["slots"]["symri_post"];
  for (const auto& [number, quantity] : {std::pair{11, "T1"}, {12, "T2"}, {13, "PD"}}) {
    const auto map = signals_of(options, number);
    const auto labels = fitting::labels(map.geometry);
    const auto voxel = static_cast<std::size_t>(std::ranges::find(labels, fitting::kLesionLabel) - labels.begin());
    ASSERT_LT(voxel, labels.size());
    EXPECT_FLOAT_EQ(map.planes.front()[voxel], truth[quantity]["value"].get<float>());
    EXPECT_THAT(exam.of_series(number).front().image_type,
                testing::ElementsAre("DERIVED", "PRIMARY", "QMAP", quantity));
  }
}

TEST(ArchitectSymri, HasABundleThatTellsNothing) {
  const auto bundle = signals_of(small({"architect-symri-maps"}), 6);
  const auto labels = fitting::labels(bundle.geometry);
  double inside = 0, outside = 0, in = 0, out = 0;
  for (std::size_t v = 0; v < labels.size(); ++v) {
    (labels[v] == 0 ? outside : inside) += static_cast<double>(bundle.planes.front()[v]);
    (labels[v] == 0 ? out : in) += 1;
  }
  EXPECT_NEAR(inside / in, outside / out, 0.05 * outside / out) << "air looks like tissue";
}

TEST(ArchitectSymri, IsReadWithTheBOfItsPrivateHeaderAndNoneInTheLocalizer) {
  const Exam exam(small({"architect-symri"}));
  for (const auto& image : exam.of_series(1)) EXPECT_FALSE(image.b_value_s_mm2);
  std::set<double> b_values;
  for (const auto& image : exam.of_series(7)) b_values.insert(*image.b_value_s_mm2);
  EXPECT_EQ(b_values, (std::set<double>{0, 800, 1000}));
  EXPECT_EQ(exam.of_series(9).front().images_in_acquisition, 31 * 8);
}

TEST(SkyraDki, GivesDiffusivityAndKurtosisBackToAFit) {
  SimulateOptions options{.profile = "skyra-dki", .matrix = 128, .slices = 32, .noise = 3};
  const auto medians = measured(signals_of(options, 2), "dki");
  const auto truth = Exam(small({"skyra-dki"})).truth["lesion"]["slots"]["dwi"];
  const double d = truth["D"]["value"], k = truth["K"]["value"];
  EXPECT_NEAR(medians.at("D"), d, 0.02 * d);
  EXPECT_NEAR(medians.at("K"), k, 0.05 * k);
}

class SimulatedDynamic : public testing::TestWithParam<std::pair<const char*, int>> {};

// Rounding to integers aside, which the signals before they are written do not show.
TEST_P(SimulatedDynamic, EnhancesTheLesionAsItsTruthSays) {
  SimulateOptions options = small({GetParam().first});
  options.noise = 0;
  const int number = GetParam().second;
  const bool one_series = std::string(options.profile) != "aera-radiomics";
  const auto phases = Exam(options).truth["lesion"]["slots"]["dce"]["phases"];
  const auto first = signals_of(options, number);
  const auto labels = fitting::labels(first.geometry);
  const auto lesion = static_cast<std::size_t>(std::ranges::find(labels, fitting::kLesionLabel) - labels.begin());
  for (std::size_t k = 0; k < phases.size(); ++k) {
    const int phase = static_cast<int>(k) + 1;
    const auto later = one_series ? signals_of(options, number, phase) : signals_of(options, number + phase - 1);
    const double enhancement =
        static_cast<double>(later.planes[0][lesion]) / static_cast<double>(first.planes[0][lesion]) - 1;
    EXPECT_NEAR(enhancement, phases[k]["relative_enhancement"], 1e-5) << "phase " << phase;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimulatedDynamic,
                         testing::Values(std::pair{"skyra-dki", 5}, std::pair{"aera-radiomics", 5},
                                         std::pair{"architect-symri", 9}));

TEST(SimulatedDynamics, AreTimedByTheHeadersAsByTheTruth) {
  const Exam exam(small({"skyra-dki"}));
  const auto phases = exam.truth["lesion"]["slots"]["dce"]["phases"];
  for (const auto& image : exam.of_series(5)) {
    const auto& phase = phases[static_cast<std::size_t>(image.acquisition_number - 1)];
    EXPECT_NEAR(*image.acquisition_time_s - *image.contrast_start_s, phase["after_injection_s"], 1e-3);
  }
}

}  // namespace
}  // namespace server
