#include "fitting/polarity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "fitting/fit.h"
#include "tests/fitting/grid.h"
#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

struct Parts {
  Series magnitude, real;
  std::vector<Plane> phase, imaginary;
};

// Signed signals of `model` turned by a phase of its own in each voxel and echo.
Parts complex_voxels(const Model& model, Protocol protocol, std::span<const double> truth, int voxels) {
  protocol.signed_signal = true;
  const auto signal = signal_of(model, protocol, truth);
  protocol.signed_signal = false;
  const Series empty{.geometry = axial(voxels, 1, 1), .protocol = protocol, .planes = {}};
  Parts parts{.magnitude = empty, .real = empty, .phase = {}, .imaginary = {}};
  for (std::size_t k = 0; k < signal.size(); ++k) {
    std::vector<float> magnitude, phase, real, imaginary;
    for (int i = 0; i < voxels; ++i) {
      const double echo = protocol.echo_times_ms.empty() ? 0 : protocol.echo_times_ms[k];
      const double turn = 0.7 * i + 0.05 * echo, z_re = signal[k] * std::cos(turn), z_im = signal[k] * std::sin(turn);
      magnitude.push_back(static_cast<float>(std::hypot(z_re, z_im)));
      // Scanners store phases modulo 2 pi.
      phase.push_back(static_cast<float>(std::atan2(z_im, z_re)));
      real.push_back(static_cast<float>(z_re));
      imaginary.push_back(static_cast<float>(z_im));
    }
    parts.magnitude.planes.emplace_back(std::move(magnitude));
    parts.real.planes.emplace_back(std::move(real));
    parts.phase.emplace_back(std::move(phase));
    parts.imaginary.emplace_back(std::move(imaginary));
  }
  return parts;
}

void expect_signal(const Series& series, const std::vector<double>& signal) {
  ASSERT_TRUE(series.protocol.signed_signal);
  for (std::size_t k = 0; k < signal.size(); ++k) {
    for (std::size_t i = 0; i < series.geometry.voxels(); ++i)
      ASSERT_NEAR(series.planes[k][i], signal[k], 1e-3 + 1e-5 * std::abs(signal[k])) << "plane " << k << " voxel " << i;
  }
}

std::vector<double> signed_signal_of(const Model& model, Protocol protocol, std::span<const double> truth) {
  protocol.signed_signal = true;
  return signal_of(model, protocol, truth);
}

TEST(Polarity, OfAnInversionRecoveryComesBackFromPhases) {
  const Model& model = *find_model("t1_ir");
  const double truth[] = {900, 2000, 1.9};
  const Parts parts = complex_voxels(model, model.example_protocol(), truth, 11);
  const auto with = with_signs(parts.magnitude, parts.phase);
  expect_signal(std::get<Series>(with), signed_signal_of(model, model.example_protocol(), truth));
}

TEST(Polarity, OfEachEchoOfAnMdmeComesBackFromPhasesAndFromComplexImages) {
  const Model& model = *find_model("mdme");
  const double truth[] = {1300, 80, 3000, 1};
  const Parts parts = complex_voxels(model, model.example_protocol(), truth, 11);
  const auto signal = signal_of(model, model.example_protocol(), truth);
  expect_signal(std::get<Series>(with_signs(parts.magnitude, parts.phase)), signal);
  expect_signal(std::get<Series>(with_signs_of_complex(parts.real, parts.imaginary)), signal);
}

// Magnitudes alone: the recovery says where the sign changed.
TEST(Polarity, OfAnMdmeIsFoundWithoutPhases) {
  const Model& model = *find_model("mdme");
  for (const double t1 : {400.0, 700.0, 1300.0, 1800.0}) {
    const double truth[] = {t1, 80, 3000, 1};
    const Parts parts = complex_voxels(model, model.example_protocol(), truth, 1);
    Protocol protocol = model.example_protocol();
    protocol.signed_signal = false;
    const auto e = run_one(model, protocol, signal_of(model, protocol, truth));
    EXPECT_NEAR(static_cast<double>(e.value[0][0]) / t1, 1, 1e-3);
    EXPECT_NEAR(e.value[1][0], 80, 0.1);
    EXPECT_NEAR(e.value[3][0], 1, 1e-3);
    EXPECT_LT(e.residual[0], 1e-4F);
  }
}

TEST(Polarity, IsNotGuessedWhereImagesAreMissing) {
  const Model& model = *find_model("t1_ir");
  const double truth[] = {900, 2000, 1.9};
  Parts parts = complex_voxels(model, model.example_protocol(), truth, 4);
  parts.phase.pop_back();
  EXPECT_EQ(std::get<Refusal>(with_signs(parts.magnitude, parts.phase)).reason, "4 phase images for 5 images");
  parts.phase.emplace_back(std::vector<float>(3));
  EXPECT_EQ(std::get<Refusal>(with_signs(parts.magnitude, parts.phase)).reason,
            "an image and its phase images differ in size");
  parts.magnitude.protocol.signed_signal = true;
  EXPECT_EQ(std::get<Refusal>(with_signs(parts.magnitude, parts.phase)).reason, "the series carries its sign already");
}

}  // namespace
}  // namespace fitting
