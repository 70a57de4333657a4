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
#include <type_traits>

// Behind the parameters of a lambda that computes with lanes.
#ifndef HERALD_LANES
#define HERALD_LANES HWY_ATTR __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace fitting::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One truth value per lane.
template <class T>
class Truth {
 public:
  using Mask = hn::Mask<hn::ScalableTag<T>>;
  HWY_INLINE Truth(Mask m) : mask(m) {}  // NOLINT(google-explicit-constructor): it is one
  HWY_INLINE friend Truth operator&&(Truth a, Truth b) { return hn::And(a.mask, b.mask); }
  HWY_INLINE friend Truth operator||(Truth a, Truth b) { return hn::Or(a.mask, b.mask); }
  HWY_INLINE friend Truth operator!(Truth a) { return hn::Not(a.mask); }

  Mask mask;
};
template <class T>
HWY_INLINE bool none(Truth<T> t) {
  return hn::AllFalse(hn::ScalableTag<T>(), t.mask);
}

// T = float is the product, double its oracle. Every operation acts on each lane by itself, so that a voxel's result
// does not depend on its neighbours. A T on either side stands for that value in every lane.
template <class T>
class Lanes {
 public:
  using Real = T;
  using Tag = hn::ScalableTag<T>;
  using Vector = hn::Vec<Tag>;

  HWY_INLINE Lanes() : v(hn::Zero(Tag())) {}
  HWY_INLINE Lanes(T value) : v(hn::Set(Tag(), value)) {}  // NOLINT(google-explicit-constructor)
  HWY_INLINE Lanes(Vector vector) : v(vector) {}           // NOLINT(google-explicit-constructor)
  HWY_INLINE static Lanes load(const T* from) { return hn::LoadU(Tag(), from); }
  HWY_INLINE void store(T* to) const { hn::StoreU(v, Tag(), to); }
  HWY_INLINE static std::size_t count() { return hn::Lanes(Tag()); }

  HWY_INLINE friend Lanes operator+(Lanes a, Lanes b) { return hn::Add(a.v, b.v); }
  HWY_INLINE friend Lanes operator-(Lanes a, Lanes b) { return hn::Sub(a.v, b.v); }
  HWY_INLINE friend Lanes operator*(Lanes a, Lanes b) { return hn::Mul(a.v, b.v); }
  HWY_INLINE friend Lanes operator/(Lanes a, Lanes b) { return hn::Div(a.v, b.v); }
  HWY_INLINE Lanes operator-() const { return hn::Neg(v); }
  HWY_INLINE Lanes& operator+=(Lanes b) { return *this = *this + b; }
  HWY_INLINE Lanes& operator*=(Lanes b) { return *this = *this * b; }
  HWY_INLINE friend Truth<T> operator<(Lanes a, Lanes b) { return hn::Lt(a.v, b.v); }
  HWY_INLINE friend Truth<T> operator>(Lanes a, Lanes b) { return hn::Gt(a.v, b.v); }
  HWY_INLINE friend Truth<T> operator<=(Lanes a, Lanes b) { return hn::Le(a.v, b.v); }
  HWY_INLINE friend Truth<T> operator>=(Lanes a, Lanes b) { return hn::Ge(a.v, b.v); }
  HWY_INLINE friend Truth<T> operator==(Lanes a, Lanes b) { return hn::Eq(a.v, b.v); }

  // a * b + c, rounded once where the machine can.
  HWY_INLINE friend Lanes mul_add(Lanes a, Lanes b, Lanes c) { return hn::MulAdd(a.v, b.v, c.v); }
  HWY_INLINE friend Lanes select(Truth<T> t, Lanes yes, Lanes no) { return hn::IfThenElse(t.mask, yes.v, no.v); }
  HWY_INLINE friend Lanes min(Lanes a, Lanes b) { return hn::Min(a.v, b.v); }
  HWY_INLINE friend Lanes max(Lanes a, Lanes b) { return hn::Max(a.v, b.v); }
  HWY_INLINE friend Lanes clamp(Lanes x, Lanes lower, Lanes upper) { return min(max(x, lower), upper); }
  HWY_INLINE friend Lanes abs(Lanes a) { return hn::Abs(a.v); }
  HWY_INLINE friend Lanes sqrt(Lanes a) { return hn::Sqrt(a.v); }
  HWY_INLINE friend Lanes exp(Lanes a) { return hn::Exp(Tag(), a.v); }
  HWY_INLINE friend Lanes log(Lanes a) { return hn::Log(Tag(), a.v); }
  HWY_INLINE friend Lanes sin(Lanes a) { return hn::Sin(Tag(), a.v); }
  HWY_INLINE friend Lanes cos(Lanes a) { return hn::Cos(Tag(), a.v); }
  HWY_INLINE friend Lanes acos(Lanes a) { return hn::Acos(Tag(), a.v); }
  HWY_INLINE friend Lanes atanh(Lanes a) { return hn::Atanh(Tag(), a.v); }
  HWY_INLINE friend Lanes square(Lanes a) { return a * a; }
  HWY_INLINE friend Truth<T> is_finite(Lanes a) { return abs(a) <= Lanes(hwy::HighestValue<T>()); }

  Vector v;
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
