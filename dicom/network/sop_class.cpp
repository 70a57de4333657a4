#include "dicom/network/sop_class.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include <cctype>

namespace dicom {
namespace {

// "ParametricMapStorage" → "Parametric Map Storage", "MRImageStorage" → "MR Image Storage", "Comprehensive3DSRStorage"
// → "Comprehensive 3D SR Storage".
std::string spaced(const std::string& name) {
  const auto is = [&name](std::size_t i, int (*kind)(int)) {
    return i < name.size() && kind(static_cast<unsigned char>(name[i])) != 0;
  };
  std::string words;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool after_small = i > 0 && is(i - 1, std::islower);
    const bool ends_capitals = i > 0 && is(i, std::isupper) && is(i + 1, std::islower);
    const bool after_3d = i > 1 && is(i - 2, std::isdigit) && name[i - 1] == 'D';
    if (!is(i, std::islower) && (after_small || ends_capitals || after_3d)) words.push_back(' ');
    words.push_back(name[i]);
  }
  return words;
}

}  // namespace

std::string sop_class_name(const std::string& uid) {
  const char* name = dcmFindNameOfUID(uid.c_str());
  return name != nullptr ? spaced(name) : uid;
}

std::string transfer_syntax_name(const std::string& uid) {
  const DcmXfer syntax(uid.c_str());
  return syntax.getXfer() != EXS_Unknown ? syntax.getXferName() : uid;
}

}  // namespace dicom
