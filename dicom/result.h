#pragma once
#include <string>
#include <tl/expected.hpp>

namespace dicom {

enum class Fault {
  Malformed,    // the bytes are not what DICOM says they should be
  Unsupported,  // valid, but Herald does not read this
  Io,           // the file system refused
  Network,      // the peer or the connection failed; may be retried later
  Rejected,     // the peer said no for good
};
struct Error {
  Fault fault = Fault::Malformed;
  std::string what;  // for people; UIDs, tags, counts; never patient data
};
template <class T>
using Result = tl::expected<T, Error>;

}  // namespace dicom
