#pragma once
// The page of a lesion: its maps around the outlined region, its measurements, and what is to be doubted.
#include <string>
#include <utility>
#include <vector>

#include "classifier/picture.h"
#include "classifier/result.h"

namespace classifier {

// A part of one slice of a map, as large as the page shows it. No columns and rows: the map was refused; title and
// caption say so.
struct MapCrop {
  std::string title{}, unit{}, caption{};  // unit: UCUM
  int columns = 0, rows = 0;               // at most kLargestCrop each
  double column_spacing_mm = 1, row_spacing_mm = 1;
  std::vector<float> value{};  // row by row; 0 and what is not finite: no value
  double low = 0, high = 1;    // ends of the colour scale; values beyond have the colour of the end
  // In (column, row) of the crop, the outer corner of its first voxel being (0, 0). Closed lines.
  std::vector<std::vector<std::pair<float, float>>> outlines{};
  bool dashed = false;  // an unreviewed proposal
};
inline constexpr int kLargestCrop = 1024;

struct TableRow {
  std::vector<std::string> cells;
};

struct ResultsPage {
  PictureLabels labels;
  std::vector<MapCrop> crops;
  std::vector<std::string> columns;
  std::vector<TableRow> rows;
  std::vector<std::string> flags;  // sentences
};

// A4 landscape; further pages where crops, table or sentences need them. Voxels are squares of one colour (viridis),
// those without a value grey.
// Error: a crop whose values, spacing, colour scale or outline do not fit together, rows with more cells than there are
// columns, more than 16 columns, labels that a page cannot hold, a font that is not installed. Pure; safe from any
// thread.
[[nodiscard]] Result<Picture> draw_results(const ResultsPage& page);

}  // namespace classifier
