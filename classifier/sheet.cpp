#include "classifier/sheet.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

namespace classifier {
namespace {

constexpr double kFoot = 26;          // of the page, taken by the footer
constexpr double kColumnGap = 20;     // between two columns of sentences
constexpr double kCellGap = 12;       // between two columns of a table
constexpr double kCellPadding = 2.4;  // above and below the text of a cell
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

bool reads_as_number(const std::string& cell) {
  const auto is_digit = [&](std::size_t i) {
    return i < cell.size() && std::isdigit(static_cast<unsigned char>(cell[i]));
  };
  return is_digit(0) || ((cell[0] == '-' || cell[0] == '+') && is_digit(1));
}
bool is_nothing(const std::string& cell) { return cell.empty() || cell == "-" || cell == "–"; }

// A table once its columns have widths and its cells lines.
struct Setting {
  Style style;
  std::vector<double> widths;
  std::vector<bool> numeric;
  [[nodiscard]] double total() const {
    return std::accumulate(widths.begin(), widths.end(), 0.) + kCellGap * (static_cast<double>(widths.size()) - 1);
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
  if (setting.total() <= width) return setting;
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
    x += width + kCellGap;
  }
}

// --- sentences ---

struct Line {
  std::string text;
  bool heading = false, bullet = false, gap_above = false;
};

std::vector<Line> lines_of(const std::vector<Section>& sections, double width) {
  std::vector<Line> lines;
  for (const Section& section : sections) {
    if (section.sentences.empty()) continue;
    for (const std::string& text : wrapped(section.heading, kHeading, width))
      lines.push_back({text, true, false, !lines.empty()});
    for (const std::string& sentence : section.sentences) {
      bool first = true;
      for (const std::string& text : wrapped(sentence, kSentence, width - 8))
        lines.push_back({text, false, std::exchange(first, false), false});
    }
  }
  return lines;
}

double height_of(const Line& line) {
  return line.heading ? kHeading.line_height() + 1.5 + (line.gap_above ? 5 : 0) : kSentence.line_height();
}

// Lines from `from` on that fill a column of this height; a heading is not left alone at its end.
std::size_t column_end(const std::vector<Line>& lines, std::size_t from, double height) {
  std::size_t end = from;
  for (double taken = 0; end < lines.size() && (taken += height_of(lines[end])) <= height; ++end) continue;
  while (end < lines.size() && end > from + 1 && lines[end - 1].heading) --end;
  return end;
}

double draw_column(Page& page, const std::vector<Line>& lines, std::size_t from, std::size_t to, double x, double y) {
  for (std::size_t i = from; i < to; ++i) {
    const Line& line = lines[i];
    const Style& style = line.heading ? kHeading : kSentence;
    y += height_of(line);
    const double baseline = y - .28 * style.size - (line.heading ? 1.5 : 0);
    if (line.bullet) page.text("•", x, baseline, style);
    page.text(line.text, line.heading ? x : x + 8, baseline, style);
  }
  return y;
}

}  // namespace

double paragraph(Page& page, const std::string& text, double x, double y, double width, const Style& style) {
  for (const std::string& line : wrapped(text, style, width)) {
    page.text(line, x, y + style.size, style);
    y += style.line_height();
  }
  return y;
}

Sheet::Sheet(const PictureLabels& labels, std::string subtitle, std::string caveat)
    : labels_(labels), subtitle_(std::move(subtitle)), caveat_(std::move(caveat)) {
  begin_page();
}

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
  const std::string text = caveat_.empty() ? kResearch : kResearch + (" - " + caveat_);
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
  if (!subtitle_.empty()) y = paragraph(page(), subtitle_, left(), y, main, kSubtitle);
  double at = from + 2;
  for (const std::string& line : wrapped(joined({labels_.study_date, labels_.lesion}), {.size = 9}, side)) {
    page().text(line, right(), at + 9, {.size = 9}, Align::Right);
    at += Style{.size = 9}.line_height();
  }
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
  const std::vector<Line> lines = lines_of(sections, wide);
  std::size_t from = 0;
  while (from < lines.size()) {
    need(5 * kSentence.line_height());
    // The least height at which two columns hold what is left, or all that the page has.
    double height = std::min(room(), kHeading.line_height() + kSentence.line_height());
    const auto end_at = [&](double tall) { return column_end(lines, column_end(lines, from, tall), tall); };
    while (height < room() && end_at(height) < lines.size()) height = std::min(room(), height + 2);
    const std::size_t middle = column_end(lines, from, height), end = column_end(lines, middle, height);
    const double first = draw_column(page(), lines, from, middle, left(), y);
    const double second = draw_column(page(), lines, middle, end, left() + wide + kColumnGap, y);
    y = std::max(first, second) + 8;
    from = end;
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
