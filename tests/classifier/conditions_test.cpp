// An exam held against what the papers measured: the dose, the field, the lesion.
#include <gmock/gmock.h>

#include "tests/classifier/models.h"

namespace {

using classifier::Evaluation;
using classifier::Exam;
using classifier::Model;
using classifier::Values;
using classifier_test::asked;
using classifier_test::zhang;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// The exam that Zhang's paper describes; the means of its HER2-positive group.
const Exam kAsInThePaper{.field_strength_t = 3,
                         .post_contrast_delay_s = 580,
                         .contrast_dose_mmol_per_kg = 0.2,
                         .max_diameter_mm = 25,
                         .lesion = "mass"};
const Values kZhang{{"T2star", {53.233, "ms", ""}},
                    {"T1_post", {580.93, "ms", ""}},
                    {"dT1", {1207.7, "ms", ""}},
                    {"dT1_pre", {0.669, "1", ""}}};

Exam with(const std::function<void(Exam&)>& change) {
  Exam exam = kAsInThePaper;
  change(exam);
  return exam;
}

Evaluation symri(const Exam& exam, const classifier::Facts& facts = {{"enhancement", "rim"}}) {
  static const Model kModel = classifier_test::symri_literal();
  return evaluate(kModel, asked(kModel, kModel.worked[0].inputs).values, facts, exam);
}

TEST(Conditions, AreSilentAboutAnExamLikeThePapers) {
  const Model model = zhang();
  const Evaluation evaluation = evaluate(model, kZhang, {{"er", "neg"}, {"pr", "neg"}}, kAsInThePaper);
  EXPECT_THAT(evaluation.refusals, IsEmpty());
  EXPECT_THAT(evaluation.branches, SizeIs(1));
  EXPECT_THAT(evaluation.cutoffs, SizeIs(6));
  for (const char* doubt : {"this exam", "of the lesion", "no cut-off applied", "the paper gave", "extrapolation"})
    EXPECT_THAT(evaluation.flags, Not(Contains(HasSubstr(doubt)))) << doubt;
}

TEST(Conditions, OfTheDoseLeaveWhatDoesNotRestOnIt) {
  const Model model = zhang();
  const Evaluation half =
      evaluate(model, kZhang, {{"er", "neg"}}, with([](Exam& e) { e.contrast_dose_mmol_per_kg = 0.1; }));
  EXPECT_THAT(half.branches, IsEmpty());
  EXPECT_THAT(half.refusals, ElementsAre("T1_post: the contrast agent was given at 0.1 mmol/kg, the model holds for "
                                         "0.18 to 0.22 mmol/kg"));
  std::vector<std::string> applied;
  for (const auto& side : half.cutoffs) applied.push_back(side.cutoff->on);
  EXPECT_THAT(applied, ElementsAre("T2star", "ER"));
  EXPECT_THAT(half.flags, Contains(HasSubstr("twice the usual dose; T1 after contrast follows the concentration")));
  EXPECT_THAT(half.flags, Contains(HasSubstr("dT1 (T1_pre - T1_post): no cut-off applied: the contrast agent was")));
}

TEST(Conditions, OfADoseThatNobodyKnowsAreFlagged) {
  const Model model = zhang();
  const Evaluation evaluation =
      evaluate(model, kZhang, {{"er", "neg"}}, with([](Exam& e) { e.contrast_dose_mmol_per_kg.reset(); }));
  EXPECT_THAT(evaluation.branches, SizeIs(1));
  EXPECT_THAT(evaluation.flags,
              Contains(HasSubstr("dose of the contrast agent is not known for this exam: The paper")));
}

// Relaxation times depend on the field: at 1.5 T the numbers of a 3 T model mean nothing.
TEST(Conditions, RefuseAnExamOfAnotherFieldStrength) {
  const Model model = zhang();
  const Evaluation other = evaluate(model, kZhang, {}, with([](Exam& e) { e.field_strength_t = 1.5; }));
  EXPECT_THAT(other.branches, IsEmpty());
  EXPECT_THAT(other.cutoffs, IsEmpty());
  EXPECT_THAT(other.refusals, ElementsAre(HasSubstr("acquired at 1.5 T, the model was made at 3 T: T1, T2* and")));
  const Evaluation same = evaluate(model, kZhang, {}, with([](Exam& e) { e.field_strength_t = 2.89; }));
  EXPECT_THAT(same.branches, SizeIs(2));
}

TEST(Conditions, SayWhatTheExamDoesNotSay) {
  const Model model = zhang();
  const Evaluation evaluation = evaluate(model, kZhang);
  EXPECT_THAT(evaluation.branches, SizeIs(2));
  EXPECT_THAT(evaluation.flags, Contains(HasSubstr("the field strength of this exam is not known: ")));
  EXPECT_THAT(evaluation.flags,
              Contains(HasSubstr("the time from the injection to the measurement after contrast is")));
  EXPECT_THAT(evaluation.flags, Contains(HasSubstr("the type of the lesion, mass or non-mass enhancement, is not")));
}

TEST(Conditions, FlagAMeasurementTooLateAfterTheInjection) {
  const Model model = zhang();
  const Evaluation late = evaluate(model, kZhang, {}, with([](Exam& e) { e.post_contrast_delay_s = 900; }));
  EXPECT_THAT(late.branches, SizeIs(2));
  EXPECT_THAT(late.flags, Contains(HasSubstr("900 s after the injection, in the paper 520 to 640 s: The paper")));
}

TEST(Conditions, RefuseALesionBelowTheSmallestOfThePaper) {
  EXPECT_THAT(symri(kAsInThePaper).branches, SizeIs(1));
  EXPECT_THAT(symri(with([](Exam& e) { e.max_diameter_mm = 10; })).branches, SizeIs(1));
  const Evaluation small = symri(with([](Exam& e) { e.max_diameter_mm = 8; }));
  EXPECT_THAT(small.branches, IsEmpty());
  EXPECT_THAT(small.refusals,
              ElementsAre(HasSubstr("largest diameter is 8.000 mm, the paper measured lesions of 10 mm or more: ")));
}

TEST(Conditions, KnowMassesFromNonMassEnhancement) {
  const Evaluation nme = symri(with([](Exam& e) { e.lesion = "nme"; }));
  EXPECT_THAT(nme.branches, IsEmpty());
  EXPECT_THAT(nme.refusals, ElementsAre(HasSubstr("lesion enhances as non-mass enhancement, the paper measured mass")));

  const Evaluation stated = symri(with([](Exam& e) { e.lesion.clear(); }), {{"lesion", "nme"}});
  EXPECT_THAT(stated.refusals, SizeIs(1)) << "a fact says what the exam does not";

  const Evaluation unknown = symri(with([](Exam& e) { e.lesion.clear(); }));
  EXPECT_THAT(unknown.branches, SizeIs(1)) << "not known is a doubt, not a refusal";
  EXPECT_THAT(unknown.flags, Contains(HasSubstr("type of the lesion")));

  const Model zhang_model = zhang();
  const Evaluation flagged = evaluate(zhang_model, kZhang, {}, with([](Exam& e) { e.lesion = "nme"; }));
  EXPECT_THAT(flagged.branches, SizeIs(2));
  EXPECT_THAT(flagged.flags, Contains(HasSubstr("the paper measured mass: The paper included suspicious masses")));
}

TEST(Conditions, KeepShensCutoffsFromMasses) {
  const Model model = classifier_test::shen_cutoffs();
  const Values values{{"K_mean", {0.8, "1", ""}}};
  EXPECT_THAT(evaluate(model, values, {}, {.field_strength_t = 3, .lesion = "nme"}).cutoffs, SizeIs(1));
  const Evaluation mass = evaluate(model, values, {}, {.field_strength_t = 3, .lesion = "mass"});
  EXPECT_THAT(mass.cutoffs, IsEmpty());
  EXPECT_THAT(mass.refusals, ElementsAre(HasSubstr("among its masses no diffusion quantity differed")));
}

TEST(Conditions, OfSeveralLesionsAreThoseOfThePaper) {
  const Exam several = with([](Exam& e) { e.multifocal = true; });
  const Model excluded_them = zhang();
  const Evaluation refused = evaluate(excluded_them, kZhang, {}, several);
  EXPECT_THAT(refused.refusals, ElementsAre(HasSubstr("there is more than one lesion")));
  EXPECT_THAT(refused.cutoffs, IsEmpty());
  const Evaluation flagged = symri(several);
  EXPECT_THAT(flagged.branches, SizeIs(1));
  EXPECT_THAT(flagged.flags, Contains(HasSubstr("the paper used the largest")));
}

}  // namespace
