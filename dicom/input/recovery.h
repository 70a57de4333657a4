#pragma once
// What is particular to inversion recovery: which images of a stack a fit may use, and how the signal was read out.
// Internal to dicom/input.
//
// Scanners write one series per inversion time under one description ("TI50" for all of them), and may lengthen TR with
// TI. Siemens can reconstruct phase-corrected real images, which carry the sign of the magnetisation. Look-Locker
// sequences (MOLLI) read out many times after one inversion and write all times into one series.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/input/acquisition.h"
#include "dicom/input/volumes.h"

namespace dicom {

// A real image that carries the sign of the recovering magnetisation. Other vendors' real parts turn with the phase of
// the coil.
[[nodiscard]] bool is_signed_recovery(const Instance& instance);

// Series UIDs of gradient echoes whose inversion time varies from image to image. Not every scanner marks MOLLI as an
// inversion; the TI of a fat saturation, which gradient echoes carry too, is one for all.
[[nodiscard]] std::set<std::string_view> series_of_many_times(Instances instances);

// The images of one stack that a fit may use: the signed ones where they are as complete as the magnitudes, else the
// magnitudes; never both.
struct RecoveryImages {
  Indices images;
  std::vector<Rest> rests;
};
[[nodiscard]] RecoveryImages one_reconstruction(const Indices& stack, Instances instances);

// "1000 ms", or "1000..2460 ms" where the scanner lengthens TR with TI.
[[nodiscard]] std::string repetition_times(const Acquisition& acquisition, Instances instances);

// Sign, readout, shortest TR and the doubts about them.
void describe_recovery(Acquisition& acquisition, Instances instances);

}  // namespace dicom
