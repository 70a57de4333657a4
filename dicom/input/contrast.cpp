#include "dicom/input/contrast.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>
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

bool is_any(const std::string& word, std::span<const std::string_view> wanted) {
  return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
}

bool any_of(const std::vector<std::string>& words, std::span<const std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return is_any(word, wanted); });
}

// One of `first` with one of `second` right after it.
bool any_pair(const std::vector<std::string>& words, std::span<const std::string_view> first,
              std::span<const std::string_view> second) {
  return std::adjacent_find(words.begin(), words.end(), [&](const std::string& a, const std::string& b) {
           return is_any(a, first) && is_any(b, second);
         }) != words.end();
}

// What a "non" or "without" denies may be something else: "non_fs" is without fat saturation.
bool agent_denied(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 10> kNot{"non",  "no",   "not",   "without", "wo", "o",
                                                         "ohne", "sans", "senza", "sin"};  // "w/o" is two words
  static constexpr std::array<std::string_view, 6> kDenied{"contrast", "gd", "km", "ce", "kontrast", "enhanced"};
  return any_pair(words, kNot, kDenied);
}

// A bare "contrast" may be the phase contrast or the contrast of the image.
bool contrast_affirmed(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 2> kYes{"+", "with"};  // "post" and "after" need no company
  static constexpr std::array<std::string_view, 1> kContrast{"contrast"};
  return any_pair(words, kYes, kContrast);
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
Piece by_agent(const Acquisition& acquisition, std::span<const Acquisition> siblings,
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

Contrast words_say(const Instance& instance) {
  return contrast_in_words(instance.series_description + " / " + instance.protocol_name);
}

Piece by_words(const Acquisition& acquisition, std::span<const Instance> instances) {
  const Contrast says = unanimous(acquisition, [&](std::size_t i) { return words_say(instances[i]); });
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

Piece by_order(const Acquisition& acquisition, std::span<const Acquisition> siblings) {
  if (siblings.size() != 2 || !same_axes(siblings[0], siblings[1])) return {};
  const Acquisition& other = &acquisition == &siblings[0] ? siblings[1] : siblings[0];
  if (!acquisition.time_s || !other.time_s || *acquisition.time_s == *other.time_s) return {};
  if (*acquisition.time_s < *other.time_s)
    return {Contrast::Before, "It is the first of two sets with the same protocol."};
  return {Contrast::After, "It is the second of two sets with the same protocol."};
}

// A dynamic series whose headers name the agent contains the injection: what ended before its first phase was acquired
// before it, what began after its last phase, after.
Piece by_dynamic(const Acquisition& acquisition, std::span<const Acquisition> dynamic,
                 std::span<const Instance> instances) {
  if (!acquisition.time_s) return {};
  double last_s = *acquisition.time_s;
  for (const std::size_t i : acquisition.instances)
    last_s = std::max(last_s, instances[i].acquisition_time_s.value_or(last_s));
  std::set<Contrast> answers;  // of every such series: an exam may have a test run
  for (const Acquisition& series : dynamic) {
    if (!series.contrast_given || !series.time_s || !series.fits()) continue;
    const double end_s = *series.time_s + series.volumes.back().axis;
    answers.insert(last_s < *series.time_s       ? Contrast::Before
                   : *acquisition.time_s > end_s ? Contrast::After
                                                 : Contrast::Unknown);
  }
  if (answers == std::set{Contrast::Before}) return {Contrast::Before, "It was acquired before the dynamic series."};
  if (answers == std::set{Contrast::After}) return {Contrast::After, "It was acquired after the dynamic series."};
  return {};
}

// --- both sides of the injection in one set ---

// Images that name no start of the bolus, as those before the injection do, are held against the one the others name.
bool across_bolus_start(const Acquisition& acquisition, std::span<const Instance> instances) {
  std::optional<double> start_s;
  for (const std::size_t i : acquisition.instances)
    if (const auto own = instances[i].contrast_start_s) start_s = std::min(start_s.value_or(*own), *own);
  if (!start_s) return false;
  std::set<bool> before;
  for (const std::size_t i : acquisition.instances)
    if (const auto time = instances[i].acquisition_time_s)
      before.insert(instances[i].contrast_start_s.value_or(*start_s) > *time);
  return before.size() > 1;
}

bool described_as_both(const Acquisition& acquisition, std::span<const Instance> instances) {
  std::set<Contrast> answers;
  for (const std::size_t i : acquisition.instances) answers.insert(words_say(instances[i]));
  return answers.count(Contrast::Before) > 0 && answers.count(Contrast::After) > 0;
}

bool straddles(const Acquisition& acquisition, std::span<const Acquisition> dynamic,
               std::span<const Instance> instances) {
  return std::any_of(dynamic.begin(), dynamic.end(), [&](const Acquisition& series) {
    if (!series.contrast_given || !series.time_s || !series.fits()) return false;
    std::set<bool> before;
    for (const std::size_t i : acquisition.instances)
      if (const auto time = instances[i].acquisition_time_s) before.insert(*time < *series.time_s);
    return before.size() > 1;
  });
}

// Pre-contrast and post-contrast flip angles that complement each other look like one set: what shows that they are
// none; empty where nothing does.
std::string mixture(const Acquisition& acquisition, std::span<const Acquisition> dynamic,
                    std::span<const Instance> instances) {
  if (straddles(acquisition, dynamic, instances))
    return "Some of its images were acquired before the dynamic series, others after it.";
  if (across_bolus_start(acquisition, instances))
    return "Its images were acquired on both sides of the start of the contrast bolus in the header.";
  if (agent_of(acquisition, instances) == Agent::Mixed)
    return "Some of its headers name a contrast agent, others name none.";
  if (described_as_both(acquisition, instances))
    return "Some of its series descriptions say before the contrast agent, others after it.";
  return {};
}

void refuse(Acquisition& acquisition, std::string evidence) {
  acquisition.evidence.push_back(std::move(evidence));
  acquisition.echoes_agree = acquisition.images_agree = false;
  if (acquisition.problem.empty()) acquisition.problem = "it mixes images from before and after contrast";
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
  static constexpr std::array<std::string_view, 9> kBefore{"pre", "native", "nativ",       "nativo",     "before",
                                                           "vor", "avant",  "precontrast", "noncontrast"};
  static constexpr std::array<std::string_view, 5> kAfter{"post", "after", "postcontrast", "+c", "+contrast"};
  static constexpr std::array<std::string_view, 3> kAgent{"gd", "km", "+gd"};  // "pre gd" is before: asked last
  const std::vector<std::string> words = words_of(text);
  const bool before = any_of(words, kBefore) || agent_denied(words);
  const bool after = any_of(words, kAfter) || contrast_affirmed(words);
  if (before && after) return Contrast::Unknown;
  if (before) return Contrast::Before;
  return after || any_of(words, kAgent) ? Contrast::After : Contrast::Unknown;
}

void judge_contrast(std::span<Acquisition> siblings, std::span<const Acquisition> dynamic,
                    std::span<const Instance> instances) {
  for (Acquisition& acquisition : siblings) {
    if (std::string evidence = mixture(acquisition, dynamic, instances); !evidence.empty())
      refuse(acquisition, std::move(evidence));
    else
      judge(acquisition, {by_bolus_start(acquisition, instances), by_agent(acquisition, siblings, instances),
                          by_dynamic(acquisition, dynamic, instances), by_words(acquisition, instances),
                          by_order(acquisition, siblings)});
  }
}

}  // namespace dicom
