#pragma once
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace server {

struct Error {
  std::string what;
};
template <class T>
using Result = tl::expected<T, Error>;

// Unwinds inside this folder only; every job, command and thread has one place that catches it.
struct Failure {
  Error error;
};

// The value of any folder's Result, or a Failure that says what was being done.
template <class T, class E>
T need(tl::expected<T, E>&& result, std::string_view doing) {
  if (!result) throw Failure{{std::string(doing) + ": " + result.error().what}};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace server
