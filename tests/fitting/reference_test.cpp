// The maps against other people's numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
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
    EXPECT_NEAR(static_cast<double>(plain.value[1][0]) / std::stod(row[8]), 1, 1e-4) << row[0];
    const float b1 = std::stof(row[4]) / 100;
    const auto corrected = run_one(model, vfa(row, 1), numbers(row[3]), 0, {}, {b1});
    EXPECT_NEAR(static_cast<double>(corrected.value[0][0]) / std::stod(row[11]), 1, 1e-4) << row[0];
    EXPECT_NEAR(static_cast<double>(corrected.value[1][0]) / std::stod(row[12]), 1, 1e-4) << row[0];
  }
}

// Their line is S/sin(a) over S/tan(a), ours S/tau over S tau: the same for a perfect fit, differently weighted in
// noise.
TEST(OsipiT1, ProstateVoxelsByTheLineAreWithinTheOtherLinesNoise) {
  HERALD_NEEDS_DATA("curves/osipi_t1_dce_csv/T1_mapping/data");
  const Model& model = *find_model("t1_vfa");
  std::vector<double> differences;
  for (const Row& row :
       rows_of(support::test_data() / "curves/osipi_t1_dce_csv/T1_mapping/data/t1_prostate_data.csv")) {
    const float b1 = std::stof(row[4]) / 100;
    const auto line = run_one(model, vfa(row, 1), numbers(row[3]), 0, {.vfa_method = VfaMethod::Line}, {b1});
    differences.push_back(std::abs(static_cast<double>(line.value[0][0]) / std::stod(row[9]) - 1));
  }
  ASSERT_EQ(differences.size(), 50U);
  std::ranges::sort(differences);
  EXPECT_LE(differences[25], 0.02);
  EXPECT_LE(differences[45], 0.05);
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

// Also by madym: S = |M0 (1 - 2 exp(-TI/T1) + exp(-TR/T1))|, T1 800 ms, M0 1000, TR 100 s.
TEST(Madym, ExactInversionRecoveryComesBackFromItsMagnitudes) {
  const Protocol protocol{.axis_kind = Axis::InversionTimeMs, .axis = {50, 300, 800, 1000, 2000, 4000}};
  const auto e = run_one(*find_model("t1_ir"), protocol,
                         {878.8261256269516, 374.5785575819445, 264.24111765711535, 426.99040627961983,
                          835.8300027522024, 986.5241060018291});
  EXPECT_EQ(e.status[0], VoxelStatus::Good);
  EXPECT_NEAR(e.value[0][0], 800, 0.08);
  EXPECT_NEAR(e.value[1][0], 1000, 0.1);
  EXPECT_NEAR(e.value[2][0], 2, 2e-4);
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

// qMRLab's equation test: T1 600 ms, ra 500, rb -1000.
TEST(QmrLab, ForwardEquationOfInversionRecoveryIsTheSame) {
  const Model& model = *find_model("t1_ir");
  Protocol protocol{.axis_kind = Axis::InversionTimeMs, .axis = {350, 500, 650, 800, 950, 1100, 1250, 1400, 1700}};
  const std::vector<double> magnitudes = {58.03514577,  65.40179149,  161.53457489, 236.40286188, 294.71034242,
                                          340.12025392, 375.48552856, 403.02803214, 441.18352836};
  const double truth[] = {600, 500, 2};
  for (const bool is_signed : {false, true}) {
    protocol.signed_signal = is_signed;
    const auto signal = signal_of(model, protocol, truth);
    EXPECT_NEAR(signal[0], is_signed ? -magnitudes[0] : magnitudes[0], 1e-8);
    for (std::size_t k = 1; k < 9; ++k) EXPECT_NEAR(signal[k], magnitudes[k], 1e-8);
    EXPECT_NEAR(run_one(model, protocol, signal).value[0][0], 600, 0.06);
  }
}

struct RecoveryCurve {
  Protocol protocol{.axis_kind = Axis::InversionTimeMs, .axis = {}};
  std::vector<double> magnitudes, signal, printed;  // signal carries the signs; printed: A, B, T1*
};
RecoveryCurve tomato_curve(const char* name, const char* results) {
  const auto path = support::test_data() / "fitting/tomato_yaml" / name;
  RecoveryCurve curve;
  curve.protocol.axis = yaml_list(path, "invTimes");
  curve.magnitudes = curve.signal = yaml_list(path, "signalMag");
  const auto signs = yaml_list(path, "signs");
  for (std::size_t k = 0; k < signs.size(); ++k) curve.signal[k] *= signs[k];
  curve.printed = yaml_list(path, results);
  return curve;
}

void expect_printed(const Estimates& e, const std::vector<double>& printed) {
  ASSERT_EQ(printed.size(), 3U);
  EXPECT_FALSE(failed(e.status[0]));
  EXPECT_NEAR(static_cast<double>(e.value[0][0]) / printed[2], 1, 1e-4);
  EXPECT_NEAR(static_cast<double>(e.value[1][0]), printed[0], 0.01);
  EXPECT_NEAR(static_cast<double>(e.value[1][0] * e.value[2][0]), printed[1], 0.01);
}

TEST(Tomato, RecoveryCurvesComeBackWithTheirSignsOrWithout) {
  HERALD_NEEDS_DATA("fitting/tomato_yaml");
  const Model& model = *find_model("t1_ir");
  for (const char* name : {"T1_blood.yaml", "T1_myocardium.yaml"}) {
    SCOPED_TRACE(name);
    RecoveryCurve curve = tomato_curve(name, "resultsMolli");
    expect_printed(run_one(model, curve.protocol, curve.magnitudes), curve.printed);
    curve.protocol.signed_signal = true;
    expect_printed(run_one(model, curve.protocol, curve.signal), curve.printed);
    curve.protocol.look_locker = true;
    const double t1 = curve.printed[2] * (curve.printed[1] / curve.printed[0] - 1);
    EXPECT_NEAR(static_cast<double>(run_one(model, curve.protocol, curve.signal).value[0][0]) / t1, 1, 1e-4);
  }
}

TEST(Tomato, SaturationRecoveryIsARecoveryToo) {
  HERALD_NEEDS_DATA("fitting/tomato_yaml");
  RecoveryCurve curve = tomato_curve("T1_saturation_recovery.yaml", "resultsThreeParam");
  curve.protocol.signed_signal = true;
  expect_printed(run_one(*find_model("t1_ir"), curve.protocol, curve.signal), curve.printed);
}

// Matlab's nlinfit on the same samples, whose noise is what its own residuals say.
TEST(Tomato, StandardErrorsAreThoseOfNlinfit) {
  HERALD_NEEDS_DATA("fitting/tomato_yaml");
  RecoveryCurve curve = tomato_curve("T1_myocardium.yaml", "resultsMolli");
  curve.protocol.signed_signal = true;
  const auto fit = [&](float noise) { return run_one(*find_model("t1_ir"), curve.protocol, curve.signal, noise); };
  const float strongest = 63, samples = 7, unknowns = 3;
  const auto e = fit(fit(0).residual[0] * strongest * std::sqrt(samples / (samples - unknowns)));
  EXPECT_NEAR(e.error[0][0], 77.9145, 0.01);
  EXPECT_NEAR(e.error[1][0], 1.6070, 0.001);
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

// The numbers behind the header of a file, which names where they begin or has a fixed length.
template <class Stored>
std::vector<double> stored(const std::string& bytes, std::size_t offset, std::size_t count) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    Stored value{};
    std::memcpy(&value, bytes.data() + offset + i * sizeof value, sizeof value);
    values.push_back(static_cast<double>(value));
  }
  return values;
}
std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}
std::size_t offset_of_mif(const std::string& bytes) { return std::stoul(bytes.substr(bytes.find("file: . ") + 8)); }

// b 0, 500, 1000 of 11 x 11 x 3 voxels. MRtrix' dwi2adc draws the line through the logarithms with equal weights; with
// b equidistant its slope is that of the first and the last image alone, which is what ours says of those two.
TEST(MrTrix, DiffusionCoefficientsOfTwoImagesAgreeToATenThousandth) {
  HERALD_NEEDS_DATA("curves/mrtrix_dwi2adc");
  const std::string in = bytes_of(support::test_data() / "curves/mrtrix_dwi2adc/in.mif"),
                    out = bytes_of(support::test_data() / "curves/mrtrix_dwi2adc/out.mif");
  constexpr std::size_t kVoxels = 11 * 11 * 3;
  const auto signal = stored<std::uint16_t>(in, offset_of_mif(in), 3 * kVoxels);
  const auto expected = stored<float>(out, offset_of_mif(out), 2 * kVoxels);  // S0, then ADC in mm2/s
  const Protocol ends{.axis_kind = Axis::BValueSPerMm2, .axis = {0, 1000}},
      all{.axis_kind = Axis::BValueSPerMm2, .axis = {0, 500, 1000}};
  for (std::size_t i = 0; i < kVoxels; ++i) {
    const double first = signal[i], second = signal[kVoxels + i], last = signal[2 * kVoxels + i];
    const auto two = run_one(*find_model("adc"), ends, {first, last});
    ASSERT_NEAR(static_cast<double>(two.value[0][0]) / (1e6 * expected[kVoxels + i]), 1, 1e-4);
    // Whatever the weights, the slope of three is between those of their halves.
    const double early = 2000 * std::log(first / second), late = 2000 * std::log(second / last);
    const auto three = run_one(*find_model("adc"), all, {first, second, last});
    ASSERT_GE(static_cast<double>(three.value[0][0]), 0.999 * std::min(early, late));
    ASSERT_LE(static_cast<double>(three.value[0][0]), 1.001 * std::max(early, late));
  }
}

// DIPY's mean diffusivity by the tensor (weighted least squares) of 64 directions. The mean of the logarithms over
// directions that cover the sphere is that of the trace; FA over 0.6 leaves single directions in the noise.
TEST(Dipy, TheGeometricMeanOfDirectionsHasTheMeanDiffusivity) {
  HERALD_NEEDS_DATA("fitting/dipy_dwi");
  const auto folder = support::test_data() / "fitting/dipy_dwi";
  constexpr std::size_t kVoxels = 1000, kImages = 65, kHeader = 352;  // NIfTI-1, 10 x 10 x 10 of 16 bits
  const auto signal = stored<std::int16_t>(bytes_of(folder / "small_64D.nii"), kHeader, kVoxels * kImages);
  std::ifstream b_values(folder / "small_64D.bval");
  double b0 = 0, b = 0, sum = 0;
  b_values >> b0;
  while (b_values >> b) sum += b;
  const Protocol protocol{.axis_kind = Axis::BValueSPerMm2, .axis = {0, sum / (kImages - 1)}};
  std::vector<double> differences;
  for (const Row& row : rows_of(folder / "expected_small_64D_dipy16_WLS.csv")) {
    const std::size_t voxel = std::stoul(row[0]) + 10 * std::stoul(row[1]) + 100 * std::stoul(row[2]);
    ASSERT_EQ(signal[voxel], std::stod(row[3]));
    double logarithm = 0, weakest = signal[voxel];
    for (std::size_t k = 1; k < kImages; ++k) {
      logarithm += std::log(signal[k * kVoxels + voxel]) / (kImages - 1);
      weakest = std::min(weakest, signal[k * kVoxels + voxel]);
    }
    if (weakest <= 0 || std::stod(row[5]) > 0.6) continue;
    const auto e = run_one(*find_model("adc"), protocol, {signal[voxel], std::exp(logarithm)});
    if (!failed(e.status[0])) differences.push_back(static_cast<double>(e.value[0][0]) / (1e6 * std::stod(row[4])) - 1);
  }
  ASSERT_GT(differences.size(), 750U);
  std::ranges::sort(differences);
  const auto at = [&](double share) {
    return differences[static_cast<std::size_t>(share * static_cast<double>(differences.size()))];
  };
  EXPECT_NEAR(at(0.5), 0, 0.002);
  EXPECT_GT(at(0.05), -0.01);
  EXPECT_LT(at(0.95), 0.01);
}

}  // namespace
}  // namespace fitting
