#include "config/titles.h"

#include <algorithm>

namespace config {

// PS3.5 6.2: 1 to 16 characters of the default repertoire without backslash and control characters; spaces at the ends
// mean nothing, so two titles that differ by them only would be one.
bool is_ae_title(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '\\'; });
  return !text.empty() && text.size() <= 16 && printable && text.front() != ' ' && text.back() != ' ';
}

std::string ae_title_of(const Entry& entry) {
  std::string title = entry.text();
  if (!is_ae_title(title)) entry.refuse(kAeTitle);
  return title;
}

}  // namespace config
