#pragma once
// A digital breast phantom: known tissue on a grid, signals by the catalog's own models, Rician noise. For tests,
// demonstrations and the self-test of an installation; never for a result about a patient.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fitting/roi.h"
#include "fitting/series.h"

namespace fitting {

struct Tissue {
  std::string_view name;
  double t1_pre_ms, t1_post_ms, t2_ms, t2star_ms, adc_um2_per_ms, proton_density;  // adc in 1e-3 mm2/s
};

// Tissues by label; label 0 is air. Values are field-typical at 3 T and lie inside the papers' ranges.
[[nodiscard]] const std::vector<Tissue>& tissues();
inline constexpr std::uint8_t kLesionLabel = 4;

// Label of every voxel of `geometry`, evaluated at the voxel centre in patient space: any grid sees the same anatomy
// (two breasts, fat, fibroglandular tissue, chest wall, one ellipsoidal mass of about 22 mm whose centre is
// lesion_centre_mm()).
[[nodiscard]] std::vector<std::uint8_t> labels(const Geometry& geometry);
[[nodiscard]] Vec3 lesion_centre_mm();

enum class Quantity { T1Pre, T1Post, T2, T2star, Adc };

// Signal of every contrast of `protocol` for the labelled voxels by `model`, with Rician noise of standard deviation
// `sigma`. All signals share a receiver gain that brings the strongest to 3200 of 4095, so S0 is the
// proton density times a factor of the protocol. The noise depends on `seed`, contrast and voxel only, never on threads
// or call order.
[[nodiscard]] Series simulate(const Geometry& geometry, const Protocol& protocol, const Model& model, Quantity quantity,
                              double sigma, std::uint64_t seed);

}  // namespace fitting
