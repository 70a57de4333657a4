#pragma once
// Private to classifier/: the ticks of an axis and where their labels fit.
#include <string>
#include <vector>

#include "classifier/picture.h"

namespace classifier {

// Ticks at round numbers, as R's pretty(c(low, high), n) chooses them (R 4.2, `pretty.default`: about n intervals of 1,
// 2 or 5 times a power of ten, the larger steps preferred, the ends covered).
struct Ticks {
  std::vector<double> at;
  double step = 0;
};
[[nodiscard]] Ticks pretty(double low, double high, int n);
// Those of pretty() from `low` to `high`, without the ones beyond.
[[nodiscard]] Ticks pretty_within(double low, double high, int n);
// Between and beside the major ones, within [low, high]: fifths of a step, of steps of 2 (20, 0.2 …) fourths.
[[nodiscard]] std::vector<double> minor_ticks(const Ticks& major, double low, double high);
// With the decimals that the step needs: 0.5, 1.0, 1.5.
[[nodiscard]] std::string tick_text(double value, double step);

// Fixed decimals, as they are set: with a minus that is as wide as a plus, and never "-0".
[[nodiscard]] std::string decimal(double number, int decimals);
// About four significant digits, as a measured value is read: 53.23, 580.9, 1.011.
[[nodiscard]] std::string four_digits(double number);
// Two decimals: more would promise more than a small study can give. Never 0 and never 1.
[[nodiscard]] std::string probability_text(double probability);
[[nodiscard]] std::string quantity(const std::string& number, const std::string& unit);

// Left ends of labels of these widths that want to be centred at `centres`: none overlaps, `gap` between them, all
// within [low, high], in the order of the centres, and together as near as can be to where they want to be. Empty when
// they do not fit.
struct Span {
  double centre = 0, width = 0;
};
[[nodiscard]] std::vector<double> spread(const std::vector<Span>& labels, double low, double high, double gap);

}  // namespace classifier
