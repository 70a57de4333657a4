#include "dicom/network/data_set_file.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dicom {
namespace {

void append_number(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(value >> (8 * i)));
}

// Explicit VR little endian, as group 0002 always is.
void append_element(std::string& to, std::uint16_t element, std::string_view vr, std::string value) {
  if (value.size() % 2 != 0) value.push_back(vr == "UI" || vr == "OB" ? '\0' : ' ');
  append_number(to, 0x0002, 2);
  append_number(to, element, 2);
  to += vr;
  if (vr == "OB") append_number(to, 0, 2);
  append_number(to, static_cast<std::uint32_t>(value.size()), vr == "OB" ? 4 : 2);
  to += value;
}

}  // namespace

std::string encoded(const FileHeader& header) {
  std::string group;
  append_element(group, 0x0001, "OB", {'\0', '\1'});
  append_element(group, 0x0002, "UI", header.sop_class_uid);
  append_element(group, 0x0003, "UI", header.sop_instance_uid);
  append_element(group, 0x0010, "UI", header.transfer_syntax_uid);
  append_element(group, 0x0012, "UI", OFFIS_IMPLEMENTATION_CLASS_UID);
  append_element(group, 0x0013, "SH", OFFIS_DTK_IMPLEMENTATION_VERSION_NAME);
  append_element(group, 0x0016, "AE", header.source_ae_title);

  std::string length;
  append_number(length, static_cast<std::uint32_t>(group.size()), 4);
  std::string all(128, '\0');
  all += "DICM";
  append_element(all, 0x0000, "UL", length);
  return all + group;
}

DataSetFile::DataSetFile(std::filesystem::path path, const FileHeader& header) : path_(std::move(path)) {
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  failed_ = descriptor_ < 0;
  write(encoded(header));
}

DataSetFile::~DataSetFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  std::error_code ignored;
  if (!complete_) std::filesystem::remove(path_, ignored);
}

bool DataSetFile::close() {
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) failed_ = true;
  complete_ = !failed_;
  return complete_;
}

void DataSetFile::write(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      failed_ = true;
    }
  }
}

}  // namespace dicom
