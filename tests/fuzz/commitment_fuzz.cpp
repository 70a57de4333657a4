#include "dicom/network/commitment_data_set.h"
#include "dicom/uid.h"
#include "tests/fuzz/memory_file.h"

// What is taken for a request or a report holds nothing but identifiers, and no more of them than bytes allow.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto is_sound = [](const dicom::SopReference& object) {
    return dicom::is_uid(object.sop_class_uid) && dicom::is_uid(object.sop_instance_uid);
  };
  if (const auto request = dicom::read_commitment_request(bytes)) {
    fuzz::require(dicom::is_uid(request->transaction_uid));
    fuzz::require(!request->instances.empty() && request->instances.size() * 24 <= size);
    for (const dicom::SopReference& object : request->instances) fuzz::require(is_sound(object));
  }
  if (const auto report = dicom::read_commitment_report(bytes)) {
    fuzz::require(dicom::is_uid(report->transaction_uid));
    fuzz::require((report->committed.size() + report->failed.size()) * 24 <= size);
    for (const dicom::SopReference& object : report->committed) fuzz::require(is_sound(object));
    for (const auto& failed : report->failed) fuzz::require(is_sound(failed.object));
  }
  return 0;
}
