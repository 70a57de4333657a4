#include "fitting/lesion_snr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fitting/phantom.h"
#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

constexpr int kSide = 120, kMiddle = 60;
constexpr double kSigma = 8;

// A disc of tissue in air: an image of one slice and the region that covers the disc.
struct Scene {
  Geometry grid = axial(kSide, kSide, 1);
  std::vector<float> image = std::vector<float>(grid.voxels());
  Mask mask{grid, std::vector<std::uint8_t>(grid.voxels())};

  static double radius(int column, int row) { return std::hypot(column - kMiddle, row - kMiddle); }
  template <class Paint>
  void paint(const Paint& value) {
    for (int row = 0; row < kSide; ++row)
      for (int column = 0; column < kSide; ++column)
        image[static_cast<std::size_t>(row * kSide + column)] = static_cast<float>(value(column, row));
  }
  void outline(double radius_mm) {
    for (int row = 0; row < kSide; ++row)
      for (int column = 0; column < kSide; ++column)
        mask.inside[static_cast<std::size_t>(row * kSide + column)] = radius(column, row) <= radius_mm;
  }
  void add_noise(double sigma, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0, sigma);
    for (float& value : image)
      value = static_cast<float>(std::hypot(static_cast<double>(value) + noise(random), noise(random)));
  }
};

// Half of the disc at 400, half at 200; 0 in air.
Scene two_halves() {
  Scene scene;
  scene.paint([](int column, int row) { return Scene::radius(column, row) > 12 ? 0 : column < kMiddle ? 400 : 200; });
  scene.outline(12);
  return scene;
}

LesionSnr found(const Scene& scene, const Noise& known = {}) {
  const auto snr = lesion_snr(scene.grid, scene.image, scene.mask, 0, 5, known);
  EXPECT_TRUE(std::holds_alternative<LesionSnr>(snr)) << std::get<Refusal>(snr).reason;
  return std::holds_alternative<LesionSnr>(snr) ? std::get<LesionSnr>(snr) : LesionSnr{};
}

std::string refusal_of(const Scene& scene) {
  const auto snr = lesion_snr(scene.grid, scene.image, scene.mask, 0);
  return std::holds_alternative<Refusal>(snr) ? std::get<Refusal>(snr).reason : "";
}

TEST(LesionSnr, KnowsTheNoiseFromTheAirInTheCorners) {
  Scene scene = two_halves();
  scene.add_noise(kSigma);
  const LesionSnr snr = found(scene);
  EXPECT_NEAR(snr.sigma / kSigma, 1, 0.1) << "four rectangles of 144 voxels know it to 3 %";
  EXPECT_THAT(snr.how, HasSubstr("air in 4 of the 4 corners"));
  EXPECT_EQ(snr.excluded_share, 0);
}

TEST(LesionSnr, IsThePapersRatioOfTheMeanToTheHeterogeneityOfTheTumour) {
  Scene scene = two_halves();
  scene.add_noise(kSigma);
  // A little less than half of the circle lies to the left: mean near 300 and SD near 100, background 10.
  EXPECT_NEAR(found(scene).lesion, (300 - kSigma * std::sqrt(M_PI / 2)) / 100, 0.15);
}

TEST(LesionSnr, ExcludesTheVoxelsThatAreTooWeakAndNoOthers) {
  Scene scene;
  // A core of 3 sigma above the background of air in a disc of 60 sigma.
  scene.paint([](int column, int row) {
    return Scene::radius(column, row) > 12 ? 0 : Scene::radius(column, row) <= 4 ? 3 * kSigma : 60 * kSigma;
  });
  scene.outline(12);
  scene.add_noise(kSigma);
  const LesionSnr snr = found(scene);
  std::size_t core = 0, lost = 0, all = 0;
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const auto excluded = snr.excluded[static_cast<std::size_t>(row * kSide + column)];
      if (Scene::radius(column, row) > 12) {
        ASSERT_EQ(excluded, 0) << "outside the region nothing is excluded";
        continue;
      }
      ++all;
      const bool weak = Scene::radius(column, row) <= 4;
      core += weak ? 1U : 0U;
      lost += excluded;
      if (!weak) {
        ASSERT_EQ(excluded, 0);
      }
    }
  }
  EXPECT_GT(static_cast<double>(lost), 0.95 * static_cast<double>(core));
  EXPECT_DOUBLE_EQ(snr.excluded_share, static_cast<double>(lost) / static_cast<double>(all));
}

TEST(LesionSnr, IsNotMisledByChestInTwoCorners) {
  Scene scene = two_halves();
  scene.paint([](int column, int row) {
    if (row > 95) return 300;
    return Scene::radius(column, row) > 12 ? 0 : column < kMiddle ? 400 : 200;
  });
  scene.add_noise(kSigma);
  const LesionSnr snr = found(scene);
  EXPECT_NEAR(snr.sigma / kSigma, 1, 0.12);
  EXPECT_THAT(snr.how, HasSubstr("2 of the 4 corners"));
  EXPECT_EQ(snr.excluded_share, 0);
  EXPECT_NEAR(snr.lesion, (300 - 155.0) / 100, 0.15) << "the paper's background is all four rectangles'";
}

TEST(LesionSnr, OfAMaskedBackgroundTakesTheNoiseOfTheFitOrRefuses) {
  Scene scene = two_halves();
  scene.add_noise(kSigma);
  for (int row = 0; row < kSide; ++row)
    for (int column = 0; column < kSide; ++column)
      if (Scene::radius(column, row) > 12) scene.image[static_cast<std::size_t>(row * kSide + column)] = 0;
  EXPECT_THAT(refusal_of(scene), HasSubstr("noise of the last echo is not known"));
  const LesionSnr snr = found(scene, {.sigma = kSigma, .method = "residuals"});
  EXPECT_EQ(snr.sigma, kSigma);
  EXPECT_THAT(snr.how, HasSubstr("residuals"));
  EXPECT_THAT(snr.how, HasSubstr("corners of the image are no air"));
}

TEST(LesionSnr, OfFilledCornersTakesTheNoiseOfTheFit) {
  Scene scene;
  scene.paint([](int column, int row) {
    const bool corner = (column < 20 || column > 99) && (row < 20 || row > 99);
    if (corner) return 300;
    return Scene::radius(column, row) > 12 ? 0 : column < kMiddle ? 400 : 200;
  });
  scene.outline(12);
  scene.add_noise(kSigma);
  EXPECT_THAT(refusal_of(scene), HasSubstr("noise of the last echo is not known"));
  EXPECT_EQ(found(scene, {.sigma = 7.5, .channels = 4, .method = "air"}).sigma, 7.5);
}

TEST(LesionSnr, TakesTissueWithNoiseNotForAir) {
  Scene scene = two_halves();
  std::mt19937 random(3);
  std::normal_distribution<float> noise(0, 8);
  scene.paint([&](int, int) { return 100 + noise(random); });
  EXPECT_THAT(refusal_of(scene), HasSubstr("noise of the last echo is not known"));
}

TEST(LesionSnr, KnowsTheNoiseOfThePhantomInWholeNumbers) {
  Geometry grid = axial(192, 192, 3, 300.0 / 192, 5.2);
  for (int s = 0; s < 3; ++s) grid.slice_origins_mm[static_cast<std::size_t>(s)] = {-149.2, -149.2, 4 + (s - 1) * 5.2};
  const Series series =
      simulate(grid, {Axis::EchoTimeMs, {3.54, 28.32}, 724}, *find_model("t2star"), Quantity::T2star, 12, 5);
  std::vector<float> last = series.planes.back().values();
  for (float& value : last) value = std::round(value);
  Mask lesion{grid, {}};
  for (const std::uint8_t label : labels(grid)) lesion.inside.push_back(label == kLesionLabel);
  const auto snr = lesion_snr(grid, last, lesion, 1);
  ASSERT_TRUE(std::holds_alternative<LesionSnr>(snr)) << std::get<Refusal>(snr).reason;
  EXPECT_NEAR(std::get<LesionSnr>(snr).sigma, 12, 0.5);
  EXPECT_EQ(std::get<LesionSnr>(snr).excluded_share, 0);
  // One tissue: its only heterogeneity is noise.
  EXPECT_GT(std::get<LesionSnr>(snr).lesion, 50);
}

TEST(LesionSnr, RefusesWhatHasNoMiddleNoSpreadOrNoSlice) {
  Scene scene = two_halves();
  scene.add_noise(kSigma);
  EXPECT_TRUE(std::holds_alternative<Refusal>(lesion_snr(scene.grid, scene.image, scene.mask, 1)));
  EXPECT_TRUE(std::holds_alternative<Refusal>(lesion_snr(scene.grid, std::vector<float>(7), scene.mask, 0)));
  scene.outline(1);
  EXPECT_THAT(refusal_of(scene), HasSubstr("no circle of 9 voxels"));
  scene.outline(12);
  scene.paint([](int, int) { return 100; });
  EXPECT_THAT(refusal_of(scene), HasSubstr("one value"));
}

}  // namespace
}  // namespace fitting
