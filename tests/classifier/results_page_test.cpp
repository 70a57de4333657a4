#include "classifier/results_page.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>

#include "classifier/colour_map.h"
#include "classifier/layout.h"
#include "tests/classifier/page_checks.h"
#include "tests/classifier/pages.h"

namespace {

using classifier::MapCrop;
using classifier::Page;
using classifier::PathMark;
using classifier::PixelMark;
using classifier::ResultsPage;
using classifier::viridis;
using namespace classifier_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinite = std::numeric_limits<float>::infinity();

std::vector<Page> laid_out(const ResultsPage& page) {
  auto pages = lay_out_results(page);
  if (!pages) throw std::runtime_error(pages.error().what);
  return *std::move(pages);
}

std::string error_of(const ResultsPage& page) {
  const auto picture = draw_results(page);
  return picture ? "no error" : picture.error().what;
}

// 3 x 2 voxels of 2 mm x 1 mm: two values and four that are none.
MapCrop small() {
  return {.title = "T1",
          .unit = "ms",
          .caption = "",
          .columns = 3,
          .rows = 2,
          .column_spacing_mm = 2,
          .row_spacing_mm = 1,
          .value = {0, 1000, 500, kNaN, kInfinite, -kInfinite},
          .low = 0,
          .high = 1000};
}
ResultsPage with(MapCrop crop) {
  ResultsPage page{.labels = labels(), .crops = {}, .columns = {}, .rows = {}, .flags = {}};
  page.crops.push_back(std::move(crop));
  return page;
}
std::array<std::uint8_t, 3> pixel(const PixelMark& image, int column, int row, const MapCrop& crop) {
  const int times = image.columns / crop.columns;
  const std::size_t at =
      (static_cast<std::size_t>(row * times + times / 2) * image.columns + column * times + times / 2) * 3;
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

TEST(ResultsPageLayout, HasTextThatNeitherOverlapsNorLeavesThePage) {
  for (const auto& [name, page] : results_pages()) expect_clean(laid_out(page), name);
}

TEST(ResultsPageLayout, CutsNothing) {
  for (const auto& [name, page] : results_pages()) {
    const auto pages = laid_out(page);
    const std::string text = running_text(pages);
    for (const std::string& flag : page.flags)
      EXPECT_TRUE(says(text, classifier::printable(flag))) << name << ": " << classifier::printable(flag);
    for (const MapCrop& crop : page.crops) EXPECT_TRUE(says(text, crop.caption)) << name << ": " << crop.caption;
    std::size_t rows = 0;
    for (const Page& one : pages)
      for (const auto* mark : texts(one)) rows += mark->text == "1495.2" ? 1 : 0;
    EXPECT_EQ(rows, page.rows.size()) << name;
  }
}

TEST(ResultsPageLayout, RepeatsTheColumnsOfATableThatGoesOn) {
  const auto pages = laid_out(results(8, 60, 0));
  ASSERT_GT(pages.size(), 2u);
  for (const Page& page : pages) EXPECT_THAT(all_text({page}), HasSubstr("Slicedistance\n"));
}

TEST(ResultsPageLayout, IsAPageWithoutAnything) {
  ResultsPage empty{.labels = labels(), .crops = {}, .columns = {}, .rows = {}, .flags = {}};
  EXPECT_THAT(laid_out(empty), SizeIs(1));
  empty.columns = {"Quantity"};
  EXPECT_THAT(laid_out(empty), SizeIs(1));
  EXPECT_EQ(error_of(empty), "no error");
}

TEST(MapCropOnThePage, ShowsVoxelsAsSquaresOfOneColourAndNothingAsGrey) {
  const MapCrop crop = small();
  const auto pages = laid_out(with(crop));
  const auto images = named<PixelMark>(pages, "map T1");
  ASSERT_THAT(images, SizeIs(1));
  EXPECT_EQ(pixel(*images[0], 1, 0, crop), viridis(1));
  EXPECT_EQ(pixel(*images[0], 2, 0, crop), viridis(.5));
  for (const auto& [column, row] : {std::pair{0, 0}, {0, 1}, {1, 1}, {2, 1}})
    EXPECT_THAT(pixel(*images[0], column, row, crop), ElementsAre(199, 199, 199)) << column << " " << row;
  EXPECT_EQ(images[0]->columns, 3 * 106);  // whole pixels a voxel
  EXPECT_NEAR(images[0]->box.width / images[0]->box.height, 3 * 2. / (2 * 1), 1e-9);
}

TEST(MapCropOnThePage, HasAScaleBarOfItsMillimetres) {
  const auto pages = laid_out(with(small()));
  const auto& bar = *named<PathMark>(pages, "scale T1")[0];
  const auto& image = *named<PixelMark>(pages, "map T1")[0];
  EXPECT_NEAR((bar.points[1].x - bar.points[0].x) / image.box.width, 2. / 6, 1e-9);
  EXPECT_THAT(all_text(pages), HasSubstr("\n2mm\n"));
}

TEST(MapCropOnThePage, PutsOutlinesInVoxelCornersAndDashesProposals) {
  MapCrop crop = small();
  crop.outlines = {{{0, 0}, {3, 0}, {3, 2}, {0, 2}}};
  for (const bool dashed : {false, true}) {
    crop.dashed = dashed;
    const auto pages = laid_out(with(crop));
    const auto& box = named<PixelMark>(pages, "map T1")[0]->box;
    const auto& outline = *named<PathMark>(pages, "outline T1")[0];
    EXPECT_EQ(outline.dashed, dashed);
    EXPECT_TRUE(outline.closed);
    EXPECT_NEAR(outline.points[0].x, box.x, 1e-9);
    EXPECT_NEAR(outline.points[2].x, box.right(), 1e-9);
    EXPECT_NEAR(outline.points[2].y, box.bottom(), 1e-9);
    EXPECT_THAT(all_text(pages),
                HasSubstr(dashed ? "Dashedoutline:aproposalthatnobodyhasreviewed." : "Solidoutline:theregion."));
  }
}

TEST(MapCropOnThePage, SaysThatThereIsNoMap) {
  const auto pages = laid_out(with({.title = "T2*", .unit = "ms", .caption = "2 echoes, T2* needs 3"}));
  EXPECT_THAT(named<PixelMark>(pages, "map T2*"), IsEmpty());
  EXPECT_THAT(all_text(pages), HasSubstr("\nnomap\n"));
  EXPECT_THAT(all_text(pages), HasSubstr("\n2echoes,T2*needs3\n"));
}

TEST(MapCropOnThePage, IsRefusedWhereItsPartsDoNotFit) {
  const auto error_after = [](const auto& change) {
    MapCrop crop = small();
    change(crop);
    return error_of(with(crop));
  };
  EXPECT_EQ(error_of(with(small())), "no error");
  EXPECT_EQ(error_after([](MapCrop& c) { c.rows = 3; }), "crop \"T1\": values and matrix differ in size");
  EXPECT_EQ(error_after([](MapCrop& c) { c.rows = -2; }), "crop \"T1\": expected 1 to 1024 columns and rows");
  EXPECT_EQ(error_after([](MapCrop& c) { c.columns = 0; }), "crop \"T1\": expected 1 to 1024 columns and rows");
  EXPECT_EQ(error_after([](MapCrop& c) { c.row_spacing_mm = 0; }),
            "crop \"T1\": the spacing of the voxels is not positive");
  EXPECT_EQ(error_after([](MapCrop& c) { c.column_spacing_mm = kNaN; }),
            "crop \"T1\": the spacing of the voxels is not positive");
  EXPECT_EQ(error_after([](MapCrop& c) { c.high = c.low; }), "crop \"T1\": the colour scale is empty");
  EXPECT_EQ(error_after([](MapCrop& c) { c.high = kInfinite; }), "crop \"T1\": the colour scale is empty");
  EXPECT_EQ(error_after([](MapCrop& c) { c.low = kNaN; }), "crop \"T1\": the colour scale is empty");
  EXPECT_EQ(error_after([](MapCrop& c) {
              c.outlines = {{{kNaN, 0}, {1, 1}}};
            }),
            "crop \"T1\": an outline is not finite");
  EXPECT_EQ(error_after([](MapCrop& c) { c.title = std::string(1000, 'x'); }), "the title of a crop is too long");
}

TEST(ResultsPageLayout, RefusesATableThatNoPageHolds) {
  ResultsPage page = results(0, 1, 0);
  page.rows[0].cells.emplace_back("one more");
  EXPECT_EQ(error_of(page), "row 1 has more cells than there are columns");
  page = results(0, 1, 0);
  page.columns.resize(17);
  EXPECT_EQ(error_of(page), "more than 16 columns");
  page = results(0, 1, 0);
  page.columns[3] = std::string(1000, 'x');
  EXPECT_EQ(error_of(page), "the title of a column is too long");
}

TEST(ResultsPageLayout, GoesOnWhereOneCellIsLongerThanAPage) {
  ResultsPage page = results(1, 3, 1);
  std::string words;
  for (int i = 0; i < 3000; ++i) words += "word ";
  page.rows[1].cells[10] = words;
  const auto pages = laid_out(page);
  EXPECT_GT(pages.size(), 2u);
  expect_clean(pages, "long cell");
  EXPECT_THAT(all_text({pages.back()}), HasSubstr("Flags"));
}

// Lightness of sRGB, weighted as the eye does.
TEST(ColourMap, GrowsLighterAllTheWay) {
  double before = -1;
  for (int i = 0; i <= 100; ++i) {
    const auto [red, green, blue] = viridis(i / 100.);
    const double light = .2126 * red + .7152 * green + .0722 * blue;
    EXPECT_GT(light, before) << i;
    before = light;
  }
  EXPECT_THAT(viridis(-5), ElementsAre(68, 1, 84));
  EXPECT_THAT(viridis(5), ElementsAre(253, 231, 37));
}

}  // namespace
