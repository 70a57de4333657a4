// What every map owes, whatever it is: tests over the whole catalog.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>

#include "fitting/model.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {

// Its name, rather than its bytes, in the names of tests.
void PrintTo(const Model& model, std::ostream* out) { *out << model.name; }

namespace {

TEST(Catalog, HoldsOneModelPerFileUnderTheNameOfTheFile) {
  std::set<std::string> files, names;
  for (const auto& entry : std::filesystem::directory_iterator(HERALD_SOURCE_DIR "/fitting/maps"))
    files.insert(entry.path().stem().string());
  for (const Model& model : catalog()) names.emplace(model.name);
  EXPECT_EQ(names, files);
  EXPECT_TRUE(names.contains("t1_vfa") && names.contains("t2") && names.contains("t2star") && names.contains("adc"));
}

TEST(Catalog, FindsAModelByItsNameOnly) {
  ASSERT_NE(find_model("t2"), nullptr);
  EXPECT_EQ(find_model("t2")->name, "t2");
  EXPECT_EQ(find_model("T2"), nullptr);
  EXPECT_EQ(find_model(""), nullptr);
}

struct EveryMap : testing::TestWithParam<Model> {
  const Model& model = GetParam();
  Protocol protocol = model.example_protocol();
};
INSTANTIATE_TEST_SUITE_P(Catalog, EveryMap, testing::ValuesIn(catalog().begin(), catalog().end()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(EveryMap, IsDescribedCompletely) {
  EXPECT_FALSE(model.title.empty() || model.equation.empty() || model.citation.empty());
  EXPECT_FALSE(model.examples.empty());
  EXPECT_EQ(protocol.axis_kind, model.axis);
  EXPECT_GE(protocol.axis.size(), model.least_contrasts);
  EXPECT_LE(model.parameters.size(), kMaxParameters);
  for (const Parameter& p : model.parameters)
    EXPECT_TRUE(p.lower < p.upper && p.display_upper > p.lower && !p.unit.empty()) << p.name;
}

TEST_P(EveryMap, RecoversItsExamplesFromNoiselessSignals) {
  for (const Example& example : model.examples) {
    const auto e = run_one(model, protocol, signal_of(model, protocol, example.truth));
    EXPECT_EQ(e.status[0], VoxelStatus::Good);
    for (std::size_t p = 0; p < model.parameters.size(); ++p) {
      EXPECT_NEAR(static_cast<double>(e.value[p][0]) / example.truth[p], 1, example.relative_tolerance)
          << model.parameters[p].name << " " << example.truth[p];
    }
    EXPECT_LT(e.residual[0], 1e-5F);
    EXPECT_EQ(e.error[0][0], 0.0F) << "no noise is known";
  }
}

// 20,000 noisy voxels per example, strongest signal / noise = 60.
TEST_P(EveryMap, IsUnbiasedAndItsStandardErrorIsTheScatter) {
  for (const Example& example : model.examples) {
    const auto signal = signal_of(model, protocol, example.truth);
    const double sigma = std::ranges::max(signal) / 60;
    auto e =
        run(model.fit, protocol, noisy(signal, sigma, 20000, 7, protocol.signed_signal), static_cast<float>(sigma));
    auto& value = e.value[0];
    auto& error = e.error[0];
    const auto good = std::ranges::count_if(e.status, [](VoxelStatus s) { return !failed(s); });
    EXPECT_GT(good, 19800);
    std::ranges::sort(value);
    std::ranges::sort(error);
    const double median = static_cast<double>(value[10000]),
                 scatter = static_cast<double>(value[16827] - value[3173]) / 2;
    const double standard_error = static_cast<double>(error[10000]);
    // A tenth of the scatter of one voxel: nothing a region of a hundred voxels would notice.
    EXPECT_NEAR(median, example.truth[0], std::max(0.1 * scatter, 0.005 * example.truth[0]))
        << "truth " << example.truth[0];
    // The error is the Gaussian one; an ADC of 2900 leaves the last image at three times the noise, where magnitudes
    // are Rician.
    EXPECT_NEAR(scatter / standard_error, 1, 0.08) << "truth " << example.truth[0];
  }
}

TEST_P(EveryMap, AgreesWithItselfInDoublePrecision) {
  for (const Example& example : model.examples) {
    const auto signal = signal_of(model, protocol, example.truth);
    const double sigma = std::ranges::max(signal) / 60;
    const auto planes = noisy(signal, sigma, 2000, 11, protocol.signed_signal);
    const auto single = run(model.fit, protocol, planes, static_cast<float>(sigma));
    const auto precise = run(model.fit_in_double, protocol, planes, static_cast<float>(sigma));
    std::size_t differing = 0;
    for (std::size_t i = 0; i < 2000; ++i) {
      const float allowed = 1e-4F * precise.value[0][i];
      if (single.status[i] != precise.status[i] || std::abs(single.value[0][i] - precise.value[0][i]) > allowed)
        ++differing;
    }
    // An echo whose fitted signal lies on the noise floor within rounding may be kept by one and cut by the other.
    EXPECT_LE(differing, 2U) << "truth " << example.truth[0];
  }
}

TEST_P(EveryMap, SaysNoToWhatCannotBeFitted) {
  const std::size_t n = protocol.axis.size();
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto infinity = std::numeric_limits<double>::infinity();
  const auto with = [&](std::size_t k, double value) {
    auto signal = signal_of(model, protocol, model.examples[0].truth);
    signal[k] = value;
    return signal;
  };
  const std::vector<std::vector<double>> hopeless = {std::vector<double>(n, 0.0),
                                                     std::vector<double>(n, 100.0),
                                                     std::vector<double>(n, -100.0),
                                                     std::vector<double>(n, nan),
                                                     with(0, nan),
                                                     with(n - 1, infinity),
                                                     with(0, 0.0),
                                                     with(0, -50.0),
                                                     std::vector<double>(n, 1e38)};
  // A recovery passes through zero, and a zero there is as good as any value.
  const bool zero_is_signal = model.axis == Axis::InversionTimeMs || protocol.signed_signal;
  for (std::size_t row = 0; row < hopeless.size(); ++row) {
    if ((zero_is_signal && row == 6) || (protocol.signed_signal && row == 7)) continue;
    for (const float noise : {0.0F, 5.0F}) {
      const auto e = run_one(model, protocol, hopeless[row], noise);
      EXPECT_TRUE(failed(e.status[0])) << "row " << row << " gives " << e.value[0][0];
      for (std::size_t p = 0; p < model.parameters.size(); ++p)
        EXPECT_TRUE(e.value[p][0] == 0 && e.error[p][0] == 0) << "row " << row;
      EXPECT_EQ(e.residual[0], 0.0F);
    }
  }
}

TEST_P(EveryMap, NeverWritesANumberThatIsNotFiniteOrOutOfBounds) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-12, 12);
  std::vector<std::vector<float>> planes(protocol.axis.size(), std::vector<float>(20000));
  for (auto& plane : planes)
    std::ranges::generate(plane, [&] { return static_cast<float>(std::pow(10, exponent(random)) - 1e-6); });
  const auto e = run(model.fit, protocol, planes, 0);
  for (std::size_t i = 0; i < 20000; ++i) {
    for (std::size_t p = 0; p < model.parameters.size(); ++p) {
      ASSERT_TRUE(std::isfinite(e.value[p][i]) && std::isfinite(e.error[p][i]) && std::isfinite(e.residual[i]));
      const double value = static_cast<double>(e.value[p][i]);
      ASSERT_TRUE(failed(e.status[i]) ? value == 0
                                      : value >= model.parameters[p].lower && value <= model.parameters[p].upper);
    }
  }
}

TEST_P(EveryMap, FitsNoVoxelWhoseStrongestSignalIsUnderTheLeastSnr) {
  const auto signal = signal_of(model, protocol, model.examples[0].truth);
  const float strongest = static_cast<float>(std::ranges::max(signal));
  EXPECT_EQ(run_one(model, protocol, signal, strongest / 4.9F).status[0], VoxelStatus::BelowSnr);
  EXPECT_FALSE(has(run_one(model, protocol, signal, strongest / 5.1F).status[0], VoxelStatus::BelowSnr));
}

TEST_P(EveryMap, GivesAVoxelTheSameNumberWhateverTileItIsIn) {
  const auto signal = signal_of(model, protocol, model.examples[0].truth);
  const auto planes = noisy(signal, std::ranges::max(signal) / 30, 64, 5, protocol.signed_signal);
  const auto together = run(model.fit, protocol, planes, static_cast<float>(std::ranges::max(signal) / 30));
  for (std::size_t i = 0; i < 64; ++i) {
    std::vector<double> one;
    for (const auto& plane : planes) one.push_back(static_cast<double>(plane[i]));
    const auto alone = run_one(model, protocol, one, static_cast<float>(std::ranges::max(signal) / 30));
    EXPECT_EQ(alone.value[0][0], together.value[0][i]);
    EXPECT_EQ(alone.status[0], together.status[i]);
  }
}

TEST_P(EveryMap, MarksALargeErrorAndALargeResidualAndKeepsTheValue) {
  const auto signal = signal_of(model, protocol, model.examples[0].truth);
  const float noise = static_cast<float>(std::ranges::max(signal) / 60);
  const auto uncertain = run_one(model, protocol, signal, noise, {.largest_relative_error = 1e-4});
  EXPECT_TRUE(has(uncertain.status[0], VoxelStatus::Uncertain));
  EXPECT_GT(uncertain.value[0][0], 0.0F);
  auto disturbed = signal;
  disturbed[1] *= 1.02;
  const auto misfit = run_one(model, protocol, disturbed, 0, {.largest_relative_residual = 1e-5});
  EXPECT_TRUE(has(misfit.status[0], VoxelStatus::Misfit));
  EXPECT_GT(misfit.value[0][0], 0.0F);
}

}  // namespace
}  // namespace fitting
