#pragma once
// From the images of one stack to sets: each set holds one volume per value of the varying parameter, acquired one
// after the other. Internal to dicom/input.
//
// The images of one series and time point are a unit: they stay together. Units are walked in the order of acquisition;
// a unit that brings a value which the set already has opens the next set (before and after contrast). Walking
// backwards must give the same sets; where it does not, a unit is missing somewhere, and the walk whose sets are
// clearly closer together in time is right. If neither is, nothing is guessed: every set gets a problem.
//
// Versions of one acquisition, which scanners store side by side (ND, DIS2D, NORM), are never in one set: of sets that
// are versions of each other one is kept.
#include <string>
#include <string_view>
#include <vector>

#include "dicom/input/acquisition.h"
#include "dicom/input/grid.h"

namespace dicom {

// What is particular to a kind: the parameter that varies, and how many values of it a fit needs.
struct Rules {
  Kind kind = Kind::T1Vfa;
  std::size_t least = 2;                         // values of the parameter that a fit needs
  std::string_view parameter, parameters, unit;  // "echo time", "echo times", " ms"
  double (*axis)(const Instance&) = nullptr;
  double (*tolerance)(double axis) = nullptr;
};
[[nodiscard]] const Rules& rules_of(Kind kind);

// "20 ms"; "10, 20, 30 ms".
[[nodiscard]] std::string with_unit(const Rules& rules, const std::vector<double>& values);
[[nodiscard]] std::string plain(double value);
// When the first of them was acquired; infinite when unknown.
[[nodiscard]] double start_of(const Indices& images, Instances instances);
// Distinct values of the varying parameter.
[[nodiscard]] std::vector<double> axes_of(const Indices& images, Instances instances, const Rules& rules);

// The volumes of `images`, ascending; a slice that is missing has no image, a slice that is there twice has two.
[[nodiscard]] std::vector<Volume> volumes_of(const Indices& images, Instances instances, const Rules& rules);

// Where every slice of a value has the same number of images, a volume for each of them in the order of acquisition.
[[nodiscard]] std::vector<Volume> unfolded(std::vector<Volume> volumes, Instances instances, const Rules& rules);

struct Set {
  Indices images;
  std::string problem;
  std::vector<std::string> notes;
};
struct Rest {
  Indices images;
  std::string reason;
  bool dynamic = false;  // time points of one value: a dynamic series
};
struct Sets {
  std::vector<Set> sets;    // by time
  std::vector<Rest> rests;  // dynamic series, volumes that were acquired again, other versions
};
// The images of one stack and value by time point, in the order of acquisition: of each series those that some tag
// tells apart (temporal position, trigger time, acquisition number or time), else the k-th image of every slice.
[[nodiscard]] std::vector<Indices> units_by_time(const Indices& stack, Instances instances);

[[nodiscard]] Sets sets_of(const Indices& stack, Instances instances, const Rules& rules);

}  // namespace dicom
