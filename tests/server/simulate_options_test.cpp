// What the options of `herald simulate` change in the exam, and what a node then finds in it: dose, field strength,
// size of the lesion, readers; and the lesions that are proposed in the exams of the papers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "dicom/dcmtk.h"
#include "dicom/input/acquisition.h"
#include "dicom/input/roi.h"
#include "fitting/arrival.h"
#include "fitting/enhancement.h"
#include "fitting/fit.h"
#include "fitting/proposal.h"
#include "server/simulate.h"
#include "server/simulation/profile.h"
#include "tests/support/temp_folder.h"

namespace server {
namespace {

using dicom::Kind;
using support::TempFolder;
using testing::HasSubstr;

struct Exam {
  TempFolder folder;
  std::vector<SimulatedFile> files;
  std::vector<dicom::Instance> instances;
  nlohmann::json truth;

  explicit Exam(const SimulateOptions& options) {
    auto simulated = simulate(options, folder.path());
    if (!simulated) throw std::runtime_error(simulated.error());
    files = std::move(*simulated);
    for (const auto& file : files) {
      auto images = dicom::read_instances(file.path).value();
      instances.insert(instances.end(), images.begin(), images.end());
    }
    truth = nlohmann::json::parse(std::ifstream(folder / "truth.json"));
  }
  [[nodiscard]] fitting::Series dynamic() const {
    const dicom::Grouping grouping = dicom::group(instances);
    const auto found = std::ranges::find(grouping.acquisitions, Kind::Dynamic, &dicom::Acquisition::kind);
    auto loaded = dicom::load_series(*found, instances, 1).value();
    return std::move(loaded.series);
  }
  // The dose that the images tell, 0 where they tell none: of all of them.
  [[nodiscard]] std::set<double> doses() const {
    std::set<double> all;
    for (const auto& instance : instances)
      all.insert(std::round(1e6 * instance.contrast_dose_mmol_per_kg.value_or(0)) / 1e6);
    return all;
  }
};

std::string text_of(const std::filesystem::path& file, const DcmTagKey& tag) {
  DcmFileFormat object;
  if (object.loadFile(file.c_str()).bad()) return "unreadable";
  return dicom::text(*object.getDataset(), tag);
}

// --- dose

struct Dose {
  const char* profile;
  bool enhanced;
  double mmol_per_kg;
};

class SimulatedDose : public testing::TestWithParam<Dose> {};

TEST_P(SimulatedDose, OfThePaperIsReadFromTheHeaders) {
  const auto& [profile, enhanced, mmol_per_kg] = GetParam();
  const Exam exam({.profile = profile, .matrix = 32, .slices = 8, .enhanced = enhanced});
  EXPECT_THAT(exam.doses(), testing::ElementsAre(0, mmol_per_kg));
  EXPECT_EQ(exam.truth["contrast"]["dose_mmol_per_kg"], mmol_per_kg);
}

INSTANTIATE_TEST_SUITE_P(Papers, SimulatedDose,
                         testing::Values(Dose{"skyra-mapping", false, 0.2}, Dose{"skyra-mapping", true, 0.2},
                                         Dose{"architect-symri", false, 0.1}, Dose{"skyra-dki", false, 0.1},
                                         Dose{"aera-radiomics", false, 0.1}, Dose{"aera-radiomics", true, 0.1}));

TEST(SimulatedDoses, ShortenT1ByTheirRelaxivity) {
  const Exam usual({.matrix = 32, .slices = 8}), half({.matrix = 32, .slices = 8, .dose_mmol_per_kg = 0.1});
  EXPECT_THAT(half.doses(), testing::ElementsAre(0, 0.1));
  const auto rate_change = [](const Exam& exam) {
    const auto slots = exam.truth["lesion"]["slots"];
    return 1 / slots["t1_post"]["value"].get<double>() - 1 / slots["t1_pre"]["value"].get<double>();
  };
  EXPECT_NEAR(rate_change(half) / rate_change(usual), 0.5, 1e-12);
  EXPECT_NE(half.truth["study_instance_uid"], usual.truth["study_instance_uid"]);
}

TEST(SimulatedDoses, AreInTheImagesWhatTheyAreInTheTruth) {
  const SimulateOptions options{.matrix = 64, .slices = 16, .noise = 0, .dose_mmol_per_kg = 0.1};
  const Exam exam(options);
  const dicom::Grouping grouping = dicom::group(exam.instances);
  const auto post = std::ranges::find_if(grouping.acquisitions, [](const dicom::Acquisition& a) {
    return a.kind == Kind::T1Vfa && a.contrast == dicom::Contrast::After;
  });
  ASSERT_NE(post, grouping.acquisitions.end());
  const auto loaded = dicom::load_series(*post, exam.instances, 1).value();
  const auto fitted = fitting::fit_series(loaded.series, *fitting::find_model("t1_vfa"), {});
  const auto& fit = std::get<fitting::Fit>(fitted);
  const auto t1 = fitting::measure(fit.maps[0].value, simulation::lesion(options, 300));
  ASSERT_TRUE(t1);
  EXPECT_NEAR(t1->median / exam.truth["lesion"]["slots"]["t1_post"]["value"].get<double>(), 1, 0.005);
}

// --- field strength and size

TEST(SimulatedField, ChangesTheHeadersAndNothingElse) {
  const Exam own({.profile = "skyra-dki", .matrix = 32, .slices = 8}),
      low({.profile = "skyra-dki", .matrix = 32, .slices = 8, .field_strength_t = 1.5});
  EXPECT_EQ(own.instances.front().field_strength_t, 3);
  EXPECT_EQ(low.instances.front().field_strength_t, 1.5);
  EXPECT_EQ(text_of(low.files.front().path, DCM_ImagingFrequency), "63.68");
  EXPECT_EQ(low.truth["field_strength_t"]["header"], 1.5);
  EXPECT_EQ(low.truth["field_strength_t"]["tissues"], 3);
  EXPECT_EQ(low.truth["lesion"]["slots"], own.truth["lesion"]["slots"]);
  EXPECT_NE(low.truth["study_instance_uid"], own.truth["study_instance_uid"]);
  EXPECT_EQ(own.dynamic().planes.back(), low.dynamic().planes.back());
}

TEST(SimulatedLesion, HasTheSizeThatIsAskedFor) {
  const SimulateOptions options{
      .profile = "skyra-dki", .matrix = 256, .slices = 64, .noise = 0, .lesion_diameter_mm = 8};
  const fitting::Mask mask = simulation::lesion(options, 320);
  EXPECT_NEAR(mask.volume_mm3(), 4.0 / 3 * M_PI * 4 * 4 * 4 * 10 / 11, 40);
  const Exam exam({.profile = "skyra-dki", .matrix = 64, .slices = 16, .lesion_diameter_mm = 8}),
      usual({.profile = "skyra-dki", .matrix = 64, .slices = 16});
  EXPECT_EQ(exam.truth["lesion"]["max_diameter_mm"], 8);
  EXPECT_EQ(usual.truth["lesion"]["max_diameter_mm"], 22);
  EXPECT_NE(exam.truth["study_instance_uid"], usual.truth["study_instance_uid"]);
}

TEST(SimulateOptions, OutOfRangeAreNamed) {
  const TempFolder folder;
  const auto error_of = [&](const SimulateOptions& options) { return simulate(options, folder.path()).error(); };
  EXPECT_THAT(error_of({.dose_mmol_per_kg = 0}), HasSubstr("dose"));
  EXPECT_THAT(error_of({.dose_mmol_per_kg = 1}), HasSubstr("dose"));
  EXPECT_THAT(error_of({.field_strength_t = 7}), HasSubstr("field"));
  EXPECT_THAT(error_of({.lesion_diameter_mm = 3}), HasSubstr("diameter"));
  EXPECT_THAT(error_of({.readers = 0}), HasSubstr("readings"));
  EXPECT_THAT(error_of({.repeats = 6}), HasSubstr("readings"));
}

// --- readings

double overlap(const fitting::Mask& a, const fitting::Mask& b) {
  std::size_t both = 0;
  for (std::size_t i = 0; i < a.inside.size(); ++i) both += a.inside[i] != 0 && b.inside[i] != 0 ? 1U : 0U;
  return 2.0 * static_cast<double>(both) / static_cast<double>(a.count() + b.count());
}

// The region of an outline on the grid on which it was drawn.
fitting::Mask region_of(const std::filesystem::path& file, const fitting::Geometry& grid) {
  const auto segmentation = dicom::read_roi(file).value();
  const auto carried = fitting::carry(segmentation.regions.front().mask, grid);
  return std::get<fitting::Carried>(carried).mask;
}

TEST(SimulatedReadings, AreASegmentationEachOfOneLesion) {
  const SimulateOptions options{.profile = "skyra-dki", .matrix = 256, .slices = 12, .readers = 2, .repeats = 3};
  const Exam exam(options);
  std::map<std::string, int> drawn_by;
  std::set<std::string> uids, lesions;
  const fitting::Mask truth = simulation::lesion(options, 320);
  std::vector<fitting::Mask> masks;
  for (const auto& file : exam.files) {
    if (!file.outline) continue;
    ++drawn_by[text_of(file.path, DCM_ContentCreatorName)];
    uids.insert(file.sop_instance_uid);
    lesions.insert(dicom::read_roi(file.path).value().regions.front().tracking_uid);
    masks.push_back(region_of(file.path, truth.geometry));
    EXPECT_GT(overlap(masks.back(), truth), 0.85);
  }
  EXPECT_THAT(drawn_by, testing::ElementsAre(testing::Pair("Reader^One", 3), testing::Pair("Reader^Two", 3)));
  EXPECT_EQ(uids.size(), 6U);
  EXPECT_EQ(lesions.size(), 1U);
  for (std::size_t a = 0; a < masks.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(masks[a].inside, masks[b].inside) << a << " and " << b;
  ASSERT_EQ(exam.truth["outlines"].size(), 6U);
  EXPECT_EQ(exam.truth["outlines"][5]["reader"], 2);
  EXPECT_EQ(exam.truth["outlines"][5]["sop_instance_uid"], exam.files.back().sop_instance_uid);
}

TEST(SimulatedReadings, AreTheSameAgainAndLeaveTheImagesAsTheyAre) {
  const SimulateOptions one{.profile = "skyra-dki", .matrix = 64, .slices = 8};
  SimulateOptions several = one;
  several.readers = several.repeats = 2;
  const Exam single(one), first(several), again(several);
  ASSERT_EQ(first.files.size(), again.files.size());
  for (std::size_t i = 0; i < first.files.size(); ++i)
    EXPECT_EQ(first.files[i].sop_instance_uid, again.files[i].sop_instance_uid);
  EXPECT_EQ(first.truth, again.truth);
  ASSERT_EQ(first.files.size(), single.files.size() + 3);
  for (std::size_t i = 0; i + 1 < single.files.size(); ++i)
    EXPECT_EQ(single.files[i].sop_instance_uid, first.files[i].sop_instance_uid);
  EXPECT_THAT(simulate(one, first.folder.path()).error(), HasSubstr("another exam"));
}

// --- proposals

class ProposedIn : public testing::TestWithParam<const char*> {};

TEST_P(ProposedIn, TheExamOfAPaperIsTheLesionAndItsCurveAWashout) {
  const SimulateOptions options{.profile = GetParam(), .matrix = 128, .slices = 32};
  const Exam exam(options);
  const fitting::Series series = exam.dynamic();
  double arrival_s = series.protocol.contrast_arrival_s;
  if (arrival_s == 0) arrival_s = std::get<fitting::Arrival>(fitting::contrast_arrival(series)).time_s;
  const auto proposed = fitting::propose_lesions(series, arrival_s);
  ASSERT_TRUE(std::holds_alternative<fitting::Proposal>(proposed)) << std::get<fitting::Refusal>(proposed).reason;
  const auto& lesions = std::get<fitting::Proposal>(proposed).lesions;
  ASSERT_EQ(lesions.size(), 1U);
  const fitting::Mask truth = simulation::lesion(options, simulation::find_profile(options.profile)->outlined_field_mm);
  ASSERT_TRUE(fitting::same_grid(truth.geometry, series.geometry));
  EXPECT_GT(overlap(lesions.front().mask, truth), 0.8);

  const auto curve = fitting::kinetics(series, arrival_s, lesions.front().mask);
  ASSERT_TRUE(std::holds_alternative<fitting::Kinetics>(curve)) << std::get<fitting::Refusal>(curve).reason;
  EXPECT_EQ(std::get<fitting::Kinetics>(curve).rise, "fast");
  EXPECT_EQ(std::get<fitting::Kinetics>(curve).type, "washout");
}

INSTANTIATE_TEST_SUITE_P(Papers, ProposedIn, testing::Values("skyra-dki", "aera-radiomics", "architect-symri"));

}  // namespace
}  // namespace server
