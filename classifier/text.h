#pragma once
// Private to classifier/: numbers as a person reads them.
#include <string>
#include <string_view>

namespace classifier {

// Shortest text that reads back as the same number: 47.1, 461.55, 0.749.
[[nodiscard]] std::string shortest(double number);

// Six significant digits, no more than a measurement has: 951.235.
[[nodiscard]] std::string readable(double number);

[[nodiscard]] std::string fixed(double number, int decimals);

// UCUM "1" is no unit to a reader, and 10-6.mm2/s is a factor and a unit.
[[nodiscard]] std::string with_unit(const std::string& number, std::string_view unit);

// "15 to 110 ms"
[[nodiscard]] std::string range_text(double low, double high, std::string_view unit);

}  // namespace classifier
