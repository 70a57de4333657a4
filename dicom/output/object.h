#pragma once
// What every object that Herald writes has in common. Deterministic: same inputs, settings and version give the same
// bytes.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/result.h"

namespace dicom {

inline constexpr const char* kResearchNotice = "RESEARCH USE ONLY - not for diagnosis";
inline constexpr const char* kPrivateScheme = "99HERALD";
inline constexpr const char* kModelName =
    "Herald";  // Manufacturer's Model Name of our objects: recognised on the way in

// Of the coding scheme: it is named in every object that uses it.
[[nodiscard]] std::string private_scheme_uid();

// Who made it. `serial` names the installation.
struct Equipment {
  std::string manufacturer = "Herald project";
  std::string serial = "1";
  std::string version;
};

// Reference to an instance, or to one frame of it.
struct Reference {
  std::string sop_class_uid, sop_instance_uid, series_uid;
  int frame = 0;  // from 1; 0: all of it
};

// A written file. The SOP Instance UID is derived from the content of the data set itself, so any change of content
// changes it.
struct Written {
  std::filesystem::path file;
  std::string sop_class_uid, sop_instance_uid, series_uid;
};

// First use of everything in DCMTK that our writers use, which is not thread-safe (reference: dicom.md 3, defect 5):
// the data dictionary, the character set converter, the encoder. Call once after initialise_dcmtk() and before threads
// start; afterwards every writer of dicom/output may run in any number of threads: they share nothing and use none of
// DCMTK's document classes, which are not safe.
void warm_up_writers();

}  // namespace dicom
