#pragma once
// Lesions proposed from a dynamic series, for a reader to accept, edit or reject: never a measurement by itself.
//
// What enhances early and strongly within the breasts is gathered into masses, ranked and grown to their edges. The
// method is that of functional tumour volume (an enhancement of 70 % at the early phase; Hylton et al. 2012, Radiology
// 263:663) with plain morphology around it; no lesion it proposes has been seen by anybody, and those it misses
// (small, slowly enhancing, behind the sternum line, in the skin) are not few.
#include <string>
#include <variant>
#include <vector>

#include "fitting/roi.h"
#include "fitting/series.h"

namespace fitting {

struct ProposalOptions {
  double phase_s = 90;              // after the arrival of the agent: the phase nearest to it is looked at
  double phase_tolerance_s = 45;    // farther from it is no early phase
  double least_enhancement = 0.70;  // (S - S0) / S0
  double noise_ratio = 5;           // S0 of at least so much noise, where that is known,
  double signal_share = 0.1;        // and of the brightest hundredth of S0: less is air
  double skin_mm = 3;               // left out under the surface
  double least_valley_mm = 10;      // of the surface between two breasts behind their tips
  double open_spacing_mm = 4;       // axes of wider voxels are not opened: one slice would be thicker than a lesion
  double least_extent_mm = 10;      // along the longest axis of a component
  double vessel_elongation = 6;     // longest axis over the second: a vessel
  double background_share = 0.25;   // of the breasts above least_enhancement: background, no lesion can be told
  double grown_share = 0.5;         // of the local peak (95th percentile of the component): the edge
  double leak = 8;                  // a component that grows by more than this factor has leaked: it stays as it was
  std::size_t most = 3;             // lesions
  unsigned threads = 1;             // of the resampling; the result does not depend on it
};

struct ProposedLesion {
  Mask mask;                    // on the grid of the series
  double volume_mm3 = 0;        // of the mask
  double mean_enhancement = 0;  // over it, (S - S0) / S0
  int largest_slice = 0;
};

struct Proposal {
  std::vector<ProposedLesion> lesions;  // by volume x mean enhancement before growing, best first; often none
  std::string description;              // method, thresholds and what was found, for the SEG and the SR
};

// S0 is the mean of the phases up to `arrival_s`, S the phase nearest to phase_s after it, brought back onto S0 by
// rigid registration where the patient moved (fitting/registration.h; not by a deformable one: breasts that changed
// their shape leave rims of false enhancement). The breasts are what lies between the skin and the sternum line: the
// plane through the surface between them, all that is behind it being left out. Then threshold, 3 x 3 x 3 opening,
// 26-connected components, vessels and small ones dropped, the best `most` grown over face neighbours within the
// breast.
//
// Refuses: a series that is not dynamic, has no phase before the arrival or none near phase_s after it; no signal above
// the noise; a surface without two breasts (single-breast fields of view, phantoms); a background that enhances as
// strongly as lesions do. Nothing found is an empty proposal, not a refusal.
// Deterministic; time linear in the voxels of the grid; memory: three floats and four bytes per voxel besides the
// series, and what registration needs. Safe from any thread.
[[nodiscard]] std::variant<Proposal, Refusal> propose_lesions(const Series& dynamic, double arrival_s,
                                                              const ProposalOptions& options = {});

}  // namespace fitting
