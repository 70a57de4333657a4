#include "dicom/input/contrast.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <string>

namespace dicom {
namespace {

struct Piece {
  Contrast says = Contrast::Unknown;
  std::string sentence;
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if ((!letter || c == '+') && !words.back().empty()) words.emplace_back();
    if (letter || c == '+') words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return words;
}

bool any_of(const std::vector<std::string>& words, std::span<const std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
  });
}

// The same answer of every image, else Unknown.
template <class Ask>
Contrast unanimous(const Acquisition& acquisition, const Ask& ask) {
  std::set<Contrast> answers;
  for (const std::size_t i : acquisition.instances) answers.insert(ask(i));
  return answers.size() == 1 ? *answers.begin() : Contrast::Unknown;
}

Piece by_bolus_start(const Acquisition& acquisition, std::span<const Instance> instances) {
  const Contrast says = unanimous(acquisition, [&](std::size_t i) {
    if (!instances[i].contrast_start_s || !instances[i].acquisition_time_s) return Contrast::Unknown;
    return *instances[i].contrast_start_s > *instances[i].acquisition_time_s ? Contrast::Before : Contrast::After;
  });
  return {says, says == Contrast::Before ? "It was acquired before the start of the contrast bolus in the header."
                                         : "It was acquired after the start of the contrast bolus in the header."};
}

enum class Agent { Named, Absent, Mixed };

Agent agent_of(const Acquisition& acquisition, std::span<const Instance> instances) {
  const auto named = std::count_if(acquisition.instances.begin(), acquisition.instances.end(),
                                   [&](std::size_t i) { return instances[i].contrast_agent; });
  if (named == 0) return Agent::Absent;
  return static_cast<std::size_t>(named) == acquisition.instances.size() ? Agent::Named : Agent::Mixed;
}

// An agent that is named proves an injection at some time, its absence proves nothing: only the difference between two
// sets tells.
Piece by_agent(const Acquisition& acquisition, const std::vector<Acquisition>& siblings,
               std::span<const Instance> instances) {
  const Agent own = agent_of(acquisition, instances);
  const auto some = [&](Agent wanted) {
    return std::any_of(siblings.begin(), siblings.end(),
                       [&](const Acquisition& other) { return agent_of(other, instances) == wanted; });
  };
  if (own == Agent::Named && some(Agent::Absent))
    return {Contrast::After,
            "Its header names a contrast agent; another set with the same protocol and geometry names none."};
  if (own == Agent::Absent && some(Agent::Named))
    return {Contrast::Before,
            "Its header names no contrast agent; another set with the same protocol and geometry names one."};
  return {};
}

Piece by_words(const Acquisition& acquisition, std::span<const Instance> instances) {
  const Contrast says = unanimous(acquisition, [&](std::size_t i) {
    return contrast_in_words(instances[i].series_description + " / " + instances[i].protocol_name);
  });
  return {says, says == Contrast::Before
                    ? "The series description says that it was acquired before the contrast agent."
                    : "The series description says that it was acquired after the contrast agent."};
}

std::vector<double> axes_of(const Acquisition& acquisition) {
  std::vector<double> axes;
  for (const Volume& volume : acquisition.volumes) axes.push_back(volume.axis);
  return axes;
}

bool same_axes(const Acquisition& a, const Acquisition& b) {
  const std::vector<double> left = axes_of(a), right = axes_of(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](double x, double y) { return std::abs(x - y) <= 0.01 * std::max(1.0, y); });
}

Piece by_order(const Acquisition& acquisition, const std::vector<Acquisition>& siblings) {
  if (siblings.size() != 2 || !same_axes(siblings[0], siblings[1])) return {};
  const Acquisition& other = &acquisition == &siblings[0] ? siblings[1] : siblings[0];
  if (!acquisition.time_s || !other.time_s || *acquisition.time_s == *other.time_s) return {};
  if (*acquisition.time_s < *other.time_s)
    return {Contrast::Before, "It is the first of two sets with the same protocol."};
  return {Contrast::After, "It is the second of two sets with the same protocol."};
}

void judge(Acquisition& acquisition, const std::vector<Piece>& pieces) {
  std::size_t before = 0, after = 0;
  for (const Piece& piece : pieces) {
    if (piece.says == Contrast::Unknown) continue;
    acquisition.evidence.push_back(piece.sentence);
    ++(piece.says == Contrast::Before ? before : after);
  }
  if (before > 0 && after > 0) {
    acquisition.evidence.emplace_back("These contradict each other: before or after contrast is unknown.");
  } else if (before + after == 1) {
    acquisition.evidence.emplace_back("One piece of evidence is not enough: before or after contrast is unknown.");
  } else if (before + after >= 2) {
    acquisition.contrast = before > 0 ? Contrast::Before : Contrast::After;
  } else {
    acquisition.evidence.emplace_back("Nothing tells whether it was acquired before or after a contrast agent.");
  }
}

}  // namespace

Contrast contrast_in_words(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kBefore{"pre",         "native",  "nativ", "nativo", "before",
                                                            "precontrast", "without", "ohne",  "non",    "noncontrast"};
  static constexpr std::array<std::string_view, 4> kAfter{"post", "after", "postcontrast", "+c"};
  static constexpr std::array<std::string_view, 4> kAgent{"gd", "km", "contrast",
                                                          "+gd"};  // "pre contrast" is before: asked last
  const std::vector<std::string> words = words_of(text);
  const bool before = any_of(words, kBefore), after = any_of(words, kAfter);
  if (before && after) return Contrast::Unknown;
  if (before) return Contrast::Before;
  return after || any_of(words, kAgent) ? Contrast::After : Contrast::Unknown;
}

void judge_contrast(std::vector<Acquisition>& siblings, std::span<const Instance> instances) {
  for (Acquisition& acquisition : siblings)
    judge(acquisition, {by_bolus_start(acquisition, instances), by_agent(acquisition, siblings, instances),
                        by_words(acquisition, instances), by_order(acquisition, siblings)});
}

}  // namespace dicom
