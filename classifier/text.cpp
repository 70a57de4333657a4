#include "classifier/text.h"

#include <charconv>
#include <cstdio>

namespace classifier {

std::string shortest(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string readable(double number) {
  char text[32];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.6g", number))};
}

std::string fixed(double number, int decimals) {
  char text[400];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.*f", decimals, number))};
}

std::string with_unit(const std::string& number, std::string_view unit) {
  if (unit == "1") return number;
  if (unit == "10-3.mm2/s") return number + " x 10-3 mm2/s";
  if (unit == "10-6.mm2/s") return number + " x 10-6 mm2/s";
  return number + " " + std::string(unit);
}

std::string range_text(double low, double high, std::string_view unit) {
  return with_unit(shortest(low) + " to " + shortest(high), unit);
}

}  // namespace classifier
