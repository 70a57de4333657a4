// The maps against other people's numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/fitting/one_voxel.h"
#include "tests/support/test_data.h"

namespace fitting {
namespace {

std::vector<double> numbers(std::string text) {
  std::ranges::replace(text, ',', ' ');
  std::istringstream in(text);
  std::vector<double> values;
  for (double value = 0; in >> value;) values.push_back(value);
  return values;
}

using Row = std::vector<std::string>;
std::vector<Row> rows_of(const std::filesystem::path& csv) {
  std::ifstream file(csv);
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    Row& row = rows.emplace_back();
    for (std::string field; std::getline(in, field, ',');) row.push_back(field);
  }
  rows.erase(rows.begin());  // titles
  return rows;
}

// The list behind "key:" of a flat YAML file.
std::vector<double> yaml_list(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key + ":", 0) == 0)
      return numbers(line.substr(line.find('[') + 1, line.find(']') - line.find('[') - 1));
  }
  return {};
}

Protocol vfa(const Row& row, double tr_unit) {
  return {
      .axis_kind = Axis::FlipAngleDeg, .axis = numbers(row[1]), .repetition_time_ms = tr_unit * numbers(row[2]).at(0)};
}

// The in-vivo voxels of OSIPI were fitted by non-linear least squares; the same estimator must give the same number.
TEST(OsipiT1, BrainVoxelsAgreeToATenThousandth) {
  HERALD_NEEDS_DATA("curves/osipi_t1_dce_csv/T1_mapping/data");
  const Model& model = *find_model("t1_vfa");
  const auto rows = rows_of(support::test_data() / "curves/osipi_t1_dce_csv/T1_mapping/data/t1_brain_data.csv");
  ASSERT_EQ(rows.size(), 76U);
  for (const Row& row : rows) {
    const auto e = run_one(model, vfa(row, 1000), numbers(row[3]));
    EXPECT_NEAR(static_cast<double>(e.value[0][0]) * std::stod(row[4]) / 1000, 1, 1e-4) << row[0];
    EXPECT_NEAR(static_cast<double>(e.value[1][0]) / std::stod(row[5]), 1, 1e-4) << row[0];
  }
}

TEST(OsipiT1, ProstateVoxelsAgreeToATenThousandthWithAndWithoutB1) {
  HERALD_NEEDS_DATA("curves/osipi_t1_dce_csv/T1_mapping/data");
  const Model& model = *find_model("t1_vfa");
  const auto rows = rows_of(support::test_data() / "curves/osipi_t1_dce_csv/T1_mapping/data/t1_prostate_data.csv");
  ASSERT_EQ(rows.size(), 50U);
  for (const Row& row : rows) {
    const auto plain = run_one(model, vfa(row, 1), numbers(row[3]));
    EXPECT_NEAR(static_cast<double>(plain.value[0][0]) / std::stod(row[7]), 1, 1e-4) << row[0];
    const float b1 = std::stof(row[4]) / 100;
    const auto corrected = run_one(model, vfa(row, 1), numbers(row[3]), 0, {}, {b1});
    EXPECT_NEAR(static_cast<double>(corrected.value[0][0]) / std::stod(row[11]), 1, 1e-4) << row[0];
  }
}

// Integers with noise: the truth is known to the few per cent that the noise allows.
TEST(OsipiT1, DigitalReferenceObjectAgreesToFivePerCent) {
  HERALD_NEEDS_DATA("fitting/osipi_t1");
  const Model& model = *find_model("t1_vfa");
  const auto rows = rows_of(support::test_data() / "fitting/osipi_t1/t1_quiba_data.csv");
  ASSERT_EQ(rows.size(), 45U);
  for (const Row& row : rows) {
    const auto e = run_one(model, vfa(row, 1000), numbers(row[3]));
    EXPECT_NEAR(static_cast<double>(e.value[0][0]) * std::stod(row[4]) * 1 / (std::stod(row[4]) < 0.05 ? 1 : 1000), 1,
                0.05)
        << row[0];
  }
}

// Computed by madym (https://gitlab.com/manchester_qbi): T1 1500 ms, M0 1000, TR 3.5 ms; ADC 0.8e-3 mm2/s, S0 100.
TEST(Madym, ExactCurvesComeBack) {
  const Protocol vfa_protocol{.axis_kind = Axis::FlipAngleDeg, .axis = {2, 10, 18}, .repetition_time_ms = 3.5};
  const auto t1 =
      run_one(*find_model("t1_vfa"), vfa_protocol, {27.68110434929892, 23.142692111604916, 14.077378652726502});
  EXPECT_NEAR(t1.value[0][0], 1500, 0.15);
  EXPECT_NEAR(t1.value[1][0], 1000, 0.1);
  const Protocol dwi{.axis_kind = Axis::BValueSPerMm2, .axis = {0, 150, 500, 800}, .repetition_time_ms = 0};
  const auto adc = run_one(*find_model("adc"), dwi, {100.0, 88.69204367171575, 67.03200460356393, 52.729242404304856});
  EXPECT_NEAR(adc.value[0][0], 800, 0.08);
  EXPECT_NEAR(adc.value[1][0], 100, 0.01);
}

// qMRLab's equation test: FA 3 and 20 degrees, TR 15 ms, T1 700 ms, M0 2000.
TEST(QmrLab, ForwardEquationIsTheSame) {
  const Model& model = *find_model("t1_vfa");
  const Protocol protocol{.axis_kind = Axis::FlipAngleDeg, .axis = {3, 20}, .repetition_time_ms = 15};
  const double truth[] = {700, 2000};
  const auto signal = signal_of(model, protocol, truth);
  EXPECT_NEAR(signal[0], 98.44318947, 1e-8);
  EXPECT_NEAR(signal[1], 180.75749339, 1e-8);
  EXPECT_NEAR(run_one(model, protocol, signal).value[0][0], 700, 0.07);
}

TEST(Tomato, T2CurvesComeBackToTheirPrintedDigits) {
  HERALD_NEEDS_DATA("fitting/tomato_yaml");
  for (const char* name : {"T2_blood.yaml", "T2_blood_3samples.yaml", "T2_myocardium.yaml"}) {
    const auto path = support::test_data() / "fitting/tomato_yaml" / name;
    const Protocol protocol{
        .axis_kind = Axis::EchoTimeMs, .axis = yaml_list(path, "echoTimes"), .repetition_time_ms = 0};
    const auto e = run_one(*find_model("t2"), protocol, yaml_list(path, "signalMag"));
    const auto truth = yaml_list(path, "resultsThreeParam");
    ASSERT_EQ(truth.size(), 3U);
    EXPECT_NEAR(static_cast<double>(e.value[0][0]) / truth[2], 1, 0.005) << name;
  }
}

}  // namespace
}  // namespace fitting
