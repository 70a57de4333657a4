#pragma once
// Synthetic MRI: the raw images of multi-delay multi-echo saturation recovery (MDME, GE's MAGiC), and the maps that
// SyMRI computes of them. Internal to dicom/input.
//
// Raw images are one series of spin echoes in which saturation delays (where inversion times stand, (0018,0082)) and
// echo times both vary. A scanner that does not write the delays repeats the echo times, once for each delay in the
// order of acquisition; the recipe has to say then what they were.
#include <vector>

#include "dicom/input/acquisition.h"
#include "dicom/input/volumes.h"

namespace dicom {

inline constexpr std::size_t kLeastDelays = 3, kLeastEchoes = 2;

// Series in which delays and echo times both vary; taken out of `images`.
[[nodiscard]] Indices take_out_delays_with_echoes(Indices& images, Instances instances);

// A volume for each delay and echo time, ascending in both; Acquisition::echo_times_ms to go with them.
void unfold_echoes(Acquisition& acquisition, Instances instances);

// Writes `delays_ms`, ascending, into series of two or more echoes that repeat each of them that many times without
// saying a delay of their own. Others stay as they are.
[[nodiscard]] std::vector<Instance> with_delays(Instances instances, const std::vector<double>& delays_ms);

// 1, 2, 3 for T1, T2, PD: the parameter that varies in a set of maps; 0 for others.
[[nodiscard]] double number_of_quantity(const Instance& instance);
[[nodiscard]] std::string_view quantity_of_number(double number);

}  // namespace dicom
