// Apparent diffusion coefficient, mono-exponential.
//
// Stejskal & Tanner 1965, J Chem Phys 42:288; Le Bihan et al. 1986, Radiology 161:401:
//
//   ln S(b) = ln S0 - b ADC
//
// A straight line; its weights are the squared signal, first the measured one, then the fitted one (Salvador et al.
// 2005, Hum Brain Mapp 24:144; Veraart et al. 2013, NeuroImage 81:335). With the measured weights alone the noise is
// counted twice: ADC -0.2..-1.0 % at SNR 50. Images are traces, or directions averaged geometrically. b is in s/mm2,
// the map in 10-6 mm2/s, inside b in ms/um2. The residual is that of the logarithms
// times the fitted signal.
#include <cmath>

#include "fitting/model.h"

#ifndef HERALD_MAPS_ADC  // once, not for each instruction set
#define HERALD_MAPS_ADC
namespace fitting::maps {
namespace {

constexpr Parameter kParameters[] = {
    {.name = "ADC", .title = "ADC", .unit = "10-6.mm2/s", .lower = 1, .upper = 6000, .display_upper = 3000},
    {.name = "S0", .title = "S0", .unit = "1", .lower = 0, .upper = 1e12, .display_upper = 4095},
};

}  // namespace
}  // namespace fitting::maps
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fitting/maps/adc.cpp"
#include <hwy/foreach_target.h>

#include "fitting/engine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::maps::HWY_NAMESPACE {
namespace {

using namespace fitting::HWY_NAMESPACE;  // NOLINT(google-build-using-namespace): the same instruction set's

template <class V>
struct Line {
  HWY_INLINE Line() {}
  V w, wb, wl, wbb, wbl;

  HWY_INLINE void add(V weight, V b, V logarithm) {
    w += weight;
    wb = mul_add(weight, b, wb);
    wl = mul_add(weight, logarithm, wl);
    wbb = mul_add(weight * b, b, wbb);
    wbl = mul_add(weight * b, logarithm, wbl);
  }
  HWY_INLINE V determinant() const { return w * wbb - wb * wb; }
  HWY_INLINE V decay() const { return (wb * wl - w * wbl) / determinant(); }
};

template <class V, int K>
class StraightLine : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  StraightLine(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()), noise_(static_cast<Real>(tile.noise)) {
    for (int k = 0; k < size(); ++k) b_[k] = static_cast<Real>(protocol.axis[static_cast<std::size_t>(k)] / 1000);
  }

  HWY_INLINE Fitted<V, std::size(kParameters)> operator()(const V* y, V) const {
    V scale = y[0], weakest = y[0];
    each([&](int k) HERALD_LANES { scale = max(scale, y[k]), weakest = min(weakest, y[k]); });
    const V inverse = V(1) / scale;
    V weight[kRoom<K>], logarithm[kRoom<K>];
    Line<V> first, second;
    each([&](int k) HERALD_LANES {
      const V relative = y[k] * inverse;
      logarithm[k] = log(relative);
      first.add(relative * relative, b_[k], logarithm[k]);
    });
    const V twice = -V(2) * first.decay();  // the intercept would scale all weights alike
    each([&](int k) HERALD_LANES {
      weight[k] = exp(twice * V(b_[k]));
      second.add(weight[k], b_[k], logarithm[k]);
    });
    return result(logarithm, weight, second, scale, weakest > V());
  }

 private:
  HWY_INLINE Fitted<V, std::size(kParameters)> result(const V* logarithm, const V* weight, const Line<V>& line, V scale,
                                                      Truth<Real> usable) const {
    const V decay = line.decay(), intercept = (line.wl + decay * line.wb) / line.w, s0 = exp(intercept);
    V rss;
    each([&](int k)
             HERALD_LANES { rss = mul_add(weight[k], square(logarithm[k] - intercept + decay * V(b_[k])), rss); });
    // The weights are the squared signal without its intercept.
    const V noise = V(noise_) / (scale * s0), determinant = line.determinant();
    Fitted<V, std::size(kParameters)> fit;
    fit.value[0] = V(1000) * decay;
    fit.value[1] = scale * s0;
    fit.error[0] = V(1000) * noise * sqrt(line.w / determinant);
    fit.error[1] = scale * s0 * noise * sqrt(line.wbb / determinant);
    fit.rms = scale * s0 * sqrt(rss * V(Real(1) / static_cast<Real>(size())));
    fit.status = flag<V>(!(usable && decay > V()), VoxelStatus::NotFitted);
    return fit;
  }

  Real noise_;
  std::array<Real, kRoom<K>> b_{};
};

void fit_adc(Precision precision, const Protocol& protocol, const FitOptions& options, const Tile& tile,
             const TileFit& out) {
  fit_tile<StraightLine, 2, 3, 4>(precision, kParameters, protocol, options, tile, out);
}

}  // namespace
}  // namespace fitting::maps::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fitting::maps {
namespace {

HERALD_DISPATCH(fit_adc)

void signal(const Protocol& protocol, std::span<const double> parameters, std::span<double> signal) {
  for (std::size_t k = 0; k < signal.size(); ++k)
    signal[k] = parameters[1] * std::exp(-protocol.axis[k] * parameters[0] * 1e-6);
}

Protocol example_protocol() {
  return {.axis_kind = Axis::BValueSPerMm2, .axis = {0, 800, 1000}, .repetition_time_ms = 5000};
}

constexpr Example kExamples[] = {
    {.truth = {1050, 2500}}, {.truth = {1900, 2000}}, {.truth = {700, 2500}}, {.truth = {2900, 1500}}};

}  // namespace

const Model& adc() {
  static constexpr Model kModel{
      .name = "adc",
      .title = "Apparent diffusion coefficient",
      .equation = "S = S0 exp(-b ADC)",
      .citation = "Le Bihan et al. 1986, Radiology 161:401",
      .note = "iteratively weighted linear least squares, 2 passes",
      .axis = Axis::BValueSPerMm2,
      .least_contrasts = 2,
      .parameters = kParameters,
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
