#include "fitting/arrival.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fitting/text.h"

namespace fitting {
namespace {

constexpr std::size_t kLeastFrames = 3;
constexpr double kSignalShare = 0.1;      // of the brightest hundredth: less is air
constexpr double kEnhancingShare = 0.01;  // of the voxels with signal
constexpr double kArrived = 0.2;          // of the whole rise
constexpr double kLeastRise = 0.1;        // of the first frame

// What 99 % of the values are below of.
float brightest(std::vector<float> values) {
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() - 1 - values.size() / 100);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// The voxels whose signal rises most, by index.
std::vector<std::size_t> enhancing(const Series& series) {
  const std::vector<float> first = series.planes.front().values();
  const std::size_t frames = series.planes.size(), late = (frames + 2) / 3;
  std::vector<float> rise(first.size());
  for (std::size_t k = frames - late; k < frames; ++k) {
    const std::vector<float> values = series.planes[k].values();
    for (std::size_t i = 0; i < rise.size(); ++i) rise[i] += values[i] / static_cast<float>(late);
  }
  const float least = static_cast<float>(kSignalShare) * brightest(rise);
  std::vector<std::size_t> bright;
  for (std::size_t i = 0; i < rise.size(); ++i)
    if (rise[i] > least) bright.push_back(i);
  const auto count =
      std::max<std::size_t>(1, static_cast<std::size_t>(kEnhancingShare * static_cast<double>(bright.size())));
  if (bright.size() < count) return {};
  std::nth_element(bright.begin(), bright.begin() + static_cast<std::ptrdiff_t>(count - 1), bright.end(),
                   [&](std::size_t a, std::size_t b) { return rise[a] - first[a] > rise[b] - first[b]; });
  bright.resize(count);
  return bright;
}

std::vector<double> mean_curve(const Series& series, const std::vector<std::size_t>& voxels) {
  std::vector<double> curve;
  for (const Plane& plane : series.planes) {
    double sum = 0;
    for (const std::size_t voxel : voxels) sum += plane[voxel];
    curve.push_back(sum / static_cast<double>(voxels.size()));
  }
  return curve;
}

}  // namespace

std::variant<Arrival, Refusal> contrast_arrival(const Series& series) {
  if (series.planes.size() < kLeastFrames || series.planes.front().size() == 0)
    return Refusal{"the arrival of a contrast agent needs " + std::to_string(kLeastFrames) + " frames"};
  const std::vector<std::size_t> voxels = enhancing(series);
  if (voxels.empty()) return Refusal{"no voxel has signal"};
  const std::vector<double> curve = mean_curve(series, voxels);
  const double rise = *std::max_element(curve.begin(), curve.end()) - curve.front();
  if (!(rise >= kLeastRise * std::max(curve.front(), 0.0)) || rise <= 0)
    return Refusal{"no enhancement by a contrast agent is seen in the images"};
  const auto risen =
      std::find_if(curve.begin(), curve.end(), [&](double s) { return s - curve.front() >= kArrived * rise; });
  const auto frame = static_cast<std::size_t>(risen - curve.begin());
  const std::size_t last_without = frame == 0 ? 0 : frame - 1;
  const double time_s = series.protocol.axis[last_without];
  return Arrival{time_s, text("contrast arrives after %g s (phase %g), by the mean curve of the enhancing voxels",
                              time_s, static_cast<double>(last_without + 1))};
}

}  // namespace fitting
