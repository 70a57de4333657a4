#include "classifier/results_page.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include "classifier/colour_map.h"
#include "classifier/layout.h"
#include "classifier/sheet.h"
#include "classifier/text.h"
#include "classifier/ticks.h"

namespace classifier {
namespace {

constexpr std::size_t kMostColumns = 16, kLongestWord = 200;
constexpr double kCropGap = 16, kBarGap = 5, kBar = 7, kTickRoom = 30;  // tick labels right of the bar
constexpr double kTallestInOneRow = 190, kTallestInMore = 138;
constexpr Style kTitle{.size = 8.5, .bold = true}, kUnit{.size = 7.5, .colour = kGrey}, kTick{.size = 6.8},
    kCaption{.size = 6.8};
constexpr Colour kNoValue{.78, .78, .78}, kCasing{.05, .05, .05};

Error crop_error(const MapCrop& crop, const std::string& what) {
  return {"crop \"" + printable(crop.title) + "\": " + what};
}

bool is_refused(const MapCrop& crop) { return crop.columns == 0 && crop.rows == 0; }

std::optional<Error> problem(const MapCrop& crop) {
  if (crop.title.size() > kLongestWord) return Error{"the title of a crop is too long"};
  if (is_refused(crop)) return std::nullopt;
  if (crop.columns < 1 || crop.rows < 1 || crop.columns > kLargestCrop || crop.rows > kLargestCrop)
    return crop_error(crop, "expected 1 to " + std::to_string(kLargestCrop) + " columns and rows");
  if (crop.value.size() != static_cast<std::size_t>(crop.columns) * static_cast<std::size_t>(crop.rows))
    return crop_error(crop, "values and matrix differ in size");
  if (!(crop.column_spacing_mm > 0 && crop.row_spacing_mm > 0) ||
      !std::isfinite(crop.column_spacing_mm + crop.row_spacing_mm))
    return crop_error(crop, "the spacing of the voxels is not positive");
  if (!(crop.low < crop.high) || !std::isfinite(crop.high - crop.low))
    return crop_error(crop, "the colour scale is empty");
  for (const auto& outline : crop.outlines)
    for (const auto& [column, row] : outline)
      if (!std::isfinite(column) || !std::isfinite(row)) return crop_error(crop, "an outline is not finite");
  return std::nullopt;
}

std::optional<Error> problem(const ResultsPage& page) {
  for (const MapCrop& crop : page.crops)
    if (auto error = problem(crop)) return error;
  if (page.columns.size() > kMostColumns) return Error{"more than " + std::to_string(kMostColumns) + " columns"};
  for (const std::string& column : page.columns)
    if (column.size() > kLongestWord) return Error{"the title of a column is too long"};
  for (std::size_t i = 0; i < page.rows.size(); ++i)
    if (page.rows[i].cells.size() > page.columns.size())
      return Error{"row " + std::to_string(i + 1) + " has more cells than there are columns"};
  if (page.labels.software.size() > kLongestWord / 2) return Error{"the name of the software is too long"};
  return std::nullopt;
}

// --- one crop ---

bool has_value(float value) { return std::isfinite(value) && value != 0; }

// Each voxel as a square of pixels: viewers that smooth what they magnify then smooth its edge only.
PixelMark image_of(const MapCrop& crop, const Box& box) {
  const int times = std::max(1, 320 / std::max(crop.columns, crop.rows));
  PixelMark image{.box = box, .columns = crop.columns * times, .rows = crop.rows * times, .rgb = {}};
  image.rgb.reserve(static_cast<std::size_t>(image.columns) * image.rows * 3);
  const auto grey = static_cast<std::uint8_t>(std::lround(kNoValue.red * 255));
  for (int row = 0; row < image.rows; ++row) {
    for (int column = 0; column < image.columns; ++column) {
      const float value = crop.value[static_cast<std::size_t>(row / times) * crop.columns + column / times];
      const auto colour =
          has_value(value) ? viridis((value - crop.low) / (crop.high - crop.low)) : std::array{grey, grey, grey};
      image.rgb.insert(image.rgb.end(), colour.begin(), colour.end());
    }
  }
  return image;
}

// White on a dark casing is seen on every colour.
void draw_outlines(Page& page, const MapCrop& crop, const Box& box) {
  for (const auto& outline : crop.outlines) {
    if (outline.size() < 2) continue;
    PathMark path{.width = 1.9, .colour = kCasing, .closed = true, .clip = box};
    for (const auto& [column, row] : outline)
      path.points.push_back({box.x + box.width * column / crop.columns, box.y + box.height * row / crop.rows});
    page.path(path, Layer::Text);
    path.width = 1;
    path.colour = kWhite;
    path.dashed = crop.dashed;
    page.path(path, Layer::Text, "outline " + crop.title);
  }
}

PixelMark bar_image(const Box& box) {
  constexpr int kSteps = 256;
  PixelMark bar{.box = box, .columns = 1, .rows = kSteps, .rgb = {}};
  for (int i = 0; i < kSteps; ++i) {
    const auto colour = viridis(1 - (i + .5) / kSteps);
    bar.rgb.insert(bar.rgb.end(), colour.begin(), colour.end());
  }
  return bar;
}

Colour as_colour(const std::array<std::uint8_t, 3>& rgb) { return {rgb[0] / 255., rgb[1] / 255., rgb[2] / 255.}; }

// A point at an end of the bar says that there are values beyond it.
void draw_bar(Page& page, const MapCrop& crop, const Box& box) {
  page.pixels(bar_image(box), "bar " + crop.title);
  const auto beyond = [&](double y, double out, const Colour& colour) {
    page.path({.points = {{box.x, y}, {box.right(), y}, {box.x + box.width / 2, y + out}},
               .width = 0,
               .closed = true,
               .fill = colour});
  };
  if (std::ranges::any_of(crop.value, [&](float v) { return has_value(v) && v > crop.high; }))
    beyond(box.y - .4, -4, as_colour(viridis(1)));
  if (std::ranges::any_of(crop.value, [&](float v) { return has_value(v) && v < crop.low; }))
    beyond(box.bottom() + .4, 4, as_colour(viridis(0)));
  Ticks ticks = pretty_within(crop.low, crop.high, 5);
  if (box.height < 60) ticks = pretty_within(crop.low, crop.high, 2);
  for (const double value : ticks.at) {
    const double y = box.bottom() - box.height * (value - crop.low) / (crop.high - crop.low);
    page.line({box.right(), y}, {box.right() + 2.5, y}, .5, kInk);
    const std::string text = tick_text(value, ticks.step);
    page.text(text, box.right() + 4, y + .36 * kTick.size, fitted(text, kTick, kTickRoom - 5, 4));
  }
}

// The longest of 1, 2, 5 times a power of ten that is at most a third of the width.
double scale_bar_mm(double width_mm) {
  const double third = width_mm / 3, power = std::pow(10., std::floor(std::log10(third)));
  return third >= 5 * power ? 5 * power : third >= 2 * power ? 2 * power : power;
}

void draw_scale_bar(Page& page, const MapCrop& crop, const Box& box) {
  const double mm = scale_bar_mm(crop.columns * crop.column_spacing_mm);
  const double length = mm * box.width / (crop.columns * crop.column_spacing_mm), y = box.bottom() + 7;
  page.line({box.x, y}, {box.x + length, y}, 1.2, kInk, Layer::Middle, "scale " + crop.title);
  for (const double x : {box.x, box.x + length}) page.line({x, y - 2.2}, {x, y + 2.2}, .8, kInk);
  page.text(shortest(mm) + " mm", box.x + length + 4, y + 2.5, kTick);
}

// As large as it can be within width and height, its millimetres square.
Box image_box(const MapCrop& crop, double x, double y, double width, double height) {
  const double wide = crop.columns * crop.column_spacing_mm, tall = crop.rows * crop.row_spacing_mm;
  const double scale = std::min(width / wide, height / tall);
  return {x, y, wide * scale, tall * scale};
}

double draw_titles(Page& page, const MapCrop& crop, double x, double y, double width) {
  const std::string unit = readable_unit(crop.unit);
  const double taken = unit.empty() ? 0 : text_width(unit, kUnit) + 6;
  if (text_width(crop.title, kTitle) + taken <= width) {
    page.text(crop.title, x, y + kTitle.size, kTitle);
    if (!unit.empty()) page.text(unit, x + text_width(crop.title, kTitle) + 6, y + kTitle.size, kUnit);
    return y + kTitle.line_height();
  }
  y = paragraph(page, crop.title, x, y, width, kTitle);
  return unit.empty() ? y : paragraph(page, unit, x, y, width, kUnit);
}

double title_height(const MapCrop& crop, double width) {
  Page scratch;
  return draw_titles(scratch, crop, 0, 0, width) + 3;
}

void draw_nothing(Page& page, const Box& box) {
  page.rectangle(box, {.94, .94, .94});
  page.text("no map", box.x + box.width / 2, box.y + box.height / 2 + 3, kUnit, Align::Centre);
}

// Room of the picture of a crop: title line, image, scale bar, caption. Returns where the caption ends.
double draw_crop(Page& page, const MapCrop& crop, double x, double y, double titles, double width, double height) {
  draw_titles(page, crop, x, y + titles - title_height(crop, width), width);
  const double room = width - kBarGap - kBar - kTickRoom, top = y + titles;
  if (is_refused(crop)) {
    draw_nothing(page, {x, top, room, height});
    return paragraph(page, crop.caption, x, top + height + 14, width, kCaption);
  }
  const Box box = image_box(crop, x, top, room, height);
  page.pixels(image_of(crop, box), "map " + crop.title);
  draw_outlines(page, crop, box);
  draw_bar(page, crop, {box.right() + kBarGap, box.y, kBar, box.height});
  draw_scale_bar(page, crop, box);
  return paragraph(page, crop.caption, x, box.bottom() + 14, width, kCaption);
}

// --- the page ---

void draw_row_of_crops(Sheet& sheet, std::span<const MapCrop> crops, std::size_t across, double tallest) {
  const double width = (sheet.width() - kCropGap * (static_cast<double>(across) - 1)) / static_cast<double>(across);
  double titles = 0;
  for (const MapCrop& crop : crops) titles = std::max(titles, title_height(crop, width));
  const auto draw = [&](Page& page) {
    double end = sheet.y, x = sheet.left();
    for (const MapCrop& crop : crops) {
      end = std::max(end, draw_crop(page, crop, x, sheet.y, titles, width, tallest));
      x += width + kCropGap;
    }
    return end;
  };
  Page scratch;
  sheet.need(draw(scratch) - sheet.y);
  sheet.y = draw(sheet.page()) + 8;
}

void draw_legend(Sheet& sheet, const std::vector<MapCrop>& crops) {
  const auto any = [&](const auto& test) { return std::ranges::any_of(crops, test); };
  std::string text = "Grey: no value. A point at an end of a colour bar: values beyond it.";
  if (any([](const MapCrop& crop) { return !crop.outlines.empty() && !crop.dashed; }))
    text += " Solid outline: the region.";
  if (any([](const MapCrop& crop) { return !crop.outlines.empty() && crop.dashed; }))
    text += " Dashed outline: a proposal that nobody has reviewed.";
  sheet.need(kCaption.line_height());
  sheet.y = paragraph(sheet.page(), text, sheet.left(), sheet.y, sheet.width(), {.size = 6.8, .colour = kGrey}) + 8;
}

void draw_crops(Sheet& sheet, const std::vector<MapCrop>& crops) {
  if (crops.empty()) return;
  const std::size_t across = std::clamp<std::size_t>(crops.size(), 3, 4);
  const double tallest = crops.size() <= across ? kTallestInOneRow : kTallestInMore;
  for (std::size_t i = 0; i < crops.size(); i += across)
    draw_row_of_crops(sheet, std::span(crops).subspan(i, std::min(across, crops.size() - i)), across, tallest);
  draw_legend(sheet, crops);
}

}  // namespace

Result<std::vector<Page>> lay_out_results(const ResultsPage& page) {
  if (auto error = problem(page)) return tl::unexpected(*std::move(error));
  Sheet sheet(page.labels, {});
  if (!sheet.has_body()) return tl::unexpected(Error{"title and notice leave no room on the page"});
  draw_crops(sheet, page.crops);
  Table table{page.columns, {}};
  for (const TableRow& row : page.rows) table.rows.push_back(row.cells);
  if (!table.rows.empty()) sheet.table(table);
  sheet.sections({{"Flags", page.flags}, {"Notes", page.labels.notes}});
  std::vector<Page> pages = sheet.take();
  add_footers(pages, page.labels.software);
  return pages;
}

Result<Picture> draw_results(const ResultsPage& page) {
  const auto pages = lay_out_results(page);
  if (!pages) return tl::unexpected(pages.error());
  return paint(*pages, page.labels.title);
}

}  // namespace classifier
