#include "storage/failure.h"

#include <cerrno>
#include <system_error>

namespace storage {

Fault fault_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // the size limit of this process: full as far as we are concerned
      return Fault::Full;
    case ENOENT:
      return Fault::Missing;
    default:
      return Fault::Io;
  }
}

void raise_errno(int errno_value, const char* action) {
  // generic_category().message is thread safe, strerror is not.
  raise(fault_of_errno(errno_value),
        std::string("cannot ") + action + ": " + std::generic_category().message(errno_value));
}

}  // namespace storage
