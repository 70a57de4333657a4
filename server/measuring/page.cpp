#include "server/measuring/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dicom/output/quantity.h"
#include "server/context.h"

namespace server::measuring {
namespace {

constexpr double kMargin_mm = 12;       // around the lesion
constexpr std::size_t kMostCrops = 12;  // a page and a half of them
// Numbers of a map of classes are names: their order means something, their mean does not.
constexpr std::string_view kClasses = "TIC";
constexpr std::string_view kClassNames = "1 persistent, 2 plateau, 3 washout";

struct Box {
  int left, top, right, bottom;  // half open
};

// The lesion's box in its slice with a margin, inside the image.
Box box_around(const fitting::Mask& mask) {
  const fitting::Geometry& grid = mask.geometry;
  Box box{grid.columns, grid.rows, 0, 0};
  for (int row = 0; row < grid.rows; ++row) {
    for (int column = 0; column < grid.columns; ++column) {
      const auto at =
          static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns) + static_cast<std::size_t>(column);
      if (mask.inside[at] == 0) continue;
      box = {std::min(box.left, column), std::min(box.top, row), std::max(box.right, column + 1),
             std::max(box.bottom, row + 1)};
    }
  }
  const int across = static_cast<int>(std::ceil(kMargin_mm / grid.column_spacing_mm));
  const int down = static_cast<int>(std::ceil(kMargin_mm / grid.row_spacing_mm));
  return {std::max(box.left - across, 0), std::max(box.top - down, 0), std::min(box.right + across, grid.columns),
          std::min(box.bottom + down, grid.rows)};
}

// A window that shows nearly all of the crop: from the 2nd to the 98th percentile of the voxels with a value.
std::pair<double, double> window_of(const std::vector<float>& values) {
  std::vector<float> sorted;
  std::ranges::copy_if(values, std::back_inserter(sorted), [](float v) { return v != 0 && std::isfinite(v); });
  if (sorted.empty()) return {0, 1};
  std::ranges::sort(sorted);
  const auto at = [&](double share) {
    return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]);
  };
  const double low = at(0.02), high = at(0.98);
  return high > low ? std::pair(low, high) : std::pair(low - 0.5, high + 0.5);
}

std::string title_of(const MapAtHand& map) {
  return fmt::format("{} ({})", dicom::quantity_title(map.map.quantity), map.slot);
}

std::string caption_of(const MapAtHand& map, const Seen& seen, const Lesion& lesion) {
  std::string caption = fmt::format("slice {} of {}", seen.slice + 1, map.map.geometry.slices());
  if (lesion.several()) caption += fmt::format(", {}", reading_label(lesion, lesion.readings.front()));
  if (map.map.quantity == kClasses) caption += fmt::format("; {}", kClassNames);
  return caption;
}

classifier::MapCrop crop_of(const MapAtHand& map, const Seen& seen, const Lesion& lesion) {
  const fitting::Geometry& grid = map.map.geometry;
  const Box box = box_around(seen.mask);
  classifier::MapCrop crop;
  crop.title = title_of(map);
  crop.unit = map.map.unit;
  crop.caption = caption_of(map, seen, lesion);
  crop.columns = box.right - box.left;
  crop.rows = box.bottom - box.top;
  crop.column_spacing_mm = grid.column_spacing_mm;
  crop.row_spacing_mm = grid.row_spacing_mm;
  const std::size_t slice = static_cast<std::size_t>(seen.slice) * grid.slice_voxels();
  for (int row = box.top; row < box.bottom; ++row) {
    const auto line =
        map.map.value.begin() +
        static_cast<std::ptrdiff_t>(slice + static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns));
    crop.value.insert(crop.value.end(), line + box.left, line + box.right);
  }
  std::tie(crop.low, crop.high) = window_of(crop.value);
  crop.outlines = fitting::outlines(seen.mask, 0);
  for (auto& outline : crop.outlines)
    for (auto& [column, row] : outline) column -= static_cast<float>(box.left), row -= static_cast<float>(box.top);
  crop.dashed = lesion.proposal;
  return crop;
}

std::string printed(double value) { return fmt::format("{:.4g}", value); }

// One number, or the least and the most of several readings.
std::string voxels_of(const SlotNumbers& numbers) {
  const auto voxels = [](const ReadingNumbers& reading) { return reading.slice.voxels; };
  const auto [least, most] = std::ranges::minmax(numbers.readings, {}, voxels);
  if (voxels(least) == voxels(most)) return fmt::format("{}", voxels(least));
  return fmt::format("{} to {}", voxels(least), voxels(most));
}

classifier::TableRow row_of(const std::string& lesion, const SlotNumbers& numbers, const MapAtHand& map) {
  const bool classes = map.map.quantity == kClasses;
  const auto cell = [&](const char* statistic, const char* region, bool of_classes) {
    const auto number = classes && !of_classes ? std::nullopt : numbers.of(statistic, region);
    return number ? printed(number->value) : "-";
  };
  return {{lesion, title_of(map), classifier::readable_unit(numbers.unit), cell("mean", "largest slice", false),
           cell("sd", "largest slice", false), cell("median", "largest slice", true), cell("p5", "largest slice", true),
           cell("p95", "largest slice", true), cell("mean", "whole lesion", false), voxels_of(numbers)}};
}

const Lesion& lesion_with(const std::vector<Lesion>& lesions, const std::string& uid) {
  return *std::ranges::find(lesions, uid, &Lesion::tracking_uid);
}

std::string number_of(const std::vector<Lesion>& lesions, const std::string& uid) {
  return fmt::format("{}", &lesion_with(lesions, uid) - lesions.data() + 1);
}

// The lesion whose name a sentence begins with; of "Lesion 1" and "Lesion 10" the longer one.
const Lesion* named_first(const std::vector<Lesion>& lesions, std::string_view sentence) {
  const Lesion* found = nullptr;
  for (const Lesion& lesion : lesions) {
    const std::string& id = lesion.tracking_id;
    if (id.empty() || !sentence.starts_with(id)) continue;
    if (found == nullptr || id.size() > found->tracking_id.size()) found = &lesion;
  }
  return found;
}

// Remarks begin with the names of their lesions: "A on t2: …", "A and B overlap …". On the page stand numbers.
std::string with_numbers(const std::vector<Lesion>& lesions, std::string_view remark) {
  constexpr std::string_view kAnd = " and ";
  std::string sentence;
  while (const Lesion* lesion = named_first(lesions, remark)) {
    sentence += "Lesion " + number_of(lesions, lesion->tracking_uid);
    remark.remove_prefix(lesion->tracking_id.size());
    if (!remark.starts_with(kAnd)) break;
    sentence += kAnd;
    remark.remove_prefix(kAnd.size());
  }
  return sentence.append(remark);
}

}  // namespace

classifier::ResultsPage results_page(const Maps& maps, const std::vector<Lesion>& lesions, const Findings& findings,
                                     const classifier::PictureLabels& labels) {
  classifier::ResultsPage page{
      .labels = labels, .crops = {}, .columns = {}, .rows = {}, .flags = numbered(findings.remarks, lesions)};
  page.columns = {"Lesion", "Quantity", "Unit", "Value or mean",      "SD",
                  "Median", "5 %",      "95 %", "Mean, whole lesion", "Voxels"};
  for (const Seen& seen : findings.seen) {
    const MapAtHand& map = maps.maps[seen.map];
    const Lesion& lesion = lesion_with(lesions, seen.lesion_uid);
    if (page.crops.size() < kMostCrops && &lesion == &lesions.front()) page.crops.push_back(crop_of(map, seen, lesion));
    const auto& numbers = findings.numbers.at(seen.lesion_uid).slots;
    if (const auto slot = numbers.find(map.slot); slot != numbers.end())
      page.rows.push_back(row_of(number_of(lesions, seen.lesion_uid), slot->second, map));
  }
  for (const dicom::DerivedMeasurement& derived : findings.derived) {
    if (!derived.value || derived.name.ends_with(kConsensus)) continue;
    page.rows.push_back({{number_of(lesions, derived.region_uid), derived.name, classifier::readable_unit(derived.unit),
                          printed(*derived.value)}});
  }
  return page;
}

std::vector<std::string> numbered(std::vector<std::string> sentences, const std::vector<Lesion>& lesions) {
  for (std::string& sentence : sentences) sentence = with_numbers(lesions, sentence);
  return sentences;
}

std::string number_of(const std::vector<Lesion>& lesions, const Lesion* lesion) {
  return lesion == nullptr ? "" : fmt::format("Lesion {} of {}", lesion - lesions.data() + 1, lesions.size());
}

classifier::PictureLabels labels_for(std::string title, const std::string& content_datetime, std::string lesion) {
  const std::string date = content_datetime.size() >= 8
                               ? fmt::format("{}-{}-{}", content_datetime.substr(0, 4), content_datetime.substr(4, 2),
                                             content_datetime.substr(6, 2))
                               : "";
  return {.title = std::move(title),
          .study_date = date,
          .lesion = std::move(lesion),
          .software = fmt::format("{} {}", dicom::kModelName, version()),
          .notice = dicom::kResearchNotice,
          .notes = {}};
}

}  // namespace server::measuring
