#pragma once
// What a fit reads: several images of one anatomy that differ in one acquisition parameter.
#include <cstddef>
#include <string>
#include <vector>

#include "fitting/geometry.h"

namespace fitting {

// The acquisition parameter that varies from image to image, and its unit.
enum class Axis { EchoTimeMs, FlipAngleDeg, BValueSPerMm2, InversionTimeMs };

// How the images were acquired. axis[k] belongs to planes[k] and ascends.
struct Protocol {
  Axis axis_kind = Axis::EchoTimeMs;
  std::vector<double> axis;
  double repetition_time_ms = 0;  // 0 where the model does not need it
};

// planes[k] holds the signal of contrast k for every voxel of `geometry` (its voxel order), already scaled so that all
// planes share one arbitrary unit. Values are finite; a reader replaces nothing: NaN or infinite pixels make it refuse.
struct Series {
  Geometry geometry;
  Protocol protocol;
  std::vector<std::vector<float>> planes;
  std::vector<unsigned> averages = {};  // images averaged (geometrically) into planes[k]; empty: one each
};

// A "no" that a person can read: "T2 needs 3 echo times, the series has 2".
struct Refusal {
  std::string reason;
};

}  // namespace fitting
