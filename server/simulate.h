#pragma once
// A synthetic exam of known truth, as a scanner would push it: for demonstrations, tests and the check of an
// installation.
#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace server {

struct SimulateOptions {
  std::string profile = "skyra-mapping";  // one of simulation_profiles()
  int matrix = 192;                       // rows and columns of the maps, 32..1024; 448 is full size
  int slices = 32;                        // of the 3D sequences, 8..256; 104 is full size
  std::uint64_t seed = 1;                 // of the noise and the UIDs
  double noise = 12;                      // standard deviation of the noise in stored units, 0..500
  bool outline = true;                    // whether a reader has outlined the lesion
  bool enhanced = false;                  // multi-frame objects, where the scanner has software that writes them
};

// The exams that can be made: a scanner with the protocol of a paper.
struct ProfileName {
  std::string name, title;  // title: one line for people
};
[[nodiscard]] std::vector<ProfileName> simulation_profiles();

struct SimulatedFile {
  std::filesystem::path path;
  std::string sop_class_uid, sop_instance_uid;
  bool outline = false;
};

// Writes `out`/exam (images), `out`/outline (a Segmentation of the lesion, drawn on the contrast-enhanced phase by a
// hand that does not err) and `out`/truth.json, and returns the DICOM files in the order in which they would be pushed:
// the outline last. Same options, same bytes. An error names the option that is out of range. An exam of the same
// options in `out` is written over; an exam of others, or an unfinished one, is an error and is left as it is.
[[nodiscard]] tl::expected<std::vector<SimulatedFile>, std::string> simulate(const SimulateOptions& options,
                                                                             const std::filesystem::path& out);

}  // namespace server
