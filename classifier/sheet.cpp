#include "classifier/sheet.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

namespace classifier {
namespace {

constexpr double kFoot = 26;                          // of the page, taken by the footer
constexpr double kColumnGap = 20;                     // between two columns of sentences
constexpr double kCellGap = 12, kWidestCellGap = 26;  // between two columns of a table
constexpr double kCellPadding = 1.7;                  // above and below the text of a cell
constexpr Style kTitle{.size = 14, .bold = true}, kSubtitle{.size = 9, .colour = kGrey},
    kNotice{.size = 9, .bold = true}, kHeading{.size = 8.5, .bold = true}, kCell{.size = 7.5}, kSentence{.size = 6.8},
    kFooter{.size = 6.8, .colour = kGrey};
constexpr double kSmallestCell = 6.5, kSmallestTitle = 10;
constexpr Colour kNoticeFill{.99, .91, .69};
constexpr const char* kResearch = "RESEARCH USE ONLY - not for diagnosis";

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() || part.empty() ? "" : "  ·  ") + part;
  return all;
}

// --- tables ---

bool reads_as_number(std::string_view cell) {
  for (const std::string_view sign : {"-", "+", "−"}) {
    if (!cell.starts_with(sign)) continue;
    cell.remove_prefix(sign.size());
    break;
  }
  return !cell.empty() && std::isdigit(static_cast<unsigned char>(cell[0])) != 0;
}
bool is_nothing(const std::string& cell) { return cell.empty() || cell == "-" || cell == "–"; }

// A table once its columns have widths and its cells lines.
struct Setting {
  Style style;
  std::vector<double> widths;
  std::vector<bool> numeric;
  double gap = kCellGap;
  [[nodiscard]] double total() const {
    return std::accumulate(widths.begin(), widths.end(), 0.) + gap * (static_cast<double>(widths.size()) - 1);
  }
};

std::string cell_of(const std::vector<std::string>& row, std::size_t column) {
  return column < row.size() ? row[column] : std::string();
}

std::vector<double> natural_widths(const Table& table, Style style) {
  std::vector<double> widths;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    style.bold = true;
    double widest = text_width(table.columns[column], style);
    style.bold = false;
    for (const auto& row : table.rows) widest = std::max(widest, text_width(cell_of(row, column), style));
    widths.push_back(widest + .01);  // a line of exactly this width must not wrap
  }
  return widths;
}

// Narrow columns keep what they need, the wide ones share the rest alike.
void squeeze(std::vector<double>& widths, double width) {
  double left = width - kCellGap * (static_cast<double>(widths.size()) - 1);
  std::vector<std::size_t> order(widths.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return widths[i]; });
  for (std::size_t done = 0; done < order.size(); ++done) {
    double& column = widths[order[done]];
    column = std::min(column, left / static_cast<double>(order.size() - done));
    left -= column;
  }
}

std::vector<bool> numeric_columns(const Table& table) {
  std::vector<bool> numeric;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const auto is = [&](const auto& test) { return [&, test](const auto& row) { return test(cell_of(row, column)); }; };
    const auto fits = [](const std::string& cell) { return is_nothing(cell) || reads_as_number(cell); };
    numeric.push_back(column > 0 && std::ranges::all_of(table.rows, is(fits)) &&
                      !std::ranges::all_of(table.rows, is(is_nothing)));
  }
  return numeric;
}

Setting set_table(const Table& table, double width) {
  Setting setting{.style = kCell, .widths = natural_widths(table, kCell), .numeric = numeric_columns(table)};
  if (setting.total() <= width) {
    const double gaps = std::max(1., static_cast<double>(setting.widths.size()) - 1);
    setting.gap = std::min(kWidestCellGap, kCellGap + (width - setting.total()) / gaps);
    return setting;
  }
  setting.style.size = std::max(kSmallestCell, kCell.size * width / setting.total());
  setting.widths = natural_widths(table, setting.style);
  if (setting.total() > width) squeeze(setting.widths, width);
  return setting;
}

using Cells = std::vector<std::vector<std::string>>;  // lines of each cell of a row

Cells wrapped_row(const std::vector<std::string>& row, const Setting& setting, const Style& style) {
  Cells cells;
  for (std::size_t column = 0; column < setting.widths.size(); ++column)
    cells.push_back(wrapped(cell_of(row, column), style, setting.widths[column]));
  return cells;
}

std::size_t lines_of(const Cells& cells) {
  return std::ranges::max(cells, {}, [](const auto& lines) { return lines.size(); }).size();
}

void draw_line_of_row(Page& page, const Cells& cells, std::size_t line, const Setting& setting, const Style& style,
                      double x, double y) {
  for (std::size_t column = 0; column < cells.size(); ++column) {
    const double width = setting.widths[column];
    if (line < cells[column].size() && !cells[column][line].empty())
      page.text(cells[column][line], setting.numeric[column] ? x + width : x, y + style.size, style,
                setting.numeric[column] ? Align::Right : Align::Left);
    x += width + setting.gap;
  }
}

// --- sentences ---

struct Line {
  std::string text;
  bool heading = false, bullet = false;
};

std::vector<Line> lines_of(const std::vector<Section>& sections, const Style& style, double width) {
  std::vector<Line> lines;
  for (const Section& section : sections) {
    if (section.sentences.empty()) continue;
    for (const std::string& text : wrapped(section.heading, kHeading, width)) lines.push_back({text, true, false});
    for (const std::string& sentence : section.sentences) {
      bool first = true;
      for (const std::string& text : wrapped(sentence, style, width - 8))
        lines.push_back({text, false, std::exchange(first, false)});
    }
  }
  return lines;
}

// Lines [from, to) of a column, at the style of its sentences.
struct Column {
  const std::vector<Line>& lines;
  Style style;
  std::size_t from = 0, to = 0;

  [[nodiscard]] double height_of(std::size_t i) const {
    if (!lines[i].heading) return style.line_height();
    return kHeading.line_height() + 1.5 + (i == from ? 0 : 5);
  }
  // As many lines as a column of this height takes; a heading is not left alone at its end, and a sentence of a few
  // lines not broken.
  void fill(double height) {
    to = from;
    for (double taken = 0; to < lines.size() && (taken += height_of(to)) <= height; ++to) continue;
    constexpr std::size_t kFew = 7;
    std::size_t whole = to;
    while (whole < lines.size() && whole > from && !lines[whole].bullet && !lines[whole].heading) --whole;
    if (whole > from && to - whole < kFew) to = whole;
    while (to < lines.size() && to > from + 1 && lines[to - 1].heading) --to;
  }
};

double draw(Page& page, const Column& column, double x, double y) {
  for (std::size_t i = column.from; i < column.to; ++i) {
    const Line& line = column.lines[i];
    const Style& style = line.heading ? kHeading : column.style;
    y += column.height_of(i);
    const double baseline = y - .28 * style.size - (line.heading ? 1.5 : 0);
    if (line.bullet) page.text("•", x, baseline, style);
    page.text(line.text, line.heading ? x : x + 8, baseline, style);
  }
  return y;
}

// The two columns of the least height that hold all lines from `from` on, or as many as this room takes.
std::pair<Column, Column> columns(const std::vector<Line>& lines, const Style& style, std::size_t from, double room) {
  Column first{lines, style, from, from}, second = first;
  for (double height = std::min(room, 20.);; height = std::min(room, height + 2)) {
    first.fill(height);
    second.from = first.to;
    second.fill(height);
    if (second.to == lines.size() || height >= room) return {first, second};
  }
}

}  // namespace

double paragraph(Page& page, const std::string& text, double x, double y, double width, const Style& style) {
  for (const std::string& line : wrapped(text, style, width)) {
    page.text(line, x, y + style.size, style);
    y += style.line_height();
  }
  return y;
}

Sheet::Sheet(const PictureLabels& labels, Head head) : labels_(labels), head_(std::move(head)) { begin_page(); }

void Sheet::begin_page() {
  pages_.emplace_back();
  bottom_ = page().height - kFoot;
  y = 18;
  notice();
  header();
  top_ = y;
}

// The bar comes first: nothing on the page is read without it.
void Sheet::notice() {
  const Style small{.size = 7.5};
  const std::string text = head_.caveat.empty() ? kResearch : kResearch + (" - " + head_.caveat);
  const auto lines = wrapped(text, kNotice, width() - 12);
  const auto more = labels_.notice.empty() || labels_.notice == kResearch
                        ? std::vector<std::string>{}
                        : wrapped(labels_.notice, small, width() - 12);
  const double height = 5 + static_cast<double>(lines.size()) * kNotice.line_height() +
                        static_cast<double>(more.size()) * small.line_height();
  page().rectangle({left(), y, width(), height}, kNoticeFill);
  double at = y + 3;
  const auto set = [&](const std::string& line, const Style& style) {
    page().text(line, left() + width() / 2, at + .93 * style.size, style, Align::Centre);
    at += style.line_height();
  };
  for (const std::string& line : lines) set(line, kNotice);
  for (const std::string& line : more) set(line, small);
  y += height + 7;
}

// Title to the left, what it is of to the right.
void Sheet::header() {
  const double side = .36 * width(), main = width() - side - 16;
  const double from = y;
  const Style title = fitted(labels_.title, kTitle, main, kSmallestTitle);
  y = paragraph(page(), labels_.title, left(), y, main, title);
  if (!head_.subtitle.empty()) y = paragraph(page(), head_.subtitle, left(), y, main, kSubtitle);
  double at = from + 3;
  const auto set = [&](const std::string& text, const Style& style) {
    if (text.empty()) return;
    for (const std::string& line : wrapped(text, style, side)) {
      page().text(line, right(), at + style.size, style, Align::Right);
      at += style.line_height();
    }
    at += 2.5;
  };
  set(joined({labels_.study_date, labels_.lesion}), {.size = 9});
  set(head_.reference, {.size = 7.5, .colour = kGrey});
  y = std::max(y, at) + 3;
  page().line({left(), y}, {right(), y}, .6, kPale);
  y += 9;
}

bool Sheet::has_body() const { return top_ < pages_.back().height / 2; }

void Sheet::next_page() { begin_page(); }

void Sheet::need(double height) {
  if (room() < height && y > top_) next_page();
}

void Sheet::heading(const std::string& text) {
  need(kHeading.line_height() + 4 * kCell.line_height());
  y = paragraph(page(), text, left(), y, width(), kHeading) + 2;
}

void Sheet::table(const Table& table) {
  if (table.columns.empty()) return;
  const Setting setting = set_table(table, width());
  const Style bold{.size = setting.style.size, .bold = true};
  const Cells titles = wrapped_row(table.columns, setting, bold);
  const double step = setting.style.line_height(), ruled = std::min(width(), setting.total());
  const auto draw_titles = [&] {
    page().line({left(), y}, {left() + ruled, y}, .8, kInk);
    y += kCellPadding;
    for (std::size_t line = 0; line < lines_of(titles); ++line, y += step)
      draw_line_of_row(page(), titles, line, setting, bold, left(), y);
    y += kCellPadding;
    page().line({left(), y}, {left() + ruled, y}, .5, kInk);
  };
  need(step * static_cast<double>(lines_of(titles) + 2) + 4 * kCellPadding);
  draw_titles();
  const double whole_page = bottom_ - top_ - step * static_cast<double>(lines_of(titles)) - 2 * kCellPadding;
  for (const auto& row : table.rows) {
    const Cells cells = wrapped_row(row, setting, setting.style);
    const double height = step * static_cast<double>(lines_of(cells)) + 2 * kCellPadding;
    if (room() < height && height <= whole_page) {
      next_page();
      draw_titles();
    }
    y += kCellPadding;
    for (std::size_t line = 0; line < lines_of(cells); ++line, y += step) {
      if (room() < step) {
        next_page();
        draw_titles();
        y += kCellPadding;
      }
      draw_line_of_row(page(), cells, line, setting, setting.style, left(), y);
    }
    y += kCellPadding;
    page().line({left(), y}, {left() + ruled, y}, .35, kPale);
  }
  y += 10;
}

void Sheet::sections(const std::vector<Section>& sections) {
  const double wide = (width() - kColumnGap) / 2;
  std::vector<Line> lines;
  Style style = kSentence;
  need(5 * style.line_height());
  for (const double size : {kSentence.size, 6.5, 6.2, kSentence.size}) {
    style.size = size;
    lines = lines_of(sections, style, wide);
    if (columns(lines, style, 0, room()).second.to == lines.size()) break;
  }
  for (std::size_t from = 0; from < lines.size();) {
    const auto [first, second] = columns(lines, style, from, room());
    const double first_end = draw(page(), first, left(), y);
    y = std::max(first_end, draw(page(), second, left() + wide + kColumnGap, y)) + 8;
    from = second.to;
    if (from < lines.size()) next_page();
  }
}

void add_footers(std::vector<Page>& pages, const std::string& left) {
  for (std::size_t i = 0; i < pages.size(); ++i) {
    Page& page = pages[i];
    const double baseline = page.height - 14;
    const std::string number = "page " + std::to_string(i + 1) + " of " + std::to_string(pages.size());
    page.text(number, page.width - kMargin, baseline, kFooter, Align::Right);
    const double width = page.width - 2 * kMargin - text_width(number, kFooter) - 12;
    page.text(left, kMargin, baseline, fitted(left, kFooter, width, 3));
  }
}

}  // namespace classifier
