#pragma once
// Sentences with numbers in them.
#include <array>
#include <cstdio>
#include <string>

namespace fitting {

// `format` as printf takes it, with up to three doubles; 159 characters at most.
inline std::string text(const char* format, double a, double b = 0, double c = 0) {
  std::array<char, 160> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, a, b, c);
  return buffer.data();
}

}  // namespace fitting
