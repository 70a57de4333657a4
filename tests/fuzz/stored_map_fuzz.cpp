#include "dicom/input/stored_map.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  const auto map = dicom::read_parametric_map(file.path());
  if (map) fuzz::require(map->value.size() == map->geometry.voxels());
  return 0;
}
