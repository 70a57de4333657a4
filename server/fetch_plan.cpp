#include "server/fetch_plan.h"

#include <algorithm>

namespace server {
namespace {

std::uint64_t images_here(const AtHand& here, const storage::PeerSeries& series) {
  const auto found = here.images.find(series.series_uid);
  return found == here.images.end() ? 0 : found->second;
}

bool is_worth_fetching(const storage::PeerSeries& series, const AtHand& here, const config::Query& query) {
  const std::uint64_t images = images_here(here, series);
  return series.modality == "MR" && series.instances && *series.instances > images && (images > 0 || here.slots_lack) &&
         !here.ours.contains(series.series_uid) && series.fetches < query.attempts;
}

bool has_as_many(const std::optional<int>& expected, std::size_t came) {
  return !expected || came >= static_cast<std::size_t>(*expected);
}

bool fills(const config::Slot& slot, const Placement& placement, const dicom::Acquisition& acquisition) {
  return placement.slot == &slot && acquisition.fits() && has_as_many(slot.volumes, acquisition.volumes.size()) &&
         has_as_many(slot.slices, static_cast<std::size_t>(acquisition.geometry.slices()));
}

}  // namespace

std::vector<storage::PeerSeries> plan_fetches(std::span<const storage::PeerSeries> there, const AtHand& here,
                                              const config::Query& query) {
  std::vector<storage::PeerSeries> wanted;
  for (const storage::PeerSeries& series : there) {
    if (is_worth_fetching(series, here, query)) wanted.push_back(series);
  }
  const auto absent = [&](const storage::PeerSeries& series) { return images_here(here, series) == 0; };
  std::stable_sort(wanted.begin(), wanted.end(), [&](const auto& a, const auto& b) {
    return absent(a) != absent(b) ? absent(b) : a.number < b.number;
  });

  std::vector<storage::PeerSeries> plan;
  std::uint64_t images_left = query.most_instances_per_study;
  for (storage::PeerSeries& series : wanted) {
    if (plan.size() == query.most_series_per_study || *series.instances > images_left) continue;
    images_left -= *series.instances;
    plan.push_back(std::move(series));
  }
  return plan;
}

std::vector<std::string> lacking_slots(const config::Recipe& recipe, std::span<const Placement> placements,
                                       const dicom::Grouping& grouping) {
  std::vector<std::string> names;
  for (const config::Slot& slot : recipe.slots) {
    const bool filled = std::any_of(placements.begin(), placements.end(), [&](const Placement& placement) {
      return fills(slot, placement, grouping.acquisitions[placement.acquisition]);
    });
    if (slot.required && !filled) names.push_back(slot.name);
  }
  return names;
}

}  // namespace server
