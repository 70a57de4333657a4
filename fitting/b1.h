#pragma once
// Maps of the transmit field (B1): flip angle as delivered / flip angle as asked for, on the grid of the images to be
// corrected.
//
// Scanners store these maps in scales of their own, and a wrong scale gives T1 wrong by its square (dT1/T1 = -2 df/f)
// in a map that looks right. Hence a map whose typical factor is far from 1 is refused, not used.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fitting/geometry.h"
#include "fitting/series.h"

namespace fitting {

// How a B1 map is stored.
enum class B1Scale {
  Fraction,      // 1 = nominal
  Percent,       // 100 = nominal
  SiemensTfl,    // tfl_b1map: pixel = 10 x degrees; needs the nominal flip angle
  SiemensRfMap,  // rf_map: degrees = (|pixel| - 2048) * 180 / 2048; needs the nominal flip angle
};

// A stored map: `pixels` after the rescale of its images, in the voxel order of `geometry`. Where it is not known:
// NaN, or 0 in all scales but SiemensRfMap.
struct B1Pixels {
  Geometry geometry;
  std::vector<float> pixels;
  B1Scale scale = B1Scale::Fraction;
  double nominal_flip_deg = 0;  // of the B1 mapping sequence; for the two scales in degrees
};

// Phases (rad) of two images with the off-resonant pulse at +offset and -offset. Each is shifted by K_BS B1peak^2, one
// up, one down (Sacolick et al. 2010, Magn Reson Med 63:1315), so the difference is 2 K_BS B1peak^2.
struct BlochSiegert {
  Geometry geometry;
  std::vector<float> phase_plus, phase_minus;
  double k_rad_per_gauss2 = 0;    // K_BS of the pulse
  double nominal_peak_gauss = 0;  // of the pulse
};

struct B1Options {
  double least = 0.3, largest = 1.7;                // factors outside are not known
  double least_median = 0.7, largest_median = 1.3;  // a map with its median outside is in another scale: refused
  double smoothing_fwhm_mm = 6;                     // of the Gaussian; 0: none
  unsigned threads = 1;
};

struct B1Map {
  std::vector<float> factor;  // on the target grid; 0 where not known
  std::size_t known = 0;      // voxels of the target with a factor
  double median = 0;          // of the source, in the mask
  std::string description;    // one line for people and DICOM
};

// The factors of a stored map, of a pair of phases; on its own grid, NaN where not known. Refuse sizes that disagree,
// a nominal angle or pulse that is missing, and a nominal phase so large that factors cannot be told apart modulo 2 pi.
[[nodiscard]] std::variant<std::vector<float>, Refusal> factors_of(const B1Pixels& map);
[[nodiscard]] std::variant<std::vector<float>, Refusal> factors_of(const BlochSiegert& pair,
                                                                   const B1Options& options = {});

// Brings `factors` (on `source`; 0 and NaN: not known) to the grid of `target` in patient space. `mask` (on `source`;
// empty: everywhere) says where there is signal: elsewhere nothing is known. Median of the factors in the mask checked,
// factors out of range dropped, smoothed over known voxels only, then interpolated: a target voxel is known where known
// source voxels carry half of the interpolation's weight or more. Nothing is extrapolated: the smoothed map is known
// exactly where the source is. Refuses sizes that disagree, a map without a usable factor, a median out of range (and
// names it), and grids that do not touch. Result independent of `threads`, to the bit.
[[nodiscard]] std::variant<B1Map, Refusal> b1_map(const Geometry& source, std::span<const float> factors,
                                                  std::span<const std::uint8_t> mask, const Geometry& target,
                                                  const B1Options& options = {});

}  // namespace fitting
