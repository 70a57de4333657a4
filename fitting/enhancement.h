#pragma once
// What the eye sees of a lesion in a dynamic series, as a proposal for the reader: the type of its curve and the
// pattern of its enhancement. Every threshold is a parameter and stands in `how`: the customary BI-RADS and Kuhl
// numbers (Kuhl et al. 1999, Radiology 211:101) for the curve, and untested ones of our own for the pattern. None of
// the four papers prints them.
#include <span>
#include <string>
#include <variant>

#include "fitting/roi.h"
#include "fitting/series.h"

namespace fitting {

struct KineticThresholds {
  double early_s = 120;                       // after the arrival: the initial phase ends
  double persistent = 0.10, washout = -0.10;  // late change above, below; between and at them: plateau
  double slow = 0.5, fast = 1.0;              // initial rise below, above; between and at them: medium
  double near_strongest = 0.9;                // of the strongest initial rise: curves among which the worst is taken
  double least_rise = 0.1;                    // of the strongest; less is no enhancement to speak of
};

struct Kinetics {
  double initial_rise = 0;  // (S_e - S_0) / S_0, S_e the maximum of the initial phase
  double late_change = 0;   // (S_l - S_e) / S_e, S_l the last phase
  std::string type;         // persistent (I), plateau (II), washout (III)
  std::string rise;         // slow, medium, fast
  std::string how;          // thresholds, voxels, phases in a sentence
};

// The curve of 3 x 3 voxels within a slice of the lesion (of the part of them that lies in the lesion, three voxels at
// least, where it holds no nine): where the initial rise is strongest; and of all places that rise nearly as much, the
// one whose curve falls most. S_0 is the mean of the phases up to `arrival_s` on the clock of the series. Voxels whose
// S_0 is not positive take no part. Choosing the worst among noisy curves makes it worse by about two standard errors
// of a mean of nine voxels.
//
// Refuses a series that is not dynamic or not on the region's grid, one without a phase before the arrival, in the
// initial phase or after it, a lesion of fewer than three voxels with signal, and one that does not enhance.
// Pure; memory: a float per voxel of the lesion and phase.
[[nodiscard]] std::variant<Kinetics, Refusal> kinetics(const Series& dynamic, double arrival_s,
                                                       const Mask& lesion_on_its_grid,
                                                       const KineticThresholds& thresholds = {});

struct PatternThresholds {
  double rim_ratio = 1.3;        // mean of the shell over mean of the core, at least
  double rim_share = 0.7;        // of the perimeter along which the shell is brighter than the core, at least
  double homogeneous_cv = 0.20;  // SD over mean of the whole, at most
  double shell_mm = 2.5;         // thickness of the shell, from the edge of the region inwards
};

struct Pattern {
  std::string name;  // homogeneous, heterogeneous, rim
  std::string how;
};

// `enhancement`: the relative enhancement at 90 to 120 s, in any unit, voxel order of the mask; 0 where not known.
// Looks at one slice. Voxels at the edge share their signal with what surrounds the lesion, which makes a homogeneous
// one look less so. Refuses a region without values, one that does not enhance, and one whose core (what the shell
// leaves) has fewer than five voxels. Pure.
[[nodiscard]] std::variant<Pattern, Refusal> enhancement_pattern(std::span<const float> enhancement, const Mask& mask,
                                                                 int slice, const PatternThresholds& thresholds = {});

}  // namespace fitting
