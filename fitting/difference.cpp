#include "fitting/difference.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fitting {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

// A map on the grid where it is compared; NaN where it failed.
struct OnGrid {
  std::vector<float> value, error;  // error empty where not known
  std::vector<VoxelStatus> status;
};

// --- the maps as they come ---

std::string what_hinders(const ComparedMap& map) {
  assert(map.geometry != nullptr);
  const std::size_t voxels = map.geometry->voxels();
  if (std::string wrong = what_is_wrong(*map.geometry); !wrong.empty()) return wrong;
  const auto fits = [&](std::size_t size) { return size == 0 || size == voxels; };
  if (map.value.size() != voxels || !fits(map.error.size()) || !fits(map.status.size()))
    return "the map has another size than its geometry";
  return "";
}

std::string what_hinders(const ComparedMap& pre, const ComparedMap& post) {
  if (pre.name != post.name || pre.unit != post.unit)
    return std::string(pre.name) + " [" + std::string(pre.unit) + "] and " + std::string(post.name) + " [" +
           std::string(post.unit) + "] cannot be compared";
  if (std::string wrong = what_hinders(pre); !wrong.empty()) return "before: " + wrong;
  if (std::string wrong = what_hinders(post); !wrong.empty()) return "after: " + wrong;
  return "";
}

bool has_value(const ComparedMap& map, std::size_t voxel) {
  if (!std::isfinite(map.value[voxel])) return false;
  return map.status.empty() ? map.value[voxel] != 0 : !failed(map.status[voxel]);
}

OnGrid own_grid(const ComparedMap& map) {
  const std::size_t voxels = map.value.size();
  OnGrid own{std::vector<float>(map.value.begin(), map.value.end()),
             std::vector<float>(map.error.begin(), map.error.end()), std::vector<VoxelStatus>(voxels)};
  for (std::size_t i = 0; i < voxels; ++i) {
    if (!map.status.empty()) own.status[i] = map.status[i];
    if (has_value(map, i)) continue;
    own.value[i] = kUnknown;
    if (!own.error.empty()) own.error[i] = 0;
    own.status[i] = own.status[i] | VoxelStatus::NotFitted;
  }
  return own;
}

// --- to another grid ---

// A doubt of any voxel that takes part is a doubt of the outcome.
void carry_doubt(const std::vector<VoxelStatus>& status, VoxelStatus doubt, const Geometry& from, const Geometry& to,
                 const ResampleOptions& how, std::vector<VoxelStatus>& out) {
  std::vector<float> doubted(status.size());
  std::ranges::transform(status, doubted.begin(), [&](VoxelStatus s) { return has(s, doubt) ? 1.0F : 0.0F; });
  if (std::ranges::none_of(doubted, [](float d) { return d > 0; })) return;
  const auto there = resample(from, doubted, to, how);
  const auto& share = std::get<Resampled>(there).values;  // the values went the same way: it is not refused
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (share[i] > 0) out[i] = out[i] | doubt;
  }
}

std::variant<OnGrid, Refusal> resampled(const ComparedMap& map, const Geometry& to, const ResampleOptions& how) {
  const OnGrid own = own_grid(map);
  auto values = resample(*map.geometry, own.value, to, how);
  if (const auto* refusal = std::get_if<Refusal>(&values)) return *refusal;
  auto& there = std::get<Resampled>(values);
  OnGrid out{std::move(there.values), {}, std::vector<VoxelStatus>(to.voxels())};
  if (!own.error.empty())
    out.error = std::move(std::get<Resampled>(resample(*map.geometry, own.error, to, how)).values);
  for (const VoxelStatus doubt : {VoxelStatus::Uncertain, VoxelStatus::Misfit, VoxelStatus::FewContrasts,
                                  VoxelStatus::Constrained, VoxelStatus::Questionable})
    carry_doubt(own.status, doubt, *map.geometry, to, how, out.status);
  for (std::size_t i = 0; i < out.value.size(); ++i) {
    if (there.inside[i] != 0) continue;
    out.value[i] = kUnknown;
    out.status[i] = VoxelStatus::NotFitted;
  }
  return out;
}

bool at_rest(const RigidTransform& motion) {
  return motion.rotation == Eigen::Matrix3d::Identity() && motion.translation_mm == Vec3::Zero();
}

std::variant<OnGrid, Refusal> on_grid_of(const Geometry& grid, const ComparedMap& map, const ChangeOptions& options) {
  if (at_rest(options.motion) && same_grid(grid, *map.geometry)) return own_grid(map);
  return resampled(map, grid, {.transform = options.motion, .threads = options.threads});
}

// --- the change ---

std::string title_of(std::string_view name, Change change) {
  const std::string quantity(name);
  switch (change) {
    case Change::Decrease:
      return quantity + " pre - post";
    case Change::RelativeDecrease:
      return "(" + quantity + " pre - post) / pre";
    case Change::RelativeIncrease:
      return "(" + quantity + " post - pre) / pre";
  }
  return quantity;
}

struct Estimate {
  double value = 0, error = 0;
};

double changed(double pre, double post, Change change) {
  switch (change) {
    case Change::Decrease:
      return pre - post;
    case Change::RelativeDecrease:
      return (pre - post) / pre;
    case Change::RelativeIncrease:
      return (post - pre) / pre;
  }
  return 0;
}

// First order, errors independent: of pre - post both count alike; of a ratio post / pre
// se^2 = (se_post^2 + (post / pre)^2 se_pre^2) / pre^2.
double error_of(const Estimate& pre, const Estimate& post, Change change) {
  if (change == Change::Decrease) return std::hypot(pre.error, post.error);
  return std::hypot(post.error, post.value / pre.value * pre.error) / std::abs(pre.value);
}

Estimate estimate_at(const OnGrid& map, std::size_t voxel) {
  return {static_cast<double>(map.value[voxel]), map.error.empty() ? 0 : static_cast<double>(map.error[voxel])};
}

bool storable(double value) { return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()); }

void compare(const OnGrid& before, const OnGrid& after, Change change, ChangeMap& out) {
  for (std::size_t i = 0; i < out.value.size(); ++i) {
    const Estimate pre = estimate_at(before, i), post = estimate_at(after, i);
    const double value = changed(pre.value, post.value, change), error = error_of(pre, post, change);
    out.status[i] = before.status[i] | after.status[i];
    // NaN of a failed map and a division by 0 end here too.
    if (!storable(value) || !storable(error)) out.status[i] = out.status[i] | VoxelStatus::NotFitted;
    if (failed(out.status[i])) continue;
    out.value[i] = static_cast<float>(value);
    if (!out.error.empty()) out.error[i] = static_cast<float>(error);
    ++out.measured;
  }
}

}  // namespace

ComparedMap compared(const Fit& fit, std::size_t index) {
  const ParameterMap& map = fit.maps.at(index);
  return {.name = map.parameter.title,
          .unit = map.parameter.unit,
          .geometry = &fit.geometry,
          .value = map.value,
          .error = map.error,
          .status = fit.status};
}

std::variant<ChangeMap, Refusal> change_between(const ComparedMap& pre, const ComparedMap& post, Change change,
                                                const ChangeOptions& options) {
  if (std::string hindrance = what_hinders(pre, post); !hindrance.empty()) return Refusal{std::move(hindrance)};
  const OnGrid before = own_grid(pre);
  const auto after = on_grid_of(*pre.geometry, post, options);
  if (const auto* refusal = std::get_if<Refusal>(&after)) return Refusal{"after: " + refusal->reason};
  const auto& there = std::get<OnGrid>(after);
  ChangeMap out{.title = title_of(pre.name, change),
                .unit = change == Change::Decrease ? std::string(pre.unit) : "1",
                .geometry = *pre.geometry,
                .value = std::vector<float>(before.value.size()),
                .error = {},
                .status = std::vector<VoxelStatus>(before.value.size())};
  if (!before.error.empty() && !there.error.empty()) out.error.resize(before.value.size());
  compare(before, there, change, out);
  return out;
}

}  // namespace fitting
