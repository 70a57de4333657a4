#pragma once
// Readers who outline the lesion of a simulated exam by hand.
#include <string>

#include "server/simulation/profile.h"

namespace server::simulation {

inline constexpr int kMostReaders = 5, kMostRepeats = 5;

// The outline of one reading, numbers from 1 on, on the 3D grid of that field of view. A reader has a bias (a little
// inside or outside the edge), a reading another, and in every slice the hand wanders along the edge: up to 0.6 mm
// each, so that readings agree as honest ones do. The same options and numbers give the same outline.
[[nodiscard]] fitting::Mask drawn_by(const SimulateOptions& options, double field_mm, int reader, int repeat);
// Person name: "Reader^One".
[[nodiscard]] std::string reader_name(int reader);

}  // namespace server::simulation
