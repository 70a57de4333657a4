#pragma once
// Private to classifier/: a JSON document and one's place in it, so that every complaint names the JSON pointer and the
// line.
#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace classifier {

// Unwinds inside classifier/; the public functions turn it into a Result.
struct Failure {
  std::string reason;                  // "expected one of …"
  std::optional<std::string> pointer;  // "/predictors/0/unit"; of the document "", nullopt when it is about no place
  std::optional<int> line;             // where known already
};

// Reads text as JSON; unlike nlohmann's own, refuses an object that has a key twice (the later one would win in
// silence) and nesting beyond 32.
[[nodiscard]] nlohmann::json parse_json(std::string_view text);

// The line, from 1, where the key or element that `pointer` names begins in text that parse_json() has read; 1 for the
// document.
[[nodiscard]] int line_of(std::string_view text, std::string_view pointer);

// A value of the document, which must outlive it. Every function refuses a value of another type by throwing Failure.
class Node {
 public:
  explicit Node(const nlohmann::json& value, std::string pointer = {}) : value_(value), pointer_(std::move(pointer)) {}

  [[noreturn]] void refuse(const std::string& reason) const;

  // An object with all of `required`, perhaps some of `optional`, and nothing else.
  void expect_keys(std::initializer_list<std::string_view> required,
                   std::initializer_list<std::string_view> optional = {}) const;
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] Node at(std::string_view key) const;  // refuses an object that has no such key
  [[nodiscard]] std::map<std::string, Node> members() const;
  [[nodiscard]] std::vector<Node> items() const;

  [[nodiscard]] bool is_null() const { return value_.get().is_null(); }
  [[nodiscard]] bool is_object() const { return value_.get().is_object(); }
  [[nodiscard]] double number() const;
  [[nodiscard]] int count() const;         // a whole number, 0 to 1,000,000
  [[nodiscard]] std::string text() const;  // not empty
  [[nodiscard]] std::string text_of(const std::vector<std::string_view>& allowed) const;
  [[nodiscard]] std::vector<std::string> texts() const;      // an array of texts, perhaps empty
  [[nodiscard]] std::vector<std::string> sentences() const;  // an array of texts, not empty
  [[nodiscard]] std::pair<double, double> range() const;     // [low, high] with low < high

 private:
  [[nodiscard]] Node child(const nlohmann::json& value, std::string_view key) const;
  std::reference_wrapper<const nlohmann::json> value_;
  std::string pointer_;
};

// "a, b, c" for messages.
template <class Texts>
[[nodiscard]] std::string listed(const Texts& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + std::string(text);
  return all;
}

}  // namespace classifier
