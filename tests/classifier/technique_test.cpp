// How a value was measured, held against what the model means by it: method and side of the contrast agent.
#include <gmock/gmock.h>

#include "tests/classifier/models.h"

namespace {

using classifier::Evaluation;
using classifier::Model;
using classifier::Values;
using classifier_test::asked;
using classifier_test::small_document;
using classifier_test::zhang;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kVfa = "T1 by Multiple Flip Angles";
constexpr const char* kIr = "T1 by Inversion Recovery";
constexpr const char* kSyMri = "Synthetic MRI, map as exported by SyMRI";
constexpr const char* kRawSyMri = "T1, T2 and proton density by saturation recovery multi-echo";

// Zhang's means of HER2-positive lesions.
Values zhang_values(const std::string& t1_method, const std::string& t2star_contrast,
                    const std::string& t1_contrast = "after") {
  return {{"T2star", {53.233, "ms", "", "T2* by multi-echo gradient echo", t2star_contrast}},
          {"T1_post", {580.93, "ms", "", t1_method, t1_contrast}},
          {"dT1", {1207.7, "ms", "", t1_method}},
          {"dT1_pre", {0.669, "1", "", t1_method}}};
}

Evaluation of_zhang(const Values& values) {
  static const Model kModel = zhang();
  return evaluate(kModel, values, {{"er", "neg"}});
}

std::vector<std::string> applied(const Evaluation& evaluation) {
  std::vector<std::string> names;
  for (const auto& side : evaluation.cutoffs) names.push_back(side.cutoff->on);
  return names;
}

TEST(Technique, OfZhangIsAcceptedInSilence) {
  const Evaluation evaluation = of_zhang(zhang_values(kVfa, "before"));
  EXPECT_THAT(evaluation.branches, SizeIs(1));
  EXPECT_THAT(applied(evaluation), ElementsAre("T2star", "T1_post", "dT1", "dT1_pre", "ER"));
  EXPECT_THAT(evaluation.flags, Not(Contains(HasSubstr("the model wants"))));
}

TEST(Technique, ThatGivesAnotherT1RefusesWhatRestsOnIt) {
  const Evaluation evaluation = of_zhang(zhang_values(kIr, "before"));
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.refusals, ElementsAre("T1_post: T1 by Inversion Recovery, the model wants T1 by Multiple Flip "
                                               "Angles or T1 by variable flip angle"));
  EXPECT_THAT(applied(evaluation), ElementsAre("T2star", "ER"));
  EXPECT_THAT(evaluation.flags, Contains(HasSubstr("no cut-off applied: T1 by Inversion Recovery, the model wants")));
  EXPECT_THAT(of_zhang(zhang_values("Method not stated", "before")).branches, IsEmpty());
}

TEST(Technique, AfterContrastDoesNotGiveATimeOfBefore) {
  const Evaluation after = of_zhang(zhang_values(kVfa, "after"));
  EXPECT_THAT(after.branches, IsEmpty());
  EXPECT_THAT(after.refusals, ElementsAre("T2*: measured after contrast, the model wants it before"));
  EXPECT_THAT(applied(after), ElementsAre("T1_post", "dT1", "dT1_pre", "ER"));
  EXPECT_THAT(of_zhang(zhang_values(kVfa, "before", "before")).refusals,
              ElementsAre("T1_post: measured before contrast, the model wants it after"));
}

TEST(Technique, WithoutAKnownSideOfTheContrastAgentIsADoubtSaidOnce) {
  const Evaluation evaluation = of_zhang(zhang_values(kVfa, "unknown"));
  EXPECT_THAT(evaluation.branches, SizeIs(1));
  EXPECT_THAT(applied(evaluation), Contains("T2star"));
  EXPECT_EQ(std::ranges::count(evaluation.flags,
                               "T2*: whether it was measured before or after contrast is not known, the model wants it "
                               "before"),
            1);
}

Evaluation of_symri(const std::string& id, const std::string& name, const std::string& method) {
  static std::map<std::string, Model> models;
  const Model& model = models.try_emplace(id, classifier_test::shipped(id)).first->second;
  auto [values, facts] = asked(model, model.worked.at(0).inputs);
  values.at(name).method = method;
  return evaluate(model, values, facts);
}

TEST(Technique, OfSyMriIsItsOwnWhileMapsOfTheRawImagesAreADoubt) {
  for (const char* id : {"symri2025.her2pos.published_literal", "symri2025.her2pos.table3_reconstruction"}) {
    const Evaluation own = of_symri(id, "T2_pre", kSyMri), raw = of_symri(id, "T2_pre", kRawSyMri);
    EXPECT_THAT(own.branches, SizeIs(1)) << id;
    EXPECT_THAT(raw.branches, SizeIs(1)) << id;
    const auto doubt = Contains(HasSubstr("T2 was computed by Herald from the raw images, not by SyMRI"));
    EXPECT_THAT(own.flags, Not(doubt));
    EXPECT_THAT(raw.flags, doubt);
    const Evaluation echoes = of_symri(id, "T2_pre", "T2 by multi-echo spin echo");
    EXPECT_THAT(echoes.branches, IsEmpty());
    EXPECT_THAT(echoes.refusals, ElementsAre(HasSubstr("T2 by multi-echo spin echo, the model wants Synthetic MRI")));
  }
  const std::string low = "symri2025.her2low_vs_zero.published_literal";
  EXPECT_THAT(of_symri(low, "PD_delta", kRawSyMri).flags, Contains(HasSubstr("PD was computed by Herald")));
}

TEST(Technique, OfACutOffWithoutPredictorIsDoubtedBesideIt) {
  auto document = small_document();
  document["cutoffs"][0]["on"] = "y";
  document["cutoffs"][0]["methods"] = {"this"};
  document["cutoffs"][0]["methods_flagged"] = {{"that", "it is not this"}};
  document["cutoffs"][0]["contrast"] = "before";
  const Model model = classifier_test::parsed(document);
  const Evaluation evaluation = evaluate(model, {{"x", {1, "ms", ""}}, {"y", {1, "ms", "", "that one", "unknown"}}});
  EXPECT_THAT(evaluation.cutoffs, SizeIs(1));
  EXPECT_THAT(evaluation.flags, Contains("X: it is not this"));
  EXPECT_THAT(evaluation.flags,
              Contains(HasSubstr("X: whether it was measured before or after contrast is not known")));
}

std::string error_with(const std::string& pointer, const nlohmann::json& value) {
  auto document = small_document();
  document[nlohmann::json::json_pointer(pointer)] = value;
  const auto model = classifier::parse_model(document.dump(), "m.json");
  return model ? "no error" : model.error().what;
}

TEST(Technique, ThatContradictsItselfIsRefusedByTheLoader) {
  EXPECT_THAT(error_with("/predictors/0/methods", nlohmann::json::array()), HasSubstr("/predictors/0/methods: "));
  EXPECT_THAT(error_with("/predictors/0/contrast", "during"), HasSubstr("/predictors/0/contrast: "));
  EXPECT_THAT(error_with("/predictors/0/contrast", "before"),
              HasSubstr("/cutoffs/0: the predictor asks for other methods or another side of the contrast agent"));
  EXPECT_THAT(error_with("/predictors/0/methods_flagged", {{"that", "why"}}),
              HasSubstr("/predictors/0/methods_flagged: without methods any method is accepted"));
  auto changes = small_document();
  for (const char* part : {"predictors", "cutoffs"}) {
    changes[part][0]["source"] = "dT1";
    changes[part][0]["contrast"] = "after";
  }
  const auto model = classifier::parse_model(changes.dump(), "m.json");
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().what, HasSubstr("dT1 does not lie on one side of the contrast agent"));
}

TEST(Disagreement, IsNeverSaidWithAProbabilityOfZeroOrOne) {
  EXPECT_EQ(classifier::probability_in_words(0), "< 0.01");
  EXPECT_EQ(classifier::probability_in_words(1), "> 0.99");
  EXPECT_EQ(classifier::probability_in_words(0.9998), "> 0.99");
  EXPECT_EQ(classifier::probability_in_words(0.5), "0.50");
}

}  // namespace
