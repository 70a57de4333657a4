// Enhancement curves of a dynamic series, without a pharmacokinetic model.
//
//   RE(t) = (S(t) - S0) / S0,  S0 = mean of the frames up to the arrival of the contrast agent
//
// Times count from that arrival. Early enhancement is the mean of RE over 60..120 s; peak, time to peak and the
// steepest rise are those of the samples; iAUC60 is the area under RE up to 60 s by trapezoids; SER = early / last RE
// (Esserman et al. 1999, Breast J 5:13). S_e being the maximum of the first 120 s and S_l the last frame, (S_l -
// S_e)/S_e says the type of the curve (Kuhl et al. 1999, Radiology 211:101): I persistent, above +10 %; II plateau; III
// washout, below -10 %. Where the last frame is enhanced by less than 5 %, late change, SER and type are 0: there is
// nothing to classify.
//
// One pass over the frames. What is linear in the frames has the error of the noise in it and in S0; that of the time
// to peak is the spacing of the frames; peak and steepest rise are maxima of noisy samples, hence too high by about one
// standard error where frames are many. The residual is the scatter of the baseline.
#include <cmath>

#include "fitting/model.h"

#ifndef HERALD_MAPS_DCE  // once, not for each instruction set
#define HERALD_MAPS_DCE
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "RE_early",
     .title = "Early enhancement",
     .unit = "%",
     .lower = -100,
     .upper = 10000,
     .display_upper = 300},
    {.name = "RE_peak", .title = "Peak enhancement", .unit = "%", .lower = -100, .upper = 10000, .display_upper = 300},
    {.name = "TTP", .title = "Time to peak", .unit = "s", .lower = 0, .upper = 1e5, .display_upper = 600},
    {.name = "slope", .title = "Steepest rise", .unit = "%/s", .lower = -1e4, .upper = 1e4, .display_upper = 10},
    {.name = "late", .title = "Late change", .unit = "%", .lower = -100, .upper = 10000, .display_upper = 50},
    {.name = "SER",
     .title = "Signal enhancement ratio",
     .unit = "1",
     .lower = -2100,
     .upper = 2100,
     .display_upper = 2},
    {.name = "iAUC60",
     .title = "Initial area under the curve, 60 s",
     .unit = "s",
     .lower = -60,
     .upper = 6000,
     .display_upper = 100},
    {.name = "TIC", .title = "Curve type", .unit = "1", .lower = 0, .upper = 3, .display_upper = 3},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

constexpr double kEarlyFrom_s = 60, kEarlyTo_s = 120, kArea_s = 60;
constexpr double kLeastLate = 0.05;

// What the frames after the arrival weigh in early enhancement and in the area.
struct FrameWeights {
  std::vector<double> early, area;
};

bool is_early(double time_s) { return time_s >= kEarlyFrom_s && time_s <= kEarlyTo_s; }

// The integral of the straight line from (from, 0) to (to, 1) over [0, kArea_s], and of the one down again.
double rising_area(double from, double to) {
  const double end = std::min(to, kArea_s);
  return end <= from ? 0 : (end - from) * (end - from) / (2 * (to - from));
}
double falling_area(double from, double to) {
  const double end = std::min(to, kArea_s);
  return end <= from ? 0 : (end - from) * (1 - (end - from) / (2 * (to - from)));
}

// `times_s` after the arrival, ascending, none empty. Without a frame in the early window the one nearest to its middle
// stands for it.
FrameWeights weights_of(std::span<const double> times_s) {
  const std::size_t n = times_s.size();
  FrameWeights weights{std::vector<double>(n), std::vector<double>(n)};
  const auto early = static_cast<double>(std::ranges::count_if(times_s, is_early));
  const auto middle = [](double t) { return std::abs(t - (kEarlyFrom_s + kEarlyTo_s) / 2); };
  const auto nearest = std::ranges::min_element(times_s, {}, middle) - times_s.begin();
  for (std::size_t k = 0; k < n; ++k) {
    weights.early[k] = early > 0 ? (is_early(times_s[k]) ? 1 / early : 0) : (static_cast<std::ptrdiff_t>(k) == nearest);
    weights.area[k] = rising_area(k == 0 ? 0 : times_s[k - 1], times_s[k]);
    if (k + 1 < n) weights.area[k] += falling_area(times_s[k], times_s[k + 1]);
  }
  return weights;
}

std::size_t baseline_frames(const Protocol& protocol) {
  return static_cast<std::size_t>(
      std::ranges::count_if(protocol.axis, [&](double t) { return t <= protocol.contrast_arrival_s; }));
}

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/dce.cpp"
#include <hwy/foreach_target.h>

#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

template <class V, int K>
class EnhancementKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  EnhancementKernel(const Protocol& protocol, const FitOptions& options, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        baseline_(static_cast<int>(baseline_frames(protocol))),
        noise_(static_cast<Real>(tile.noise)),
        plateau_(static_cast<Real>(options.plateau)) {
    if (!usable()) return;
    std::vector<double> after;
    for (const double t : protocol.axis) {
      if (t > protocol.contrast_arrival_s) after.push_back(t - protocol.contrast_arrival_s);
    }
    const FrameWeights weights = weights_of(after);
    for (std::size_t i = 0; i < after.size(); ++i) {
      const std::size_t k = i + static_cast<std::size_t>(baseline_);
      const double before = i == 0 ? 0 : after[i - 1], next = i + 1 < after.size() ? after[i + 1] : after[i];
      early_[k] = static_cast<Real>(weights.early[i]);
      area_[k] = static_cast<Real>(weights.area[i]);
      time_s_[k] = static_cast<Real>(after[i]);
      interval_s_[k] = static_cast<Real>(after[i] - before);
      spread_s_[k] = static_cast<Real>((next - before) / 2 / std::sqrt(12.0));
      early_square_ += early_[k] * early_[k];
      area_square_ += area_[k] * area_[k];
    }
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* y, V) const {
    if (!usable()) {
      Fitted<V, std::size(kParameters)> nothing;
      nothing.status = V(static_cast<Real>(VoxelStatus::NotFitted));
      return nothing;
    }
    const V before(Real(1) / static_cast<Real>(baseline_));
    V s0, weakest = y[0], scatter;
    for (int k = 0; k < baseline_; ++k) s0 += y[k] * before;
    for (int k = 0; k < baseline_; ++k) scatter += square(y[k] - s0) * before;
    const V inverse = V(1) / s0;
    V early, area, area_sum, peak(Real(-1e30)), time, spread, slope(Real(-1e30)), slope_interval, first, last_re;
    V previous;
    for (int k = baseline_; k < size(); ++k) {
      const V re = (y[k] - s0) * inverse;
      weakest = min(weakest, y[k]);
      early = mul_add(V(early_[k]), re, early);
      area = mul_add(V(area_[k]), re, area);
      area_sum += V(area_[k]);
      const auto higher = re > peak;
      peak = select(higher, re, peak);
      time = select(higher, V(time_s_[k]), time);
      spread = select(higher, V(spread_s_[k]), spread);
      const V rise = (re - previous) * V(1 / interval_s_[k]);
      const auto steeper = rise > slope;
      slope = select(steeper, rise, slope);
      slope_interval = select(steeper, V(interval_s_[k]), slope_interval);
      if (time_s_[k] <= static_cast<Real>(kEarlyTo_s) || k == baseline_) first = max(k == baseline_ ? re : first, re);
      previous = re;
    }
    last_re = previous;
    for (int k = 0; k < baseline_; ++k) weakest = min(weakest, y[k]);

    const V percent(100), noise = V(noise_) * inverse;  // relative to S0
    const auto enhanced = abs(last_re) >= V(static_cast<Real>(kLeastLate));
    const V late = (last_re - first) / (V(1) + first);
    const V type = select(late > V(plateau_), V(1), select(late < V(-plateau_), V(3), V(2)));
    const V ratio_error = square(V(1) / last_re) * (V(early_square_) + square(early / last_re)) +
                          square((early - last_re) / square(last_re)) * before;
    Fitted<V, std::size(kParameters)> fit;
    put(fit, 0, percent * early, percent * noise * sqrt(V(early_square_) + square(V(1) + early) * before));
    put(fit, 1, percent * peak, percent * noise * sqrt(V(1) + square(V(1) + peak) * before));
    put(fit, 2, time, spread);
    put(fit, 3, percent * slope, percent * noise * V(Real(std::sqrt(2.0))) / slope_interval);
    put(fit, 4, only(enhanced, percent * late),
        only(enhanced, percent * noise / (V(1) + first) * sqrt(V(1) + square(V(1) + late))));
    put(fit, 5, only(enhanced, early / last_re), only(enhanced, noise * sqrt(ratio_error)));
    put(fit, 6, area, noise * sqrt(V(area_square_) + square(area_sum + area) * before));
    put(fit, 7, only(enhanced, type), V());
    put(fit, 8, s0, V(noise_) * sqrt(before));
    fit.rms = sqrt(scatter);
    fit.status = flag<V>(!(weakest > V()), VoxelStatus::NotFitted);
    return fit;
  }

 private:
  [[nodiscard]] bool usable() const { return baseline_ >= 1 && baseline_ + 2 <= size(); }
  static HWY_INLINE V only(Truth<Real> t, V value) { return select(t, value, V()); }
  static HWY_INLINE void put(Fitted<V, std::size(kParameters)>& fit, std::size_t p, V value, V error) {
    fit.value[p] = value;
    fit.error[p] = error;
  }

  int baseline_;
  Real noise_, plateau_, early_square_ = 0, area_square_ = 0;
  std::array<Real, kRoom<K>> early_{}, area_{}, time_s_{}, interval_s_{}, spread_s_{};
};

void fit_dce(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
             const TileFit& out) {
  fit_tile<EnhancementKernel>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_dce)

// Straight lines: up to the peak at TTP and to the late change for a washout; up to what 120 s show and on to the peak
// at the end otherwise. Of the parameters, these three and S0 are free; the others follow.
void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  const double peak = parameters[1] / 100, late = parameters[4] / 100,
               end = protocol.axis.back() - protocol.contrast_arrival_s;
  const double knee = late < 0 ? parameters[2] : kEarlyTo_s;
  const double at_knee = late < 0 ? peak : (1 + peak) / (1 + late) - 1;
  const double at_end = late < 0 ? (1 + peak) * (1 + late) - 1 : peak;
  for (std::size_t k = 0; k < signal.size(); ++k) {
    const double t = std::max(0.0, protocol.axis[k] - protocol.contrast_arrival_s);
    const double enhancement =
        t <= knee ? at_knee * t / knee : at_knee + (at_end - at_knee) * (t - knee) / (end - knee);
    signal[k] = parameters[8] * (1 + enhancement);
  }
}

Protocol example_protocol() {
  return {.axis_kind = Axis::TimeS,
          .axis = {0, 30, 60, 90, 120, 150, 180, 240, 300, 360, 420},
          .repetition_time_ms = 4.5,
          .contrast_arrival_s = 60};
}

constexpr Example kExamples[] = {
    {.truth = {194, 200, 60, 10.0 / 3, -20, 97.0 / 70, 60, 3, 1000}},
    {.truth = {575.0 / 7, 120, 360, 57.5 / 63, 5, 575.0 / 840, 115.0 / 7, 2, 1500}},
    {.truth = {900.0 / 13, 150, 360, 10.0 / 13, 30, 6.0 / 13, 180.0 / 13, 1, 1500}},
    {.truth = {260.0 / 3, 100, 90, 10.0 / 9, -30, 13.0 / 6, 20, 3, 800}},
};

}  // namespace

const Model& dce() {
  static constexpr Model kModel{
      .name = "dce",
      .title = "Dynamic contrast enhancement",
      .equation = "RE = (S - S0) / S0",
      .citation = "Kuhl et al. 1999, Radiology 211:101",
      .note = "early enhancement over 60..120 s, type by the last frame against the maximum of the first 120 s",
      .axis = Axis::TimeS,
      .least_contrasts = 3,
      .parameters = kParameters,
      .maps = 8,
      .signal = signal,
      .fit = fit,
      .fit_in_double = fit_in_double,
      .example_protocol = example_protocol,
      .examples = kExamples,
  };
  return kModel;
}

}  // namespace fitting::maps
#endif
