#pragma once
#include <string>
#include <tl/expected.hpp>

namespace config {

struct Error {
  std::string what;  // "herald.toml:14: [node] port = 70000: expected 0 to 65535", with the offending line below it
};
template <class T>
using Result = tl::expected<T, Error>;

}  // namespace config
