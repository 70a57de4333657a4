#pragma once
// Before or after the contrast agent? Two independent pieces of evidence that agree are required; one piece, or two
// that contradict each other, leave it unknown (reference: dicom.md 1.4). What the protocol file says outright is
// applied later and is not asked here. Internal to dicom/input.
#include <vector>

#include "dicom/input/acquisition.h"

namespace dicom {

// `siblings` are the sets of one protocol on one grid, `dynamic` the dynamic series of the study. Sets contrast and
// appends sentences to evidence; a set that mixes images from before and after contrast gets a problem.
void judge_contrast(std::span<Acquisition> siblings, std::span<const Acquisition> dynamic,
                    std::span<const Instance> instances);

// What the words of a series description or protocol name say; Unknown where they say nothing or both.
[[nodiscard]] Contrast contrast_in_words(std::string_view text);

}  // namespace dicom
