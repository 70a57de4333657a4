#include "config/recipe.h"
#include "config/settings.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  const auto settings = config::load_settings(file.path());
  const auto recipe = config::load_recipe(file.path());
  fuzz::require(!settings || settings->fitting.threads > 0);
  fuzz::require(!settings || !recipe);  // no table of one is a table of the other
  return 0;
}
