#pragma once
// Who an object is, read without building it: the only part of a data set that the receiving process looks at.
#include <filesystem>
#include <string>

#include "dicom/result.h"

namespace dicom {

struct Identity {
  std::string sop_class_uid;
  std::string sop_instance_uid;
  std::string study_uid;
  std::string series_uid;
  std::string transfer_syntax_uid;
  std::string manufacturer_model;  // (0008,1090); used to recognise our own results
  std::string payload_digest;      // SHA-256 of the data set's bytes as they stand in the file, lower-case hex
};

// Whether the whole file is read for its digest; without, `payload_digest` stays empty and only the beginning is read.
enum class Digest { Wanted, Unwanted };

// Scans the top level of the data set of a DICOM file up to (0020,000E). Needs no DCMTK parser: sequences are skipped
// by length or by delimiters with a counter (never by recursion), lengths are checked against the file, and at most 16
// MiB and 65,536 elements are looked at. Explicit and implicit little endian, explicit big endian, deflated (inflated
// with a cap) and every encapsulated syntax. Fault::Malformed with the tag and offset when a mandatory UID is missing,
// is not a UID, or the bytes do not parse.
[[nodiscard]] Result<Identity> read_identity(const std::filesystem::path& file, Digest digest = Digest::Wanted);

}  // namespace dicom
