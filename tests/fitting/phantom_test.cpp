#include "fitting/phantom.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tests/fitting/grid.h"

namespace fitting {
namespace {

Geometry field_of_view(double spacing_mm) {
  const int n = static_cast<int>(300 / spacing_mm), slices = static_cast<int>(160 / spacing_mm);
  return axial(n, n, slices, spacing_mm, spacing_mm, Vec3(-150, -150, -80) + Vec3::Constant(spacing_mm / 2));
}

TEST(Phantom, HasOneMassOfTwentyTwoMillimetresInTheLeftBreast) {
  const Geometry g = axial(300, 150, 40, 1, 1, {-149.5, -129.5, -19.5});
  const auto label = labels(g);
  Vec3 sum = Vec3::Zero(), low = Vec3::Constant(1e9), high = -low;
  double voxels = 0;
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (label[i] != kLesionLabel) continue;
    const auto in_slice = i % g.slice_voxels();
    const Vec3 p = g.centre_mm(static_cast<double>(in_slice % 300), static_cast<double>(in_slice / 300),
                               static_cast<int>(i / g.slice_voxels()));
    sum += p;
    low = low.cwiseMin(p);
    high = high.cwiseMax(p);
    voxels += 1;
  }
  ASSERT_GT(voxels, 0);
  EXPECT_LT((sum / voxels - lesion_centre_mm()).norm(), 0.2);
  EXPECT_GT(lesion_centre_mm().x(), 0) << "left is +x";
  EXPECT_NEAR((high - low).maxCoeff() + 1, 22, 1.5);
  EXPECT_NEAR(voxels, 4.0 / 3 * std::numbers::pi * 11 * 11 * 10, 60);
}

TEST(Phantom, SurroundsTheMassWithFibroglandularTissueOnly) {
  // Every direction, 2 mm outside of the mass: no partial volume with fat at any clinical resolution.
  for (int theta = 0; theta <= 180; theta += 15) {
    for (int phi = 0; phi < 360; phi += 15) {
      const double t = theta * std::numbers::pi / 180, p = phi * std::numbers::pi / 180;
      const Vec3 at = lesion_centre_mm() + 13 * Vec3(std::sin(t) * std::cos(p), std::sin(t) * std::sin(p), std::cos(t));
      EXPECT_EQ(labels(axial(1, 1, 1, 1, 1, at))[0], 2) << at.transpose();
    }
  }
}

TEST(Phantom, HasEveryTissueAndPlentyOfAir) {
  const auto label = labels(field_of_view(4));
  for (std::size_t tissue = 1; tissue < tissues().size(); ++tissue)
    EXPECT_GT(std::ranges::count(label, static_cast<std::uint8_t>(tissue)), 50);
  EXPECT_GT(std::ranges::count(label, std::uint8_t{0}), static_cast<std::ptrdiff_t>(label.size() / 5));
  EXPECT_EQ(tissues()[kLesionLabel].name, "lesion");
}

TEST(Phantom, IsTheSameAnatomyOnEveryGrid) {
  const Geometry axial_grid = field_of_view(4);
  Geometry sagittal{.columns = 75,
                    .rows = 40,
                    .row_direction = Vec3::UnitY(),
                    .column_direction = -Vec3::UnitZ(),
                    .column_spacing_mm = 4,
                    .row_spacing_mm = 4,
                    .slice_thickness_mm = 4,
                    .slice_origins_mm = {}};
  for (int s = 0; s < 75; ++s) sagittal.slice_origins_mm.emplace_back(148 - 4 * s, -148, 78);
  const auto a = labels(axial_grid), b = labels(sagittal);
  ASSERT_EQ(a.size(), b.size());
  for (std::uint8_t tissue = 0; tissue <= kLesionLabel; ++tissue)
    EXPECT_EQ(std::ranges::count(a, tissue), std::ranges::count(b, tissue));
}

TEST(Phantom, HasBreastsThatHangFromTheChestWithoutAGap) {
  // From the nipple to the lungs there is tissue all the way.
  for (const double x : {-100.0, -75.0, 75.0, 110.0}) {
    bool entered = false;
    for (double y = -110; y < 20; y += 1) {
      const bool tissue = labels(axial(1, 1, 1, 1, 1, {x, y, 0}))[0] != 0;
      EXPECT_TRUE(tissue || !entered) << x << " " << y;
      entered = entered || tissue;
    }
    EXPECT_TRUE(entered);
  }
}

TEST(Simulate, UsesTwelveBitsWellForEveryModel) {
  for (const auto& [name, quantity] : {std::pair{"t1_vfa", Quantity::T1Pre},
                                       {"t1_vfa", Quantity::T1Post},
                                       {"t2", Quantity::T2},
                                       {"t2star", Quantity::T2star},
                                       {"adc", Quantity::Adc}}) {
    const Model& model = *find_model(name);
    const Series series = simulate(field_of_view(5), model.example_protocol(), model, quantity, 20, 1);
    float strongest = 0;
    for (const auto& plane : series.planes) strongest = std::max(strongest, std::ranges::max(plane.values()));
    EXPECT_GT(strongest, 3000) << name;
    EXPECT_LT(strongest, 4095) << name;
  }
}

TEST(Simulate, HasRicianNoiseThatDependsOnTheSeedAndTheVoxelOnly) {
  const Model& model = *find_model("t2");
  const Geometry g = field_of_view(5);
  const Series a = simulate(g, model.example_protocol(), model, Quantity::T2, 20, 5),
               b = simulate(g, model.example_protocol(), model, Quantity::T2, 20, 5);
  EXPECT_EQ(a.planes, b.planes);
  EXPECT_NE(a.planes, simulate(g, model.example_protocol(), model, Quantity::T2, 20, 6).planes);
  Protocol shorter = model.example_protocol();
  shorter.axis.resize(3);
  EXPECT_EQ(simulate(g, shorter, model, Quantity::T2, 20, 5).planes[1], a.planes[1]);
  double sum = 0, square = 0, n = 0;
  const auto label = labels(g);
  for (const auto& plane : a.planes) {
    for (std::size_t i = 0; i < plane.size(); ++i) {
      if (label[i] != 0) continue;
      sum += static_cast<double>(plane[i]);
      square += static_cast<double>(plane[i] * plane[i]);
      n += 1;
    }
  }
  EXPECT_NEAR(sum / n, 20 * std::sqrt(std::numbers::pi / 2), 0.1);
  EXPECT_NEAR(std::sqrt(square / n / 2), 20, 0.1);
}

TEST(Phantom, HasAKurtosisThatAgreesWithItsAdc) {
  for (const Tissue& tissue : tissues()) {
    const double d = tissue.diffusivity_um2_per_ms;
    EXPECT_NEAR(d - 0.8 * d * d * tissue.kurtosis / 6, tissue.adc_um2_per_ms, 1e-3 * tissue.adc_um2_per_ms)
        << tissue.name;
  }
}

TEST(Phantom, TakesUpContrastAgentFromTheInjectionOn) {
  const Uptake uptake{.amplitude = 2, .rise_s = 20, .washout_s = 100};
  EXPECT_EQ(relative_enhancement(uptake, -5), 0);
  EXPECT_EQ(relative_enhancement(uptake, 0), 0);
  EXPECT_NEAR(relative_enhancement(uptake, 20), 2 * (1 - std::exp(-1.0)) * std::exp(-0.2), 1e-12);
  EXPECT_NEAR(relative_enhancement({2, 20, 0}, 1000), 2, 1e-12) << "without washout the curve persists";
}

TEST(Phantom, WashesOutOfTheLesionAndNowhereElse) {
  for (std::size_t label = 1; label < tissues().size(); ++label) {
    const Uptake& uptake = tissues()[label].uptake;
    const double early = relative_enhancement(uptake, 90), late = relative_enhancement(uptake, 300);
    if (label == kLesionLabel) {
      EXPECT_LT(late, 0.9 * early);
      EXPECT_GT(early, 1) << "a malignant curve rises by more than 100 % in its first minutes";
    } else {
      EXPECT_GT(late, 0.99 * early) << tissues()[label].name;
    }
  }
}

TEST(Simulate, EnhancesEveryTissueByItsOwnUptake) {
  const Model& model = *find_model("t1_vfa");
  const Protocol protocol{Axis::FlipAngleDeg, {10}, 5};
  const Geometry g = field_of_view(5);
  const auto label = labels(g);
  const Series before = simulate(g, protocol, model, Quantity::T1Pre, 0, 1, {.gain = 10}),
               after = simulate(g, protocol, model, Quantity::T1Pre, 0, 1, {.after_injection_s = 60, .gain = 10});
  for (std::size_t i = 0; i < label.size(); ++i)
    ASSERT_NEAR(after.planes[0][i], before.planes[0][i] * (1 + relative_enhancement(tissues()[label[i]].uptake, 60)),
                1e-5 * static_cast<double>(after.planes[0][i]));
}

TEST(Simulate, FindsAReceiverGainThatSuitsTheBrightestPhase) {
  const Model& model = *find_model("t1_vfa");
  const Protocol protocol{Axis::FlipAngleDeg, {10}, 5};
  const std::array phases_s{-10.0, 60.0, 120.0};
  const double gain = receiver_gain(protocol, model, Quantity::T1Pre, phases_s);
  float strongest = 0;
  for (const double time_s : phases_s) {
    const Series phase =
        simulate(field_of_view(5), protocol, model, Quantity::T1Pre, 0, 1, {.after_injection_s = time_s, .gain = gain});
    strongest = std::max(strongest, std::ranges::max(phase.planes[0].values()));
  }
  EXPECT_NEAR(strongest, 3200, 0.01);
}

TEST(Simulate, WithoutNoiseIsTheModel) {
  const Model& model = *find_model("adc");
  const Series series = simulate(field_of_view(5), model.example_protocol(), model, Quantity::Adc, 0, 5);
  const auto label = labels(series.geometry);
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (label[i] == 0) {
      ASSERT_EQ(series.planes[0][i], 0.0F);
    } else {
      ASSERT_NEAR(series.planes[1][i] / series.planes[0][i], std::exp(-0.8 * tissues()[label[i]].adc_um2_per_ms), 1e-5);
    }
  }
}

TEST(Phantom, FollowsTheDoseByItsRelaxivity) {
  const std::vector<Tissue> usual = tissues_of({}), half = tissues_of({.agent = 0.5}), none = tissues_of({.agent = 0});
  for (std::size_t label = 1; label < usual.size(); ++label) {
    EXPECT_EQ(usual[label].t1_post_ms, tissues()[label].t1_post_ms) << "to the last digit";
    const auto rate = [&](const std::vector<Tissue>& all) {
      return 1 / all[label].t1_post_ms - 1 / all[label].t1_pre_ms;
    };
    EXPECT_NEAR(rate(half), rate(usual) / 2, 1e-12);
    EXPECT_DOUBLE_EQ(none[label].t1_post_ms, none[label].t1_pre_ms);
    EXPECT_DOUBLE_EQ(none[label].t2_post_ms, none[label].t2_ms);
    EXPECT_EQ(none[label].uptake.amplitude, 0);
    EXPECT_DOUBLE_EQ(half[label].uptake.amplitude, usual[label].uptake.amplitude / 2);
  }
}

TEST(Phantom, HasAMassOfTheSizeThatIsAskedForOrNone) {
  const Vec3 at = lesion_centre_mm() - Vec3(15, 15, 15);
  const Geometry g = axial(61, 61, 61, 0.5, 0.5, at);
  const auto count = [&](double diameter_mm) {
    const auto label = labels(g, {.lesion_diameter_mm = diameter_mm});
    return static_cast<double>(std::ranges::count(label, kLesionLabel));
  };
  EXPECT_EQ(count(0), 0);
  EXPECT_NEAR(count(8) / 8, 4.0 / 3 * M_PI * 4 * 4 * 4 * 10 / 11, 5);
  EXPECT_EQ(count(22), static_cast<double>(std::ranges::count(labels(g), kLesionLabel)));
  EXPECT_DOUBLE_EQ(lesion_half_axes_mm({.lesion_diameter_mm = 8}).x(), 4);
}

}  // namespace
}  // namespace fitting
