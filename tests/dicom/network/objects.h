#pragma once
// Small synthetic DICOM files in every transfer syntax.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/network/sender.h"

namespace support {

inline constexpr const char* kExplicit = "1.2.840.10008.1.2.1";
inline constexpr const char* kImplicit = "1.2.840.10008.1.2";
inline constexpr const char* kBigEndian = "1.2.840.10008.1.2.2";
inline constexpr const char* kDeflated = "1.2.840.10008.1.2.1.99";
inline constexpr const char* kJpegLs = "1.2.840.10008.1.2.4.80";
inline constexpr const char* kRle = "1.2.840.10008.1.2.5";
inline constexpr const char* kMrImage = "1.2.840.10008.5.1.4.1.1.4";
inline constexpr const char* kParametricMap = "1.2.840.10008.5.1.4.1.1.30";
inline constexpr const char* kStudyUid = "1.2.826.0.1.3680043.9.1.10";
inline constexpr const char* kSeriesUid = "1.2.826.0.1.3680043.9.1.20";

struct ObjectOptions {
  std::string transfer_syntax = kExplicit;
  std::string sop_class = kMrImage;
  std::string model = "Synthetic";
  unsigned rows = 32, columns = 32;
};

// Writes one image; its SOP Instance UID ends with `number`. Aborts the test program when DCMTK cannot.
dicom::Outgoing make_object(const std::filesystem::path& folder, int number, const ObjectOptions& options = {});

std::string instance_uid(int number);
std::string bytes_of(const std::filesystem::path& file);
// Everything after group 0002, found by its group length.
std::string data_set_of(const std::filesystem::path& file);

}  // namespace support
