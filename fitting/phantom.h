#pragma once
// A digital breast phantom: known tissue on a grid, signals by the catalog's own models, Rician noise. For tests,
// demonstrations and the self-test of an installation; never for a result about a patient.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fitting/roi.h"
#include "fitting/series.h"

namespace fitting {

// How a tissue takes up contrast agent, by the empirical model of Fan et al. 2004, Magn Reson Med 51:487:
//
//   (S(t) - S(0)) / S(0) = A (1 - exp(-t / rise)) exp(-t / washout),   t seconds after the injection
//
// washout 0 means none: the curve persists.
struct Uptake {
  double amplitude, rise_s, washout_s;
};

struct Tissue {
  std::string_view name;
  double t1_pre_ms, t1_post_ms, t2_ms, t2_post_ms, t2star_ms;
  double adc_um2_per_ms;                   // 1e-3 mm2/s; of one exponential, or of kurtosis read at b = 0 and 800 s/mm2
  double diffusivity_um2_per_ms;           // D of the diffusion kurtosis model
  double kurtosis;                         // K of it
  double pd_pre_percent, pd_post_percent;  // of pure water; the agent changes what is measured of it, as in the papers
  Uptake uptake;
};

// Tissues by label; label 0 is air. Values are field-typical at 3 T and lie inside the papers' ranges.
[[nodiscard]] const std::vector<Tissue>& tissues();
inline constexpr std::uint8_t kLesionLabel = 4;

// Which phantom: its patient may get another dose, and its mass may be smaller, larger or absent.
struct Phantom {
  double agent = 1;                // dose, relative to the one after which tissues() has its values
  double lesion_diameter_mm = 22;  // largest, in an axial slice; 0: no mass
};
// The tissues after that dose. Relaxivity is linear: 1/T1 and 1/T2 change by so much per dose; the apparent proton
// density and the amplitude of the uptake are taken to do so as well. `agent` is not negative.
[[nodiscard]] std::vector<Tissue> tissues_of(const Phantom& phantom);

// (S(t) - S(0)) / S(0) of a dynamic series; 0 up to the injection.
[[nodiscard]] double relative_enhancement(const Uptake& uptake, double after_injection_s);

// Label of every voxel of `geometry`, evaluated at the voxel centre in patient space: any grid sees the same anatomy
// (two breasts, fat, fibroglandular tissue, chest wall, one ellipsoidal mass of about 22 mm whose centre is
// lesion_centre_mm()).
[[nodiscard]] std::vector<std::uint8_t> labels(const Geometry& geometry, const Phantom& phantom = {});
[[nodiscard]] Vec3 lesion_centre_mm();
// Of the mass along the patient's axes; its largest extent lies across x and y.
[[nodiscard]] Vec3 lesion_half_axes_mm(const Phantom& phantom = {});

// What a series measures. SyMRI and kurtosis have several parameters, the others one and the proton density.
enum class Quantity { T1Pre, T1Post, T2, T2star, Adc, Kurtosis, SymriPre, SymriPost };

// The parameters with which a catalog model makes the signal of a tissue: {T1, PD}, {T2, PD}, {T2*, PD}, {ADC, PD},
// {D, K, PD} or {T1, T2, PD, B1}, in the catalog's units, PD in %.
[[nodiscard]] std::vector<double> parameters_of(const Tissue& tissue, Quantity quantity);

// How an image is taken, and of what, apart from its protocol.
struct Exposure {
  double after_injection_s = 0;     // when, in a dynamic series; nothing has enhanced up to 0
  std::optional<double> gain = {};  // of the receiver; absent: the one that suits this series alone
  Phantom phantom = {};
};

// Signal of every contrast of `protocol` for the labelled voxels by `model`, with Rician noise of standard deviation
// `sigma`. All signals share a receiver gain that brings the strongest to 3200 of 4095, so S0 is the
// proton density times a factor of the protocol. The noise depends on `seed`, contrast and voxel only, never on threads
// or call order.
[[nodiscard]] Series simulate(const Geometry& geometry, const Protocol& protocol, const Model& model, Quantity quantity,
                              double sigma, std::uint64_t seed, const Exposure& exposure = {});

// The gain that brings the strongest signal to 3200, of all `after_injection_s`: series that are to be compared (the
// phases of a dynamic series, SyMRI before and after contrast) share the smallest of theirs.
[[nodiscard]] double receiver_gain(const Protocol& protocol, const Model& model, Quantity quantity,
                                   std::span<const double> after_injection_s = {}, const Phantom& phantom = {});

}  // namespace fitting
