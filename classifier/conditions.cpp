#include "classifier/conditions.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "classifier/text.h"
#include "classifier/ticks.h"

namespace classifier {
namespace {

constexpr double kSameField_t = 0.25;  // 2.89 T is called 3 T

// How an exam stands to one condition: `met`, or a sentence that says what is otherwise or not known.
struct Standing {
  bool met = false, known = true;
  std::string sentence;
};
const Standing kMet{.met = true, .known = true, .sentence = {}};
Standing unknown(std::string sentence) { return {false, false, std::move(sentence)}; }
Standing otherwise(std::string sentence) { return {false, true, std::move(sentence)}; }

Standing field_strength(const Condition& condition, const Exam& exam) {
  if (!exam.field_strength_t) return unknown("the field strength of this exam is not known");
  std::string known;
  for (const double t : condition.values) {
    if (std::abs(t - *exam.field_strength_t) <= kSameField_t) return kMet;
    known += (known.empty() ? "" : " or ") + shortest(t);
  }
  return otherwise("this exam was acquired at " + readable(*exam.field_strength_t) + " T, the model was made at " +
                   known + " T");
}

Standing dose(const Condition& condition, const Exam& exam) {
  if (!exam.contrast_dose_mmol_per_kg) return unknown("the dose of the contrast agent is not known for this exam");
  const double given = *exam.contrast_dose_mmol_per_kg;
  if (given >= condition.low && given <= condition.high) return kMet;
  return otherwise("the contrast agent was given at " + readable(given) + " mmol/kg, the model holds for " +
                   range_text(condition.low, condition.high, "mmol/kg"));
}

Standing delay(const Condition& condition, const Exam& exam) {
  if (!exam.post_contrast_delay_s)
    return unknown("the time from the injection to the measurement after contrast is not known for this exam");
  const double waited = *exam.post_contrast_delay_s;
  if (waited >= condition.low && waited <= condition.high) return kMet;
  return otherwise("the measurement after contrast began " + shortest(std::round(waited)) +
                   " s after the injection, in the paper " + range_text(condition.low, condition.high, "s"));
}

const char* in_words(const std::string& lesion) { return lesion == "mass" ? "mass" : "non-mass enhancement"; }

Standing lesion_type(const Condition& condition, const Facts& facts, const Exam& exam) {
  const auto stated = facts.find("lesion");
  const std::string& lesion = exam.lesion.empty() && stated != facts.end() ? stated->second : exam.lesion;
  if (lesion == condition.lesion) return kMet;
  if (lesion != "mass" && lesion != "nme")
    return unknown("the type of the lesion, mass or non-mass enhancement, is not known");
  return otherwise(std::string("the lesion enhances as ") + in_words(lesion) + ", the paper measured " +
                   in_words(condition.lesion));
}

Standing diameter(const Condition& condition, const Exam& exam) {
  if (!exam.max_diameter_mm) return unknown("the largest diameter of the lesion is not known");
  if (*exam.max_diameter_mm >= condition.low) return kMet;
  return otherwise("the largest diameter is " + four_digits(*exam.max_diameter_mm) +
                   " mm, the paper measured lesions of " + shortest(condition.low) + " mm or more");
}

Standing standing(const Condition& condition, const Facts& facts, const Exam& exam) {
  switch (condition.of) {
    case Condition::Of::FieldStrength:
      return field_strength(condition, exam);
    case Condition::Of::ContrastDose:
      return dose(condition, exam);
    case Condition::Of::PostContrastDelay:
      return delay(condition, exam);
    case Condition::Of::Lesion:
      return lesion_type(condition, facts, exam);
    case Condition::Of::Diameter:
      return diameter(condition, exam);
    case Condition::Of::SingleLesion:
      return exam.multifocal ? otherwise("there is more than one lesion, the paper measured single ones") : kMet;
  }
  return kMet;
}

}  // namespace

Verdict check_conditions(const Model& model, const Facts& facts, const Exam& exam) {
  Verdict verdict;
  for (const Condition& condition : model.conditions) {
    const Standing found = standing(condition, facts, exam);
    if (found.met) continue;
    const std::string sentence = found.sentence + ": " + condition.why;
    if (!found.known || !condition.refuse) {
      verdict.flags.push_back(sentence);
    } else if (condition.affects.empty()) {
      verdict.refusals.push_back(sentence);
    } else {
      verdict.flags.push_back(sentence);
      for (const std::string& source : condition.affects) verdict.invalid.emplace(source, found.sentence);
    }
  }
  return verdict;
}

}  // namespace classifier
