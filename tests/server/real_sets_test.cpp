// What Herald makes of every set of real scanner data: which acquisitions, which maps, why not the rest, and whether
// the numbers are those that others found (expected.json beside the data). The recipe takes every kind, so the table
// is about the images. HERALD_TABLE=1 prints one line for each set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "dicom/input/acquisition.h"
#include "tests/server/processing.h"

namespace {

using namespace processing;
using testing::StartsWith;

constexpr const char* kRecipe =
    "name = 'every-kind'\ntitle = 'Whatever is there'\n"
    "[[slot]]\nname = 't1'\nkind = 't1_vfa'\n"
    "[[slot]]\nname = 't1_ir'\nkind = 't1_ir'\n"
    "[[slot]]\nname = 't2'\nkind = 't2_me'\n"
    "[[slot]]\nname = 't2star'\nkind = 't2star_me'\n"
    "[[slot]]\nname = 'dwi'\nkind = 'dwi'\n"
    "[[slot]]\nname = 'dce'\nkind = 'dce'\n"
    "[[slot]]\nname = 't2w'\nkind = 't2w'\n";

// --- what was made ---

struct Outcome {
  fs::path input;
  server::ProcessSummary summary;
  std::vector<dicom::StoredMap> maps;  // by study and slot
};

std::string plain(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// "done", or why not.
std::string end_of(const json& acquisition, const json& jobs) {
  if (!acquisition.at("refused").get<std::string>().empty()) return acquisition.at("refused");
  for (const json& job : jobs) {
    if (job.at("key") == acquisition.value("job_key", "")) {
      const std::string state = job.at("state");
      return state == "done" ? state : state + ": " + job.value("reason", "");
    }
  }
  return "no job";
}

// "dwi 11x1 0..1000 done": kind, values x slices, first and last value, what became of it.
std::vector<std::string> acquisitions_of(const server::ProcessSummary& summary) {
  std::vector<std::string> lines;
  for (const json& study : summary.studies) {
    for (const json& acquisition : study.at("acquisitions")) {
      const auto axis = acquisition.at("axis").get<std::vector<double>>();
      lines.push_back(acquisition.at("kind").get<std::string>() + " " + std::to_string(axis.size()) + "x" +
                      std::to_string(acquisition.at("slices").get<int>()) + " " + plain(axis.front()) + ".." +
                      plain(axis.back()) + " " + end_of(acquisition, study.at("jobs")));
    }
  }
  return lines;
}

// "4: phase images": how many images, why.
std::vector<std::string> passed_over(const server::ProcessSummary& summary) {
  std::vector<std::string> lines;
  for (const json& study : summary.studies)
    for (const json& series : study.at("passed_over"))
      lines.push_back(std::to_string(series.at("images").get<int>()) + ": " + series.at("reason").get<std::string>());
  return lines;
}

std::vector<std::string> quantities(const Outcome& outcome) {
  std::vector<std::string> names;
  for (const auto& map : outcome.maps) names.push_back(map.quantity);
  return names;
}

// Every image is in an acquisition, passed over with its reason, or an outline.
void expect_that_nothing_is_lost(const server::ProcessSummary& summary) {
  for (const json& study : summary.studies) {
    std::size_t placed = 0;
    for (const json& line : study.at("rois")) placed += line.at("instances").size();
    for (const json& acquisition : study.at("acquisitions")) placed += acquisition.at("images").get<std::size_t>();
    for (const json& series : study.at("passed_over")) {
      placed += series.at("images").get<std::size_t>();
      EXPECT_FALSE(series.at("reason").get<std::string>().empty());
    }
    EXPECT_EQ(placed, study.at("images").get<std::size_t>()) << study.at("study");
  }
}

// --- the images themselves, for answers that Herald did not compute ---

std::vector<dicom::Instance> images_in(const fs::path& folder) {
  std::vector<dicom::Instance> images;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (auto read = dicom::read_instances(entry.path()))
      std::move(read->begin(), read->end(), std::back_inserter(images));
  }
  return images;
}

std::vector<dicom::Instance> of_study(std::vector<dicom::Instance> images, const std::string& study_uid) {
  std::erase_if(images, [&](const dicom::Instance& image) { return image.study_uid != study_uid; });
  return images;
}

fitting::Series source_of(const Outcome& outcome, const dicom::StoredMap& map) {
  const auto images = of_study(images_in(outcome.input), map.study_uid);
  return dicom::load_series(dicom::group(images).acquisitions.at(0), images, 1).value().series;
}

std::vector<float> pixels_of(const dicom::Instance& image) {
  dicom::Acquisition one;
  one.instances = {0};
  one.volumes = {{1.0, {{0}}}};
  one.geometry.rows = image.rows;
  one.geometry.columns = image.columns;
  one.geometry.slice_origins_mm = {image.position_mm};
  return dicom::load_series(one, std::vector{image}, 1).value().series.planes.at(0).values();
}

bool is_scanners_adc(const dicom::Instance& image) {
  return std::find(image.image_type.begin(), image.image_type.end(), "ADC") != image.image_type.end();
}

std::vector<bool> brighter_than(const std::vector<float>& signal, double share) {
  const double limit = share * *std::max_element(signal.begin(), signal.end());
  std::vector<bool> mask;
  for (const float value : signal) mask.push_back(value > limit);
  return mask;
}

template <class Value>
double median_in(const std::vector<bool>& mask, const std::vector<Value>& values) {
  std::vector<double> inside;
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] && values[i] > 0) inside.push_back(static_cast<double>(values[i]));
  return median(inside);
}

// Ordinary least squares of the logarithms, in 1e-6 mm2/s.
std::vector<double> log_linear_adc(const fitting::Series& series) {
  const auto& b = series.protocol.axis;
  double mean_b = 0, spread = 0;
  for (const double value : b) mean_b += value / static_cast<double>(b.size());
  for (const double value : b) spread += (value - mean_b) * (value - mean_b);
  std::vector<double> adc(series.planes[0].size());
  for (std::size_t voxel = 0; voxel < adc.size(); ++voxel)
    for (std::size_t k = 0; k < b.size(); ++k)
      adc[voxel] -= 1e6 * (b[k] - mean_b) * std::log(std::max(series.planes[k][voxel], 1e-3F)) / spread;
  return adc;
}

// --- answers ---

json expected(const std::string& key) {
  std::ifstream file(support::test_data() / "dicom/expected.json");
  return json::parse(file).at(key);
}

// Median relative deviation over spheres 3 to 10 of one plate of the phantom, in percent.
void expect_phantom(const Outcome& outcome, const std::string& key, int slice, double percent) {
  ASSERT_EQ(outcome.maps.size(), 1u);
  EXPECT_LE(phantom_deviation(outcome.maps[0], expected(key), slice), percent) << key;
}

void aera_t1(const Outcome& o) { expect_phantom(o, "siemens_aera_1.5T_T1_p5", 0, 1.0); }
void optima_t1(const Outcome& o) { expect_phantom(o, "ge_mr450w_1.5T_T1_p4", 0, 1.0); }
void aera_t2(const Outcome& o) { expect_phantom(o, "siemens_aera_1.5T_T2_p4", 0, 1.5); }
void optima_t2(const Outcome& o) { expect_phantom(o, "ge_mr450w_1.5T_T2_p5", 0, 1.5); }
// Plates 5 and 4, 40 mm apart, in the order of the normal.
void ingenia_t1(const Outcome& o) {
  expect_phantom(o, "philips_1.5T_T1_p4", 1, 1.0);
  expect_phantom(o, "philips_1.5T_T1_p5", 0, 1.0);
}
void ingenia_t2(const Outcome& o) {
  expect_phantom(o, "philips_1.5T_T2_p4", 1, 1.5);
  expect_phantom(o, "philips_1.5T_T2_p5", 0, 1.5);
}

// Patches of 10 x 10; from row 40 on the signal is large enough for 2 %.
void qiba_t1(const Outcome& outcome) {
  ASSERT_EQ(outcome.maps.size(), 1u);
  const json answer = expected("qiba_t1vfa_dro");
  for (int row = 45; row < 80; row += 10) {
    for (int column = 0; column < 15; ++column) {
      const double value = region(outcome.maps[0], 0, json{row, 10 * column + 5}, 3);
      EXPECT_NEAR(value / answer.at("T1_cols_ms")[static_cast<std::size_t>(column)].get<double>(), 1, 0.02)
          << row << ", " << column;
    }
  }
}

void prisma_t2star(const Outcome& outcome) {
  ASSERT_EQ(outcome.maps.size(), 1u);
  const dicom::StoredMap& map = outcome.maps[0];
  const fitting::Series source = source_of(outcome, map);
  const auto& origins = map.geometry.slice_origins_mm;
  int compared = 0;
  const json answers = expected("gre6_t2star").at("our_loglinear_T2star_median_ms");
  for (const auto& [height, answer] : answers.items()) {
    const double z = std::stod(height);
    const auto slice =
        std::find_if(origins.begin(), origins.end(), [&](const auto& o) { return std::abs(o.z() - z) < 0.01; });
    if (slice == origins.end()) continue;  // half of the slices were left out of the data
    const std::size_t voxels = map.geometry.slice_voxels();
    const auto start = (slice - origins.begin()) * static_cast<std::ptrdiff_t>(voxels);
    const auto signal = source.planes[0].values();
    const std::vector<float> first_echo(signal.begin() + start,
                                        signal.begin() + start + static_cast<std::ptrdiff_t>(voxels)),
        t2star(map.value.begin() + start, map.value.begin() + start + static_cast<std::ptrdiff_t>(voxels));
    EXPECT_NEAR(median_in(brighter_than(first_echo, 0.25), t2star) / answer.get<double>(), 1, 0.10) << height;
    ++compared;
  }
  EXPECT_GE(compared, 2);
}

// The vendor's value is the mean over 20 directions of ln(S0/Sb)/b, as ours.
void prisma_adc(const Outcome& outcome) {
  ASSERT_EQ(outcome.maps.size(), 1u);
  const dicom::StoredMap& map = outcome.maps[0];
  int compared = 0;
  for (const dicom::Instance& image : images_in(outcome.input)) {
    if (!is_scanners_adc(image)) continue;
    const auto vendor = pixels_of(image);
    const auto& origins = map.geometry.slice_origins_mm;
    const auto slice = std::find_if(origins.begin(), origins.end(),
                                    [&](const auto& o) { return (o - image.position_mm).norm() < 0.1; });
    ASSERT_NE(slice, origins.end());
    const std::size_t start = static_cast<std::size_t>(slice - origins.begin()) * vendor.size();
    std::vector<double> ratios;
    for (std::size_t i = 0; i < vendor.size(); ++i)
      if (vendor[i] > 0 && map.value[start + i] > 0) ratios.push_back(map.value[start + i] / vendor[i]);
    ASSERT_GT(ratios.size(), 500u);
    EXPECT_NEAR(median(ratios), 1, 0.01);
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

// Water of a phantom, 11 b-values, one direction for each study; the scanner's ADC is the next series, in a study of
// its own after anonymisation. Every pair of b-values in these images gives 2012 to 2042, the scanner 1976 to 1999: it
// used something that the images do not hold. So the images decide within 0.5 %, and the scanner within 3 %.
void sola_adc(const Outcome& outcome) {
  ASSERT_EQ(outcome.maps.size(), 3u);
  const auto images = images_in(outcome.input);
  for (const dicom::StoredMap& map : outcome.maps) {
    const fitting::Series source = source_of(outcome, map);
    const auto water = brighter_than(source.planes[0].values(), 0.3);
    const double ours = median_in(water, map.value);
    EXPECT_NEAR(ours / median_in(water, log_linear_adc(source)), 1, 0.005);
    const int series = of_study(images, map.study_uid).at(0).series_number;
    const auto vendor = std::find_if(images.begin(), images.end(), [&](const dicom::Instance& image) {
      return image.series_number == series + 1 && is_scanners_adc(image);
    });
    ASSERT_NE(vendor, images.end());
    EXPECT_NEAR(ours / median_in(water, pixels_of(*vendor)), 1, 0.03);
  }
}

// Brain tissue of a healthy adult: 0.7e-3 to 1.1e-3 mm2/s with some cerebrospinal fluid in it.
void mr750_adc(const Outcome& outcome) {
  ASSERT_EQ(outcome.maps.size(), 1u);
  const auto brain = brighter_than(source_of(outcome, outcome.maps[0]).planes[0].values(), 0.2);
  EXPECT_NEAR(median_in(brain, outcome.maps[0].value) / 900, 1, 0.20);
}

// --- the table ---

struct Set {
  const char* folder;
  const char* what;
  std::vector<std::string> acquisitions;  // their lines begin so, by study
  std::vector<std::string> maps;          // quantities
  std::vector<std::string> passed_over;
  void (*answers)(const Outcome&) = nullptr;
};

void PrintTo(const Set& set, std::ostream* out) { *out << set.what; }

const std::vector<Set>& sets() {
  static const std::vector<Set> kSets{
      {"dcmqa_canon61_dwi",
       "Canon Galan 3T, diffusion; slices left out",
       {"dwi 2x4 0..1500 slices are 15 to 18 mm apart: some are missing"},
       {},
       {}},
      {"dcmqa_ge_pioneer_dwi",
       "GE SIGNA Pioneer, diffusion from a simulator: empty pixels",
       {"dwi 2x2 0..1000 refused: no voxel could be fitted"},
       {},
       {}},
      {"dcmqa_philips_dwi_classic",
       "Philips Achieva, classic diffusion; slices left out",
       {"dwi 2x4 0..2000 slices are 15 to 18 mm apart: some are missing"},
       {},
       {"4: combined copies of images whose directions are here"}},
      {"dcmqa_uih_770_dwi",
       "UIH uMR 770, diffusion as mosaics, and one T1-weighted series",
       {},
       {},
       {"6: inversion recovery, TI 750 ms: a fit needs 3 inversion times",
        "17: mosaic: many slices tiled in one image"}},
      {"dcmqa_xa30i_siemens_classic_dwi",
       "Siemens Prisma XA30, classic diffusion of 20 directions with its maps",
       {"dwi 2x2 0..2500 done"},
       {"ADC"},
       {"2: derived by the scanner (ADC)", "2: trace-weighted copies of images whose directions are here",
        "2: derived by the scanner (FA)", "2: derived by the scanner (TENSOR_B0)"},
       prisma_adc},
      {"dcmqi_derived_ge",
       "CT, PET and GE derivatives: segmentations, reports, an ADC map",
       {},
       {},
       {"3: not an MR image (CTImageStorage)", "1: not an MR image (private or unknown SOP class)",
        "3: not an MR image (CTImageStorage)", "1: not an MR image (LegacyConvertedEnhancedCTImageStorage)",
        "3: not an MR image (CTImageStorage)", "1: not an MR image (LegacyConvertedEnhancedCTImageStorage)",
        "1: not an MR image (RealWorldValueMappingStorage)", "1: a structured report without outlined regions",
        "1: derived by the scanner"}},
      {"dcmstack_t2se_siemens_trio_16echo",
       "Siemens Trio, three of 16 echoes with holes, and one image without a b-value",
       {"t2_me 3x3 20..60 echo time 40 ms has 2 of 3 slices"},
       {},
       {"1: echo-planar images without a b-value: nothing to fit"}},
      {"dicom2nifti_multivendor",
       "five vendors, anonymised: private creators are gone, and the b-values with them",
       {"t2w 1x2 122.661..122.661 no job"},
       {},
       {"4: single-echo spin echo, TE 12 ms: nothing to fit", "8: echo-planar images without a b-value: nothing to fit",
        "4: inversion recovery, TI 2200 ms: a fit needs 3 inversion times",
        "6: diffusion-weighted images that are not echo-planar",
        "8: echo-planar images without a b-value: nothing to fit"}},
      {"hazen_acr_siemens_skyra",
       "Siemens Skyra, ACR phantom, one echo",
       {},
       {},
       {"11: single-echo spin echo, TE 20 ms: nothing to fit"}},
      {"hazen_dwi11b_siemens_sola_xa61",
       "Siemens Sola XA61, enhanced, 11 b-values, one direction a study",
       {"dwi 11x1 0..1000 done", "dwi 11x1 0..1000 done", "dwi 11x1 0..1000 done"},
       {"ADC", "ADC", "ADC"},
       {"1: derived by the scanner (ADC)", "1: derived by the scanner (ADC)", "1: derived by the scanner (ADC)"},
       sola_adc},
      {"hazen_notmine_siemens_sola_xa61_enh",
       "Siemens Sola XA61, enhanced localizers and noise measurements",
       {},
       {},
       {"3: gradient echo", "1: single-echo spin echo, TE 20 ms: nothing to fit", "3: gradient echo",
        "1: single-echo spin echo, TE 30 ms: nothing to fit", "1: single-echo spin echo, TE 30 ms: nothing to fit",
        "1: single-echo spin echo, TE 30 ms: nothing to fit", "1: single-echo spin echo, TE 30 ms: nothing to fit",
        "1: single-echo spin echo, TE 20 ms: nothing to fit", "11: single-echo spin echo, TE 20 ms: nothing to fit"}},
      {"hazen_t1ir_ge450w_p4", "GE MR450w, T1 phantom", {"t1_ir 6x1 50..800 done"}, {"T1"}, {}, optima_t1},
      {"hazen_t1ir_philips15_p4p5",
       "Philips Ingenia, T1 phantom, two plates",
       {"t1_ir 6x2 50..800 done"},
       {"T1"},
       {},
       ingenia_t1},
      {"hazen_t1ir_siemens_aera_p5",
       "Siemens Aera, T1 phantom, TR varies",
       {"t1_ir 6x1 50..800 done"},
       {"T1"},
       {},
       aera_t1},
      {"hazen_t2se_ge450w_p5", "GE MR450w, T2 phantom", {"t2_me 8x1 9.64..77.12 done"}, {"T2"}, {}, optima_t2},
      {"hazen_t2se_philips15_p4p5",
       "Philips Ingenia, T2 phantom, two plates",
       {"t2_me 32x2 5..160 done"},
       {"T2"},
       {},
       ingenia_t2},
      {"hazen_t2se_siemens_aera_p4", "Siemens Aera, T2 phantom", {"t2_me 32x1 12.7..406.4 done"}, {"T2"}, {}, aera_t2},
      {"qiba_t1vfa_dro", "QIBA digital phantom of T1, big endian", {"t1_vfa 6x1 3..35 done"}, {"T1"}, {}, qiba_t1},
      {"qiba_v4_vfa_dce_dro",
       "QIBA digital phantom of DCE; its flip angles are studies apart",
       {"dce 166x1 0..330 refused: the series has 166 images of each slice, Early enhancement takes 128 at most"},
       {},
       {"1: gradient echo with one flip angle (3 degrees), TE 2.1 ms: nothing to fit",
        "1: gradient echo with one flip angle (6 degrees), TE 2.1 ms: nothing to fit",
        "1: gradient echo with one flip angle (9 degrees), TE 2.1 ms: nothing to fit",
        "1: gradient echo with one flip angle (15 degrees), TE 2.1 ms: nothing to fit",
        "1: gradient echo with one flip angle (24 degrees), TE 2.1 ms: nothing to fit",
        "1: gradient echo with one flip angle (35 degrees), TE 2.1 ms: nothing to fit"}},
      {"qiba_v9_dce_dro_noise",
       "QIBA digital phantom of DCE with noise",
       {"dce 61x1 0..360 done"},
       {"RE_early", "iAUC60", "late", "RE_peak", "SER", "slope", "TIC", "TTP"},
       {}},
      {"qinbreast_dce_siemens_trio_twist",
       "Siemens Trio, one phase of a breast TWIST",
       {},
       {},
       {"1: gradient echo with one flip angle (10 degrees), TE 2.93 ms: nothing to fit"}},
      {"scitran_dwi_ge_mr750_b",
       "GE MR750, diffusion of a brain, 3 slices",
       {"dwi 2x3 0..1000 done"},
       {"ADC"},
       {},
       mr750_adc},
      {"shimtb_t2star_siemens_prisma_6echo",
       "Siemens Prisma, six gradient echoes, magnitude and phase",
       {"t2star_me 6x5 2.5..17.5 done"},
       {"T2star"},
       {"30: phase images"},
       prisma_t2star},
  };
  return kSets;
}

void print_row(const Set& set, const Outcome& outcome) {
  if (std::getenv("HERALD_TABLE") == nullptr) return;
  std::cout << set.folder << " | " << set.what << " |";
  for (const auto& line : acquisitions_of(outcome.summary)) std::cout << " " << line << ";";
  for (const auto& quantity : quantities(outcome)) std::cout << " map " << quantity << ";";
  for (const auto& line : passed_over(outcome.summary)) std::cout << " passed over " << line << ";";
  std::cout << std::endl;
}

Outcome made_of(const fs::path& input) {
  const support::TempFolder work;
  std::ofstream(work / "recipe.toml") << kRecipe;
  config::Settings every_kind = settings();
  every_kind.recipe = work / "recipe.toml";
  dicom::warm_up_writers();
  server::log::open(every_kind.logging);
  Outcome outcome{input, {}, {}};
  outcome.summary = server::process_folder(every_kind, {input, work / "out", config::ParametricMaps::Real},
                                           [](const std::string&) {});
  for (const fs::path& map : maps_below(work / "out")) outcome.maps.push_back(read_map(map));
  return outcome;
}

void expect_lines(const std::vector<std::string>& lines, const std::vector<std::string>& beginnings) {
  std::vector<testing::Matcher<std::string>> matchers;
  for (const std::string& beginning : beginnings) matchers.emplace_back(StartsWith(beginning));
  EXPECT_THAT(lines, testing::ElementsAreArray(matchers));
}

class RealSet : public testing::TestWithParam<Set> {};

}  // namespace

TEST_P(RealSet, IsMadeIntoWhatItHolds) {
  const Set& set = GetParam();
  HERALD_NEEDS_DATA(fs::path("dicom") / set.folder);
  const Outcome outcome = made_of(support::test_data() / "dicom" / set.folder);
  print_row(set, outcome);
  expect_lines(acquisitions_of(outcome.summary), set.acquisitions);
  expect_lines(passed_over(outcome.summary), set.passed_over);
  EXPECT_EQ(quantities(outcome), set.maps);
  expect_that_nothing_is_lost(outcome.summary);
  if (set.answers != nullptr) set.answers(outcome);
}

INSTANTIATE_TEST_SUITE_P(Sets, RealSet, testing::ValuesIn(sets()),
                         [](const auto& set) { return std::string(set.param.folder); });

TEST(RealSets, AreAllInTheTable) {
  HERALD_NEEDS_DATA("dicom");
  std::set<std::string> described;
  for (const Set& set : sets()) described.insert(set.folder);
  for (const auto& entry : fs::directory_iterator(support::test_data() / "dicom")) {
    const bool known = !entry.is_directory() || described.contains(entry.path().filename());
    EXPECT_TRUE(known) << entry.path().filename();
  }
}
