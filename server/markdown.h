#pragma once
// A page of Markdown, written from top to bottom.
#include <string>
#include <string_view>
#include <vector>

namespace server {

class Markdown {
 public:
  void heading(int level, std::string_view text);
  void paragraph(std::string_view text);
  void list(const std::vector<std::string>& items);
  // Every row has as many cells as there are columns. A bar or a line break in a cell becomes a space.
  void table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void row(const std::vector<std::string>& cells);
  void gap();  // an empty line between blocks
  std::string text_;
};

}  // namespace server
