#pragma once
// What is to be measured of a study as it is now: its outlines on its maps, or proposals where nobody outlined one.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "server/context.h"

namespace server {

// What became of the maps of a study.
struct MapsSoFar {
  std::size_t jobs = 0, waiting = 0;           // queued by this grouping; acquisitions that are not complete yet
  bool maps_running = false;                   // some map of the study is still to come
  std::vector<std::int64_t> maps;              // finished map jobs that belong to the acquisitions as they are now
  std::vector<std::int64_t> dynamic;           // of these, those of dynamic series
  std::map<std::string, std::string> missing;  // slot -> why it has no map, for the reports
  std::set<std::string> ambiguous_slots;       // filled by more than one acquisition
};

// Queues what can be measured now, once for every set of outlines, maps and facts; what was queued or done for another
// set gives way, and is named by what replaces it. Jobs: "measure" (outlines on maps), "nomogram" (the same with the
// facts of the study; a new fact makes a new one of it alone), "propose" (no outline, and the recipe asks for it).
// Returns the account for `explain`; `quiet`: nothing more is expected.
[[nodiscard]] nlohmann::json queue_measurements(Context& context, const std::string& study,
                                                const std::vector<std::string>& rois, MapsSoFar& so_far, bool quiet);

}  // namespace server
