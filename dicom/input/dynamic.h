#pragma once
// Dynamic contrast-enhanced series: the same spoiled gradient echo three or more times. Internal to dicom/input.
//
// Scanners disagree on where the time of a phase stands: Siemens changes Acquisition Time from phase to phase, but
// TWIST writes that of the start into all of them and the time since then into the series description ("_TT=608.1s");
// GE repeats one Acquisition Time and has, if anything, the Trigger Time, which its first phase lacks.
#include "dicom/input/acquisition.h"
#include "dicom/input/volumes.h"

namespace dicom {

inline constexpr std::size_t kLeastPhases = 3;

// The phases of one series of series with one flip angle, by time; fewer than kLeastPhases: not dynamic. Images that
// belong to no phase that can be told apart make a phase of their own, which is incomplete.
[[nodiscard]] std::vector<Indices> phases_of(const Indices& stack, Instances instances);

// A series that begins after another injection, or a quarter of an hour after the one before, is another dynamic
// series.
[[nodiscard]] std::vector<std::vector<Indices>> split_by_injection(std::vector<Indices> phases, Instances instances);

// Takes series out that were aborted within a phase and acquired again as a later series of kLeastPhases or more; what
// it returns are their images.
[[nodiscard]] Indices take_out_aborted(std::vector<Indices>& phases, Instances instances);

// The acquisition of these phases. Volume::axis is the time since the first of them, s.
[[nodiscard]] Acquisition dynamic_acquisition(std::vector<Indices> phases, Instances instances);

}  // namespace dicom
