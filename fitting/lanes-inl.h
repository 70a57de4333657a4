// Arithmetic on as many voxels as a register holds: a thin class over Highway's vectors, so that a kernel reads like
// its equations. For fitting/maps and engine-inl.h only. The including file is compiled once for each instruction set
// (hwy/foreach_target.h), and so is this one: hence the guard that toggles.
#if defined(HERALD_FITTING_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HERALD_FITTING_LANES_INL_H
#undef HERALD_FITTING_LANES_INL_H
#else
#define HERALD_FITTING_LANES_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

// Behind the parameters of a lambda that computes with lanes.
#ifndef HERALD_LANES
#define HERALD_LANES HWY_ATTR __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Registers that one Lanes spans. The equations of a voxel are one long chain of dependent operations; two registers at
// a time are two chains, which the processor overlaps (ADC on AVX2: half as fast again). The oracle need not be fast.
template <class T>
inline constexpr int kRegisters = std::is_same_v<T, float> ? 2 : 1;

// One truth value per lane.
template <class T>
class Truth {
 public:
  using Mask = hn::Mask<hn::ScalableTag<T>>;
  HWY_INLINE Truth() {}
  HWY_INLINE friend Truth operator&&(const Truth& a, const Truth& b) {
    Truth c;
    for (int i = 0; i < kRegisters<T>; ++i) c.mask[i] = hn::And(a.mask[i], b.mask[i]);
    return c;
  }
  HWY_INLINE friend Truth operator||(const Truth& a, const Truth& b) {
    Truth c;
    for (int i = 0; i < kRegisters<T>; ++i) c.mask[i] = hn::Or(a.mask[i], b.mask[i]);
    return c;
  }
  HWY_INLINE friend Truth operator!(const Truth& a) {
    Truth c;
    for (int i = 0; i < kRegisters<T>; ++i) c.mask[i] = hn::Not(a.mask[i]);
    return c;
  }

  Mask mask[kRegisters<T>];
};
template <class T>
HWY_INLINE bool none(const Truth<T>& t) {
  bool no = true;
  for (int i = 0; i < kRegisters<T>; ++i) no = no && hn::AllFalse(hn::ScalableTag<T>(), t.mask[i]);
  return no;
}

namespace fast {

// c[0] + c[1] x + ...
template <class V, std::size_t n>
HWY_INLINE V polynomial(V x, const float (&c)[n]) {
  const hn::ScalableTag<float> d;
  V sum = hn::Set(d, c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

// exp and log of floats, right to 2e-7 of the value. Highway's own are right to the last bit, for subnormal numbers,
// too, and take twice as long; they serve the oracle. The polynomials are least-maximum fits to (exp(r) - 1 - r)/r^2
// and (log(1+f) - f + f^2/2)/f^3, 3e-9 and 6e-9 of exp and log. exp is that of -87 below and that of 88 above; the log
// of what is not positive is no number of use. NaN stays NaN.
template <class T, class V>
HWY_INLINE V exp_of(V x) {
  const hn::ScalableTag<T> d;
  if constexpr (!std::is_same_v<T, float>) {
    return hn::Exp(d, x);
  } else {
    static constexpr float kTail[] = {0.5F, 0.1666651815F, 0.04166620597F, 0.0083688898F, 0.001395049039F};
    const hn::Rebind<std::int32_t, decltype(d)> words;
    x = hn::Min(hn::Set(d, 88.0F), hn::Max(hn::Set(d, -87.0F), x));
    const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504F)));
    V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);  // ln 2 in two parts (Cody & Waite 1980)
    r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
    const V value = hn::Add(hn::MulAdd(polynomial(r, kTail), hn::Mul(r, r), r), hn::Set(d, 1.0F));
    const auto power = hn::ShiftLeft<23>(hn::ConvertTo(words, n));
    return hn::BitCast(d, hn::Add(hn::BitCast(words, value), power));
  }
}

template <class T, class V>
HWY_INLINE V log_of(V x) {
  const hn::ScalableTag<T> d;
  if constexpr (!std::is_same_v<T, float>) {
    return hn::Log(d, x);
  } else {
    static constexpr float kTail[] = {0.3333333135F, -0.2500082254F, 0.2000122666F, -0.1662335694F,
                                      0.1420175731F, -0.1316018999F, 0.1276158541F, -0.07634486258F};
    const hn::Rebind<std::int32_t, decltype(d)> words;
    const auto bits = hn::BitCast(words, x);
    const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(words, 0x3F3504F3)));  // of sqrt(1/2)
    const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent))), hn::Set(d, 1.0F));
    const V square = hn::Mul(f, f), e = hn::ConvertTo(d, exponent);
    V tail = hn::Mul(hn::Mul(polynomial(f, kTail), f), square);
    tail = hn::NegMulAdd(hn::Set(d, 0.5F), square, tail);
    tail = hn::MulAdd(e, hn::Set(d, -2.12194440e-4F), tail);
    return hn::MulAdd(e, hn::Set(d, 0.693359375F), hn::Add(f, tail));
  }
}

}  // namespace fast

// T = float is the product, double its oracle. Every operation acts on each lane by itself, so that a voxel's result
// does not depend on its neighbours. A T on either side stands for that value in every lane.
template <class T>
class Lanes {
 public:
  using Real = T;
  using Tag = hn::ScalableTag<T>;
  using Vector = hn::Vec<Tag>;
  static constexpr int kWide = kRegisters<T>;

  HWY_INLINE Lanes() {
    for (Vector& x : v) x = hn::Zero(Tag());
  }
  HWY_INLINE Lanes(T value) {  // NOLINT(google-explicit-constructor): a number is that number in every lane
    for (Vector& x : v) x = hn::Set(Tag(), value);
  }
  HWY_INLINE static Lanes load(const T* from) {
    Lanes a;
    for (int i = 0; i < kWide; ++i) a.v[i] = hn::LoadU(Tag(), from + static_cast<std::size_t>(i) * hn::Lanes(Tag()));
    return a;
  }
  HWY_INLINE void store(T* to) const {
    for (int i = 0; i < kWide; ++i) hn::StoreU(v[i], Tag(), to + static_cast<std::size_t>(i) * hn::Lanes(Tag()));
  }
  HWY_INLINE static std::size_t count() { return kWide * hn::Lanes(Tag()); }

  HWY_INLINE friend Lanes operator+(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Add(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes operator-(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Sub(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes operator*(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Mul(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes operator/(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Div(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE Lanes operator-() const {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Neg(v[i]);
    return c;
  }
  HWY_INLINE Lanes& operator+=(const Lanes& b) { return *this = *this + b; }
  HWY_INLINE Lanes& operator*=(const Lanes& b) { return *this = *this * b; }
  HWY_INLINE friend Truth<T> operator<(const Lanes& a, const Lanes& b) {
    Truth<T> c;
    for (int i = 0; i < kWide; ++i) c.mask[i] = hn::Lt(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Truth<T> operator>(const Lanes& a, const Lanes& b) {
    Truth<T> c;
    for (int i = 0; i < kWide; ++i) c.mask[i] = hn::Gt(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Truth<T> operator<=(const Lanes& a, const Lanes& b) {
    Truth<T> c;
    for (int i = 0; i < kWide; ++i) c.mask[i] = hn::Le(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Truth<T> operator>=(const Lanes& a, const Lanes& b) {
    Truth<T> c;
    for (int i = 0; i < kWide; ++i) c.mask[i] = hn::Ge(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Truth<T> operator==(const Lanes& a, const Lanes& b) {
    Truth<T> c;
    for (int i = 0; i < kWide; ++i) c.mask[i] = hn::Eq(a.v[i], b.v[i]);
    return c;
  }

  // a * b + c, rounded once where the machine can.
  HWY_INLINE friend Lanes mul_add(const Lanes& a, const Lanes& b, const Lanes& c) {
    Lanes d;
    for (int i = 0; i < kWide; ++i) d.v[i] = hn::MulAdd(a.v[i], b.v[i], c.v[i]);
    return d;
  }
  HWY_INLINE friend Lanes select(const Truth<T>& t, const Lanes& yes, const Lanes& no) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::IfThenElse(t.mask[i], yes.v[i], no.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes min(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Min(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes max(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Max(a.v[i], b.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes clamp(const Lanes& x, const Lanes& lower, const Lanes& upper) {
    return min(max(x, lower), upper);
  }
  HWY_INLINE friend Lanes abs(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Abs(a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes sqrt(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Sqrt(a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes exp(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = fast::exp_of<T>(a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes log(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = fast::log_of<T>(a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes sin(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Sin(Tag(), a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes cos(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Cos(Tag(), a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes acos(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Acos(Tag(), a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes atanh(const Lanes& a) {
    Lanes c;
    for (int i = 0; i < kWide; ++i) c.v[i] = hn::Atanh(Tag(), a.v[i]);
    return c;
  }
  HWY_INLINE friend Lanes square(const Lanes& a) { return a * a; }
  HWY_INLINE friend Truth<T> is_finite(const Lanes& a) { return abs(a) <= Lanes(hwy::HighestValue<T>()); }

  Vector v[kWide];
};

// Inner products of data y, curve g(q) and its derivative h = dg/dq: all that variable projection of y ~ A g(q) needs
// (Golub & Pereyra 1973, SIAM J Numer Anal 10:413; Kaufman 1975, BIT 15:49). A is eliminated; q is the only unknown
// left.
template <class V>
struct Projection {
  HWY_INLINE Projection() {}  // spelt out: what the compiler writes by itself is of no instruction set

  V gg, gy, gh, hh, hy;

  HWY_INLINE void add(V g, V h, V y) {
    gg = mul_add(g, g, gg);
    gy = mul_add(g, y, gy);
    gh = mul_add(g, h, gh);
    hh = mul_add(h, h, hh);
    hy = mul_add(h, y, hy);
  }
  HWY_INLINE V amplitude() const { return gy / gg; }
  HWY_INLINE V determinant() const { return gg * hh - gh * gh; }
  // The Gauss-Newton step of q: (hy - A gh) gg / (A det), A = gy / gg.
  HWY_INLINE V step() const { return (hy * gg - gy * gh) * gg / (gy * determinant()); }
  // Standard error of q for noise of standard deviation 1 (the inverse Fisher information).
  HWY_INLINE V error_of_q() const { return sqrt(gg / determinant()) / abs(amplitude()); }
};

// A Gauss-Newton step kept within bounds; NaN leaves the value where it is.
template <class V>
HWY_INLINE V stepped(V q, V step, V lower, V upper) {
  const V next = q + step;
  return select(is_finite(next), clamp(next, lower, upper), q);
}

}  // namespace fitting::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
