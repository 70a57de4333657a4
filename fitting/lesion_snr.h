#pragma once
// The signal-to-noise ratio of a lesion as Zhang 2026 states it, and which of its voxels are too weak to be measured.
//
// The paper: S = mean and SD of a circle in the middle of the tumour in the last echo, Sb = mean of four rectangles of
// background, SNR = (S - Sb) / SD, "pixels with SNR < 5 were excluded". That SD is the heterogeneity of the tumour, one
// number for a lesion: it cannot say which pixel is weak. Hence two figures: `lesion`, the paper's to the letter, and
// for every voxel (its signal - background) / sigma, where sigma is the noise of the image.
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fitting/fit.h"
#include "fitting/roi.h"

namespace fitting {

struct LesionSnr {
  double lesion = 0;  // (S - Sb) / SD of the paper; no unit
  double sigma = 0;   // noise of the voxels, unit of the signal
  std::string how;    // where S, Sb and sigma come from, for people and reports
  // Voxel order of the grid: 1 where a voxel of the region, in whatever slice, lies below the threshold.
  std::vector<std::uint8_t> excluded;
  double excluded_share = 0;  // of the region's voxels in the slice: the paper lost less than 0.02
};

// Measures `last_echo` (voxel order of `grid`, finite) in `slice` of the region. The circle is the largest that fits
// into the region, about the point deepest inside it; of points equally deep, the one nearest to the region's centre.
// The four rectangles are a tenth of the image's width and height, 2 % away from its corners.
//
// sigma is the SD of the rectangles / 0.655 (Rayleigh) where two of the four or more are air: mean over SD as Rayleigh
// has it, no more zeros than it would round to, and one level. Chest or arms in the other corners do not enter it, nor
// the background of the voxels, but they do enter the paper's Sb. Where the corners are no air (masked, filtered,
// filled with anatomy), sigma is `known`, the noise of the multi-echo fit (Fit::noise, from the air of all echoes or
// from the residuals); the background is then what noise of that sigma alone shows. One image cannot tell more:
// estimate_noise() asks for two.
//
// Refuses: a grid, image, region and slice that do not belong together; a region without a circle of nine voxels; a
// circle without any spread; corners that are no air while no noise is known. Pure; safe from any thread.
[[nodiscard]] std::variant<LesionSnr, Refusal> lesion_snr(const Geometry& grid, std::span<const float> last_echo,
                                                          const Mask& on_its_grid, int slice, double threshold = 5,
                                                          const Noise& known = {});

}  // namespace fitting
