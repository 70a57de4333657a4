#include "fitting/arrival.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/fitting/grid.h"

namespace fitting {
namespace {

using testing::HasSubstr;

// 40 x 40 voxels of which the last twenty enhance from frame `arrival` on; noise of `sigma`.
Series dynamic(int frames, int arrival, double gain, double sigma) {
  Series series;
  series.geometry = axial(40, 40, 1);
  series.protocol.axis_kind = Axis::TimeS;
  std::mt19937 random(5);
  std::normal_distribution<double> noise(0, sigma);
  for (int frame = 0; frame < frames; ++frame) {
    series.protocol.axis.push_back(20.0 * frame);
    std::vector<float> values(1600);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double signal = i < 400 ? 0 : i >= 1580 && frame >= arrival ? 1000 * (1 + gain) : 1000;
      values[i] = static_cast<float>(signal + noise(random));
    }
    series.planes.emplace_back(std::move(values));
  }
  return series;
}

TEST(ContrastArrival, IsTheLastFrameWithoutTheAgent) {
  for (const int arrival : {1, 2, 4}) {
    const auto found = contrast_arrival(dynamic(6, arrival, 1.0, 20));
    ASSERT_TRUE(std::holds_alternative<Arrival>(found)) << std::get<Refusal>(found).reason;
    EXPECT_EQ(std::get<Arrival>(found).time_s, 20.0 * (arrival - 1));
    EXPECT_THAT(std::get<Arrival>(found).description, HasSubstr("(phase " + std::to_string(arrival) + ")"));
  }
}

TEST(ContrastArrival, IsRefusedWhereNothingEnhances) {
  for (const double sigma : {0.0, 20.0}) {
    const auto found = contrast_arrival(dynamic(6, 3, 0, sigma));
    ASSERT_TRUE(std::holds_alternative<Refusal>(found)) << sigma;
    EXPECT_THAT(std::get<Refusal>(found).reason, HasSubstr("no enhancement"));
  }
}

TEST(ContrastArrival, NeedsThreeFrames) {
  EXPECT_TRUE(std::holds_alternative<Refusal>(contrast_arrival(dynamic(2, 1, 1, 0))));
  EXPECT_TRUE(std::holds_alternative<Refusal>(contrast_arrival(Series{})));
}

TEST(ContrastArrival, OfAnEmptyPictureIsRefused) {
  Series series = dynamic(4, 1, 1, 0);
  for (Plane& plane : series.planes) plane = Plane(std::vector<float>(1600));
  EXPECT_TRUE(std::holds_alternative<Refusal>(contrast_arrival(series)));
}

}  // namespace
}  // namespace fitting
