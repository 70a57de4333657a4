// T2 and refocusing angle from the echoes of a spin-echo train: the kernel of t2_epg. For fitting/maps only.
//
// (1) The echoes are polynomials of x = exp(-spacing/T2) and u = cos(refocusing angle) (fitting/epg.h): the graph is
//     computed in the registers, exactly, with both derivatives. The dictionary only says where to start, so nothing is
//     quantised and no dictionary needs interpolation. Configurations that cannot come back to an echo of the train are
//     left out.
// (2) Variable projection: the amplitude is eliminated, Gauss-Newton steps find x and u (Kaufman 1975, BIT 15:49). The
//     step of x is the best one for the step of u that was left by its bounds; an angle that is known is one whose step
//     is 0.
// (3) u and not the angle, because the echoes have no first derivative by the angle at 180 degrees. And u may go a
//     little beyond -1, where there is no angle: noise puts half of the voxels with perfect pulses there. Stopping them
//     at -1 makes T2 too short, at a signal of 30 times the noise by 1.1 %, at 100 times by 0.3 %.
// (4) Gauss-Newton leaves out how noise bends the curve, and u feels that: at a signal of 60 times the noise its error
//     hardly halves from step to step. The slope is known at every step, so the secant through the last two gives the
//     true curvature, within a factor of 4 of Gauss-Newton's: 8 steps do what 20 did not.
// (5) Noise floor and Rician bias as in decay-inl.h, (3) to (5).
#if defined(HERALD_FITTING_EPG_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HERALD_FITTING_EPG_INL_H
#undef HERALD_FITTING_EPG_INL_H
#else
#define HERALD_FITTING_EPG_INL_H
#endif

#include <cmath>
#include <numbers>

#include "fitting/engine-inl.h"
#include "fitting/epg.h"

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

// A number and its derivatives by x and by u.
template <class V>
struct Jet {
  HWY_INLINE Jet() {}  // spelt out: what the compiler writes by itself is of no instruction set
  V value, by_x, by_u;
};

// The extended phase graph of K echoes for the x and u of each lane.
template <class V, int K>
class PhaseGraph {
 public:
  HWY_INLINE PhaseGraph(const Contrasts<K>& echoes, V x, V u, V e1)
      : x_(x), u_(u), e1_(e1), free_(V(1) - u * u), last_echo_(echoes.size() - 1) {
    dephasing_[0].value = V(1);
  }

  // The next echo.
  HWY_INLINE Jet<V> next() {
    const int last = n_ < last_echo_ - n_ ? n_ : last_echo_ - n_;
    Jet<V> carried;
    for (int j = 0; j <= last; ++j) {
      turn(j);
      const Jet<V> decayed = relaxed(rephasing_[j]);
      if (j == 0) carried = echo_ = decayed;
      if (j > 0) rephasing_[j - 1] = decayed;
      const Jet<V> dephased = relaxed(dephasing_[j]);
      dephasing_[j] = carried;
      carried = dephased;
    }
    dephasing_[last + 1] = carried;
    rephasing_[last] = Jet<V>();
    ++n_;
    return echo_;
  }

 private:
  static constexpr int kStates = kRoom<K> / 2 + 2;

  // Equation (1) of fitting/epg.h, and exp(-spacing/T1).
  HWY_INLINE void turn(int j) {
    Jet<V>&f = dephasing_[j], &r = rephasing_[j], &v = stored_[j];
    const Jet<V> sum = plus(f, r), difference = minus(f, r);
    Jet<V> after;
    after.value = mul_add(u_, difference.value, free_ * v.value);
    after.by_x = mul_add(u_, difference.by_x, free_ * v.by_x);
    after.by_u = mul_add(u_, difference.by_u, free_ * v.by_u) + difference.value - V(2) * u_ * v.value;
    v.by_u = e1_ * (mul_add(u_, v.by_u, v.value) - difference.by_u);
    v.by_x = e1_ * (u_ * v.by_x - difference.by_x);
    v.value = e1_ * (u_ * v.value - difference.value);
    f = half(plus(sum, after));
    r = half(minus(sum, after));
  }

  // x times that.
  HWY_INLINE Jet<V> relaxed(const Jet<V>& f) const {
    Jet<V> result;
    result.value = x_ * f.value;
    result.by_x = mul_add(x_, f.by_x, f.value);
    result.by_u = x_ * f.by_u;
    return result;
  }

  static HWY_INLINE Jet<V> plus(const Jet<V>& a, const Jet<V>& b) {
    Jet<V> result;
    result.value = a.value + b.value;
    result.by_x = a.by_x + b.by_x;
    result.by_u = a.by_u + b.by_u;
    return result;
  }
  static HWY_INLINE Jet<V> minus(const Jet<V>& a, const Jet<V>& b) {
    Jet<V> result;
    result.value = a.value - b.value;
    result.by_x = a.by_x - b.by_x;
    result.by_u = a.by_u - b.by_u;
    return result;
  }
  static HWY_INLINE Jet<V> half(const Jet<V>& a) {
    const V h(static_cast<typename V::Real>(0.5));
    Jet<V> result;
    result.value = h * a.value;
    result.by_x = h * a.by_x;
    result.by_u = h * a.by_u;
    return result;
  }

  V x_, u_, e1_, free_;
  int last_echo_, n_ = 0;
  Jet<V> echo_, dephasing_[kStates], rephasing_[kStates], stored_[kStates];
};

template <class V, int K>
class EpgKernel : public Contrasts<K> {
 public:
  using Real = typename V::Real;
  using Contrasts<K>::size, Contrasts<K>::each;

  // tile.prepared is the EpgDictionary of the protocol.
  EpgKernel(const Protocol& protocol, const FitOptions&, const Tile& tile)
      : Contrasts<K>(protocol.axis.size()),
        dictionary_(static_cast<const EpgDictionary&>(*tile.prepared)),
        spacing_ms_(static_cast<Real>(dictionary_.spacing_ms())),
        e1_(static_cast<Real>(std::exp(-dictionary_.spacing_ms() / dictionary_.t1_ms()))),
        least_(static_cast<Real>(std::exp(-2 * dictionary_.spacing_ms()))),
        refocusing_(static_cast<Real>(protocol.refocusing_deg * std::numbers::pi / 180)),
        most_u_(static_cast<Real>(dictionary_.cosines().front())),
        least_u_(static_cast<Real>(dictionary_.cosines().back())),
        noise_(static_cast<Real>(tile.noise)),
        rician_square_(static_cast<Real>(tile.rician_square)),
        floor_(static_cast<Real>(kFloorSigmas) * noise_),
        b1_known_(tile.b1 != nullptr) {
    if (least_u_ < Real(-0.999)) least_u_ = Real(-1) - kBeyond;  // (3)
  }

  // value = {T2 in ms, S0, flip-angle factor}; kLeastEchoes at least.
  HWY_INLINE Fitted<V, 3> operator()(const V* measured, V b1) const {
    V y[kRoom<K>], keep[kRoom<K>];
    V before(1);
    each([&](int k) HERALD_LANES {
      before = select(measured[k] > V(), before, V());
      keep[k] = before;
      y[k] = before * sqrt(max(measured[k] * measured[k] - V(rician_square_), V()));  // (5)
    });
    const V leading = sum_of(keep);
    Point at = start(y, cos(b1 * V(refocusing_)));
    V amplitude = refined(y, keep, at);
    for (int pass = 0; pass < 2; ++pass) {  // (5)
      const auto changed = cut(amplitude, at, y, keep);
      if (none(changed)) break;
      Point again = at;
      amplitude = select(changed, refined(y, keep, again), amplitude);
      at.x = select(changed, again.x, at.x);
      at.u = select(changed, again.u, at.u);
    }
    return result(summed(y, keep, at), at, sum_of(keep), leading, b1);
  }

 private:
  static constexpr int kSteps = std::is_same_v<Real, float> ? 8 : 40;
  static constexpr int kStepsOfKnownAngle = std::is_same_v<Real, float> ? 5 : 40;
  static constexpr int kLeastEchoes = 4;
  static constexpr double kFloorSigmas = 3;
  static constexpr Real kBeyond = Real(0.25), kLongestStep = Real(0.25);
  static constexpr Real kGrowth = Real(1.25);  // x beyond 1 is found, too, so that growth is seen

  struct Point {
    HWY_INLINE Point() {}
    V x, u;
  };
  // Inner products of the curve g, of its derivatives less their part along g (h), and of what the curve leaves of y.
  struct Sums {
    HWY_INLINE Sums() {}
    V amplitude, gg, rss;
    V along_x, along_u;    // <g, dg> / <g, g>
    V xx, xu, uu, xr, ur;  // of h and the residual
    HWY_INLINE V determinant() const { return xx * uu - xu * xu; }
  };

  HWY_INLINE V sum_of(const V* values) const {
    V sum;
    each([&](int k) HERALD_LANES { sum += values[k]; });
    return sum;
  }

  // The best match of the dictionary; of the nearest angle where `known` is the cosine of a known one.
  HWY_INLINE Point start(const V* y, V known) const {
    const auto cosines = dictionary_.cosines();
    const auto decays = dictionary_.decays();
    Point best;
    V most(-1);
    Real upper = hwy::HighestValue<Real>();
    for (std::size_t a = 0; a < cosines.size(); ++a) {
      const bool is_last = a + 1 == cosines.size();
      const Real lower = is_last ? hwy::LowestValue<Real>() : static_cast<Real>((cosines[a] + cosines[a + 1]) / 2);
      const auto mine = known <= V(upper) && known > V(lower);
      upper = lower;
      if (b1_known_ && none(mine)) continue;
      V row_most(-1), row_x;
      for (std::size_t t = 0; t < decays.size(); ++t) {
        const float* const shape = dictionary_.shape(a, t);
        V product;
        each([&](int k) HERALD_LANES { product = mul_add(V(static_cast<Real>(shape[k])), y[k], product); });
        row_x = select(product > row_most, V(static_cast<Real>(decays[t])), row_x);
        row_most = max(product, row_most);
      }
      auto better = row_most > most;
      if (b1_known_) better = better && mine;
      most = select(better, row_most, most);
      best.x = select(better, row_x, best.x);
      best.u = select(better, V(static_cast<Real>(cosines[a])), best.u);
    }
    if (b1_known_) best.u = known;
    return best;
  }

  HWY_INLINE Sums summed(const V* y, const V* keep, const Point& at) const {
    Jet<V> g[kRoom<K>];
    PhaseGraph<V, K> graph(*this, at.x, at.u, V(e1_));
    Sums s;
    V gy, gx, gu;
    each([&](int k) HERALD_LANES {
      g[k] = graph.next();
      g[k].value *= keep[k];
      g[k].by_x *= keep[k];
      g[k].by_u *= keep[k];
      s.gg = mul_add(g[k].value, g[k].value, s.gg);
      gy = mul_add(g[k].value, y[k], gy);
      gx = mul_add(g[k].value, g[k].by_x, gx);
      gu = mul_add(g[k].value, g[k].by_u, gu);
    });
    s.amplitude = gy / s.gg;
    s.along_x = gx / s.gg;
    s.along_u = gu / s.gg;
    each([&](int k) HERALD_LANES {
      const V x = g[k].by_x - s.along_x * g[k].value, u = g[k].by_u - s.along_u * g[k].value;
      const V rest = y[k] - s.amplitude * g[k].value;
      s.xx = mul_add(x, x, s.xx);
      s.xu = mul_add(x, u, s.xu);
      s.uu = mul_add(u, u, s.uu);
      s.xr = mul_add(x, rest, s.xr);
      s.ur = mul_add(u, rest, s.ur);
      s.rss = mul_add(rest, rest, s.rss);
    });
    return s;
  }

  // Moves `at` to the minimum and gives the amplitude of the last step. (2)
  HWY_INLINE V refined(const V* y, const V* keep, Point& at) const {
    Sums s;
    Slope before;
    before.u = at.u;
    const int steps = b1_known_ ? kStepsOfKnownAngle : kSteps;
    for (int i = 0; i < steps; ++i) {
      s = summed(y, keep, at);
      const V u = b1_known_ ? at.u : turned(s, at.u, before);
      const V step = (s.xr / s.amplitude - s.xu * (u - at.u)) / s.xx;
      const V lower = max(V(least_), V(Real(0.5)) * at.x), upper = V(Real(0.5)) * (at.x + V(kGrowth));
      at.x = stepped(at.x, step, lower, upper);
      at.u = u;
    }
    return s.amplitude;
  }

  // Half the fall of the squared residual with u, amplitude and x following it.
  struct Slope {
    HWY_INLINE Slope() {}
    V u, fall;
  };

  // (4)
  HWY_INLINE V turned(const Sums& s, V u, Slope& before) const {
    const V fall = s.amplitude * (s.ur - s.xr * s.xu / s.xx);
    const V gauss_newton = square(s.amplitude) * s.determinant() / s.xx;
    const V secant = (before.fall - fall) / (u - before.u);
    const V curvature =
        select(is_finite(secant), clamp(secant, V(Real(0.25)) * gauss_newton, V(4) * gauss_newton), gauss_newton);
    before.u = u;
    before.fall = fall;
    return stepped(u, clamp(fall / curvature, V(-kLongestStep), V(kLongestStep)), V(least_u_), V(most_u_));
  }

  // Leaves out of y and keep what is under the floor on the fitted curve; says where that is more than before.
  HWY_INLINE Truth<Real> cut(V amplitude, const Point& at, V* y, V* keep) const {
    PhaseGraph<V, K> graph(*this, at.x, at.u, V(e1_));
    V before(1), kept;
    const V had = sum_of(keep);
    each([&](int k) HERALD_LANES {
      const V echo = graph.next().value;
      if (k >= kLeastEchoes) before = select(amplitude * echo >= V(floor_), before, V());
      keep[k] *= before;
      y[k] *= before;
      kept += keep[k];
    });
    return kept < had;
  }

  HWY_INLINE Fitted<V, 3> result(const Sums& s, const Point& at, V used, V leading, V given) const {
    const V t2 = -V(spacing_ms_) / log(at.x), noise = V(noise_) / abs(s.amplitude);
    // Covariance of x and u for noise of 1 and amplitude 1; an angle that is known has none.
    const V determinant = s.determinant();
    const V var_x = b1_known_ ? V(1) / s.xx : s.uu / determinant;
    const V var_u = b1_known_ ? V() : s.xx / determinant, cov = b1_known_ ? V() : -s.xu / determinant;
    const V s0_variance =
        V(1) / s.gg + square(s.along_x) * var_x + square(s.along_u) * var_u + V(2) * s.along_x * s.along_u * cov;
    Fitted<V, 3> fit;
    fit.value[0] = t2;
    fit.value[1] = s.amplitude;
    fit.value[2] = b1_known_ ? given : acos(clamp(at.u, V(-1), V(1))) * V(Real(1) / refocusing_);
    fit.error[0] = square(t2) / (V(spacing_ms_) * at.x) * noise * sqrt(var_x);
    fit.error[1] = V(noise_) * sqrt(s0_variance);
    fit.error[2] = b1_error(noise * sqrt(var_u), at.u);
    fit.rms = sqrt(s.rss / used);
    const auto hopeless = leading < V(static_cast<Real>(kLeastEchoes)) || at.x >= V(1) || !(s.amplitude > V());
    const auto at_edge = at.u >= V(most_u_) || at.u <= V(least_u_);
    fit.status = flag<V>(used < V(static_cast<Real>(size())), VoxelStatus::FewContrasts) +
                 flag<V>(at_edge, VoxelStatus::Questionable);
    fit.status = select(hopeless, V(static_cast<Real>(VoxelStatus::NotFitted)), fit.status);
    return fit;
  }

  // du = sin(a) da, and near 180 degrees, where that says nothing, u + 1 = (180 - a)^2 / 2.
  HWY_INLINE V b1_error(V u_error, V u) const {
    const V slope = sqrt(max(V(1) - u * u, u_error));
    return select(slope > V(), u_error / (V(refocusing_) * slope), V());
  }

  const EpgDictionary& dictionary_;
  Real spacing_ms_, e1_, least_, refocusing_, most_u_, least_u_, noise_, rician_square_, floor_;
  bool b1_known_;
};

}  // namespace fitting::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
