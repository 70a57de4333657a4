// T2 with stimulated echoes: the extended phase graph against the Bloch equations, and what the fit gains by it.
#include "fitting/epg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fitting/fit.h"
#include "tests/fitting/grid.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

using testing::HasSubstr;

const Model& epg() { return *find_model("t2_epg"); }
const Model& mono() { return *find_model("t2"); }

struct Magnetisation {
  double x = 0, y = 0, z = 0;
};

// Hard pulse about x.
Magnetisation flipped(const Magnetisation& m, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {.x = m.x, .y = c * m.y - s * m.z, .z = s * m.y + c * m.z};
}

// A while of precession by `phase` and relaxation, towards z = 1.
Magnetisation evolved(const Magnetisation& m, double phase, double e1, double e2) {
  const double c = std::cos(phase), s = std::sin(phase);
  return {.x = e2 * (c * m.x - s * m.y), .y = e2 * (s * m.x + c * m.y), .z = 1 + (m.z - 1) * e1};
}

// Echoes of isochromats that precess by all phases in half an echo spacing: the Bloch equations and nothing else. The
// excitation leaves the magnetisation along x; the refocusing pulses turn about x.
std::vector<double> bloch(const EchoTrain& train, double refocusing, std::size_t echoes) {
  constexpr int kIsochromats = 2000;
  const double e1 = std::exp(-train.spacing_ms / 2 / train.t1_ms), e2 = std::exp(-train.spacing_ms / 2 / train.t2_ms);
  std::vector<double> sum(echoes);
  for (int i = 0; i < kIsochromats; ++i) {
    const double phase = 2 * std::numbers::pi * i / kIsochromats;
    Magnetisation m{.x = 1};
    for (double& echo : sum) {
      m = evolved(flipped(evolved(m, phase, e1, e2), refocusing), phase, e1, e2);
      echo += m.x / kIsochromats;
    }
  }
  return sum;
}

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

TEST(ExtendedPhaseGraph, IsWhatTheBlochEquationsGive) {
  for (const double degrees : {180.0, 162.0, 126.0, 90.0, 60.0, 200.0}) {
    for (const auto& [t1, t2] : {std::pair{450.0, 50.0}, {1400.0, 60.0}, {3000.0, 300.0}, {1000.0, 10.0}}) {
      const EchoTrain train{.spacing_ms = 13.8, .cos_refocusing = std::cos(radians(degrees)), .t1_ms = t1, .t2_ms = t2};
      std::vector<double> echoes(32);
      echo_amplitudes(train, echoes);
      const auto expected = bloch(train, radians(degrees), echoes.size());
      for (std::size_t n = 0; n < echoes.size(); ++n)
        EXPECT_NEAR(echoes[n], expected[n], 1e-12) << degrees << " deg, T1 " << t1 << ", T2 " << t2 << ", echo " << n;
    }
  }
}

TEST(ExtendedPhaseGraph, IsOneExponentialForPerfectPulsesAndAsPublishedForTheFirstEchoesOfOthers) {
  std::vector<double> echoes(8);
  echo_amplitudes({.spacing_ms = 10, .cos_refocusing = -1, .t1_ms = 1000, .t2_ms = 50}, echoes);
  for (std::size_t n = 0; n < 8; ++n) EXPECT_NEAR(echoes[n], std::exp(-0.2 * static_cast<double>(n + 1)), 1e-15);
  // Hennig 1988 without relaxation: sin^2(a/2), then sin^4(a/2) + sin^2(a)/2.
  const double a = radians(120);
  echo_amplitudes({.spacing_ms = 10, .cos_refocusing = std::cos(a), .t1_ms = 1e15, .t2_ms = 1e15}, echoes);
  EXPECT_NEAR(echoes[0], 0.75, 1e-12);
  EXPECT_NEAR(echoes[1], 0.5625 + 0.375, 1e-12);
}

TEST(EchoTrainTimes, AreMultiplesOfTheFirstWithinOnePercent) {
  EXPECT_TRUE(is_echo_train(std::vector{13.8, 27.6, 41.4}));
  EXPECT_TRUE(is_echo_train(std::vector{13.9, 27.6, 41.4}));  // headers round
  EXPECT_TRUE(is_echo_train(std::vector{10.0}));
  EXPECT_FALSE(is_echo_train(std::vector{14.2, 27.6, 41.4}));
  EXPECT_FALSE(is_echo_train(std::vector{27.6, 41.4, 55.2}));  // the first left out
  EXPECT_FALSE(is_echo_train(std::vector{10.0, 30.0, 50.0}));
  EXPECT_FALSE(is_echo_train(std::vector{10.0, 20.0, 40.0}));
  EXPECT_FALSE(is_echo_train(std::vector{0.0, 10.0, 20.0}));
  EXPECT_FALSE(is_echo_train(std::vector{0.0, 0.0}));
}

// The echoes of the Bloch equations, S0 = 1000.
std::vector<double> measured(double t1, double t2, double b1, const Protocol& protocol) {
  auto echoes = bloch({.spacing_ms = protocol.axis[0], .t1_ms = t1, .t2_ms = t2}, radians(b1 * protocol.refocusing_deg),
                      protocol.axis.size());
  for (double& echo : echoes) echo *= 1000;
  return echoes;
}

TEST(T2Epg, FindsTheT2ThatOneExponentialMakesTooLong) {
  struct Row {
    double b1, bias;  // of one exponential through all echoes, T1 1400 ms, T2 60 ms
  };
  const Protocol protocol = epg().example_protocol();
  for (const Row& row : {Row{1.0, 0.00}, Row{0.9, 0.02}, Row{0.8, 0.09}, Row{0.7, 0.22}}) {
    const auto echoes = measured(1400, 60, row.b1, protocol);
    EXPECT_NEAR(run_one(mono(), protocol, echoes).value[0][0] / 60, 1 + row.bias, 0.006) << row.b1;
    const auto e = run_one(epg(), protocol, echoes, 0, {.assumed_t1_ms = 1400});
    EXPECT_EQ(e.status[0], VoxelStatus::Good);
    EXPECT_NEAR(e.value[0][0] / 60, 1, 1e-4) << row.b1;
    EXPECT_NEAR(e.value[1][0] / 1000, 1, 1e-4) << row.b1;
    EXPECT_NEAR(e.value[2][0], row.b1, 2e-3) << row.b1;
  }
}

TEST(T2Epg, HardlyDependsOnTheT1ThatItAssumes) {
  struct Row {
    double t1, t2, tolerance;
  };
  const Protocol protocol = epg().example_protocol();
  for (const double b1 : {0.7, 0.8, 0.9, 1.0}) {
    for (const Row& row : {Row{450, 50, 0.01},
                           {1000, 30, 0.006},
                           {1000, 60, 0.006},
                           {1000, 200, 0.006},
                           {1600, 30, 0.006},
                           {1600, 60, 0.006},
                           {1600, 200, 0.006}}) {
      const auto echoes = measured(row.t1, row.t2, b1, protocol);
      const auto free = run_one(epg(), protocol, echoes);
      const auto given = run_one(epg(), protocol, echoes, 0, {}, {static_cast<float>(b1)});
      EXPECT_NEAR(free.value[0][0] / row.t2, 1, row.tolerance) << b1 << ' ' << row.t1 << ' ' << row.t2;
      EXPECT_NEAR(given.value[0][0] / row.t2, 1, row.tolerance) << b1 << ' ' << row.t1 << ' ' << row.t2;
    }
  }
}

// Median and half the width of the middle 68 % over the truth.
struct Scatter {
  double bias, deviation, standard_error;
};
Scatter scatter(Estimates e, double truth, std::size_t parameter = 0) {
  auto &value = e.value[parameter], &error = e.error[parameter];
  std::ranges::sort(value);
  std::ranges::sort(error);
  const auto at = [](const std::vector<float>& v, double share) {
    return static_cast<double>(v[static_cast<std::size_t>(share * static_cast<double>(v.size()))]);
  };
  return {.bias = at(value, 0.5) / truth - 1,
          .deviation = (at(value, 0.84134) - at(value, 0.15866)) / 2 / truth,
          .standard_error = at(error, 0.5) / truth};
}

// The bound of Cramer & Rao by numeric derivatives of the Bloch echoes: of T2, S0 and u = cos(angle), or of T2 and S0.
double bound(double t2, double b1, bool b1_known, double sigma, const Protocol& protocol) {
  const auto echoes = [&](double t, double s0, double u) {
    std::vector<double> result(protocol.axis.size());
    echo_amplitudes(
        {.spacing_ms = protocol.axis[0], .cos_refocusing = u, .t1_ms = FitOptions{}.assumed_t1_ms, .t2_ms = t}, result);
    return Eigen::VectorXd(s0 * Eigen::Map<Eigen::VectorXd>(result.data(), static_cast<Eigen::Index>(result.size())));
  };
  const double u = std::cos(radians(b1 * protocol.refocusing_deg)), h = 1e-4;
  Eigen::MatrixXd jacobian(static_cast<Eigen::Index>(protocol.axis.size()), b1_known ? 2 : 3);
  jacobian.col(0) = (echoes(t2 * (1 + h), 1000, u) - echoes(t2 * (1 - h), 1000, u)) / (2 * h);  // of ln T2
  jacobian.col(1) = echoes(t2, 1, u);
  if (!b1_known) jacobian.col(2) = (echoes(t2, 1000, u + h) - echoes(t2, 1000, u - h)) / (2 * h);
  return sigma * std::sqrt((jacobian.transpose() * jacobian).inverse()(0, 0));
}

TEST(T2Epg, IsUnbiasedAndReachesTheBoundOfCramerAndRaoWithAndWithoutAB1Map) {
  const Protocol protocol = epg().example_protocol();
  for (const double b1 : {0.7, 0.8, 0.9, 1.0}) {
    for (const double t2 : {35.0, 60.0, 100.0, 200.0}) {
      const auto echoes = measured(FitOptions{}.assumed_t1_ms, t2, b1, protocol);
      const double sigma = std::ranges::max(echoes) / 100;
      const auto planes = noisy(echoes, sigma, 20000, 5);
      for (const bool known : {false, true}) {
        const std::vector<float> map(known ? 20000 : 0, static_cast<float>(b1));
        const auto s = scatter(run(epg().fit, protocol, planes, static_cast<float>(sigma), {}, map), t2);
        EXPECT_LT(std::abs(s.bias), 0.005) << b1 << ' ' << t2 << ' ' << known;
        EXPECT_NEAR(s.deviation / bound(t2, b1, known, sigma, protocol), 1, 0.05) << b1 << ' ' << t2 << ' ' << known;
        EXPECT_NEAR(s.standard_error / s.deviation, 1, 0.05) << b1 << ' ' << t2 << ' ' << known;
      }
    }
  }
}

TEST(T2Epg, GivesTheScatterOfS0AndB1AsTheirStandardErrors) {
  const Protocol protocol = epg().example_protocol();
  const auto echoes = measured(1200, 60, 0.75, protocol);
  const double sigma = std::ranges::max(echoes) / 100;
  const auto planes = noisy(echoes, sigma, 20000, 4);
  const auto free = run(epg().fit, protocol, planes, static_cast<float>(sigma));
  const auto given = run(epg().fit, protocol, planes, static_cast<float>(sigma), {}, std::vector<float>(20000, 0.75F));
  for (const Scatter& s : {scatter(free, 1000, 1), scatter(given, 1000, 1), scatter(free, 0.75, 2)}) {
    EXPECT_LT(std::abs(s.bias), 0.005);
    EXPECT_NEAR(s.standard_error / s.deviation, 1, 0.05);
  }
}

// Half of the voxels there are best fitted by more than 180 degrees; cutting them off would cost 1.1 %.
TEST(T2Epg, DoesNotShortenT2WherePulsesArePerfectAndNoiseIsHigh) {
  const Protocol protocol = epg().example_protocol();
  const auto echoes = measured(1200, 80, 1, protocol);
  const double sigma = std::ranges::max(echoes) / 30;
  const auto e = run(epg().fit, protocol, noisy(echoes, sigma, 20000, 6), static_cast<float>(sigma));
  EXPECT_EQ(std::ranges::count(e.status, VoxelStatus::Good), 20000);
  EXPECT_LT(std::abs(scatter(e, 80).bias), 0.004);
}

// Echoes down in the noise are left out, by the fitted curve, and said to be.
TEST(T2Epg, LeavesEchoesInTheNoiseOutWithoutBias) {
  Protocol protocol{.axis_kind = Axis::EchoTimeMs, .axis = {}};
  for (int n = 1; n <= 16; ++n) protocol.axis.push_back(10.0 * n);
  const auto echoes = measured(1200, 30, 0.85, protocol);
  const double sigma = std::ranges::max(echoes) / 60;
  const auto e = run(epg().fit, protocol, noisy(echoes, sigma, 20000, 8), static_cast<float>(sigma));
  EXPECT_EQ(std::ranges::count(e.status, VoxelStatus::FewContrasts), 20000);
  EXPECT_LT(std::abs(scatter(e, 30).bias), 0.005);
}

TEST(T2Epg, GivesInFloatsWhatItGivesInDoubles) {
  const Protocol protocol = epg().example_protocol();
  for (const double b1 : {0.7, 0.85, 1.0}) {
    const auto echoes = measured(1200, 80, b1, protocol);
    const double sigma = std::ranges::max(echoes) / 100;
    const auto planes = noisy(echoes, sigma, 5000, 9);
    const auto single = run(epg().fit, protocol, planes, static_cast<float>(sigma));
    const auto precise = run(epg().fit_in_double, protocol, planes, static_cast<float>(sigma));
    for (std::size_t i = 0; i < 5000; ++i)
      ASSERT_NEAR(single.value[0][i] / precise.value[0][i], 1, 1e-4) << b1 << ' ' << i;
  }
}

TEST(T2Epg, TakesLongTrainsAndOtherRefocusingAngles) {
  Protocol protocol{.axis_kind = Axis::EchoTimeMs, .axis = {}, .refocusing_deg = 140};
  for (int n = 1; n <= 32; ++n) protocol.axis.push_back(9.5 * n);
  for (const double b1 : {0.6, 0.9, 1.1}) {
    const auto e = run_one(epg(), protocol, measured(1200, 90, b1, protocol));
    EXPECT_EQ(e.status[0], VoxelStatus::Good) << b1;
    EXPECT_NEAR(e.value[0][0] / 90, 1, 1e-4) << b1;
    EXPECT_NEAR(e.value[2][0], b1, 1e-3);
  }
}

TEST(T2Epg, GivesTheSameT2ForAFactorAndItsMirrorAt180Degrees) {
  const Protocol protocol = epg().example_protocol();
  const auto echoes = measured(1200, 60, 1.15, protocol);
  const auto free = run_one(epg(), protocol, echoes), given = run_one(epg(), protocol, echoes, 0, {}, {1.15F});
  EXPECT_NEAR(free.value[0][0], 60, 0.01);
  EXPECT_NEAR(free.value[2][0], 0.85, 1e-3);
  EXPECT_NEAR(given.value[0][0], 60, 0.01);
  EXPECT_EQ(given.value[2][0], 1.15F);
  EXPECT_EQ(given.error[2][0], 0.0F);
}

TEST(T2Epg, DoubtsAnAngleAtTheEdgeAndRefusesOneThatCannotBe) {
  const Protocol protocol = epg().example_protocol();
  const auto low = measured(1200, 60, 0.42, protocol);
  EXPECT_TRUE(has(run_one(epg(), protocol, low).status[0], VoxelStatus::Questionable));
  const auto given = run_one(epg(), protocol, low, 0, {}, {0.42F});
  EXPECT_EQ(given.status[0], VoxelStatus::Questionable);
  EXPECT_NEAR(given.value[0][0], 60, 0.01);
  const auto echoes = measured(1200, 60, 0.9, protocol);
  EXPECT_EQ(run_one(epg(), protocol, echoes).status[0], VoxelStatus::Good);
  for (const float b1 : {0.0F, 0.2F, 1.8F, -1.0F, std::nanf("")})
    EXPECT_TRUE(failed(run_one(epg(), protocol, echoes, 0, {}, {b1}).status[0])) << b1;
}

TEST(T2Epg, SaysAtBoundWhereT2IsLongerThanTheMapHolds) {
  const Protocol protocol = epg().example_protocol();
  const auto e = run_one(epg(), protocol, measured(1e6, 5000, 0.9, protocol), 0, {.assumed_t1_ms = 1e6});
  EXPECT_EQ(e.status[0], VoxelStatus::AtBound);
  EXPECT_EQ(e.value[0][0], 0.0F);
}

Series epg_series(double b1, double sigma) {
  Series series{.geometry = axial(64, 64, 2), .protocol = epg().example_protocol(), .planes = {}};
  for (auto& plane : noisy(measured(1200, 60, b1, series.protocol), sigma, series.geometry.voxels(), 3))
    series.planes.emplace_back(std::move(plane));
  return series;
}

double median_of(const ParameterMap& map) {
  auto values = map.value;
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return static_cast<double>(values[values.size() / 2]);
}

Fit fitted(const Series& series, const FitOptions& options, const std::vector<float>& b1 = {}) {
  return std::get<Fit>(fit_series(series, mono(), options, b1));
}

TEST(FitSeriesByEpg, TakesThePlaceOfT2OnRequestWithAllEchoesAndSaysSo) {
  const Series series = epg_series(0.7, 5);
  const Fit plain = fitted(series, {}), fit = fitted(series, {.threads = 2, .t2_method = T2Method::Epg});
  EXPECT_EQ(plain.model->name, "t2");
  EXPECT_EQ(fit.model->name, "t2_epg");
  EXPECT_EQ(fit.maps[0].parameter.name, "T2");
  EXPECT_EQ(fit.protocol.axis.size(), 8U);
  EXPECT_NEAR(median_of(fit.maps[0]), 60, 0.2);
  EXPECT_GT(median_of(plain.maps[0]), 61);
  EXPECT_THAT(plain.description, HasSubstr("; mono-exponential non-linear least squares"));
  EXPECT_THAT(fit.description, HasSubstr("; extended phase graph, "));
  EXPECT_THAT(fit.description, HasSubstr("; refocusing 180 deg, T1 taken as 1200 ms; 8 of 8 echo times"));
  EXPECT_THAT(fit.description, HasSubstr("; B1 estimated"));
  const Fit given = fitted(series, {.t2_method = T2Method::Epg}, std::vector<float>(series.geometry.voxels(), 0.7F));
  EXPECT_NEAR(median_of(given.maps[0]), 60, 0.2);
  EXPECT_THAT(given.description, HasSubstr("; B1 map applied"));
}

TEST(FitSeriesByEpg, DoesNotDependOnTheNumberOfThreads) {
  const Series series = epg_series(0.9, 10);
  const Fit one = fitted(series, {.t2_method = T2Method::Epg});
  const Fit three = fitted(series, {.threads = 3, .t2_method = T2Method::Epg});
  EXPECT_EQ(one.maps[0].value, three.maps[0].value);
  EXPECT_EQ(one.maps[0].error, three.maps[0].error);
  EXPECT_EQ(one.status, three.status);
}

TEST(FitSeriesByEpg, RefusesWhatIsNoWholeEchoTrain) {
  const auto refused = [](const Series& series) {
    return std::get<Refusal>(fit_series(series, mono(), {.t2_method = T2Method::Epg})).reason;
  };
  Series late = epg_series(0.9, 10);
  late.protocol.axis.erase(late.protocol.axis.begin());
  late.planes.erase(late.planes.begin());
  EXPECT_EQ(refused(late), "T2 with stimulated echoes needs echo times at multiples of the first, the series' are not");
  EXPECT_TRUE(std::holds_alternative<Fit>(fit_series(late, mono(), {})));
  Series few = epg_series(0.9, 10);
  few.protocol.axis.resize(3);
  few.planes.resize(3);
  EXPECT_EQ(refused(few), "T2 needs 4 echo times, the series has 3");
  Series unknown = epg_series(0.9, 10);
  unknown.protocol.refocusing_deg = 0;
  EXPECT_EQ(refused(unknown), "T2 with stimulated echoes needs the refocusing angle, the series has none");
}

}  // namespace
}  // namespace fitting
