#include "server/slots.h"

#include <algorithm>
#include <cctype>

namespace server {
namespace {

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

void find_slot(Placement& placement, const dicom::Acquisition& acquisition, std::span<const dicom::Instance> instances,
               const config::Recipe& recipe) {
  placement.contrast = acquisition.contrast;
  const config::Slot* by_contrast = nullptr;
  const config::Slot* any = nullptr;
  for (const config::Slot& slot : recipe.slots) {
    if (slot.kind != dicom::to_string(acquisition.kind)) continue;
    const auto wanted = contrast_of(slot);
    if (named_by_recipe(slot, acquisition, instances)) {
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
    if (wanted == acquisition.contrast && by_contrast == nullptr) by_contrast = &slot;
    if (!wanted && any == nullptr) any = &slot;
  }
  placement.slot = by_contrast != nullptr ? by_contrast : any;
  if (placement.slot == nullptr) {
    placement.refused = "no slot of recipe " + recipe.name + " takes " +
                        std::string(dicom::to_string(acquisition.kind)) +
                        (acquisition.contrast == dicom::Contrast::Unknown
                             ? ""
                             : " " + std::string(to_string(acquisition.contrast)) + " contrast");
  } else {
    placement.reasons.push_back("It fills slot " + placement.slot->name + " by its physics" +
                                (by_contrast != nullptr ? " and its time with respect to the contrast agent." : "."));
  }
}

// A set that could still turn out to be "before" or "after" must not be settled early as neither.
bool may_learn_its_contrast(const Placement& placement, const config::Recipe& recipe) {
  return placement.slot->contrast.empty() &&
         std::any_of(recipe.slots.begin(), recipe.slots.end(), [&](const config::Slot& other) {
           return other.kind == placement.slot->kind && !other.contrast.empty();
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
                      std::span<const dicom::Instance> instances, const PacsEvidence& pacs) {
  std::string missing =
      shortfall(placement.slot->volumes, acquisition.volumes.size(), "volumes") +
      shortfall(placement.slot->slices, static_cast<std::size_t>(acquisition.geometry.slices()), "slices");
  if (const std::string lacking = lacking_images(acquisition, instances, pacs); !lacking.empty())
    missing += "; " + lacking;
  if (pacs.fetching && (!missing.empty() || may_learn_its_contrast(placement, recipe))) {
    placement.waiting_for = "what is being fetched from the PACS" + missing;
  } else {
    placement.closed_by =
        (counts_agree(acquisition, instances, pacs) ? "the PACS has as many images of its series as are here"
                                                    : "the quiet period of the study is over") +
        missing;
  }
}

void judge_completeness(Placement& placement, const dicom::Acquisition& acquisition, const config::Recipe& recipe,
                        std::span<const dicom::Instance> instances, bool quiet, const PacsEvidence& pacs) {
  if (!acquisition.fits()) {
    (quiet && !pacs.fetching ? placement.refused : placement.waiting_for) = acquisition.problem;
  } else if (quiet) {
    judge_when_quiet(placement, acquisition, recipe, instances, pacs);
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

}  // namespace

std::vector<Placement> place(const dicom::Grouping& grouping, std::span<const dicom::Instance> instances,
                             const config::Recipe& recipe, bool quiet, const PacsEvidence& pacs) {
  std::vector<Placement> placements;
  for (std::size_t i = 0; i < grouping.acquisitions.size(); ++i) {
    Placement placement;
    placement.acquisition = i;
    find_slot(placement, grouping.acquisitions[i], instances, recipe);
    if (placement.refused.empty())
      judge_completeness(placement, grouping.acquisitions[i], recipe, instances, quiet, pacs);
    placements.push_back(std::move(placement));
  }
  return placements;
}

}  // namespace server
