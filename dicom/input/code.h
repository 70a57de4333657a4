#pragma once
#include <string>

namespace dicom {

// A coded entry: (108369006, SCT, "Neoplasm").
struct Code {
  std::string value, scheme, meaning;
};

}  // namespace dicom
