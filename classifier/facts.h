#pragma once
// What images do not hold and a person has to say: the vocabulary of facts about a lesion. Models name their facts by
// it, `herald clinical set`, HTTP and incoming reports answer in its words, and the evaluation maps words to the levels
// of a model by name, never by number: papers count enhancement patterns in different orders.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "classifier/result.h"

namespace classifier {

struct Fact {
  std::string name;                                          // "er"
  std::string title;                                         // as a person reads it: "oestrogen receptor"
  std::vector<std::pair<std::string, std::string>> answers;  // word, as a person reads it; empty: a number
  std::string unit{};                                        // UCUM, of a number
  double low = 0, high = 0;                                  // a number lies in [low, high]
  [[nodiscard]] bool is_number() const { return answers.empty(); }
};

// All facts, in the order in which they are asked for.
[[nodiscard]] const std::vector<Fact>& facts();

// nullptr when there is no such fact. The result lives as long as the program.
[[nodiscard]] const Fact* find_fact(std::string_view name);

// The canonical word ("pos") or number ("22.5"; a percent sign after it is understood). White space around the text and
// capital letters do not matter. Anything else is an Error that lists what is allowed.
[[nodiscard]] Result<std::string> read_answer(const Fact& fact, std::string_view text);

}  // namespace classifier
