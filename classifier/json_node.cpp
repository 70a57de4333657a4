#include "classifier/json_node.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace classifier {
namespace {

using nlohmann::json;

// RFC 6901: "~" and "/" inside a key are escaped.
std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

// "~1" and "~0" back to "/" and "~".
std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    out += escape ? (token[++i] == '1' ? '/' : '~') : token[i];
  }
  return out;
}

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    tokens.push_back(unescaped(pointer.substr(0, end)));
    pointer.remove_prefix(end);
  }
  return tokens;
}

std::string pointer_of(const std::vector<std::string>& path) {
  std::string pointer;
  for (const std::string& token : path) pointer += "/" + escaped(token);
  return pointer;
}

constexpr std::size_t kDeepest = 32;

// Goes through the text of a valid document once more and tells `visit` each key and each element with its line:
// nlohmann's document knows keys and values but not where they stood.
class Walk {
 public:
  using Visit = std::function<void(const std::vector<std::string>& path, int line)>;
  Walk(std::string_view text, Visit visit) : text_(text), visit_(std::move(visit)) {}

  void run() {
    for (at_ = 0; at_ < text_.size(); ++at_) step(text_[at_]);
  }

 private:
  struct Open {
    bool is_array = false;
    bool expects = true;  // the next token is a key, or begins an element
    std::size_t index = 0;
    std::set<std::string> keys;
  };

  void step(char c) {
    if (c == '\n') ++line_;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return;
    if (c == '}' || c == ']') return close();
    if (c == ',') return next();
    if (!open_.empty() && open_.back().is_array && open_.back().expects) begin_element();
    if (c == '"') return string();
    if (c == '{' || c == '[') open(c == '[');
  }
  void open(bool is_array) {
    if (open_.size() == kDeepest)
      throw Failure{"nested deeper than " + std::to_string(kDeepest), pointer_of(path_), line_};
    open_.push_back({.is_array = is_array, .keys = {}});
    path_.emplace_back();
  }
  void close() {
    open_.pop_back();
    path_.pop_back();
  }
  void next() {
    open_.back().expects = true;
    ++open_.back().index;
  }
  void begin_element() {
    open_.back().expects = false;
    path_.back() = std::to_string(open_.back().index);
    visit_(path_, line_);
  }
  void string() {
    const std::size_t begin = at_;
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    if (open_.empty() || open_.back().is_array || !open_.back().expects) return;
    open_.back().expects = false;
    path_.back() = json::parse(text_.substr(begin, at_ - begin + 1)).get<std::string>();
    if (!open_.back().keys.insert(path_.back()).second)
      throw Failure{"the key is there twice", pointer_of(path_), line_};
    visit_(path_, line_);
  }

  std::string_view text_;
  Visit visit_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<Open> open_;
  std::vector<std::string> path_;
};

int line_at(std::string_view text, std::size_t byte) {
  return 1 + static_cast<int>(std::ranges::count(text.substr(0, byte), '\n'));
}

}  // namespace

json parse_json(std::string_view text) {
  // nlohmann takes a null byte for the end of the text, and would never look at what follows.
  if (const std::size_t null = text.find('\0'); null != std::string_view::npos)
    throw Failure{"not JSON: a null byte", std::nullopt, line_at(text, null)};
  try {
    json document = json::parse(text);
    Walk(text, [](const auto&, int) {}).run();
    return document;
  } catch (const json::parse_error& e) {
    throw Failure{std::string("not JSON: ") + e.what(), std::nullopt, line_at(text, e.byte)};
  } catch (const json::exception& e) {
    throw Failure{std::string("not JSON: ") + e.what(), std::nullopt, std::nullopt};
  }
}

int line_of(std::string_view text, std::string_view pointer) {
  const std::vector<std::string> wanted = tokens_of(pointer);
  int found = 1;
  Walk(text, [&](const std::vector<std::string>& path, int line) {
    if (path == wanted) found = line;
  }).run();
  return found;
}

void Node::refuse(const std::string& reason) const { throw Failure{reason, pointer_, std::nullopt}; }

Node Node::child(const json& value, std::string_view key) const { return Node(value, pointer_ + "/" + escaped(key)); }

void Node::expect_keys(std::initializer_list<std::string_view> required,
                       std::initializer_list<std::string_view> optional) const {
  for (const auto& [key, node] : members()) {
    const bool known = std::ranges::count(required, key) + std::ranges::count(optional, key) > 0;
    if (!known) node.refuse("unknown key");
  }
  for (const std::string_view key : required)
    if (!has(key)) refuse("\"" + std::string(key) + "\" is missing");
}

bool Node::has(std::string_view key) const { return value_.get().contains(key); }

Node Node::at(std::string_view key) const {
  if (!has(key)) refuse("\"" + std::string(key) + "\" is missing");
  return child(value_.get().at(std::string(key)), key);
}

std::map<std::string, Node> Node::members() const {
  if (!value_.get().is_object()) refuse("expected an object");
  std::map<std::string, Node> all;
  for (const auto& [key, value] : value_.get().items()) all.emplace(key, child(value, key));
  return all;
}

std::vector<Node> Node::items() const {
  if (!value_.get().is_array()) refuse("expected an array");
  std::vector<Node> all;
  for (const json& value : value_.get()) all.push_back(child(value, std::to_string(all.size())));
  return all;
}

double Node::number() const {
  if (!value_.get().is_number()) refuse("expected a number");
  const double number = value_.get().get<double>();
  if (!std::isfinite(number)) refuse("expected a finite number");
  return number;
}

int Node::count() const {
  if (!value_.get().is_number_integer()) refuse("expected a whole number");
  const double number = value_.get().get<double>();
  if (number < 0 || number > 1e6) refuse("expected 0 to 1000000");
  return static_cast<int>(number);
}

std::string Node::text() const {
  if (!value_.get().is_string()) refuse("expected a text");
  std::string text = value_.get().get<std::string>();
  if (text.empty()) refuse("expected a text that is not empty");
  return text;
}

std::string Node::text_of(const std::vector<std::string_view>& allowed) const {
  std::string found = text();
  if (std::ranges::count(allowed, found) == 0) refuse("expected one of " + listed(allowed));
  return found;
}

std::vector<std::string> Node::texts() const {
  std::vector<std::string> all;
  for (const Node& item : items()) all.push_back(item.text());
  return all;
}

std::vector<std::string> Node::sentences() const {
  std::vector<std::string> all = texts();
  if (all.empty()) refuse("expected one sentence or more");
  return all;
}

std::pair<double, double> Node::range() const {
  const std::vector<Node> ends = items();
  if (ends.size() != 2) refuse("expected [low, high]");
  const std::pair range{ends[0].number(), ends[1].number()};
  if (range.first >= range.second) refuse("expected low < high");
  return range;
}

}  // namespace classifier
