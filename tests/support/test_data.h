#pragma once
// Real scanner data: HERALD_TEST_DATA from the environment, else the default of the build. Tests that need it are
// skipped by name without it.
#include <cstdlib>
#include <filesystem>

namespace support {

inline std::filesystem::path test_data() {
  const char* named = std::getenv("HERALD_TEST_DATA");
  return named != nullptr && *named != '\0' ? named : HERALD_DEFAULT_TEST_DATA;
}

}  // namespace support

#define HERALD_NEEDS_DATA(folder)                                \
  if (!std::filesystem::exists(support::test_data() / (folder))) \
  GTEST_SKIP() << "no real data at " << (support::test_data() / (folder)).string()
