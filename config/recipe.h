#pragma once
// A protocol as a set of slots: which acquisitions it comprises, how to tell them apart, which the models want.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/result.h"

namespace config {

struct Slot {
  std::string name;  // "t1_pre", "t1_post", "t2", "t2star", "dwi"
  // What may fill it, the preferred one first: "t1_vfa", "t2_me", "t2star_me", "dwi", "t1_ir", "mdme", "symri_maps",
  // "dce", "t2w". Never empty.
  std::vector<std::string> kinds;
  std::string contrast;   // "before", "after" or "" (any)
  bool required = false;  // for the recipe's models
  // How many flip angles, echoes or b-values, and how many slices, the protocol acquires. Where both are given and met
  // the acquisition is closed at once; `slices` alone does it where the scanner's header counts the echoes.
  std::optional<int> volumes, slices;
  std::vector<std::string>
      descriptions;  // explicit mapping: case-insensitive parts of the Series Description; strongest evidence
  // Inversion recovery only: whether T1 is corrected for many readouts after one inversion; absent: by the images.
  std::optional<bool> look_locker = {};
  // Flip angles (degrees), echo times or inversion times (ms), or b-values (s/mm2) that it must have, among others.
  std::vector<double> values = {};
  // "mdme" only: the saturation delays in ms, ascending, for scanners that do not write them.
  std::vector<double> delays_ms = {};
  // Names of the maps to deliver ("RE_early"), of those that its models make; empty: all of them.
  std::vector<std::string> maps = {};
  // Multi-echo kinds: voxels of a lesion whose signal in the last echo is less than this many times the noise are left
  // out of its statistics; 0: none.
  double least_snr = 0;
  bool align = false;  // whether every image is moved onto the first before the fit, where the patient moved
};

struct Recipe {
  std::string name, title;
  std::vector<Slot> slots;
  std::vector<std::string> models;  // ids of nomograms to evaluate
  bool propose_lesions = false;     // whether lesions are proposed where nobody has outlined one
};

[[nodiscard]] Result<Recipe> load_recipe(const std::filesystem::path& file);

}  // namespace config
