#pragma once
// Private to config/: TOML read by tables of keys, with errors that name file, line, key, value and what is allowed.
//
// A reader is a list of Key: a name and a function that takes the value of that name into a struct. What is not on the
// list is an error, so the list is at once the parser, the documentation of what exists and the source of "did you
// mean".
#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <toml.hpp>
#include <utility>
#include <vector>

#include "config/result.h"

namespace config {

using Toml = toml::basic_value<toml::discard_comments, std::map, std::vector>;

// Unwinds inside config/; the public functions turn it into a Result.
struct Failure {
  std::string what;
};

// Reads a file as TOML. Syntax errors name line and column.
[[nodiscard]] Toml read_toml(const std::filesystem::path& file);

// A table of the file: where it stands and how messages call it ("[receive]", "[[destination]]"; empty for the top of
// the file).
struct Table {
  const Toml& value;
  std::string title;
  const std::filesystem::path& file;

  // "file:line: title key: what", with that line of the file below.
  [[noreturn]] void refuse(const Toml& at, std::string_view what) const;
  [[noreturn]] void refuse_unknown(const std::string& key, const Toml& at,
                                   const std::vector<std::string_view>& known) const;
  [[noreturn]] void refuse_missing(std::string_view key) const;
};

// One value of a table. Every function refuses what does not fit by throwing Failure.
class Entry {
 public:
  Entry(const Table& table, std::string_view key, const Toml& value) : table_(table), key_(key), value_(value) {}

  [[noreturn]] void refuse(const std::string& expected) const;  // "port = 70000: expected 0 to 65535"

  [[nodiscard]] bool flag() const;
  [[nodiscard]] bool is_flag() const { return value_.is_boolean(); }  // for keys that also take something else
  [[nodiscard]] bool is(std::string_view word) const { return value_.is_string() && value_.as_string().str == word; }
  [[nodiscard]] std::int64_t whole(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] double number(double low, double high) const;  // 2 and 2.0 alike
  [[nodiscard]] std::string text() const;                      // may be empty; no control characters
  [[nodiscard]] std::string text_of(std::initializer_list<std::string_view> allowed) const;
  // The place among `words` of a text that has to be one of them.
  [[nodiscard]] std::size_t place_among(std::span<const std::string_view> words) const;
  [[nodiscard]] std::vector<std::string> texts() const;
  // One text, or an array of one or more different ones.
  [[nodiscard]] std::vector<std::string> one_or_more_of(std::initializer_list<std::string_view> allowed) const;
  [[nodiscard]] std::vector<double> ascending_numbers(double low, double high) const;
  // Relative paths are relative to the file that names them; empty stays empty.
  [[nodiscard]] std::filesystem::path path() const;
  // The items of an array of tables, each called [[key]].
  [[nodiscard]] std::vector<Table> tables() const;
  [[nodiscard]] Table table() const;

 private:
  const Table& table_;
  std::string key_;
  const Toml& value_;
};

template <class Target>
struct Key {
  std::string_view name;
  void (*read)(const Entry&, Target&);
  bool required = false;
};

// Reads a table into `target`. Of several mistakes one is told: an unknown key first, then in the order of `keys`.
template <class Target>
void read_table(const Table& table, std::span<const Key<Target>> keys, Target& target) {
  std::vector<std::string_view> known;
  for (const auto& key : keys) known.push_back(key.name);
  for (const auto& [name, value] : table.value.as_table())
    if (std::ranges::count(known, name) == 0) table.refuse_unknown(name, value, known);
  for (const auto& key : keys) {
    const auto found = table.value.as_table().find(std::string(key.name));
    if (found != table.value.as_table().end()) {
      key.read(Entry(table, key.name, found->second), target);
    } else if (key.required) {
      table.refuse_missing(key.name);
    }
  }
}

// The name among `known` that somebody may have meant, or empty: at most a third of the letters wrong.
[[nodiscard]] std::string_view meant(std::string_view name, const std::vector<std::string_view>& known);

// "a, b, c" for messages; an empty text is shown as "".
template <class Texts>
[[nodiscard]] std::string listed(const Texts& texts) {
  std::string all;
  for (const std::string_view text : texts) (all += all.empty() ? "" : ", ") += text.empty() ? "\"\"" : text;
  return all;
}

// Names that may become part of a file's name, a log line or a command.
[[nodiscard]] bool is_name(std::string_view text, std::string_view also_allowed);

template <class F>
auto guarded(const std::filesystem::path& file, F&& f) -> Result<decltype(f())> {
  try {
    return f();
  } catch (const Failure& failure) {
    return tl::unexpected(Error{failure.what});
  } catch (const std::exception& e) {
    return tl::unexpected(Error{file.string() + ": " + e.what()});
  }
}

}  // namespace config
