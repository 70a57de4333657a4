#pragma once
// Files are the truth (invariant 2): the index is compared with them and mended, and what is on the disk no longer as
// it came is taken out of the way.
#include <cstddef>
#include <functional>

#include "server/context.h"

namespace server {

struct Reconciled {
  std::size_t indexed = 0;  // files without a row: read and added again
  std::size_t missing = 0;  // rows without a file: recorded as incidents and removed from the index
  std::size_t corrupt =
      0;  // files whose bytes are not those that came: moved to quarantine (only where they were read)
};

// Whether every file is read whole and compared with the digest in the index, or only looked for.
enum class Reading { Names, Bytes };

// Compares and mends, beside everything else that goes on: images may arrive meanwhile. `stopped` is asked for each
// file; true ends it early, with what was done so far. Throws a Failure when a folder or the index cannot be read.
Reconciled reconcile(
    const storage::ObjectStore& store, storage::Database& database, Reading reading,
    const std::function<bool()>& stopped = [] { return false; });

// Reads the files and compares them with the digests of their rows, on `threads` cores. Throws a Failure that names the
// first whose bytes have changed; all such are in quarantine then, out of the index, and their studies are grouped
// anew.
void verify(const storage::ObjectStore& store, storage::Database& database,
            const std::vector<storage::InstanceRow>& rows, unsigned threads);

}  // namespace server
