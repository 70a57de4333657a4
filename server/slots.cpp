#include "server/slots.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace server {
namespace {

constexpr double kSameValue = 0.5, kSameShare = 0.05;  // of a value that a recipe names; scanners round b and TE
constexpr double kSamePlaceMm = 1;
constexpr double kOneTimeS = 60;

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool named_by_recipe(const config::Slot& slot, const dicom::Instance& image) {
  return std::any_of(slot.descriptions.begin(), slot.descriptions.end(),
                     [&](const std::string& part) { return contains_ignoring_case(image.series_description, part); });
}

// Every image of the acquisition carries one of the slot's descriptions.
bool named_by_recipe(const config::Slot& slot, const dicom::Acquisition& acquisition,
                     std::span<const dicom::Instance> instances) {
  return !slot.descriptions.empty() && std::all_of(acquisition.instances.begin(), acquisition.instances.end(),
                                                   [&](std::size_t i) { return named_by_recipe(slot, instances[i]); });
}

std::optional<dicom::Contrast> contrast_of(const config::Slot& slot) {
  if (slot.contrast == "before") return dicom::Contrast::Before;
  if (slot.contrast == "after") return dicom::Contrast::After;
  return std::nullopt;
}

bool takes(const config::Slot& slot, std::string_view kind) {
  return std::find(slot.kinds.begin(), slot.kinds.end(), kind) != slot.kinds.end();
}

// The acquisition has every value that the slot asks for.
bool has_values(const config::Slot& slot, const dicom::Acquisition& acquisition) {
  return std::all_of(slot.values.begin(), slot.values.end(), [&](double wanted) {
    return std::any_of(acquisition.volumes.begin(), acquisition.volumes.end(), [&](const dicom::Volume& volume) {
      return std::abs(volume.axis - wanted) <= std::max(kSameValue, kSameShare * wanted);
    });
  });
}

struct Found {
  const config::Slot* slot = nullptr;
  int rank = -1;
};

// Which slot takes it by its physics: one for its side of the contrast agent before one for either, one that asks for
// certain values before one that does not.
Found by_physics(const dicom::Acquisition& acquisition, const config::Recipe& recipe) {
  Found best;
  for (const config::Slot& slot : recipe.slots) {
    const auto wanted = contrast_of(slot);
    if (!takes(slot, dicom::to_string(acquisition.kind)) || !has_values(slot, acquisition)) continue;
    if (wanted && *wanted != acquisition.contrast) continue;
    const int rank = (wanted ? 2 : 0) + (slot.values.empty() ? 0 : 1);
    if (rank > best.rank) best = {&slot, rank};
  }
  return best;
}

std::string no_slot(const dicom::Acquisition& acquisition, const config::Recipe& recipe) {
  const std::string kind(dicom::to_string(acquisition.kind));
  for (const config::Slot& slot : recipe.slots)
    if (takes(slot, kind) && !has_values(slot, acquisition))
      return "it lacks values that slot " + slot.name + " asks for";
  return "no slot of recipe " + recipe.name + " takes " + kind +
         (acquisition.contrast == dicom::Contrast::Unknown
              ? ""
              : " " + std::string(to_string(acquisition.contrast)) + " contrast");
}

void find_slot(Placement& placement, const dicom::Acquisition& acquisition, std::span<const dicom::Instance> instances,
               const config::Recipe& recipe) {
  placement.contrast = acquisition.contrast;
  for (const config::Slot& slot : recipe.slots) {
    if (!takes(slot, dicom::to_string(acquisition.kind)) || !named_by_recipe(slot, acquisition, instances)) continue;
    const auto wanted = contrast_of(slot);
    if (wanted && acquisition.contrast != dicom::Contrast::Unknown && *wanted != acquisition.contrast) {
      placement.refused = "the series description says " + slot.name + ", the headers say " +
                          std::string(to_string(acquisition.contrast)) + " contrast: left alone";
      return;
    }
    placement.slot = &slot;
    placement.contrast = wanted.value_or(acquisition.contrast);
    placement.reasons.push_back("The recipe names its series description for slot " + slot.name + ".");
    return;
  }
  const Found found = by_physics(acquisition, recipe);
  placement.slot = found.slot;
  if (found.slot == nullptr)
    placement.refused = no_slot(acquisition, recipe);
  else
    placement.reasons.push_back("It fills slot " + found.slot->name + " by its physics" +
                                (found.rank >= 2 ? " and its time with respect to the contrast agent." : "."));
}

// A set that could still turn out to be "before" or "after" must not be settled early as neither.
bool may_learn_its_contrast(const Placement& placement, const config::Recipe& recipe) {
  return placement.slot->contrast.empty() &&
         std::any_of(recipe.slots.begin(), recipe.slots.end(), [&](const config::Slot& other) {
           return other.kinds == placement.slot->kinds && !other.contrast.empty();
         });
}

// Volumes and slices have both to be known from elsewhere: a stack that is still arriving looks complete after every
// slice.
bool recipe_counts_are_met(const config::Slot& slot, const dicom::Acquisition& acquisition) {
  const bool volumes =
      slot.volumes ? static_cast<std::size_t>(*slot.volumes) == acquisition.volumes.size() : acquisition.echoes_agree;
  return volumes && slot.slices && *slot.slices == acquisition.geometry.slices();
}

std::string shortfall(const std::optional<int>& expected, std::size_t here, const std::string& what) {
  if (!expected || here >= static_cast<std::size_t>(*expected)) return {};
  return "; the recipe expects " + std::to_string(*expected) + " " + what + ", " + std::to_string(here) + " came";
}

void judge_when_quiet(Placement& placement, const dicom::Acquisition& acquisition, const config::Recipe& recipe,
                      std::span<const dicom::Instance> instances, const PacsEvidence& pacs,
                      std::string_view end_of_arrival) {
  std::string missing =
      shortfall(placement.slot->volumes, acquisition.volumes.size(), "volumes") +
      shortfall(placement.slot->slices, static_cast<std::size_t>(acquisition.geometry.slices()), "slices");
  if (const std::string lacking = lacking_images(acquisition, instances, pacs); !lacking.empty())
    missing += "; " + lacking;
  if (pacs.fetching && (!missing.empty() || may_learn_its_contrast(placement, recipe))) {
    placement.waiting_for = "what is being fetched from the PACS" + missing;
  } else {
    placement.closed_by = counts_agree(acquisition, instances, pacs)
                              ? "the PACS has as many images of its series as are here"
                              : std::string(end_of_arrival);
    placement.closed_by += missing;
  }
}

void judge_completeness(Placement& placement, const dicom::Acquisition& acquisition, const config::Recipe& recipe,
                        std::span<const dicom::Instance> instances, bool quiet, const PacsEvidence& pacs,
                        std::string_view end_of_arrival) {
  if (!acquisition.fits()) {
    if (quiet && !pacs.fetching)
      placement.refused = acquisition.problem;
    else
      placement.waiting_for = "more images: " + acquisition.problem;
  } else if (quiet) {
    judge_when_quiet(placement, acquisition, recipe, instances, pacs, end_of_arrival);
  } else if (may_learn_its_contrast(placement, recipe)) {
    placement.waiting_for = "whether it was acquired before or after contrast, until the quiet period is over";
  } else if (recipe_counts_are_met(*placement.slot, acquisition)) {
    placement.closed_by = "it has all volumes and slices that the recipe expects";
  } else if (acquisition.images_agree) {
    placement.closed_by = "the scanner's own count of images is reached";
  } else {
    placement.waiting_for = "further images, until the quiet period is over";
  }
}

// --- several acquisitions for one slot ---

std::ptrdiff_t preference(const config::Slot& slot, const dicom::Acquisition& acquisition) {
  return std::find(slot.kinds.begin(), slot.kinds.end(), dicom::to_string(acquisition.kind)) - slot.kinds.begin();
}

bool same_values(const dicom::Acquisition& a, const dicom::Acquisition& b) {
  return std::equal(a.volumes.begin(), a.volumes.end(), b.volumes.begin(), b.volumes.end(),
                    [](const dicom::Volume& x, const dicom::Volume& y) {
                      return std::abs(x.axis - y.axis) <= std::max(kSameValue, kSameShare * x.axis);
                    });
}

// The same measurement of the same place.
bool same_protocol(const dicom::Acquisition& a, const dicom::Acquisition& b) {
  const fitting::Geometry &g = a.geometry, &h = b.geometry;
  return a.kind == b.kind && same_values(a, b) && g.rows == h.rows && g.columns == h.columns &&
         g.slices() == h.slices() && g.slices() > 0 &&
         (g.slice_origins_mm.front() - h.slice_origins_mm.front()).norm() < kSamePlaceMm &&
         (g.slice_origins_mm.back() - h.slice_origins_mm.back()).norm() < kSamePlaceMm;
}

// Acquired again, and nothing else in between: then the first one was no good to those who saw it.
bool repeated_at_once(const dicom::Grouping& grouping, std::size_t first, std::size_t second) {
  const auto &from = grouping.acquisitions[first].time_s, &to = grouping.acquisitions[second].time_s;
  if (!from || !to || *to <= *from) return false;
  return std::none_of(grouping.acquisitions.begin(), grouping.acquisitions.end(),
                      [&](const auto& other) { return other.time_s && *other.time_s > *from && *other.time_s < *to; });
}

// What was computed of images has their time.
bool of_one_time(const dicom::Acquisition& a, const dicom::Acquisition& b) {
  return a.time_s && b.time_s && std::abs(*a.time_s - *b.time_s) <= kOneTimeS;
}

// Why `own` gives way to `other` in their slot; empty when it does not.
std::string gives_way(const Placement& own, const Placement& other, const dicom::Grouping& grouping) {
  const dicom::Acquisition &a = grouping.acquisitions[own.acquisition], &b = grouping.acquisitions[other.acquisition];
  if (!b.fits()) return {};
  if (preference(*own.slot, b) < preference(*own.slot, a) && own.contrast == other.contrast &&
      (own.contrast != dicom::Contrast::Unknown || of_one_time(a, b)))
    return "slot " + own.slot->name + " is filled by " + std::string(dicom::title_of(b.kind)) +
           ", which the recipe prefers";
  if (own.contrast == other.contrast && same_protocol(a, b) &&
      repeated_at_once(grouping, own.acquisition, other.acquisition))
    return "it was acquired again with the same protocol: the later images are used";
  return {};
}

void settle_rivals(std::vector<Placement>& placements, const dicom::Grouping& grouping) {
  for (Placement& own : placements) {
    if (own.slot == nullptr || !own.refused.empty()) continue;
    for (const Placement& other : placements) {
      if (other.slot != own.slot || &other == &own || !own.refused.empty()) continue;
      own.refused = gives_way(own, other, grouping);
    }
  }
}

}  // namespace

std::vector<Placement> place(const dicom::Grouping& grouping, std::span<const dicom::Instance> instances,
                             const config::Recipe& recipe, bool quiet, const PacsEvidence& pacs,
                             std::string_view end_of_arrival) {
  std::vector<Placement> placements;
  for (std::size_t i = 0; i < grouping.acquisitions.size(); ++i) {
    Placement placement;
    placement.acquisition = i;
    find_slot(placement, grouping.acquisitions[i], instances, recipe);
    placements.push_back(std::move(placement));
  }
  settle_rivals(placements, grouping);
  for (Placement& placement : placements)
    if (placement.refused.empty())
      judge_completeness(placement, grouping.acquisitions[placement.acquisition], recipe, instances, quiet, pacs,
                         end_of_arrival);
  return placements;
}

}  // namespace server
