#pragma once
// The maps of a study that a measurement can use, read back from what was written.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dicom/input/instance.h"
#include "dicom/input/stored_map.h"
#include "dicom/output/object.h"
#include "server/context.h"

namespace server::measuring {

struct MapAtHand {
  std::string slot;       // of the result: "dwi", "dwi_k"
  std::string placed_in;  // the recipe's slot: "dwi"
  std::int64_t job = 0;   // that made it
  dicom::StoredMap map;
  dicom::Reference exact;                // the Parametric Map
  std::vector<dicom::Reference> slices;  // the MR map, by slice
  dicom::Instance source;                // an image it was made from
  std::optional<double> start_s;         // of its acquisition, scanner's clock
  std::string contrast = "unknown";      // "before", "after": of its acquisition
};

struct Maps {
  std::vector<MapAtHand> maps;                 // of slots that one acquisition fills; never empty
  std::map<std::string, std::string> missing;  // slot -> why it has no map that could be measured
  std::vector<std::string> remarks;
};

// The maps that a job's payload names ("maps": map jobs; "missing", "ambiguous": slots). A slot that several
// acquisitions fill has none: a model or a reader could not tell them apart. Throws a Failure when a file is gone.
[[nodiscard]] Maps read_maps(Context& context, const std::string& study, const nlohmann::json& payload);

}  // namespace server::measuring
