#pragma once
// Private to classifier/: what all pages have in common. A sheet hands out the room between the header and the footer
// from top to bottom and goes on with a further page, of the same header, where there is none left. Text is wrapped or
// set smaller, never cut.
#include <string>
#include <vector>

#include "classifier/canvas.h"

namespace classifier {

inline constexpr double kMargin = 30;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // at most as many cells as there are columns
};

// Sentences under a heading, each with a bullet.
struct Section {
  std::string heading;
  std::vector<std::string> sentences;
};

class Sheet {
 public:
  // Every page says that it is for research only. What may be empty: `subtitle` stands below the title, `reference` (an
  // id) below date and lesion, `caveat` in the notice.
  struct Head {
    std::string subtitle{}, reference{}, caveat{};
  };
  Sheet(const PictureLabels& labels, Head head);

  [[nodiscard]] Page& page() { return pages_.back(); }
  [[nodiscard]] double left() const { return kMargin; }
  [[nodiscard]] double right() const { return pages_.back().width - kMargin; }
  [[nodiscard]] double width() const { return right() - left(); }
  [[nodiscard]] double top() const { return top_; }        // below the header
  [[nodiscard]] double bottom() const { return bottom_; }  // above the footer
  [[nodiscard]] double room() const { return bottom_ - y; }
  double y = 0;  // where the next thing begins

  // True when title, subtitle and notice leave a page half empty at least; else nothing should be drawn.
  [[nodiscard]] bool has_body() const;

  void next_page();
  // Goes on with the next page unless `height` is left, or the page is empty anyway.
  void need(double height);

  void heading(const std::string& text);
  // As wide as its text needs; columns of numbers to the right. The columns stand again on every page it goes on to.
  void table(const Table& table);
  // In two columns of equal height; somewhat smaller where that saves a page.
  void sections(const std::vector<Section>& sections);

  // The pages, without footers.
  [[nodiscard]] std::vector<Page> take() { return std::move(pages_); }

 private:
  void begin_page();
  void header();
  void notice();

  PictureLabels labels_;
  Head head_;
  std::vector<Page> pages_;
  double top_ = 0, bottom_ = 0;
};

// "left … page 2 of 3" at the foot of each page.
void add_footers(std::vector<Page>& pages, const std::string& left);

// Lines one below the other; returns where the next thing may begin.
double paragraph(Page& page, const std::string& text, double x, double y, double width, const Style& style);

}  // namespace classifier
