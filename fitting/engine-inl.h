// The voxel engine: from a tile of signals to estimates, as many voxels at a time as a register holds. For fitting/maps
// only; compiled once for each instruction set, like lanes-inl.h.
//
// A kernel is a template <class V, int K> of what fits the voxels of one register, V being Lanes<float> or
// Lanes<double>:
//
//   Kernel(const Protocol&, const FitOptions&, const Tile&)      what all voxels share
//   Fitted<V, P> operator()(const V* y, V b1) const              y[0 .. size()): the signal of each contrast
//   Truth<Real> hard(const V* y) const, Fitted<V, P> careful(const V* y, V b1) const     optional: SortsOut
//
// and derives from Contrasts<K>, K being the number of contrasts when it is known at compile time: then the loops
// unroll and the signals stay in registers. 0 = any number. A map gives its kernel to fit_tile() in a function of its
// own, and names that in HERALD_DISPATCH().
//
// (1) Voxels worth a try are gathered first (bright enough, finite, not all equal): the rest costs nothing more.
// (2) Registers that a tile does not fill are padded with its last voxel, and everything runs through the same
//     instructions: a voxel's result does not depend on its tile.
// (3) The oracle in double precision is the same kernel for any number of contrasts; it may take more steps.
#if defined(HERALD_FITTING_ENGINE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HERALD_FITTING_ENGINE_INL_H
#undef HERALD_FITTING_ENGINE_INL_H
#else
#define HERALD_FITTING_ENGINE_INL_H
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fitting/lanes-inl.h"
#include "fitting/model.h"

#ifndef HERALD_DISPATCH
// In the part of a map's file that is compiled once: defines fit() and fit_in_double() for Model, which call `function`
// of the best instruction set that this machine has.
#define HERALD_DISPATCH(function)                                                                                 \
  HWY_EXPORT(function);                                                                                           \
  void fit(const Protocol& protocol, const FitOptions& options, const Tile& tile, const TileFit& out) {           \
    HWY_DYNAMIC_DISPATCH(function)(Precision::Float, protocol, options, tile, out);                               \
  }                                                                                                               \
  void fit_in_double(const Protocol& protocol, const FitOptions& options, const Tile& tile, const TileFit& out) { \
    HWY_DYNAMIC_DISPATCH(function)(Precision::Double, protocol, options, tile, out);                              \
  }

namespace fitting {
enum class Precision { Float, Double };
}
#endif

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

// each(f) calls f(k) for every contrast k in turn.
template <int K>
class Contrasts {
 public:
  explicit Contrasts(std::size_t) {}
  static constexpr int size() { return K; }
  template <class F>
  static HWY_INLINE void each(F f) {
    unrolled(f, std::make_integer_sequence<int, K>());
  }

 private:
  template <class F, int... ks>
  static HWY_INLINE void unrolled(F& f, std::integer_sequence<int, ks...>) {
    (f(ks), ...);
  }
};
template <>
class Contrasts<0> {
 public:
  explicit Contrasts(std::size_t n) : n_(static_cast<int>(n)) {}
  [[nodiscard]] int size() const { return n_; }
  template <class F>
  HWY_INLINE void each(F f) const {
    for (int k = 0; k < n_; ++k) f(k);
  }

 private:
  int n_;
};
// Length of an array with one entry per contrast.
template <int K>
inline constexpr int kRoom = K > 0 ? K : static_cast<int>(kMostContrasts);

// Numbers of the protocol as the kernel's reals.
template <class Real, int K>
std::array<Real, kRoom<K>> reals(std::span<const double> values) {
  std::array<Real, kRoom<K>> result{};
  std::ranges::transform(values, result.begin(), [](double x) { return static_cast<Real>(x); });
  return result;
}

// `bit` where t, else 0. VoxelStatus bits add up, each at most once.
template <class V>
HWY_INLINE V flag(Truth<typename V::Real> t, VoxelStatus bit) {
  return select(t, V(static_cast<typename V::Real>(bit)), V());
}

// What a kernel with P parameters says of the voxels of a register.
template <class V, std::size_t P>
struct Fitted {
  HWY_INLINE Fitted() {}  // spelt out: what the compiler writes by itself is of no instruction set

  static std::integral_constant<std::size_t, P> count();

  V value[P];
  V error[P];  // standard error, unit of the parameter
  V rms;       // of the residuals, unit of the signal
  V status;    // flags() of values that are kept, or NotFitted
};

namespace engine {

inline constexpr std::size_t kMostLanes = 32;  // floats of two registers of 512 bits

// Values of one plane for the voxels of a register.
template <class V>
HWY_INLINE V gathered(const float* plane, const std::uint32_t* voxels, bool adjacent) {
  if constexpr (std::is_same_v<typename V::Real, float>) {
    if (adjacent) return V::load(plane + voxels[0]);
  }
  HWY_ALIGN typename V::Real values[kMostLanes];
  for (std::size_t i = 0; i < V::count(); ++i) values[i] = static_cast<typename V::Real>(plane[voxels[i]]);
  return V::load(values);
}

template <class V>
HWY_INLINE void scatter(V value, float* plane, const std::uint32_t* voxels, std::size_t n, bool adjacent) {
  if constexpr (std::is_same_v<typename V::Real, float>) {
    if (adjacent) return value.store(plane + voxels[0]);
  }
  HWY_ALIGN typename V::Real values[kMostLanes];
  value.store(values);
  for (std::size_t i = 0; i < n; ++i) plane[voxels[i]] = static_cast<float>(values[i]);
}

static_assert(sizeof(VoxelStatus) == 1);

// Bits as numbers, to as many bytes.
template <class V>
HWY_INLINE void store_status(V status, VoxelStatus* to) {
  if constexpr (std::is_same_v<typename V::Real, float>) {
    const hn::Rebind<std::uint8_t, typename V::Tag> bytes;
    const hn::Rebind<std::int32_t, typename V::Tag> words;
    for (int i = 0; i < V::kWide; ++i, to += hn::Lanes(words))
      hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(words, status.v[i])), bytes, reinterpret_cast<std::uint8_t*>(to));
  } else {
    HWY_ALIGN typename V::Real bits[kMostLanes];
    status.store(bits);
    for (std::size_t i = 0; i < V::count(); ++i) to[i] = static_cast<VoxelStatus>(static_cast<int>(bits[i]));
  }
}

template <class V>
HWY_INLINE void scatter_status(V status, VoxelStatus* plane, const std::uint32_t* voxels, std::size_t n,
                               bool adjacent) {
  if (adjacent) return store_status(status, plane + voxels[0]);
  VoxelStatus bits[kMostLanes];
  store_status(status, bits);
  for (std::size_t i = 0; i < n; ++i) plane[voxels[i]] = bits[i];
}

// The strongest signal of each voxel by magnitude.
template <class V, int K>
HWY_INLINE V strongest(const V* y, const Contrasts<K>& contrasts) {
  V most;
  contrasts.each([&](int k) HERALD_LANES { most = max(most, abs(y[k])); });
  return most;
}

// (1) Appends the voxels of [begin, begin + lanes) worth a try to `chosen`; says of the others why not.
template <int K>
HWY_INLINE std::size_t examine(const Contrasts<K>& contrasts, const Tile& tile, float floor, std::size_t begin,
                               VoxelStatus* status, std::uint32_t* chosen) {
  using V = Lanes<float>;
  const hn::RebindToUnsigned<V::Tag> index;
  const V first = V::load(tile.signal[0] + begin);
  V most, distance, sum;  // sum: NaN once a value is not finite
  contrasts.each([&](int k) HERALD_LANES {
    const V y = V::load(tile.signal[static_cast<std::size_t>(k)] + begin);
    most = max(most, abs(y));
    distance = max(distance, abs(y - first));
    sum += y - y;
  });
  const auto finite = sum == V();
  const auto bright = most > V() && most >= V(floor);
  const auto differs = distance > V();
  V why = flag<V>(!(finite && differs), VoxelStatus::NotFitted);
  why = select(finite && !bright, V(static_cast<float>(VoxelStatus::BelowSnr)), why);
  store_status(why, status + begin);
  const auto good = why == V();
  std::size_t n = 0;
  for (int i = 0; i < V::kWide; ++i, begin += hn::Lanes(index))
    n += hn::CompressStore(hn::Iota(index, static_cast<std::uint32_t>(begin)), hn::RebindMask(index, good.mask[i]),
                           index, chosen + n);
  return n;
}

// What an estimate is judged by.
template <class Real, std::size_t P>
struct Limits {
  Limits(std::span<const Parameter> parameters, const FitOptions& options)
      : largest_error(static_cast<Real>(options.largest_relative_error)),
        largest_residual(static_cast<Real>(options.largest_relative_residual)) {
    for (std::size_t p = 0; p < P; ++p) {
      lower[p] = static_cast<Real>(parameters[p].lower);
      upper[p] = static_cast<Real>(parameters[p].upper);
    }
  }
  Real lower[P], upper[P], largest_error, largest_residual;
};

// The verdict on an estimate: failures replace whatever the fit said, doubts are added to it.
template <class V, std::size_t P>
HWY_INLINE V judge(const Fitted<V, P>& fit, const Limits<typename V::Real, P>& limits, V most) {
  using Real = typename V::Real;
  V sum = fit.rms;  // NaN or infinite once any is
  auto inside = fit.rms == fit.rms;
  for (std::size_t p = 0; p < P; ++p) {
    sum += abs(fit.value[p]) + abs(fit.error[p]);
    inside = inside && fit.value[p] >= V(limits.lower[p]) && fit.value[p] <= V(limits.upper[p]);
  }
  const V not_fitted = V(static_cast<Real>(VoxelStatus::NotFitted));
  V status = fit.status;
  status += flag<V>(fit.error[0] > V(limits.largest_error) * abs(fit.value[0]), VoxelStatus::Uncertain);
  status += flag<V>(fit.rms > V(limits.largest_residual) * most, VoxelStatus::Misfit);
  status = select(inside, status, V(static_cast<Real>(VoxelStatus::AtBound)));
  return select(is_finite(sum) && !(fit.status == not_fitted), status, not_fitted);
}

template <class V>
HWY_INLINE Truth<typename V::Real> has_value(V status) {
  using Real = typename V::Real;
  return !(status == V(static_cast<Real>(VoxelStatus::AtBound)) ||
           status == V(static_cast<Real>(VoxelStatus::NotFitted)));
}

// A kernel may call voxels hard, by their signals, and give them another treatment than operator()'s.
template <class Kernel, class V>
concept SortsOut = requires(const Kernel& kernel, const V* y, V b1) {
  kernel.hard(y);
  kernel.careful(y, b1);
};

// (2) Registers are filled up with the last voxel.
inline void pad(std::vector<std::uint32_t>& voxels) {
  if (!voxels.empty()) voxels.insert(voxels.end(), Tile::kPadding, voxels.back());
}

template <class V, int K>
HWY_INLINE void gather_all(const Contrasts<K>& contrasts, const Tile& tile, const std::uint32_t* voxels, bool adjacent,
                           V* y) {
  contrasts.each([&](int k)
                     HERALD_LANES { y[k] = gathered<V>(tile.signal[static_cast<std::size_t>(k)], voxels, adjacent); });
}

// Moves the hard voxels out of `chosen` into `hard`, order kept. They are few and slow: among themselves, they do not
// make a whole register slow for the sake of one.
template <class V, class Kernel, int K>
void sort_out(const Kernel& kernel, const Contrasts<K>& contrasts, const Tile& tile, std::vector<std::uint32_t>& chosen,
              std::vector<std::uint32_t>& hard) {
  using Real = typename V::Real;
  const std::size_t n = chosen.size();
  pad(chosen);
  std::size_t kept = 0;
  V y[kRoom<K>];
  HWY_ALIGN Real is_hard[kMostLanes];
  for (std::size_t i = 0; i < n; i += V::count()) {
    const std::size_t here = std::min(V::count(), n - i);
    gather_all(contrasts, tile, chosen.data() + i, here == V::count() && chosen[i + here - 1] - chosen[i] == here - 1,
               y);
    select(kernel.hard(y), V(Real(1)), V()).store(is_hard);
    for (std::size_t lane = 0; lane < here; ++lane) {
      const std::uint32_t voxel = chosen[i + lane];
      if (is_hard[lane] != 0)
        hard.push_back(voxel);
      else
        chosen[kept++] = voxel;
    }
  }
  chosen.resize(kept);
}

template <bool kCareful, class Kernel, class V>
HWY_INLINE auto fitted(const Kernel& kernel, const V* y, V b1) {
  if constexpr (kCareful)
    return kernel.careful(y, b1);
  else
    return kernel(y, b1);
}

// Fits the voxels of a tile that are listed, and writes what becomes of them.
template <bool kCareful, class V, class Kernel, int K, std::size_t P>
void fit_chosen(const Kernel& kernel, const Contrasts<K>& contrasts, const Tile& tile,
                const Limits<typename V::Real, P>& limits, std::vector<std::uint32_t> chosen, const TileFit& out) {
  using Real = typename V::Real;
  const std::size_t n = chosen.size();
  pad(chosen);
  V y[kRoom<K>];
  for (std::size_t i = 0; i < n; i += V::count()) {
    const std::uint32_t* voxels = chosen.data() + i;
    const std::size_t here = std::min(V::count(), n - i);
    const bool adjacent = here == V::count() && voxels[here - 1] - voxels[0] == here - 1;
    gather_all(contrasts, tile, voxels, adjacent, y);
    const V most = strongest(y, contrasts);
    const V b1 = tile.b1 == nullptr ? V(Real(1)) : gathered<V>(tile.b1, voxels, adjacent);
    const Fitted<V, P> fit = fitted<kCareful>(kernel, y, b1);
    const V status = judge(fit, limits, most);
    const auto valid = has_value(status);
    for (std::size_t p = 0; p < P; ++p) {
      scatter(select(valid, fit.value[p], V()), out.value[p], voxels, here, adjacent);
      scatter(select(valid, fit.error[p], V()), out.error[p], voxels, here, adjacent);
    }
    scatter(select(valid, fit.rms / most, V()), out.residual, voxels, here, adjacent);
    scatter_status(status, out.status, voxels, here, adjacent);
  }
}

}  // namespace engine

// Fits a tile with Kernel<Lanes<Real>, K>. The signals of the tile are padded to whole registers (Tile::kPadding).
template <template <class, int> class Kernel, class Real, int K>
void fit_tile_of(std::span<const Parameter> parameters, const Protocol& protocol, const FitOptions& options,
                 const Tile& tile, const TileFit& out) {
  using V = Lanes<Real>;
  const Kernel<V, K> kernel(protocol, options, tile);
  const Contrasts<K> contrasts(tile.signal.size());
  constexpr std::size_t kParameterCount = decltype(kernel(nullptr, V()).count())::value;
  const engine::Limits<Real, kParameterCount> limits(parameters, options);
  const float floor = std::max(static_cast<float>(options.least_snr) * tile.noise, tile.floor);

  std::vector<std::uint32_t> chosen(tile.size + 2 * Tile::kPadding);
  std::vector<VoxelStatus> why(tile.size + Tile::kPadding);
  std::size_t n = 0;
  for (std::size_t i = 0; i < tile.size; i += Lanes<float>::count())
    n += engine::examine(contrasts, tile, floor, i, why.data(), chosen.data() + n);
  while (n > 0 && chosen[n - 1] >= tile.size) --n;  // padding
  std::copy_n(why.begin(), tile.size, out.status);
  if (n < tile.size) {
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      std::fill_n(out.value[p], tile.size, 0.0F);
      std::fill_n(out.error[p], tile.size, 0.0F);
    }
    std::fill_n(out.residual, tile.size, 0.0F);
  }
  chosen.resize(n);
  if constexpr (engine::SortsOut<Kernel<V, K>, V>) {
    std::vector<std::uint32_t> hard;
    engine::sort_out<V>(kernel, contrasts, tile, chosen, hard);
    engine::fit_chosen<true, V>(kernel, contrasts, tile, limits, std::move(hard), out);
  }
  engine::fit_chosen<false, V>(kernel, contrasts, tile, limits, std::move(chosen), out);
}

// Picks the kernel whose K is the number of contrasts, the one for any number where there is none.
template <template <class, int> class Kernel, int... Ks>
void fit_tile(Precision precision, std::span<const Parameter> parameters, const Protocol& protocol,
              const FitOptions& options, const Tile& tile, const TileFit& out) {
  if (precision == Precision::Double)  // (3)
    return fit_tile_of<Kernel, double, 0>(parameters, protocol, options, tile, out);
    // The emulation that a machine without SSE4 would run need not be fast, nor what sanitizers watch.
#if !defined(HERALD_GENERIC_KERNELS)
  constexpr bool kUnrolled = HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128;
#else
  constexpr bool kUnrolled = false;
#endif
  const auto matches = [&](int k) { return tile.signal.size() == static_cast<std::size_t>(k); };
  bool found = false;
  if constexpr (kUnrolled)
    found = ((matches(Ks) && (fit_tile_of<Kernel, float, Ks>(parameters, protocol, options, tile, out), true)) || ...);
  if (!found) fit_tile_of<Kernel, float, 0>(parameters, protocol, options, tile, out);
}

}  // namespace fitting::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
