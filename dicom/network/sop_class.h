#pragma once
// The names that people know for identifiers of the standard.
#include <string>

namespace dicom {

// "Parametric Map Storage", "Comprehensive 3D SR Storage"; the UID itself where the toolkit has no name for it.
[[nodiscard]] std::string sop_class_name(const std::string& uid);
// "Little Endian Explicit"; the UID itself where the toolkit has no name for it.
[[nodiscard]] std::string transfer_syntax_name(const std::string& uid);

}  // namespace dicom
