// How accurate the maps are: 65,536 noisy voxels of each tissue and noise, against the truth, the Cramer-Rao bound and
// the same fit in double precision. Each case prints a row per map.
//
// A map passes where its median is within 0.5 % of the truth, its robust standard deviation (half of what lies between
// the 16th and the 84th percentile) is within 5 % of the bound, its median standard error within 10 % of that
// deviation, and floats agree with doubles to 1e-4. Where physics or the design forbids one of these, the row says how
// much is allowed instead and why.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/fitting/bound.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

constexpr std::size_t kReplicates = 65536;
constexpr std::size_t kCompared = 8192;  // with the fit in double precision

struct Limits {
  double bias = 0.005;      // |median / truth - 1|
  double excess = 1.05;     // robust standard deviation / bound
  double dishonesty = 0.1;  // |median standard error / robust standard deviation - 1|
  double apart = 0;         // share of voxels whose floats and doubles may differ by more than 1e-4
  const char* reason = "";
};

struct Case {
  std::string point;
  std::vector<double> truth;
  double sigma = 0;
  std::map<std::string_view, Limits> allowed = {};  // by map, where the defaults are not met
  FitOptions options = {};
  std::vector<std::size_t> known = {};  // parameters that the fit is told
  float b1 = 0;                         // flip-angle factor that the fit is told; 0 = none
  double failures = 0.005;              // share of voxels that may have no value
};

// What was found of one map.
struct Found {
  double bias = 0, deviation = 0, standard_error = 0, apart = 0;
};

double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

std::vector<double> kept(const std::vector<float>& values, const std::vector<VoxelStatus>& status) {
  std::vector<double> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!failed(status[i])) result.push_back(static_cast<double>(values[i]));
  }
  return result;
}

// Share of the voxels that both precisions judge alike whose values differ by more than 1e-4 of the value or, where the
// value may be zero within its error (kurtosis), of the error.
double share_apart(const Estimates& single, const Estimates& precise, std::size_t parameter) {
  std::size_t apart = 0;
  for (std::size_t i = 0; i < precise.status.size(); ++i) {
    if (failed(precise.status[i]) || single.status[i] != precise.status[i]) continue;
    const float value = precise.value[parameter][i];
    const float scale = std::max(std::abs(value), precise.error[parameter][i]);
    apart += !(std::abs(single.value[parameter][i] - value) <= 1e-4F * scale);
  }
  return static_cast<double>(apart) / static_cast<double>(precise.status.size());
}

std::size_t judged_differently(const Estimates& single, const Estimates& precise) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < precise.status.size(); ++i) n += single.status[i] != precise.status[i];
  return n;
}

Found found(const Estimates& single, const Estimates& precise, std::size_t parameter, double truth) {
  std::vector<double> values = kept(single.value[parameter], single.status),
                      errors = kept(single.error[parameter], single.status);
  return {.bias = quantile(values, 0.5) / truth - 1,
          .deviation = (quantile(values, 0.8413) - quantile(values, 0.1587)) / 2,
          .standard_error = quantile(errors, 0.5),
          .apart = share_apart(single, precise, parameter)};
}

void print(const Model& model, const Case& c, const Parameter& parameter, double truth, double bound, const Found& f,
           const Limits& limits) {
  std::printf(
      "%-7s %-34s %-6s bias %+6.2f %%  SD %6.2f %%  bound %6.2f %%  SD/bound %.3f  SE/SD %.3f  apart %.2f %%%s%s\n",
      std::string(model.name).c_str(), c.point.c_str(), std::string(parameter.name).c_str(), 100 * f.bias,
      100 * f.deviation / truth, 100 * bound / truth, f.deviation / bound, f.standard_error / f.deviation,
      100 * f.apart, *limits.reason == '\0' ? "" : "  ! ", limits.reason);
}

// `acquired` is what the signals follow, `protocol` what the fit is told.
void check(const Model& model, const Protocol& acquired, const Protocol& protocol, const Case& c) {
  const std::vector<double> signal = signal_of(model, acquired, c.truth);
  auto planes = noisy(signal, c.sigma, kReplicates, 20, acquired.signed_signal);
  const auto b1 = [&](std::size_t n) { return std::vector<float>(c.b1 > 0 ? n : 0, c.b1); };
  const float noise = static_cast<float>(c.sigma);
  Estimates single = run(model.fit, protocol, planes, noise, c.options, b1(kReplicates));
  const std::size_t failures = static_cast<std::size_t>(std::ranges::count_if(single.status, failed));
  EXPECT_LE(static_cast<double>(failures), c.failures * kReplicates) << c.point;
  for (auto& plane : planes) plane.resize(kCompared);
  const Estimates precise = run(model.fit_in_double, protocol, planes, noise, c.options, b1(kCompared));
  EXPECT_LE(judged_differently(single, precise), kCompared / 500) << c.point;

  const std::vector<double> bound = lower_bound(model, acquired, c.truth, c.sigma, c.known);
  for (std::size_t p = 0; p < model.maps; ++p) {
    if (std::ranges::find(c.known, p) != c.known.end()) continue;
    const Parameter& parameter = model.parameters[p];
    const Found f = found(single, precise, p, c.truth[p]);
    const auto named = c.allowed.find(parameter.name);
    const Limits limits = named == c.allowed.end() ? Limits{} : named->second;
    print(model, c, parameter, c.truth[p], bound[p], f, limits);
    const std::string where = std::string(parameter.name) + " at " + c.point;
    EXPECT_LE(std::abs(f.bias), limits.bias) << where;
    EXPECT_LE(f.deviation, limits.excess * bound[p]) << where;
    EXPECT_NEAR(f.standard_error / f.deviation, 1, limits.dishonesty) << where;
    EXPECT_LE(f.apart, limits.apart) << where;
  }
}

std::string text(const char* format, double a, double b = 0, double c = 0) {
  char buffer[96];
  std::snprintf(buffer, sizeof buffer, format, a, b, c);
  return buffer;
}

double peak(const Model& model, const Protocol& protocol, const std::vector<double>& truth) {
  return std::ranges::max(signal_of(model, protocol, truth));
}

// --- T1 by variable flip angle ---

TEST(Accuracy, OfT1ByVariableFlipAngleIsTheBounds) {
  const Model& model = *find_model("t1_vfa");
  const Protocol protocol = model.example_protocol();
  for (const double t1 : {450.0, 1300.0, 1600.0, 3000.0}) {
    for (const double snr : {50.0, 100.0}) {
      const std::vector<double> truth = {t1, 10000};
      check(
          model, protocol, protocol,
          {.point = text("T1 %g, peak SNR %g", t1, snr), .truth = truth, .sigma = peak(model, protocol, truth) / snr});
    }
  }
}

TEST(Accuracy, OfT1ByVariableFlipAngleHoldsWithAFlipAngleMap) {
  const Model& model = *find_model("t1_vfa");
  const Protocol nominal = model.example_protocol();
  for (const double b1 : {0.8, 1.2}) {
    Protocol acquired = nominal;
    for (double& angle : acquired.axis) angle *= b1;
    const std::vector<double> truth = {1300, 10000};
    check(model, acquired, nominal,
          {.point = text("T1 1300, peak SNR 100, B1 %g", b1),
           .truth = truth,
           .sigma = peak(model, acquired, truth) / 100,
           .b1 = static_cast<float>(b1)});
  }
}

// --- T1 by inversion recovery ---

Protocol inversions(std::vector<double> times_ms, bool is_signed = false, bool look_locker = false) {
  return {.axis_kind = Axis::InversionTimeMs,
          .axis = std::move(times_ms),
          .signed_signal = is_signed,
          .look_locker = look_locker};
}

// M0 1000, an inversion of 1.9; the free fit of three parameters.
Case recovery(const Protocol& protocol, double t1, double snr) {
  return {.point = "TI " + text("%g..%g", protocol.axis.front(), protocol.axis.back()) +
                   text(", T1 %g, M0/sigma %g", t1, snr),
          .truth = {t1, 1000, 1.9},
          .sigma = 1000 / snr,
          .options = {.largest_free_error = 10}};
}
// A magnitude at the null knows neither sign nor size of the signal: less than the bound has it know.
void check(const Protocol& protocol, Case c) {
  const Model& model = *find_model("t1_ir");
  const double weakest =
      std::ranges::min(signal_of(model, protocol, c.truth), {}, [](double s) { return std::abs(s); });
  if (!protocol.signed_signal && weakest < 3 * c.sigma && c.allowed.empty())
    c.allowed["T1"] = {.excess = 1.07, .apart = 0.02, .reason = "a TI at the null"};
  check(model, protocol, protocol, c);
}

const std::vector<double> kFiveInversions = {50, 150, 400, 700, 2500};
const std::vector<double> kEightInversions = {100, 200, 350, 500, 800, 1500, 2500, 4000};

TEST(Accuracy, OfT1BySignedInversionRecoveryIsTheBounds) {
  for (const double snr : {50.0, 100.0, 200.0}) {
    const Protocol five = inversions(kFiveInversions, true), eight = inversions(kEightInversions, true);
    for (const double t1 : {450.0, 1300.0, 1600.0}) check(five, recovery(five, t1, snr));
    for (const double t1 : {450.0, 1300.0, 1600.0, 3000.0}) check(eight, recovery(eight, t1, snr));
  }
}

TEST(Accuracy, OfT1ByInversionRecoveryMagnitudesIsTheBounds) {
  for (const double snr : {50.0, 60.0, 100.0, 200.0}) {
    const Protocol five = inversions(kFiveInversions), eight = inversions(kEightInversions);
    for (const double t1 : {450.0, 1300.0, 1600.0}) check(five, recovery(five, t1, snr));
    for (const double t1 : {400.0, 450.0, 800.0, 1300.0, 1600.0, 3000.0}) check(eight, recovery(eight, t1, snr));
  }
}

// The bound itself is 10 % of T1 800 and 24 % of T1 1400; where the inversion is known, 1 %.
TEST(Accuracy, OfT1ByInversionTimesThatDoNotReachT1) {
  const Protocol brief = inversions({100, 200, 350, 500, 800});
  std::map<double, Limits> allowed;
  allowed[800] = {.excess = 1.07, .apart = 0.15, .reason = "TI end at T1, one at the null"};
  allowed[1400] = {.excess = 1.07, .apart = 0.001, .reason = "TI end before T1"};
  for (const double t1 : {400.0, 800.0, 1400.0}) {
    Case free = recovery(brief, t1, 100);
    if (allowed.contains(t1)) free.allowed["T1"] = allowed[t1];
    check(brief, free);
    Case held = recovery(brief, t1, 100);
    held.point += " held";
    held.options.largest_free_error = 0;
    held.known = {2};
    check(brief, held);
  }
}

TEST(Accuracy, OfT1ByLookLockerIsTheBounds) {
  for (const bool is_signed : {true, false}) {
    const Protocol protocol = inversions({100, 180, 260, 1100, 1180, 1260, 2100, 3100}, is_signed, true);
    for (const double t1 : {575.0, 1150.0, 1380.0}) {
      for (const double snr : {50.0, 100.0, 200.0}) {
        Case c = recovery(protocol, t1, snr);
        c.point = (is_signed ? "MOLLI signed" : "MOLLI") + text(", T1 %g, A/sigma %g", t1, snr);
        c.truth[2] = 2.15;
        check(protocol, c);
      }
    }
  }
}

// --- T2, T2* ---

TEST(Accuracy, OfT2IsTheBounds) {
  const Model& model = *find_model("t2");
  const Protocol protocol = model.example_protocol();
  for (const double t2 : {45.0, 50.0, 55.0, 60.0, 80.0, 100.0, 200.0}) {
    for (const double snr : {50.0, 100.0})
      check(model, protocol, protocol,
            {.point = text("T2 %g, S0/sigma %g", t2, snr), .truth = {t2, 1000}, .sigma = 1000 / snr});
  }
}

TEST(Accuracy, OfT2starIsTheBounds) {
  const Model& model = *find_model("t2star");
  const Protocol protocol = model.example_protocol();
  for (const double t2star : {10.0, 20.0, 35.0, 52.0}) {
    for (const double snr : {50.0, 60.0, 100.0})
      check(model, protocol, protocol,
            {.point = text("T2* %g, S0/sigma %g", t2star, snr), .truth = {t2star, 1000}, .sigma = 1000 / snr});
  }
}

// --- diffusion ---

TEST(Accuracy, OfTheDiffusionCoefficientIsTheBounds) {
  const Model& model = *find_model("adc");
  const Protocol protocol = model.example_protocol();
  for (const double adc : {900.0, 1500.0, 2200.0}) {
    for (const double snr : {50.0, 100.0})
      check(model, protocol, protocol,
            {.point = text("ADC %g, S0/sigma %g", adc, snr), .truth = {adc, 1000}, .sigma = 1000 / snr});
  }
}

TEST(Accuracy, OfKurtosisIsTheBounds) {
  const Model& model = *find_model("dki");
  const Protocol protocol = model.example_protocol();
  for (const auto& [d, k] : {std::pair{1000.0, 1.0}, {1500.0, 0.7}, {2000.0, 0.4}}) {
    for (const double snr : {50.0, 100.0, 200.0}) {
      Case c{.point = text("D %g, K %g, S0/sigma %g", d, k, snr), .truth = {d, k, 1000}, .sigma = 1000 / snr};
      if (d == 2000 && snr == 50) {
        c.allowed["K"] = {.bias = 0.01, .excess = 1.15, .dishonesty = 0.16, .reason = "b 2000 at 2.6 sigma"};
        c.failures = 0.06;  // K under its bound
      }
      if (d == 2000 && snr == 100) c.allowed["K"] = {.bias = 0.01, .excess = 1.07, .reason = "b 2000 at 5 sigma"};
      check(model, protocol, protocol, c);
    }
  }
}

// --- MDME ---

TEST(Accuracy, OfSaturationRecoveryMultiEchoIsTheBounds) {
  const Model& model = *find_model("mdme");
  const Protocol protocol = model.example_protocol();
  for (const auto& [t1, t2] : {std::pair{450.0, 50.0}, {1300.0, 55.0}, {1600.0, 80.0}, {3000.0, 200.0}}) {
    for (const double b1 : {0.9, 1.0, 1.1}) {
      for (const double snr : {50.0, 100.0}) {
        Case c{
            .point = text("T1 %g, B1 %g, PD/sigma %g", t1, b1, snr), .truth = {t1, t2, 1000, b1}, .sigma = 1000 / snr};
        check(model, protocol, protocol, c);
        c.point += " given";
        c.known = {3};
        c.b1 = static_cast<float>(b1);
        check(model, protocol, protocol, c);
      }
    }
  }
}

}  // namespace
}  // namespace fitting
