#pragma once
// Unique identifiers: checked when they come in, derived from content when they go out.
#include <string>
#include <string_view>

namespace dicom {

// True for 1 to 64 characters of digits and single dots (PS3.5 9.1). Components with leading zeros are accepted: real
// files have them.
[[nodiscard]] bool is_uid(std::string_view text);

// The UID for a name: "2.25." and the decimal form of a version 8 UUID over SHA-256(name) (PS3.5 B.2, RFC 9562).
// At most 44 characters; equal names give equal UIDs on every machine.
[[nodiscard]] std::string uid_from_name(std::string_view name);

}  // namespace dicom
