#include "classifier/canvas.h"

#include <cairo-pdf.h>
#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

// (1) One family in two weights, which the packages install. A program that finds another font would draw other bytes,
//     so the advance of a letter is compared with that font's own before anything is drawn.
// (2) No hinting of glyphs and of their advances: text is as wide in the raster as in the PDF.
// (3) The PDF has no creation date: one that is set empty is left out.

namespace classifier {
namespace {

constexpr const char* kFamily = "DejaVu Sans";
constexpr double kEm = 1000;                              // size at which text is measured
constexpr double kRegularM = 862.793, kBoldM = 995.1172;  // advance of M in an em of 1000, (1)
constexpr double kAscent = .78, kDescent = .24;           // of the letters, in sizes

struct Free {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};
using Context = std::unique_ptr<cairo_t, Free>;
using Surface = std::unique_ptr<cairo_surface_t, Free>;

Context context_on(cairo_surface_t* surface) {
  Context context(cairo_create(surface));
  const std::unique_ptr<cairo_font_options_t, Free> options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(context.get(), options.get());
  return context;
}

void select(cairo_t* context, const Style& style) {
  cairo_select_font_face(context, kFamily, CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, style.size);
}

// Measuring, in ems of 1000. One context per thread: cairo's contexts are not shared, its caches are.
double measured(const std::string& text, bool bold) {
  thread_local const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1));
  thread_local const Context context = context_on(surface.get());
  select(context.get(), {.size = kEm, .bold = bold});
  cairo_text_extents_t extents;
  cairo_text_extents(context.get(), text.c_str(), &extents);
  return extents.x_advance;
}

bool has_font() {
  return std::abs(measured("M", false) - kRegularM) < .5 && std::abs(measured("M", true) - kBoldM) < .5;
}

// Bytes of the UTF-8 character at the front of `text`, 0 when there is none: as Unicode's table 3-7 has it, without
// surrogates and overlong forms.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF)
    return follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (lead >= 0xF0 && lead <= 0xF4)
    return follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

// A word in pieces that are no wider than `width`, at least one character each.
std::vector<std::string> pieces(const std::string& word, const Style& style, double width) {
  std::vector<std::string> all;
  double taken = 0;
  for (std::size_t at = 0; at < word.size();) {
    const std::string next = word.substr(at, character(std::string_view(word).substr(at)));
    const double wide = text_width(next, style);
    if (all.empty() || taken + wide > width) {
      all.emplace_back();
      taken = 0;
    }
    all.back() += next;
    taken += wide;
    at += next.size();
  }
  return all;
}

void set(cairo_t* context, const Colour& colour) {
  cairo_set_source_rgb(context, colour.red, colour.green, colour.blue);
}

void paint_mark(cairo_t* context, const TextMark& mark) {
  if (mark.halo) {
    set(context, kWhite);
    cairo_rectangle(context, mark.box.x - 1, mark.box.y, mark.box.width + 2, mark.box.height);
    cairo_fill(context);
  }
  select(context, mark.style);
  set(context, mark.style.colour);
  cairo_move_to(context, mark.x, mark.baseline);
  cairo_show_text(context, mark.text.c_str());
}

void trace(cairo_t* context, const PathMark& mark) {
  cairo_new_path(context);
  for (const Point& point : mark.points) cairo_line_to(context, point.x, point.y);
  if (mark.closed) cairo_close_path(context);
}

void paint_mark(cairo_t* context, const PathMark& mark) {
  if (mark.clip) {
    cairo_rectangle(context, mark.clip->x, mark.clip->y, mark.clip->width, mark.clip->height);
    cairo_clip(context);
  }
  trace(context, mark);
  if (mark.fill) {
    set(context, *mark.fill);
    cairo_fill_preserve(context);
  }
  if (mark.width <= 0) return;
  constexpr std::array<double, 2> kDashes{3, 2.2};
  if (mark.dashed) cairo_set_dash(context, kDashes.data(), kDashes.size(), 0);
  cairo_set_line_width(context, mark.width);
  cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND);
  set(context, mark.colour);
  cairo_stroke(context);
}

// 32 bit pixels as cairo wants them, in its own stride.
Surface image_of(int columns, int rows, const std::vector<std::uint8_t>& rgb) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) return surface;
  const int stride = cairo_image_surface_get_stride(surface.get());
  unsigned char* data = cairo_image_surface_get_data(surface.get());
  for (int row = 0; row < rows; ++row) {
    auto* line = reinterpret_cast<std::uint32_t*>(data + static_cast<std::ptrdiff_t>(row) * stride);
    for (int column = 0; column < columns; ++column) {
      const std::uint8_t* from = &rgb[(static_cast<std::size_t>(row) * columns + column) * 3];
      line[column] = static_cast<std::uint32_t>(from[0]) << 16 | static_cast<std::uint32_t>(from[1]) << 8 | from[2];
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

void paint_mark(cairo_t* context, const PixelMark& mark) {
  const Surface image = image_of(mark.columns, mark.rows, mark.rgb);
  cairo_translate(context, mark.box.x, mark.box.y);
  cairo_scale(context, mark.box.width / mark.columns, mark.box.height / mark.rows);
  cairo_set_source_surface(context, image.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST);
  cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD);
  cairo_rectangle(context, 0, 0, mark.columns, mark.rows);
  cairo_fill(context);
}

void paint_page(cairo_t* context, const Page& page) {
  set(context, kWhite);
  cairo_paint(context);
  for (const Layer layer : {Layer::Back, Layer::Middle, Layer::Text, Layer::Front}) {
    for (const Mark& mark : page.marks) {
      if (mark.layer != layer) continue;
      cairo_save(context);
      std::visit([&](const auto& what) { paint_mark(context, what); }, mark.what);
      cairo_restore(context);
    }
  }
}

Error failed(cairo_status_t status) {
  return {std::string("the page could not be drawn: ") + cairo_status_to_string(status)};
}

cairo_status_t append(void* closure, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

Result<std::string> pdf_of(const std::vector<Page>& pages, const std::string& title) {
  std::string pdf;
  const Surface surface(cairo_pdf_surface_create_for_stream(append, &pdf, pages[0].width, pages[0].height));
  cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_CREATE_DATE, "");  // (3)
  cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_TITLE, printable(title).c_str());
  const Context context = context_on(surface.get());
  for (const Page& page : pages) {
    cairo_pdf_surface_set_size(surface.get(), page.width, page.height);
    paint_page(context.get(), page);
    cairo_show_page(context.get());
  }
  const cairo_status_t drawn = cairo_status(context.get());
  cairo_surface_finish(surface.get());
  if (drawn != CAIRO_STATUS_SUCCESS) return tl::unexpected(failed(drawn));
  if (const auto status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS)
    return tl::unexpected(failed(status));
  return pdf;
}

Raster raster_from(cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  Raster raster{cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface), {}};
  raster.rgb.reserve(static_cast<std::size_t>(raster.width) * raster.height * 3);
  const int stride = cairo_image_surface_get_stride(surface);
  for (int row = 0; row < raster.height; ++row) {
    const auto* line = reinterpret_cast<const std::uint32_t*>(cairo_image_surface_get_data(surface) +
                                                              static_cast<std::ptrdiff_t>(row) * stride);
    for (int column = 0; column < raster.width; ++column)
      for (const int shift : {16, 8, 0}) raster.rgb.push_back(static_cast<std::uint8_t>(line[column] >> shift & 255));
  }
  return raster;
}

Result<Raster> raster_of(const Page& page) {
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                                   static_cast<int>(std::lround(page.width * kPixelsPerPoint)),
                                                   static_cast<int>(std::lround(page.height * kPixelsPerPoint))));
  const Context context = context_on(surface.get());
  cairo_scale(context.get(), kPixelsPerPoint, kPixelsPerPoint);
  paint_page(context.get(), page);
  if (const auto status = cairo_status(context.get()); status != CAIRO_STATUS_SUCCESS)
    return tl::unexpected(failed(status));
  return raster_from(surface.get());
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t bytes = character(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (bytes == 0) {
      clean += '?';
    } else if (first < 0x20 || first == 0x7F) {
      clean += ' ';
    } else {
      clean += text.substr(0, bytes);
    }
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return clean;
}

double text_width(std::string_view text, const Style& style) {
  return measured(printable(text), style.bold) * style.size / kEm;
}

std::vector<std::string> wrapped(std::string_view text, const Style& style, double width) {
  std::vector<std::string> lines(1);
  const std::string clean = printable(text);
  for (std::size_t at = 0; at < clean.size();) {
    const std::size_t end = std::min(clean.find(' ', at), clean.size());
    const std::string word = clean.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (text_width(longer, style) <= width) {
      lines.back() = longer;
      continue;
    }
    const std::vector<std::string> parts = pieces(word, style, width);
    if (lines.back().empty()) lines.pop_back();
    lines.insert(lines.end(), parts.begin(), parts.end());
  }
  return lines;
}

Style fitted(std::string_view text, Style style, double width, double smallest) {
  const double natural = text_width(text, style);
  if (natural > width) style.size = std::max(smallest, .999 * style.size * width / natural);
  return style;
}

TextMark& Page::text(std::string_view text, double x, double baseline, const Style& style, Align align) {
  TextMark mark{.text = printable(text), .x = x, .baseline = baseline, .style = style};
  const double wide = text_width(mark.text, style);
  if (align != Align::Left) mark.x -= align == Align::Right ? wide : wide / 2;
  mark.box = {mark.x, baseline - kAscent * style.size, wide, (kAscent + kDescent) * style.size};
  marks.push_back({Layer::Text, {}, std::move(mark)});
  return std::get<TextMark>(marks.back().what);
}

void Page::path(PathMark path, Layer layer, std::string name) {
  marks.push_back({layer, std::move(name), std::move(path)});
}

void Page::line(Point from, Point to, double thick, const Colour& colour, Layer layer, std::string name) {
  path({.points = {from, to}, .width = thick, .colour = colour}, layer, std::move(name));
}

void Page::rectangle(const Box& box, const Colour& fill) {
  path({.points = {{box.x, box.y}, {box.right(), box.y}, {box.right(), box.bottom()}, {box.x, box.bottom()}},
        .width = 0,
        .closed = true,
        .fill = fill},
       Layer::Back);
}

void Page::pixels(PixelMark image, std::string name) {
  marks.push_back({Layer::Middle, std::move(name), std::move(image)});
}

Result<Picture> paint(const std::vector<Page>& pages, const std::string& title) {
  if (pages.empty()) return tl::unexpected(Error{"there is no page to draw"});
  if (!has_font()) return tl::unexpected(Error{std::string("the font ") + kFamily + " is not installed"});
  Picture picture;
  auto pdf = pdf_of(pages, title);
  if (!pdf) return tl::unexpected(pdf.error());
  picture.pdf = *std::move(pdf);
  for (const Page& page : pages) {
    auto raster = raster_of(page);
    if (!raster) return tl::unexpected(raster.error());
    picture.pages.push_back(*std::move(raster));
  }
  return picture;
}

std::string Picture::png(std::size_t page) const {
  std::string file;
  if (page >= pages.size()) return file;
  const Raster& raster = pages[page];
  const Surface surface = image_of(raster.width, raster.height, raster.rgb);
  cairo_surface_write_to_png_stream(surface.get(), append, &file);
  return file;
}

}  // namespace classifier
