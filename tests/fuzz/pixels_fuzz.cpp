#include "dicom/input/acquisition.h"
#include "tests/fuzz/memory_file.h"

// load_series() makes room for the matrix that the header claims before it looks at the pixels.
constexpr int kLargestSide = 512;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  const auto image = dicom::read_instance(file.path());
  if (!image || image->rows <= 0 || image->columns <= 0) return 0;
  if (image->rows > kLargestSide || image->columns > kLargestSide) return 0;
  dicom::Acquisition single;
  single.instances = {0};
  single.volumes = {{1.0, {{0}}}};
  single.geometry.rows = image->rows;
  single.geometry.columns = image->columns;
  single.geometry.slice_origins_mm = {image->position_mm};
  const auto loaded = dicom::load_series(single, {&*image, 1}, 1);
  fuzz::require(!loaded || loaded->series.planes[0].size() == single.geometry.voxels());
  return 0;
}
