#pragma once
// The whole pipeline on a folder, and how its maps are looked at.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dicom/input/stored_map.h"
#include "dicom/output/object.h"
#include "server/log.h"
#include "server/process.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace processing {

namespace fs = std::filesystem;
using nlohmann::json;

inline config::Settings settings() {
  config::Settings s;
  s.recipe = fs::path(HERALD_SOURCE_DIR) / "config/recipes/zhang-mapping.toml";
  s.models = fs::path(HERALD_SOURCE_DIR) / "classifier/models";
  s.fitting.threads = 2;
  s.logging.level = "error";
  return s;
}

inline server::ProcessSummary process(const fs::path& input, const fs::path& output) {
  dicom::warm_up_writers();
  server::log::open(settings().logging);
  return server::process_folder(settings(), {input, output, config::ParametricMaps::Real}, [](const std::string&) {});
}

inline dicom::StoredMap read_map(const fs::path& file) {
  auto map = dicom::read_parametric_map(file);
  EXPECT_TRUE(map) << file << ": " << (map ? "" : map.error().what);
  return map ? *map : dicom::StoredMap{};
}

inline std::vector<fs::path> maps_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == "pm_real.dcm") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Median of a square region as expected.json gives them: centre (row, column) and half width.
inline double region(const dicom::StoredMap& map, int slice, const json& centre, int half) {
  std::vector<double> values;
  for (int row = centre[0].get<int>() - half; row <= centre[0].get<int>() + half; ++row) {
    for (int column = centre[1].get<int>() - half; column <= centre[1].get<int>() + half; ++column) {
      values.push_back(map.value[(static_cast<std::size_t>(slice) * static_cast<std::size_t>(map.geometry.rows) +
                                  static_cast<std::size_t>(row)) *
                                     static_cast<std::size_t>(map.geometry.columns) +
                                 static_cast<std::size_t>(column)]);
    }
  }
  return median(values);
}

// Median relative deviation over spheres 3 to 10 of one plate, in percent; `expected` is an entry of expected.json.
inline double phantom_deviation(const dicom::StoredMap& map, const json& expected, int slice) {
  std::vector<double> deviations;
  for (std::size_t sphere = 2; sphere < 10; ++sphere) {
    const double value = region(map, slice, expected.at("roi_row_col")[sphere], expected.at("roi_half").get<int>());
    deviations.push_back(100 * std::abs(value / expected.at("third_party_reference")[sphere].get<double>() - 1));
  }
  return median(deviations);
}

}  // namespace processing
