#pragma once
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "dicom/result.h"
#include "storage/result.h"

namespace server {

struct Error {
  std::string what;
};
template <class T>
using Result = tl::expected<T, Error>;

// Unwinds inside this folder only; every job, command and thread has one place that catches it.
struct Failure {
  Error error;
  bool passing = false;  // the world failed (disk, database): the same work may succeed later
};

inline bool is_passing(const storage::Error& error) {
  return error.fault != storage::Fault::Corrupt && error.fault != storage::Fault::Missing;
}
inline bool is_passing(const dicom::Error& error) { return error.fault == dicom::Fault::Io; }
template <class E>
bool is_passing(const E&) {
  return false;
}

// The value of any folder's Result, or a Failure that says what was being done.
template <class T, class E>
T need(tl::expected<T, E>&& result, std::string_view doing) {
  if (!result) throw Failure{{std::string(doing) + ": " + result.error().what}, is_passing(result.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace server
