#pragma once
#include <cstdlib>

namespace fuzz {

// What must hold of an answer whatever went in; unlike assert(), in every build.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace fuzz
