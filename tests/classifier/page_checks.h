#pragma once
// What every page owes its reader, asked of the layout: text that does not overlap, is not cut, stands on the page.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "classifier/canvas.h"

namespace classifier_test {

inline std::vector<const classifier::TextMark*> texts(const classifier::Page& page) {
  std::vector<const classifier::TextMark*> all;
  for (const auto& mark : page.marks)
    if (const auto* text = std::get_if<classifier::TextMark>(&mark.what)) all.push_back(text);
  return all;
}

// All marks of a name on all pages.
template <class What>
std::vector<const What*> named(const std::vector<classifier::Page>& pages, const std::string& name) {
  std::vector<const What*> all;
  for (const auto& page : pages)
    for (const auto& mark : page.marks)
      if (mark.name == name)
        if (const auto* what = std::get_if<What>(&mark.what)) all.push_back(what);
  return all;
}

inline bool overlap(const classifier::Box& a, const classifier::Box& b) {
  constexpr double kTouch = .01;
  return a.x + kTouch < b.right() && b.x + kTouch < a.right() && a.y + kTouch < b.bottom() && b.y + kTouch < a.bottom();
}

inline bool lies_within(const classifier::Box& box, const classifier::Page& page) {
  return box.x >= 0 && box.y >= 0 && box.right() <= page.width && box.bottom() <= page.height;
}

inline void expect_clean(const std::vector<classifier::Page>& pages, const std::string& what) {
  for (std::size_t p = 0; p < pages.size(); ++p) {
    const auto all = texts(pages[p]);
    const std::string where = what + ", page " + std::to_string(p + 1) + ": ";
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_TRUE(lies_within(all[i]->box, pages[p])) << where << all[i]->text;
      EXPECT_GE(all[i]->style.size, 4) << where << all[i]->text;
      for (std::size_t j = i + 1; j < all.size(); ++j)
        EXPECT_FALSE(overlap(all[i]->box, all[j]->box)) << where << all[i]->text << " | " << all[j]->text;
      for (const auto& mark : pages[p].marks) {
        const auto* image = std::get_if<classifier::PixelMark>(&mark.what);
        EXPECT_FALSE(image != nullptr && overlap(all[i]->box, image->box))
            << where << all[i]->text << " on " << mark.name;
      }
    }
  }
}

// All text in the order of drawing, without spaces: where lines were broken does not matter.
inline std::string squeezed(std::string text) {
  std::erase(text, ' ');
  return text;
}
inline std::string all_text(const std::vector<classifier::Page>& pages) {
  std::string all;
  for (const auto& page : pages)
    for (const auto* text : texts(page)) all += squeezed(text->text) + "\n";
  return all;
}
inline bool says(const std::string& text, const std::string& sentence) {
  return text.find(squeezed(sentence)) != std::string::npos;
}
// The same with nothing between the lines, and without bullets: sentences can be looked for.
inline std::string running_text(const std::vector<classifier::Page>& pages) {
  std::string all = all_text(pages);
  std::erase(all, '\n');
  for (std::size_t at; (at = all.find("•")) != std::string::npos;) all.erase(at, std::string("•").size());
  return all;
}

}  // namespace classifier_test
