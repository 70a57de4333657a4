#pragma once
// truth.json: what is known of a simulated exam because it was made so.
#include <nlohmann/json.hpp>

#include "server/simulation/profile.h"

namespace server::simulation {

// A DICOM series as it was written.
struct WrittenSeries {
  int number = 0;
  std::string description, role;
  std::vector<dicom::Written> images;
};

// profile, options and identity; lesion: place, size and, by slot, the true values (one as quantity, value and unit;
// several by quantity) and phases; tissues; series with the role of each.
[[nodiscard]] nlohmann::ordered_json truth(const SimulateOptions& options, const Profile& profile,
                                           const fitting::Mask& lesion, const std::vector<WrittenSeries>& written);

}  // namespace server::simulation
