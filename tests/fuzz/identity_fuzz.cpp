#include "dicom/input/identity.h"
#include "dicom/uid.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  const auto identity = dicom::read_identity(file.path());
  if (!identity) return 0;
  for (const auto* uid : {&identity->sop_class_uid, &identity->sop_instance_uid, &identity->study_uid,
                          &identity->series_uid, &identity->transfer_syntax_uid})
    fuzz::require(dicom::is_uid(*uid));
  fuzz::require(identity->payload_digest.size() == 64);
  return 0;
}
