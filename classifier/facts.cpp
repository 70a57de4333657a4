#include "classifier/facts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "classifier/text.h"

namespace classifier {
namespace {

std::string trimmed_lower(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  std::string lower(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
  // ASCII only, whatever the locale.
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<double> read_number(std::string_view text) {
  if (text.ends_with('%')) text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::string allowed(const Fact& fact) {
  if (fact.is_number()) return "a number, " + range_text(fact.low, fact.high, fact.unit);
  std::string all;
  for (const auto& [word, meaning] : fact.answers) all += (all.empty() ? "" : ", ") + word;
  return "one of " + all;
}

Result<std::string> refused(const Fact& fact) {
  return tl::unexpected(Error{fact.name + ": expected " + allowed(fact)});
}

}  // namespace

const std::vector<Fact>& facts() {
  using Answers = std::vector<std::pair<std::string, std::string>>;
  static const Answers kNegativePositive{{"neg", "negative (<1 % of nuclei)"}, {"pos", "positive (>=1 % of nuclei)"}};
  static const Answers kNoYes{{"no", "no"}, {"yes", "yes"}};
  static const std::vector<Fact> kFacts{
      {.name = "er", .title = "oestrogen receptor", .answers = kNegativePositive},
      {.name = "pr", .title = "progesterone receptor", .answers = kNegativePositive},
      {.name = "ki67", .title = "Ki-67", .answers = {}, .unit = "%", .low = 0, .high = 100},
      {.name = "lesion", .title = "type of lesion", .answers = {{"mass", "mass"}, {"nme", "non-mass enhancement"}}},
      {.name = "shape",
       .title = "shape of the mass",
       .answers = {{"round", "round"}, {"oval", "oval"}, {"irregular", "irregular"}}},
      {.name = "margin",
       .title = "margin of the mass",
       .answers = {{"circumscribed", "circumscribed"}, {"irregular", "irregular"}, {"spiculated", "spiculated"}}},
      {.name = "t2_hyperintense", .title = "intratumoral T2 hyperintensity", .answers = kNoYes},
      {.name = "oedema", .title = "peritumoral oedema", .answers = kNoYes},
      {.name = "enhancement",
       .title = "internal enhancement pattern",
       .answers = {{"homogeneous", "homogeneous"}, {"heterogeneous", "heterogeneous"}, {"rim", "rim enhancement"}}},
      {.name = "tic",
       .title = "time-intensity curve",
       .answers = {{"persistent", "I, persistent"}, {"plateau", "II, plateau"}, {"washout", "III, washout"}}},
  };
  return kFacts;
}

const Fact* find_fact(std::string_view name) {
  const auto found = std::ranges::find(facts(), name, &Fact::name);
  return found == facts().end() ? nullptr : &*found;
}

Result<std::string> read_answer(const Fact& fact, std::string_view text) {
  const std::string said = trimmed_lower(text);
  if (fact.is_number()) {
    const auto number = read_number(said);
    if (!number || *number < fact.low || *number > fact.high) return refused(fact);
    return shortest(*number);
  }
  const bool known = std::ranges::any_of(fact.answers, [&](const auto& answer) { return answer.first == said; });
  if (!known) return refused(fact);
  return said;
}

}  // namespace classifier
