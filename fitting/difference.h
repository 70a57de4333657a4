#pragma once
// What changed between two maps of one quantity, voxel by voxel: before and after contrast.
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fitting/fit.h"
#include "fitting/resample.h"

namespace fitting {

// The signs are named because the papers differ: dT1 and dT1/T1 count a shortening as positive, and so do the tables of
// the SyMRI paper ((pre - post) / pre, which its models use), while its Methods print (post - pre) / pre.
enum class Change {
  Decrease,          // pre - post, unit of the maps
  RelativeDecrease,  // (pre - post) / pre, unit 1
  RelativeIncrease,  // (post - pre) / pre, unit 1
};

// A map to be compared: views, which outlive the call. `name` and `unit` as in Parameter.
struct ComparedMap {
  std::string_view name, unit;
  const Geometry* geometry = nullptr;
  std::span<const float> value, error;  // error: standard error, same unit; empty where not known
  std::span<const VoxelStatus> status;  // empty: a voxel failed where its value is 0 or not finite
};
// Parameter `index` of a fit.
[[nodiscard]] ComparedMap compared(const Fit& fit, std::size_t index);

struct ChangeMap {
  std::string title;  // "T1 pre - post", "(T1 pre - post) / pre", "(T1 post - pre) / pre"
  std::string unit;   // UCUM
  Geometry geometry;  // that of the map before
  std::vector<float> value;
  std::vector<float>
      error;  // standard error, from those of both maps as independent; 0 where failed, empty where one is not known
  std::vector<VoxelStatus> status;  // doubts of either; NotFitted where one of the maps has no value
  std::size_t measured = 0;  // voxels with a value; a change of exactly 0 is one of them: ask `status`, not the value
};

struct ChangeOptions {
  RigidTransform motion = {};  // from points of `pre` to the same tissue in `post` (RigidMotion::transform)
  unsigned threads = 1;
};

// The change from `pre` to `post` on the grid of `pre`. Where grids or positions differ, `post` is interpolated
// trilinearly; a voxel then fails if one of those that take part failed, and inherits the doubts of all. Its error is
// interpolated like the value: an upper bound. Refuses maps of different quantities or units, sizes that disagree and
// grids that do not touch. Result independent of `threads`, to the bit.
[[nodiscard]] std::variant<ChangeMap, Refusal> change_between(const ComparedMap& pre, const ComparedMap& post,
                                                              Change change, const ChangeOptions& options = {});

}  // namespace fitting
