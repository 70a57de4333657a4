#pragma once
#include <cstdio>
#include <cstdlib>

namespace fuzz {

// What must hold of an answer whatever went in; unlike assert(), in every build. Says where it does not.
inline void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: does not hold\n", file, line);
  std::abort();
}

}  // namespace fuzz
