#pragma once
#include <string>
#include <tl/expected.hpp>

namespace storage {

enum class Fault {
  Busy,     // another process holds the database; may be retried at once
  Full,     // no space left, or the disk floor is reached: nothing partial was left behind
  Corrupt,  // bytes or rows are not what was written
  Missing,  // no such file or row
  Io,       // anything else the operating system refused
};
struct Error {
  Fault fault = Fault::Io;
  std::string what;  // for people; made of ids, counts and errno texts, never of patient data
};
template <class T>
using Result = tl::expected<T, Error>;

}  // namespace storage
