#pragma once
// `herald process`: the same pipeline on a folder, without network and without a database left behind.
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "server/clinical.h"

namespace server {

struct ProcessOptions {
  std::filesystem::path input;
  std::filesystem::path output;                                           // results go to sub-folders named by us
  config::ParametricMaps parametric_maps = config::ParametricMaps::Real;  // unless `profile` says it
  // The files are images of one study in one frame of reference, whatever their headers say: phantoms, test objects.
  bool one_study = false;
  std::vector<Statement> facts = {};          // of every study of the folder,
  std::string said_by = {};                   // who says so,
  std::optional<storage::Time> said_at = {};  // and when; absent: now, and no two runs give the same report
  // Exactly what a destination with this profile is sent as long as it refuses nothing. Names of files then begin with
  // their number in the order of sending, counted in each study. Absent: what the full profile is sent, unnumbered.
  std::optional<config::Profile> profile = {};
};

struct ProcessSummary {
  nlohmann::json studies = nlohmann::json::array();  // the account of each, as `explain` gives it
  std::size_t read = 0, ignored = 0, written = 0;
  std::size_t jobs_failed = 0;
};

// `progress` is told what is being done. Throws a Failure when the folders cannot be read or written.
ProcessSummary process_folder(const config::Settings& settings, const ProcessOptions& options,
                              const std::function<void(const std::string&)>& progress);

// What process_folder() would make of the folder, without computing or writing anything: the accounts only. The output
// folder of `options` is not used.
ProcessSummary explain_folder(const config::Settings& settings, const ProcessOptions& options,
                              const std::function<void(const std::string&)>& progress);

}  // namespace server
