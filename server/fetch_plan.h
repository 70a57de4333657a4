#pragma once
// Which series of a study are fetched from a PACS. Pure.
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "config/settings.h"
#include "server/slots.h"
#include "storage/inquiries.h"

namespace server {

// What is here of a study, and what is wanted.
struct AtHand {
  std::map<std::string, std::uint64_t> images{};  // by series UID
  std::set<std::string> ours{};                   // series that Herald made, which the PACS got from us
  bool slots_lack = false;                        // a slot that the recipe requires is empty or short of images
};

// MR series of which the PACS has more images than are here: those that are here in part, then, while required slots
// lack something, those that are not here at all; each kind by number. Never our own, none that was fetched `attempts`
// times, none of which the PACS gives no count, and no more series or images than the settings allow.
[[nodiscard]] std::vector<storage::PeerSeries> plan_fetches(std::span<const storage::PeerSeries> there,
                                                            const AtHand& here, const config::Query& query);

// Names of the recipe's required slots that no acquisition fills, or only one with fewer volumes or slices than the
// recipe expects.
[[nodiscard]] std::vector<std::string> lacking_slots(const config::Recipe& recipe,
                                                     std::span<const Placement> placements,
                                                     const dicom::Grouping& grouping);

}  // namespace server
