// T1 by inversion recovery where the scanner does not do what the textbook does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/fitting/one_voxel.h"

namespace fitting {
namespace {

// Siemens Aera: one series for each inversion time, TR grows with it.
Protocol growing_repetition() {
  return {.axis_kind = Axis::InversionTimeMs,
          .axis = {50, 100, 200, 400, 800, 1600},
          .repetition_time_ms = 1000,
          .repetition_times_ms = {1000, 1000, 1000, 1400, 2000, 2500}};
}

TEST(T1InversionRecovery, FollowsARepetitionTimeThatGrowsWithTheInversionTime) {
  const Model& model = *find_model("t1_ir_tr");
  for (const bool is_signed : {false, true}) {
    Protocol protocol = growing_repetition();
    protocol.signed_signal = is_signed;
    for (const double t1 : {40.0, 150.0, 500.0, 1000.0, 1900.0}) {
      for (const double inversion : {1.7, 1.9, 2.0}) {
        const double truth[] = {t1, 2000, inversion};
        const auto e = run_one(model, protocol, signal_of(model, protocol, truth));
        EXPECT_EQ(e.status[0], VoxelStatus::Good);
        EXPECT_NEAR(static_cast<double>(e.value[0][0]) / t1, 1, 1e-3) << t1 << " " << inversion;
        EXPECT_NEAR(static_cast<double>(e.value[2][0]) / inversion, 1, 2e-3) << t1;
      }
    }
  }
}

// With one repetition time for all, a T1 of 1000 ms is far off. (Were TR - TI the same for all, it would not be.)
TEST(T1InversionRecovery, WouldBeWrongWithOneRepetitionTimeForAll) {
  const Model& model = *find_model("t1_ir");
  const double truth[] = {1000, 2000, 1.9};
  const auto signal = signal_of(*find_model("t1_ir_tr"), growing_repetition(), truth);
  Protocol one = growing_repetition();
  one.repetition_times_ms.clear();
  EXPECT_GT(std::abs(run_one(model, one, signal).value[0][0] / 1000 - 1), 0.05F);
}

TEST(T1InversionRecovery, StatesItsErrorWhereTheRepetitionTimeGrows) {
  const Model& model = *find_model("t1_ir_tr");
  const Protocol protocol = growing_repetition();
  const double truth[] = {600, 3000, 1.9};
  const auto signal = signal_of(model, protocol, truth);
  auto e = run(model.fit, protocol, noisy(signal, 30, 20000, 7), 30);
  std::ranges::sort(e.value[0]);
  std::ranges::sort(e.error[0]);
  EXPECT_NEAR(e.value[0][10000], 600, 3);
  EXPECT_NEAR((e.value[0][16827] - e.value[0][3173]) / 2 / e.error[0][10000], 1, 0.08);
}

TEST(T1InversionRecovery, FixesTheInversionWhereTheTimesDoNotReachAndSaysSo) {
  const Model& model = *find_model("t1_ir");
  const Protocol protocol{
      .axis_kind = Axis::InversionTimeMs, .axis = {100, 200, 350, 500, 800}, .repetition_time_ms = 8000};
  const double truth[] = {1400, 3000, 1.9};
  const auto signal = signal_of(model, protocol, truth);
  auto e = run(model.fit, protocol, noisy(signal, 30, 20000, 7), 30);
  EXPECT_GT(std::ranges::count_if(e.status, [](VoxelStatus s) { return has(s, VoxelStatus::Constrained); }), 15000);
  const auto free = run(model.fit, protocol, noisy(signal, 30, 20000, 7), 30, {.largest_free_error = 1e9});
  EXPECT_EQ(std::ranges::count_if(free.status, [](VoxelStatus s) { return has(s, VoxelStatus::Constrained); }), 0);
  std::ranges::sort(e.value[0]);
  EXPECT_NEAR(e.value[0][10000], 1400, 14);
}

TEST(T1InversionRecovery, CorrectsForTheReadoutsOfLookLockerOnlyWhereToldTo) {
  const Model& model = *find_model("t1_ir");
  Protocol protocol{.axis_kind = Axis::InversionTimeMs,
                    .axis = {100, 180, 1100, 1900, 2700, 3500, 4300},
                    .repetition_time_ms = 2.7,
                    .look_locker = true};
  const double truth[] = {1150, 3000, 2.15};
  const auto signal = signal_of(model, protocol, truth);
  EXPECT_NEAR(run_one(model, protocol, signal).value[0][0], 1150, 0.5);
  protocol.look_locker = false;
  EXPECT_NEAR(run_one(model, protocol, signal).value[0][0], 1150 / 1.15, 0.5);
}

// Slices of a 2D stack are read one after the other.
TEST(T1InversionRecovery, ShiftsTheInversionTimeFromSliceToSlice) {
  const Model& model = *find_model("t1_ir");
  Protocol shifted = model.example_protocol();
  for (double& time : shifted.axis) time += 3 * 40;
  const double truth[] = {800, 2500, 1.9};
  const auto signal = signal_of(model, shifted, truth);
  Protocol protocol = model.example_protocol();
  protocol.slice_delay_ms = 40;
  std::vector<std::vector<float>> planes;
  for (const double s : signal) planes.emplace_back(1 + Tile::kPadding, static_cast<float>(s));
  std::vector<const float*> pointers;
  for (const auto& plane : planes) pointers.push_back(plane.data());
  std::vector<float> values(2 * kMaxParameters + 1);
  VoxelStatus status = VoxelStatus::Good;
  TileFit out{.residual = &values[2 * kMaxParameters], .status = &status};
  for (std::size_t p = 0; p < kMaxParameters; ++p) {
    out.value[p] = &values[p];
    out.error[p] = &values[kMaxParameters + p];
  }
  model.fit(protocol, {}, {.size = 1, .signal = pointers, .slice = 3}, out);
  EXPECT_EQ(status, VoxelStatus::Good);
  EXPECT_NEAR(values[0], 800, 0.1);
  EXPECT_NEAR(values[2], 1.9, 1e-3);  // of the inversion, not of what is left of it at the slice
}

}  // namespace
}  // namespace fitting
