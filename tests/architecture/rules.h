#pragma once
// The table of who may know whom, read from the #include lines of a source tree.
#include <filesystem>
#include <string>
#include <vector>

namespace architecture {

struct Report {
  std::size_t files = 0;  // read; tells "all is well" from "nothing was found"
  // One sentence for each place that breaks a rule: "fitting/fit.cpp:3: includes dicom/uid.h, which fitting must not
  // know".
  std::vector<std::string> violations;
};

// Reads the sources below `root`. Folders that are not there are passed over.
[[nodiscard]] Report check(const std::filesystem::path& root);

}  // namespace architecture
