#include "dicom/network/flat_data_set.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t total = 0;
  for (const auto& [tag, value] : dicom::flat_data_set(bytes)) {
    total += value.size();
    for (const char c : dicom::printable(value)) fuzz::require(c >= 0x20 && c <= 0x7e);
  }
  fuzz::require(total <= size);
  return 0;
}
