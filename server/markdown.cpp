#include "server/markdown.h"

#include <algorithm>
#include <cassert>

namespace server {

void Markdown::gap() {
  if (!text_.empty()) text_ += "\n";
}

void Markdown::heading(int level, std::string_view text) {
  gap();
  text_.append(static_cast<std::size_t>(level), '#').append(" ").append(text).append("\n");
}

void Markdown::paragraph(std::string_view text) {
  gap();
  text_.append(text).append("\n");
}

void Markdown::list(const std::vector<std::string>& items) {
  gap();
  for (const std::string& item : items) text_.append("- ").append(item).append("\n");
}

void Markdown::row(const std::vector<std::string>& cells) {
  text_ += "|";
  for (std::string cell : cells) {
    std::ranges::replace_if(
        cell, [](char c) { return c == '|' || c == '\n'; }, ' ');
    text_.append(" ").append(cell).append(" |");
  }
  text_ += "\n";
}

void Markdown::table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows) {
  gap();
  row(columns);
  text_ += "|";
  for (std::size_t i = 0; i < columns.size(); ++i) text_ += "---|";
  text_ += "\n";
  for (const auto& cells : rows) {
    assert(cells.size() == columns.size());
    row(cells);
  }
}

}  // namespace server
