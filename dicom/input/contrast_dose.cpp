#include "dicom/input/contrast_dose.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <set>
#include <string_view>
#include <vector>

#include "dicom/input/functional_groups.h"
#include "fitting/text.h"

namespace dicom {
namespace {

using fitting::text;

constexpr double kGadolinium_g_per_mol = 157.25;
constexpr double kSmallestVolume_ml = 1, kLargestVolume_ml = 60, kSmallestWeight_kg = 25, kLargestWeight_kg = 250,
                 kSmallestDose = 0.01, kLargestDose = 0.5;
constexpr double kSameNumber = 0.03;
constexpr std::array kMolarities{0.25, 0.5, 1.0};  // of the agents on the market, mmol/ml
constexpr std::size_t kLongestName = 128;

// As the labels print them. mg/ml are those of the salt and, where labels have it too, of the acid.
struct Agent {
  const char* name;
  double mmol_per_ml;
  std::vector<std::string_view> words;  // lower case, letters and digits only
  std::vector<double> mg_per_ml;
};

const std::vector<Agent>& agents() {
  static const std::vector<Agent> kAgents{
      {"gadoterate", 0.5, {"gadoterate", "gadoteric", "dotarem", "clariscan", "gddota"}, {376.9, 279.3}},
      {"gadobutrol", 1.0, {"gadobutrol", "gadovist", "gadavist"}, {604.72}},
      {"gadopentetate", 0.5, {"gadopentetate", "gadopentetic", "magnevist", "gddtpa"}, {469.01}},
      {"gadoteridol", 0.5, {"gadoteridol", "prohance"}, {279.3}},
      {"gadobenate", 0.5, {"gadobenate", "gadobenic", "multihance", "gdbopta"}, {529, 334}},
      {"gadodiamide", 0.5, {"gadodiamide", "omniscan", "gddtpabma"}, {287}},
      {"gadoxetate", 0.25, {"gadoxetate", "gadoxetic", "primovist", "eovist", "gdeobdtpa"}, {181.43}},
      {"gadopiclenol", 0.5, {"gadopiclenol", "elucirem", "vueway"}, {485.1}},
  };
  return kAgents;
}

bool same(double a, double b) { return std::abs(a - b) <= kSameNumber * b; }

std::string letters_of(const std::string& value) {
  std::string letters;
  for (const char c : value.substr(0, kLongestName))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      letters.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return letters;
}

// Every text that may name the agent.
std::vector<std::string> names_of(DcmItem& item) {
  std::vector<std::string> names{letters_of(dicom::text(item, DCM_ContrastBolusAgent)),
                                 letters_of(dicom::text(item, DCM_ContrastBolusIngredient))};
  if (DcmItem* coded = first_item(item, DCM_ContrastBolusAgentSequence))
    names.push_back(letters_of(dicom::text(*coded, DCM_CodeMeaning)));
  return names;
}

struct Match {
  const Agent* agent;
  std::string_view word;
};

// The agents whose words are in `name`, but for words within longer ones: "gddtpabma" is no "gddtpa".
std::vector<Match> matches_in(const std::string& name) {
  std::vector<Match> all;
  for (const Agent& agent : agents())
    for (const std::string_view word : agent.words)
      if (name.find(word) != std::string::npos) all.push_back({&agent, word});
  std::vector<Match> outer;
  std::ranges::copy_if(all, std::back_inserter(outer), [&](const Match& match) {
    return std::ranges::none_of(all, [&](const Match& other) {
      return other.word != match.word && other.word.find(match.word) != std::string_view::npos;
    });
  });
  return outer;
}

std::set<const Agent*> agents_named(const std::vector<std::string>& names) {
  std::set<const Agent*> found;
  for (const std::string& name : names)
    for (const Match& match : matches_in(name)) found.insert(match.agent);
  return found;
}

struct Known {
  std::optional<double> value;
  std::string how;  // or why not
};

// A site may have entered mmol/ml or mmol/l.
bool fits(const Agent& agent, double concentration) {
  return same(concentration, agent.mmol_per_ml) || same(concentration, 1000 * agent.mmol_per_ml) ||
         same(concentration, kGadolinium_g_per_mol * agent.mmol_per_ml) ||
         std::ranges::any_of(agent.mg_per_ml, [&](double mg) { return same(concentration, mg); });
}

bool is_gadolinium(const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [](const std::string& name) { return name == "gadolinium" || name == "gd"; });
}

Known molarity_of_gadolinium(double mg_per_ml) {
  const double found = mg_per_ml / kGadolinium_g_per_mol;
  for (const double molarity : kMolarities)
    if (same(found, molarity)) return {molarity, text("%g mg of gadolinium per ml (%g mmol/ml)", mg_per_ml, molarity)};
  return {{}, text("its concentration of %g mg/ml is that of no gadolinium agent", mg_per_ml)};
}

Known molarity(DcmItem& item) {
  const std::vector<std::string> names = names_of(item);
  const std::set<const Agent*> named = agents_named(names);
  const auto concentration = number(item, DCM_ContrastBolusIngredientConcentration);
  const bool given = concentration && *concentration > 0 && std::isfinite(*concentration);
  if (named.size() > 1) return {{}, "the header names several contrast agents"};
  if (named.size() == 1) {
    const Agent& agent = **named.begin();
    const std::string how = std::string(agent.name) + text(" (%g mmol/ml)", agent.mmol_per_ml);
    if (given && !fits(agent, *concentration))
      return {{}, text("its concentration of %g is not that of ", *concentration) + how};
    return {agent.mmol_per_ml, how};
  }
  if (given && is_gadolinium(names)) return molarity_of_gadolinium(*concentration);
  return {{}, "the contrast agent is not one whose concentration is known"};
}

Known volume(DcmItem& item) {
  const auto injected = number(item, DCM_ContrastBolusVolume), total = number(item, DCM_ContrastBolusTotalDose);
  const bool has_injected = injected && *injected > 0, has_total = total && *total > 0;
  if (!has_injected && !has_total) return {{}, "the header tells no volume of contrast agent"};
  const double ml = has_total ? *total : *injected;
  if (!(ml >= kSmallestVolume_ml && ml <= kLargestVolume_ml))
    return {{}, text("a volume of %g ml of contrast agent is not plausible", ml)};
  if (has_total && has_injected && *total > *injected * (1 + kSameNumber))
    return {{}, text("the total dose of %g ml is more than the volume of %g ml that was injected", *total, *injected)};
  return {ml, text("%g ml of ", ml)};
}

}  // namespace

ContrastDose contrast_dose(DcmItem& item) {
  const Known ml = volume(item);
  if (!ml.value) return {{}, ml.how};
  const Known mmol_per_ml = molarity(item);
  if (!mmol_per_ml.value) return {{}, mmol_per_ml.how};
  const auto weight = number(item, DCM_PatientWeight);
  if (!weight || !(*weight > 0)) return {{}, "the header does not tell the weight of the patient"};
  if (!(*weight >= kSmallestWeight_kg && *weight <= kLargestWeight_kg))
    return {{}, "the weight of the patient in the header is not plausible"};
  const double dose = *ml.value * *mmol_per_ml.value / *weight;
  if (!(dose >= kSmallestDose && dose <= kLargestDose))
    return {{}, text("volume, agent and weight give %.3g mmol/kg, which is not plausible", dose)};
  return {dose, ml.how + mmol_per_ml.how + " over the weight of the patient"};
}

}  // namespace dicom
