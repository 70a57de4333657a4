#pragma once
// Private to classifier/: a page as a list of marks, and what a drawing library makes of it.
//
// A layout fills pages with marks and knows no library; paint() turns the pages into PDF and raster. So both show the
// same, and a test can ask a layout where everything stands. Lengths are points (1/72 inch) from the top left corner,
// y downwards. Text is measured with the one font that everything is set in, without hinting, so that a width does not
// depend on the resolution. Safe from any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "classifier/picture.h"
#include "classifier/result.h"

namespace classifier {

// Pixels per point of the raster: 144 dpi. An A4 page becomes 1684 x 1190 pixels, which a reading-room screen shows
// whole and in which the smallest text is 13 pixels high; half a point, the thinnest line, is one pixel.
inline constexpr int kPixelsPerPoint = 2;

struct Colour {
  double red = 0, green = 0, blue = 0;  // 0 to 1
  friend bool operator==(const Colour&, const Colour&) = default;
};
inline constexpr Colour kInk{.1, .1, .12}, kGrey{.42, .42, .45}, kPale{.8, .8, .82}, kWhite{1, 1, 1};

struct Point {
  double x = 0, y = 0;
};
struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  [[nodiscard]] double right() const { return x + width; }
  [[nodiscard]] double bottom() const { return y + height; }
};

struct Style {
  double size = 7.5;
  bool bold = false;
  Colour colour = kInk;
  [[nodiscard]] double line_height() const { return 1.28 * size; }
};

// One line of text. `halo`: what lies behind it is blotted out.
struct TextMark {
  std::string text;
  double x = 0, baseline = 0;  // left end
  Style style{};
  bool halo = false;
  Box box{};  // of all glyphs of Latin and Greek letters, accents of capitals apart
};

// A line through points, or an area. `clip` bounds what is seen of it.
struct PathMark {
  std::vector<Point> points{};
  double width = .5;  // 0: no line
  Colour colour = kInk;
  bool dashed = false, closed = false;
  std::optional<Colour> fill{};
  std::optional<Box> clip{};
};

// An image of columns x rows pixels (RGB) that fills a box, its pixels seen as squares.
struct PixelMark {
  Box box;
  int columns = 0, rows = 0;
  std::vector<std::uint8_t> rgb;
};

// Lower layers are painted first: lines that others may cross, scales, text, dots.
enum class Layer { Back, Middle, Text, Front };

struct Mark {
  Layer layer = Layer::Middle;
  std::string name;  // what it stands for, "axis T2star"; empty where nobody asks
  std::variant<TextMark, PathMark, PixelMark> what;
};

enum class Align { Left, Centre, Right };

struct Page {
  double width = 842, height = 595;  // A4, landscape
  std::vector<Mark> marks;

  // `x` is the left end, the centre or the right end. Bytes that are no UTF-8 become question marks.
  TextMark& text(std::string_view text, double x, double baseline, const Style& style, Align align = Align::Left);
  void path(PathMark path, Layer layer = Layer::Middle, std::string name = {});
  void line(Point from, Point to, double width, const Colour& colour, Layer layer = Layer::Middle,
            std::string name = {});
  void rectangle(const Box& box, const Colour& fill);
  void pixels(PixelMark image, std::string name = {});
};

[[nodiscard]] double text_width(std::string_view text, const Style& style);

// Lines no wider than `width`: broken at spaces, and a word that is wider than a line within the word. Never empty.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, const Style& style, double width);

// The style with the largest size from its own down to `smallest` at which the text is no wider than `width`; the
// smallest when none is.
[[nodiscard]] Style fitted(std::string_view text, Style style, double width, double smallest);

// Valid UTF-8 in one line: control characters become spaces, bytes that are no UTF-8 question marks.
[[nodiscard]] std::string printable(std::string_view text);

// Error: the font is not installed, or the library fails (memory).
[[nodiscard]] Result<Picture> paint(const std::vector<Page>& pages, const std::string& title);

}  // namespace classifier
