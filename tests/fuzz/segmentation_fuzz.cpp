#include "dicom/input/segmentation.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  const auto segmentation = dicom::read_segmentation(file.path());
  if (!segmentation) return 0;
  for (const dicom::Region& region : segmentation->regions) {
    fuzz::require(!region.mask.geometry.slice_origins_mm.empty());
    fuzz::require(region.mask.inside.size() == region.mask.geometry.voxels());
  }
  return 0;
}
