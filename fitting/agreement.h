#pragma once
// How far readers agree, and what they say together (models.md 4).
#include <cstddef>
#include <span>
#include <string>
#include <variant>

#include "fitting/model.h"

namespace fitting {

// An intraclass correlation with its 95 % interval. Below 0 where raters differ more within subjects than between.
struct Agreement {
  double value = 0, low = 0, high = 0;
  std::size_t subjects = 0, raters = 0;
};

// Shrout & Fleiss, Psychol Bull 1979;86:420: ICC(1,1), (2,1), (3,1) of a single rating; (1,k), (2,k), (3,k) of the mean
// over the raters. OneWay: each subject has raters of its own. TwoWayRandom: the same raters, a sample of all (absolute
// agreement). TwoWayMixed: these raters and no others (consistency).
enum class Icc { OneWay1, TwoWayRandom1, TwoWayMixed1, OneWayK, TwoWayRandomK, TwoWayMixedK };

// `ratings` subject by subject, all raters of a subject together. Refuses fewer than two subjects or raters, ratings
// that do not fill the table or are not finite, and subjects that do not differ. The interval is that of the F
// distribution; for TwoWayRandom with Satterthwaite's degrees of freedom, as psych::ICC computes it.
[[nodiscard]] std::variant<Agreement, Refusal> icc(std::span<const double> ratings, std::size_t raters, Icc form);

struct Reading {
  std::string reader;  // whoever it was: only whether two readings have the same one matters
  double value = 0;
};
struct Consensus {
  double value = 0;
  std::size_t readers = 0, readings = 0;
  // "median of 3 readings of reader 1, 1 reading of reader 2; mean of 2 readers". Readers are numbered in the order of
  // their first reading: never a name.
  std::string how;
};
// Zhang's rule: the median of each reader's readings, then the mean of the readers. No readings: value 0, readers 0.
[[nodiscard]] Consensus consensus(std::span<const Reading> readings);

}  // namespace fitting
