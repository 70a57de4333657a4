#pragma once
// Independent pieces of work on several threads.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace fitting {

// Calls work(index) once for every index < count, on up to `threads` threads, and returns when all calls have. Which
// thread takes which index is open: the calls must not depend on one another, nor throw. A system without a thread to
// spare makes it slower, not wrong.
template <class Work>
void in_parallel(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t index = next++; index < count; index = next++) work(index);
  };
  std::vector<std::jthread> helpers;
  for (std::size_t helper = 1; helper < std::min<std::size_t>(threads, count); ++helper) {
    try {
      helpers.emplace_back(run);
    } catch (const std::system_error&) {
      break;
    }
  }
  run();
}

}  // namespace fitting
