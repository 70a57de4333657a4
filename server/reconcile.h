#pragma once
// At the start: files and index are compared and mended (invariant 2), and what a crash left behind is taken back.
#include <cstddef>

#include "server/context.h"

namespace server {

struct Reconciled {
  std::size_t swept = 0;    // unfinished receptions removed
  std::size_t indexed = 0;  // files without a row: read and added again
  std::size_t missing = 0;  // rows without a file: recorded as incidents and removed from the index
};
Reconciled reconcile(Context& context);

}  // namespace server
