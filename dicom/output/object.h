#pragma once
// What every object that Herald writes has in common. Deterministic: same inputs, settings and version give the same bytes.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/result.h"

namespace dicom {

inline constexpr const char* kResearchNotice = "RESEARCH USE ONLY - not for diagnosis";
inline constexpr const char* kPrivateScheme = "99HERALD";
inline constexpr const char* kModelName = "Herald";  // Manufacturer's Model Name of our objects: recognised on the way in

// Who made it. `serial` names the installation.
struct Equipment {
  std::string manufacturer = "Herald project";
  std::string serial = "1";
  std::string version;
};

// Reference to an instance.
struct Reference {
  std::string sop_class_uid, sop_instance_uid, series_uid;
};

// A written file. The SOP Instance UID is derived from the content of the data set itself, so any change of content changes it.
struct Written {
  std::filesystem::path file;
  std::string sop_class_uid, sop_instance_uid, series_uid;
};

}  // namespace dicom
