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

// Follows the parser through the document and notices a key that its object has already.
class DuplicateKeys {
 public:
  bool operator()(int, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        open_.emplace_back();
        break;
      case json::parse_event_t::object_end:
        open_.pop_back();
        break;
      case json::parse_event_t::key:
        add(parsed.get<std::string>());
        break;
      default:
        break;
    }
    return true;
  }

 private:
  struct Object {
    std::set<std::string> keys;
    std::string last;
  };
  void add(std::string key) {
    open_.back().last = key;
    if (!open_.back().keys.insert(std::move(key)).second) throw Failure{where() + ": the key is there twice"};
  }
  // Arrays are left out: the parser does not tell its callback how many elements came before.
  [[nodiscard]] std::string where() const {
    std::string pointer;
    for (const Object& object : open_) pointer += "/" + escaped(object.last);
    return pointer;
  }
  std::vector<Object> open_;
};

}  // namespace

json parse_json(std::string_view text) {
  try {
    DuplicateKeys duplicates;
    return json::parse(text, std::ref(duplicates));
  } catch (const json::exception& e) {
    throw Failure{std::string("not JSON: ") + e.what()};
  }
}

void Node::refuse(const std::string& reason) const {
  throw Failure{(pointer_.empty() ? "/" : pointer_) + ": " + reason};
}

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

Node Node::at(std::string_view key) const { return child(value_.get().at(std::string(key)), key); }

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

std::string Node::text_of(std::initializer_list<std::string_view> allowed) const {
  std::string found = text();
  if (std::ranges::count(allowed, found) == 0) refuse("expected one of " + listed(allowed));
  return found;
}

std::vector<std::string> Node::texts() const {
  std::vector<std::string> all;
  for (const Node& item : items()) all.push_back(item.text());
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
