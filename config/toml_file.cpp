#include "config/toml_file.h"

#include <cmath>
#include <fstream>
#include <sstream>

namespace config {
namespace {

constexpr std::uintmax_t kLargestFile = 64 * 1024;
// toml11 3.7 follows nested arrays, inline tables and dotted keys by recursion (its stack ends between 500 and 1000
// inline tables, and between 2000 and 5000 dots), so their depth is bounded before it sees them.
constexpr std::ptrdiff_t kMostBrackets = 500;
constexpr std::size_t kLongestLine = 1000;

std::string trimmed(std::string text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string place(const std::filesystem::path& file, std::size_t line) {
  return file.string() + ":" + std::to_string(line) + ": ";
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

// Messages go to terminals and logs.
std::string printable(std::string text) {
  std::ranges::replace_if(text, is_control, '?');
  return text;
}

// A line of the file, to be shown below the message about it.
std::string below(const std::string& line) {
  const std::string shown = printable(trimmed(line));
  return shown.empty() ? "" : "\n  " + shown;
}

// The value as a person would write it; what spans lines is shown by the line below the message.
std::string shown(const Toml& value) {
  if (value.is_string()) return "\"" + printable(value.as_string().str) + "\"";
  if (value.is_integer() || value.is_floating() || value.is_boolean()) return toml::format(value);
  if (value.is_array()) return "an array";
  return value.is_table() ? "a table" : "a date or time";
}

// Length of the character that `text` starts with; 0 when it is not UTF-8 (RFC 3629: nothing overlong, no surrogates).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80                    ? 1
                             : lead >= 0xC2 && lead <= 0xDF ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool no_character = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  return overlong || no_character ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_shape(const std::filesystem::path& file, const std::string& text) {
  if (std::ranges::count(text, '[') + std::ranges::count(text, '{') > kMostBrackets)
    throw Failure{file.string() + ": more than " + std::to_string(kMostBrackets) + " opening brackets"};
  std::istringstream lines(text);
  std::size_t number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    if (line.size() > kLongestLine)
      throw Failure{place(file, number) + "longer than " + std::to_string(kLongestLine) + " bytes"};
    // toml11 3.7 reads outside its buffers to tell where a text in single quotes is not UTF-8.
    if (!is_utf8(line)) throw Failure{place(file, number) + "not UTF-8"};
  }
}

std::string read_text(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) throw Failure{file.string() + ": no such file"};
  if (std::filesystem::file_size(file) > kLargestFile)
    throw Failure{file.string() + ": larger than " + std::to_string(kLargestFile) + " bytes"};
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw Failure{file.string() + ": cannot be read"};
  check_shape(file, text);
  return text;
}

// toml11 starts its messages with "[error] function: reason" and goes on with a drawing of the place.
std::string reason_of(const std::string& message) {
  std::string reason = message.substr(0, message.find('\n'));
  if (reason.starts_with("[error] ")) reason.erase(0, 8);
  const auto function_end = reason.find(": ");
  if (reason.starts_with("toml::") && function_end != std::string::npos) reason.erase(0, function_end + 2);
  return trimmed(reason);
}

// How many letters were dropped, added, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

Toml read_toml(const std::filesystem::path& file) {
  std::istringstream in(read_text(file));
  try {
    return toml::parse<toml::discard_comments, std::map, std::vector>(in, file.string());
  } catch (const toml::exception& e) {
    const auto& at = e.location();
    throw Failure{place(file, at.line()) + "column " + std::to_string(at.column()) +
                  ": not TOML: " + reason_of(e.what()) + below(at.line_str())};
  } catch (const std::exception& e) {
    throw Failure{file.string() + ": not TOML: " + reason_of(e.what())};
  }
}

void Table::refuse(const Toml& at, std::string_view what) const {
  const auto location = at.location();
  throw Failure{place(file, location.line()) + (title.empty() ? "" : title + " ") + std::string(what) +
                below(location.line_str())};
}

void Table::refuse_unknown(const std::string& key, const Toml& at, const std::vector<std::string_view>& known) const {
  const std::string_view other = meant(key, known);
  const std::string kind = at.is_table() && title.empty() ? "table" : "key";
  refuse(at, printable(key) + ": unknown " + kind + "; " +
                 (other.empty() ? "known are " + listed(known) : "did you mean " + std::string(other) + "?"));
}

void Table::refuse_missing(std::string_view key) const {
  const std::string what = (title.empty() ? "" : title + " ") + std::string(key) + " is missing";
  throw Failure{(title.empty() ? file.string() + ": " : place(file, value.location().line())) + what};
}

void Entry::refuse(const std::string& expected) const {
  table_.refuse(value_, key_ + " = " + shown(value_) + ": expected " + expected);
}

bool Entry::flag() const {
  if (!value_.is_boolean()) refuse("true or false");
  return value_.as_boolean();
}

std::int64_t Entry::whole(std::int64_t low, std::int64_t high) const {
  const std::string expected = std::to_string(low) + " to " + std::to_string(high);
  if (!value_.is_integer()) refuse("a whole number, " + expected);
  if (value_.as_integer() < low || value_.as_integer() > high) refuse(expected);
  return value_.as_integer();
}

double Entry::number(double low, double high) const {
  std::ostringstream expected;
  expected << low << " to " << high;
  if (!value_.is_integer() && !value_.is_floating()) refuse("a number, " + expected.str());
  const double number = value_.is_integer() ? static_cast<double>(value_.as_integer()) : value_.as_floating();
  if (!(number >= low && number <= high)) refuse(expected.str());  // NaN is refused too
  return number;
}

std::string Entry::text() const {
  if (!value_.is_string()) refuse("a text in quotes");
  const std::string& text = value_.as_string().str;
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    refuse("a text without control characters");
  return text;
}

std::string Entry::text_of(std::initializer_list<std::string_view> allowed) const {
  std::string found = text();
  if (std::ranges::count(allowed, found) == 0) refuse("one of " + listed(allowed));
  return found;
}

std::size_t Entry::place_among(std::span<const std::string_view> words) const {
  const auto found = std::ranges::find(words, text());
  if (found == words.end()) refuse("one of " + listed(words));
  return static_cast<std::size_t>(found - words.begin());
}

std::vector<std::string> Entry::texts() const {
  if (!value_.is_array()) refuse("an array of texts");
  std::vector<std::string> all;
  for (const Toml& item : value_.as_array()) all.push_back(Entry(table_, key_, item).text());
  return all;
}

std::vector<std::string> Entry::one_or_more_of(std::initializer_list<std::string_view> allowed) const {
  if (!value_.is_array()) return {text_of(allowed)};
  std::vector<std::string> all;
  for (const Toml& item : value_.as_array()) {
    all.push_back(Entry(table_, key_, item).text_of(allowed));
    if (std::ranges::count(all, all.back()) > 1) refuse("no text twice");
  }
  if (all.empty()) refuse("one of " + listed(allowed) + ", or several");
  return all;
}

std::vector<double> Entry::ascending_numbers(double low, double high) const {
  if (!value_.is_array()) refuse("an array of numbers");
  std::vector<double> all;
  for (const Toml& item : value_.as_array()) {
    all.push_back(Entry(table_, key_, item).number(low, high));
    if (all.size() > 1 && all.back() <= all[all.size() - 2]) refuse("ascending numbers");
  }
  return all;
}

std::filesystem::path Entry::path() const {
  const std::filesystem::path named = text();
  if (named.empty()) return named;
  return (std::filesystem::absolute(table_.file).parent_path() / named).lexically_normal();
}

std::vector<Table> Entry::tables() const {
  const std::string title = "[[" + key_ + "]]";
  if (!value_.is_array()) refuse("tables that start with " + title);
  std::vector<Table> all;
  for (const Toml& item : value_.as_array()) {
    if (!item.is_table()) refuse("tables that start with " + title);
    all.push_back({item, title, table_.file});
  }
  return all;
}

Table Entry::table() const {
  if (!value_.is_table()) refuse("a table that starts with [" + key_ + "]");
  return {value_, "[" + key_ + "]", table_.file};
}

std::string_view meant(std::string_view name, const std::vector<std::string_view>& known) {
  const auto nearest =
      std::ranges::min_element(known, {}, [&](std::string_view candidate) { return distance(name, candidate); });
  const bool near = nearest != known.end() && 3 * distance(name, *nearest) <= std::max(name.size(), nearest->size());
  return near ? *nearest : std::string_view();
}

bool is_name(std::string_view text, std::string_view also_allowed) {
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also_allowed.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, allowed);
}

}  // namespace config
