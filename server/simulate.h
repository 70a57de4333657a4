#pragma once
// A synthetic exam of known truth, as a scanner would push it: for demonstrations, tests and the check of an
// installation.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace server {

struct SimulateOptions {
  std::string profile = "skyra-mapping";  // one of simulation_profiles()
  int matrix = 192;                       // rows of the maps, and columns, 32..1024; 448 is full size
  int slices = 32;                        // of the 3D sequences, 8..256; 104 is full size
  std::optional<int> columns = {};        // where they are not as many as the rows; pixels stay square
  std::uint64_t seed = 1;                 // of the noise and the UIDs
  double noise = 12;                      // standard deviation of the noise in stored units, 0..500
  bool outline = true;                    // whether a reader has outlined the lesion
  bool enhanced = false;                  // multi-frame objects, where the scanner has software that writes them
  // Of contrast agent, 0.02..0.4; absent: the dose of the profile's paper. Rates of relaxation and uptake change with
  // it.
  std::optional<double> dose_mmol_per_kg = {};
  // What the headers say, 1.5 or 3; absent: the scanner's own. Field strength and imaging frequency only: the tissues
  // keep their values of 3 T.
  std::optional<double> field_strength_t = {};
  double lesion_diameter_mm = 22;  // 4..40
  // Who outlined the lesion, and how often each, 1..5. One reader who does so once has a hand that does not err; the
  // outlines of several are off by half a millimetre or so, each differently.
  int readers = 1, repeats = 1;
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

// Writes `out`/exam (images), `out`/outline (a Segmentation of the lesion for each reading, drawn on the
// contrast-enhanced phase; a series for each reader; one Tracking UID for all) and `out`/truth.json, and returns the
// DICOM files in the order in which they would be pushed: the outlines last. Same options, same bytes. An error names
// the option that is out of range. An exam of the same options in `out` is written over; an exam of others, or an
// unfinished one, is an error and is left as it is.
[[nodiscard]] tl::expected<std::vector<SimulatedFile>, std::string> simulate(const SimulateOptions& options,
                                                                             const std::filesystem::path& out);

}  // namespace server
