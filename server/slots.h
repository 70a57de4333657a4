#pragma once
// Which acquisition of a study fills which slot of the recipe, and whether it is complete. Pure: headers and settings
// in, sentences out.
#include <span>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "dicom/input/acquisition.h"
#include "server/pacs_evidence.h"

namespace server {

struct Placement {
  std::size_t acquisition = 0;                          // index into Grouping::acquisitions
  const config::Slot* slot = nullptr;                   // nullptr: fits none
  dicom::Contrast contrast = dicom::Contrast::Unknown;  // after the recipe's explicit descriptions were heard
  std::vector<std::string> reasons;                     // how the slot was found
  std::string closed_by;    // the evidence that nothing is missing; empty: still waiting, or cannot be fitted
  std::string waiting_for;  // what has to come or to pass before it is computed; empty: nothing
  std::string refused;      // why it will not be computed as it is now; empty: it will
};

// `quiet`: the study's quiet period is over, so that whatever is here is all there is.
// `end_of_arrival`: the sentence for that.
// `pacs`: what a PACS has of the study; an acquisition of which it has more images waits while they are being fetched.
// Order follows Grouping::acquisitions. An acquisition whose headers contradict the recipe's description fits no slot.
[[nodiscard]] std::vector<Placement> place(const dicom::Grouping& grouping, std::span<const dicom::Instance> instances,
                                           const config::Recipe& recipe, bool quiet, const PacsEvidence& pacs = {},
                                           std::string_view end_of_arrival = "the quiet period of the study is over");

}  // namespace server
