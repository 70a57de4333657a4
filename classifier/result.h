#pragma once
#include <string>
#include <tl/expected.hpp>

namespace classifier {

struct Error {
  std::string what;  // "zhang2026….json: /predictors/0/unit: expected one of ms, mm, …"
};
template <class T>
using Result = tl::expected<T, Error>;

}  // namespace classifier
