#pragma once
// Private to this folder: trouble unwinds to the public function as one exception and leaves it as a Result.
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "storage/result.h"

namespace storage {

struct Failure {
  Error error;
};

[[noreturn]] inline void raise(Fault fault, std::string what) { throw Failure{{fault, std::move(what)}}; }

// Throws what `errno_value` says about `action` ("sync a file").
[[noreturn]] void raise_errno(int errno_value, const char* action);

// The fault that a POSIX error number stands for.
[[nodiscard]] Fault fault_of_errno(int errno_value);

// Runs `body`; its value, or the Failure it threw, becomes the Result.
template <class Body>
auto guarded(Body&& body) -> Result<std::invoke_result_t<Body>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      std::forward<Body>(body)();
      return {};
    } else {
      return std::forward<Body>(body)();
    }
  } catch (Failure& failure) {
    return tl::unexpected(std::move(failure.error));
  } catch (const std::bad_alloc&) {
    return tl::unexpected(Error{Fault::Io, "out of memory"});
  }
}

}  // namespace storage
