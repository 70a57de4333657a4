#include "server/measuring/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dicom/output/quantity.h"
#include "server/context.h"

namespace server::measuring {
namespace {

constexpr double kMargin_mm = 12;  // around the lesion
constexpr std::size_t kMostCrops = 8;

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

classifier::MapCrop crop_of(const MapAtHand& map, const Seen& seen, bool proposal) {
  const fitting::Geometry& grid = map.map.geometry;
  const Box box = box_around(seen.mask);
  classifier::MapCrop crop;
  crop.title = title_of(map);
  crop.unit = map.map.unit;
  crop.caption = fmt::format("slice {} of {}", seen.slice + 1, grid.slices());
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
  crop.dashed = proposal;
  return crop;
}

std::string printed(double value) { return fmt::format("{:.4g}", value); }

classifier::TableRow row_of(const std::string& lesion, const std::string& slot, const SlotNumbers& numbers,
                            const MapAtHand& map) {
  classifier::TableRow row{{lesion, title_of(map), dicom::printed_unit(numbers.unit)}};
  for (const char* statistic : {"mean", "sd", "median", "p5", "p95"}) {
    const auto number = numbers.of(statistic, "largest slice");
    row.cells.push_back(number ? printed(number->value) : "-");
  }
  const auto whole = numbers.of("mean", "whole lesion");
  row.cells.push_back(whole ? printed(whole->value) : "-");
  row.cells.push_back(fmt::format("{}", numbers.readings.front().slice.voxels));
  static_cast<void>(slot);
  return row;
}

const Lesion& lesion_with(const std::vector<Lesion>& lesions, const std::string& uid) {
  return *std::ranges::find(lesions, uid, &Lesion::tracking_uid);
}

std::string row_number(const std::vector<Lesion>& lesions, const std::string& uid) {
  return fmt::format("{}", &lesion_with(lesions, uid) - lesions.data() + 1);
}

}  // namespace

classifier::ResultsPage results_page(const Maps& maps, const std::vector<Lesion>& lesions, const Findings& findings,
                                     const classifier::PictureLabels& labels) {
  classifier::ResultsPage page{
      .labels = labels, .crops = {}, .columns = {}, .rows = {}, .flags = numbered(findings.remarks, lesions)};
  page.columns = {"Lesion", "Map", "Unit", "Mean", "SD", "Median", "5 %", "95 %", "Mean, whole lesion", "Voxels"};
  for (const Seen& seen : findings.seen) {
    const MapAtHand& map = maps.maps[seen.map];
    const Lesion& lesion = lesion_with(lesions, seen.lesion_uid);
    if (page.crops.size() < kMostCrops && &lesion == &lesions.front())
      page.crops.push_back(crop_of(map, seen, lesion.proposal));
    const auto& numbers = findings.numbers.at(seen.lesion_uid).slots;
    if (const auto slot = numbers.find(map.slot); slot != numbers.end())
      page.rows.push_back(row_of(row_number(lesions, seen.lesion_uid), map.slot, slot->second, map));
  }
  for (const dicom::DerivedMeasurement& derived : findings.derived) {
    if (!derived.value) continue;
    page.rows.push_back({{row_number(lesions, derived.region_uid), derived.name, dicom::printed_unit(derived.unit),
                          printed(*derived.value)}});
  }
  return page;
}

std::vector<std::string> numbered(std::vector<std::string> sentences, const std::vector<Lesion>& lesions) {
  for (std::string& sentence : sentences) {
    for (std::size_t i = 0; i < lesions.size(); ++i) {
      const std::string& called = lesions[i].tracking_id;
      const std::string number = fmt::format("Lesion {}", i + 1);
      for (auto at = sentence.find(called); !called.empty() && at != std::string::npos;
           at = sentence.find(called, at + number.size()))
        sentence.replace(at, called.size(), number);
    }
  }
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
