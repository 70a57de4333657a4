#pragma once
// A data set on its way from the network to a file: Part 10 header by us, data set byte for byte as it came.
#include <filesystem>
#include <string>
#include <string_view>

namespace dicom {

struct FileHeader {
  std::string sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae_title;
};

// The 128 zero bytes, "DICM" and the group 0002 that make a data set a DICOM file (PS3.10 7.1).
[[nodiscard]] std::string encoded(const FileHeader& header);

// Errors are kept until close(), so that the rest of a data set that does not fit on the disk is still drained from the
// network and the association goes on. No buffer of ours: what is not on disk after close() is at most what the kernel
// has not flushed, and that is for the caller's fsync.
class DataSetFile {
 public:
  DataSetFile(std::filesystem::path path, const FileHeader& header);
  ~DataSetFile();  // removes the file unless close() said it is complete
  DataSetFile(const DataSetFile&) = delete;
  DataSetFile& operator=(const DataSetFile&) = delete;

  void write(std::string_view bytes);
  [[nodiscard]] bool close();  // true: every byte was taken by the file system

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool failed_ = false;
  bool complete_ = false;
};

}  // namespace dicom
