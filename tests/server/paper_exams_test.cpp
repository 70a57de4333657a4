// The exam of every paper from the scanner's files to maps: the lesion has the values that it was given.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using processing::json;

struct Paper {
  const char* profile;
  const char* recipe;
  bool enhanced = false;
};

std::string name_of(const Paper& paper) {
  std::string name = std::string(paper.profile) + (paper.enhanced ? "_enhanced" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
void PrintTo(const Paper& paper, std::ostream* out) { *out << name_of(paper); }

// Median of the map within 8 mm of a point.
double around(const dicom::StoredMap& map, const fitting::Vec3& centre_mm) {
  std::vector<double> values;
  const fitting::Geometry& grid = map.geometry;
  std::size_t voxel = 0;
  for (const fitting::Vec3& origin : grid.slice_origins_mm)
    for (int row = 0; row < grid.rows; ++row)
      for (int column = 0; column < grid.columns; ++column, ++voxel) {
        const fitting::Vec3 at = origin + column * grid.column_spacing_mm * grid.row_direction +
                                 row * grid.row_spacing_mm * grid.column_direction;
        if ((at - centre_mm).norm() < 8) values.push_back(map.value[voxel]);
      }
  EXPECT_GE(values.size(), 4u);
  return processing::median(values);
}

// "symri_pre" has T1, "symri_pre_t2" T2: what the truth calls the quantity of a result.
std::map<std::string, double> expected_of(const json& slots) {
  std::map<std::string, double> expected;
  for (const auto& [slot, truth] : slots.items()) {
    if (truth.contains("phases")) continue;
    if (truth.contains("quantity")) expected[slot] = truth.at("value").get<double>();
    for (const auto& [quantity, one] : truth.items()) {
      if (!one.is_object()) continue;
      std::string name = slot;
      if (quantity != "T1" && !quantity.starts_with("ADC")) {
        name += "_";
        for (const char c : quantity) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      expected[name] = one.at("value").get<double>();
    }
  }
  return expected;
}

class PaperExams : public testing::TestWithParam<Paper> {};

TEST_P(PaperExams, GiveTheLesionTheValuesThatItHas) {
  const support::TempFolder folder;
  server::SimulateOptions options;
  options.profile = GetParam().profile;
  options.enhanced = GetParam().enhanced;
  options.matrix = 96;
  options.slices = 24;
  options.noise = 3;
  options.outline = false;
  ASSERT_TRUE(server::simulate(options, folder / "sim"));
  config::Settings settings = processing::settings();
  settings.recipe =
      processing::fs::path(HERALD_SOURCE_DIR) / "config/recipes" / (GetParam().recipe + std::string(".toml"));
  dicom::warm_up_writers();
  server::log::open(settings.logging);
  const auto summary =
      server::process_folder(settings, {.input = folder / "sim", .output = folder / "out"}, [](const std::string&) {});
  EXPECT_EQ(summary.jobs_failed, 0u);
  EXPECT_TRUE(summary.studies.at(0).at("empty_required").empty()) << summary.studies.dump(1);

  std::ifstream file(folder / "sim/truth.json");
  const json lesion = json::parse(file).at("lesion");
  const auto centre = lesion.at("centre_mm").get<std::vector<double>>();
  std::size_t compared = 0;
  for (const auto& [slot, value] : expected_of(lesion.at("slots"))) {
    if (slot == "t2w") continue;                                                  // nothing is computed of it
    if (slot.ends_with("_pd") && options.profile == "architect-symri") continue;  // raw: in arbitrary units
    const auto map = folder / "out/study-1" / slot / "pm_real.dcm";
    ASSERT_TRUE(processing::fs::exists(map)) << slot;
    EXPECT_NEAR(around(processing::read_map(map), {centre[0], centre[1], centre[2]}) / value, 1, 0.02) << slot;
    ++compared;
  }
  EXPECT_GE(compared, 1u);
  // Enhancement early after the injection, in the lesion of every dynamic series: the phantom's is about 150 %.
  if (const auto dce = folder / "out/study-1/dce/pm_real.dcm"; processing::fs::exists(dce)) {
    double most = 0;
    for (const auto& phase : lesion.at("slots").at("dce").at("phases"))
      most = std::max(most, 100 * phase.at("relative_enhancement").get<double>());
    EXPECT_NEAR(
        around(processing::read_map(folder / "out/study-1/dce_re_peak/pm_real.dcm"), {centre[0], centre[1], centre[2]}),
        most, 0.05 * most);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Papers, PaperExams,
    testing::Values(Paper{"skyra-mapping", "zhang-mapping"}, Paper{"skyra-mapping", "zhang-mapping", true},
                    Paper{"architect-symri", "symri-muse"}, Paper{"architect-symri-maps", "symri-muse"},
                    Paper{"skyra-dki", "skyra-dki"}, Paper{"skyra-dki", "skyra-dki", true},
                    Paper{"aera-radiomics", "aera-radiomics"}, Paper{"aera-radiomics", "aera-radiomics", true}),
    [](const auto& instance) { return name_of(instance.param); });

}  // namespace
