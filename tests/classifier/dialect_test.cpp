// What the loader refuses, and where: lines, facts and their levels, sources, conditions, cut-off sets.
#include <gmock/gmock.h>

#include <functional>

#include "tests/classifier/models.h"

namespace {

using classifier::Model;
using classifier::parse_model;
using classifier_test::error_after;
using classifier_test::error_of;
using classifier_test::error_with;
using classifier_test::parsed;
using classifier_test::small_document;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One key or element per line, so that the expected line can be counted.
constexpr std::string_view kTask = R"({
  "schema": "herald.model/1",
  "id": "m",
  "version": "1",
  "citation": {"text": "nobody", "doi": null},
  "task":
  {
    "type": "binary",
    "positive": "A",
    "negative": "A",
    "excluded": []
  },
  "population": {}, "cutoffs": [], "performance": "none", "status": "disabled", "flags": []
})";

std::string changed(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Lines, AreThoseOfTheKeyThatIsWrong) {
  EXPECT_EQ(error_of(kTask), "m.json:10: /task/negative: the same as positive");
  const std::string text(kTask);
  EXPECT_EQ(error_of(changed(text, "\"negative\": \"A\"", "\"negative\":\n\n3")),
            "m.json:10: /task/negative: expected a text");
  EXPECT_EQ(error_of(changed(text, "\"excluded\": []", "\"excluded\": [\n\"B\",\n\n7]")),
            "m.json:14: /task/excluded/1: expected a text");
  EXPECT_EQ(error_of(changed(text, "\"type\": \"binary\",", "")), "m.json:6: /task: \"type\" is missing");
  EXPECT_EQ(error_of(changed(text, "\"flags\": []", "\"flag\": []")), "m.json:13: /flag: unknown key");
  EXPECT_EQ(error_of(changed(text, "\"negative\"", "\"type\": 1, \"negative\"")),
            "m.json:10: /task/type: the key is there twice");
  EXPECT_THAT(error_of(changed(text, "\"negative\": \"A\",", "\"negative\": \"A\"")),
              testing::StartsWith("m.json:11: not JSON: "));
}

TEST(Lines, AreFoundBehindBracesAndEscapesInTexts) {
  const std::string text = changed(std::string(kTask), "\"nobody\"", R"("no{}[],: \"body\\")");
  EXPECT_EQ(error_of(text), "m.json:10: /task/negative: the same as positive");
  EXPECT_EQ(error_of(changed(text, "\"negative\"", "\"n\\u0065gative\"")),
            "m.json:10: /task/negative: the same as positive");
}

TEST(Lines, OfAnElementInAnArrayOfObjects) {
  json document = small_document();
  document["predictors"].push_back(document["predictors"][0]);
  document["predictors"][1]["unit"] = "msec";
  const std::string text = document.dump(1);
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(text.find("msec")), '\n');
  EXPECT_EQ(error_of(text).substr(0, 40),
            ("m.json:" + std::to_string(line) + ": /predictors/1/unit: expected one of").substr(0, 40));
}

TEST(Lines, OfTextNestedTooDeeply) {
  EXPECT_EQ(error_of(std::string(40, '[') + std::string(40, ']')),
            "m.json:1: /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: nested deeper than 32");
}

TEST(Sources, AreThoseThatTheRecipeGives) {
  const std::string text = small_document().dump();
  EXPECT_EQ(error_of(text), "no error");
  EXPECT_EQ(error_of(text, {"t2", "dwi"}), "no error");
  EXPECT_EQ(error_of(text, {"t1_pre", "dwi"}),
            "m.json:1: /predictors/0/source: the recipe gives no t2, it gives dwi, t1_pre");
  json document = small_document();
  document["cutoffs"][0]["on"] = "y";
  document["cutoffs"][0]["source"] = "t3";
  EXPECT_EQ(error_of(document.dump(), {"t2"}), "m.json:1: /cutoffs/0/source: the recipe gives no t3, it gives t2");
}

TEST(Sources, ThatAreDerivedAreAlwaysKnownAndHaveTheirUnit) {
  json document = small_document();
  document["cutoffs"][0]["on"] = "y";
  for (const auto& [name, unit] : classifier::kDerived) {
    document["cutoffs"][0]["source"] = name;
    document["cutoffs"][0]["unit"] = unit;
    if (name == "max_diameter") document["cutoffs"][0].erase("statistic");
    EXPECT_EQ(error_of(document.dump(), {"t2"}), "no error") << name;
    document["cutoffs"][0]["unit"] = "%";
    EXPECT_EQ(error_of(document.dump(), {"t2"}),
              "m.json:1: /cutoffs/0/unit: " + std::string(name) + " is in " + std::string(unit));
  }
}

TEST(Sources, AreMeasuredByAKnownStatisticInAKnownRegion) {
  EXPECT_EQ(error_with("/predictors/0/statistic", "mode"),
            "m.json:1: /predictors/0/statistic: expected one of mean, median, p5, p95, sd, skewness, "
            "excess_kurtosis, entropy");
  EXPECT_EQ(error_with("/cutoffs/0/region", "breast"),
            "m.json:1: /cutoffs/0/region: expected one of largest slice, whole lesion");
  EXPECT_EQ(error_after([](json& d) { d["predictors"][0].erase("statistic"); }),
            "m.json:1: /predictors/0: \"statistic\" is missing");
  EXPECT_EQ(error_after([](json& d) {
              d["predictors"][0]["source"] = "max_diameter";
              d["predictors"][0]["unit"] = "mm";
            }),
            "m.json:1: /predictors/0/statistic: a diameter has none");
}

// The small model with a fact: the error, or "no error".
std::string error_with_fact(const char* fact, const char* kind, const json& levels, const char* unit = "1") {
  return error_after([&](json& d) {
    d["predictors"].push_back({{"name", "f"},
                               {"title", "F"},
                               {"kind", kind},
                               {"source", "reader"},
                               {"fact", fact},
                               {"unit", unit},
                               {"levels", levels}});
    for (const json& level : levels) {
      const std::string name = level.value("name", "?");
      const bool first = &level == &levels.front();
      d["coefficients"]["f"][name] = first ? 0 : 1;
      if (first) d["worked"][0]["inputs"]["f"] = name;
      if (!first) d["provenance"]["numbers"]["f/" + name] = {{"provenance", "published"}, {"method", "Table 1"}};
    }
  });
}
json level(const char* name, const json& answers) { return {{"name", name}, {"title", name}, {"answers", answers}}; }
json numbers(const char* name, const json& bounds) {
  json level = {{"name", name}, {"title", name}};
  level.update(bounds);
  return level;
}

TEST(Levels, GiveEveryAnswerItsPlace) {
  const json no = level("no", {"round", "oval"}), yes = level("yes", {"irregular"});
  EXPECT_EQ(error_with_fact("shape", "binary", {no, yes}), "no error");
  EXPECT_EQ(error_with_fact("shape", "binary", {level("no", {"round"}), yes}),
            "m.json:1: /predictors/1/levels: expected the answer oval in one level, it is in 0");
  EXPECT_EQ(error_with_fact("shape", "binary", {no, level("yes", {"irregular", "oval"})}),
            "m.json:1: /predictors/1/levels: expected the answer oval in one level, it is in 2");
  EXPECT_EQ(error_with_fact("shape", "binary", {no, level("yes", {"lobulated"})}),
            "m.json:1: /predictors/1/levels/1/answers/0: shape: expected one of round, oval, irregular");
  EXPECT_EQ(error_with_fact("shape", "binary", {no, level("yes", {"Irregular"})}),
            "m.json:1: /predictors/1/levels/1/answers/0: expected irregular");
  EXPECT_EQ(error_with_fact("shape", "binary", {no, level("yes", json::array())}),
            "m.json:1: /predictors/1/levels/1/answers: expected one answer or more");
  EXPECT_EQ(error_with_fact("shape", "binary", {no, level("no", {"irregular"})}),
            "m.json:1: /predictors/1/levels/1/name: a level of this name is there already");
  EXPECT_EQ(error_with_fact("shape", "categorical", json::array({level("all", {"round", "oval", "irregular"})})),
            "m.json:1: /predictors/1/levels: expected two or more levels");
  EXPECT_EQ(
      error_with_fact("shape", "binary", {level("a", {"round"}), level("b", {"oval"}), level("c", {"irregular"})}),
      "m.json:1: /predictors/1/levels: a binary predictor has two levels");
}

TEST(Levels, OfANumberAdjoinEachOther) {
  const json low = numbers("low", {{"below", 20}}), high = numbers("high", {{"from", 20}});
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, high}, "%"), "no error");
  const std::string gap =
      "m.json:1: /predictors/1/levels: expected levels that adjoin each other, lowest first, open "
      "at both ends";
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, numbers("high", {{"from", 25}})}, "%"), gap);
  EXPECT_EQ(error_with_fact("ki67", "binary", {high, low}, "%"), gap);
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, numbers("high", json::object())}, "%"), gap);
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, numbers("high", {{"from", 120}})}, "%"),
            "m.json:1: /predictors/1/levels/1: the threshold is no answer to ki67");
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, level("high", {"20"})}, "%"),
            "m.json:1: /predictors/1/levels/1/answers: unknown key");
  EXPECT_EQ(error_with_fact("ki67", "binary", {low, high}), "m.json:1: /predictors/1/unit: the fact's unit is %");
}

TEST(Levels, BelongToAFactThatPeopleCanState) {
  EXPECT_EQ(error_with_fact("her2", "binary", {level("a", {"x"}), level("b", {"y"})}),
            "m.json:1: /predictors/1/fact: expected one of er, pr, ki67, lesion, shape, margin, t2_hyperintense, "
            "oedema, enhancement, tic");
}

TEST(Levels, AreCodedAgainstTheFirst) {
  json document = json::parse(R"([{"name": "no", "title": "no", "answers": ["no"]},
                                  {"name": "yes", "title": "yes", "answers": ["yes"]}])");
  const auto with = [&](const json& coefficients) {
    return error_after([&](json& d) {
      d["predictors"].push_back({{"name", "f"},
                                 {"title", "F"},
                                 {"kind", "binary"},
                                 {"source", "reader"},
                                 {"fact", "oedema"},
                                 {"unit", "1"},
                                 {"levels", document}});
      d["coefficients"]["f"] = coefficients;
    });
  };
  EXPECT_EQ(with({{"no", 1}, {"yes", 2}}),
            "m.json:1: /coefficients/f/no: expected 0 for the first level, which is the reference");
  EXPECT_EQ(with({{"no", 0}}), "m.json:1: /coefficients/f: expected one number for each level");
  EXPECT_EQ(with({{"no", 0}, {"maybe", 1}}), "m.json:1: /coefficients/f/maybe: not a level of f");
  EXPECT_EQ(with(1.5), "m.json:1: /coefficients/f: expected an object");
}

TEST(Provenance, IsAskedOfEveryNumber) {
  EXPECT_EQ(error_after([](json& d) { d["provenance"]["numbers"].erase("intercept"); }),
            "m.json:1: /provenance/numbers: \"intercept\" is missing");
  EXPECT_EQ(error_with("/provenance/numbers/y", {{"provenance", "published"}, {"method", "m"}}),
            "m.json:1: /provenance/numbers/y: expected one of intercept, x");
  EXPECT_EQ(error_with("/provenance/numbers/x/provenance", "guessed"),
            "m.json:1: /provenance/numbers/x/provenance: expected one of published, reconstructed, locally-fitted");
  EXPECT_EQ(error_with("/provenance/numbers/x/provenance", "reconstructed"),
            "m.json:1: /provenance/coefficients: not all of the numbers are published");
  EXPECT_EQ(error_after([](json& d) { d["provenance"]["numbers"]["x"].erase("method"); }),
            "m.json:1: /provenance/numbers/x: \"method\" is missing");
}

TEST(ConditionsInTheFile, SayHowStrictTheyAreAndWhy) {
  const auto with = [](const char* name, const json& condition) {
    return error_with(std::string("/population/conditions/") + name, condition);
  };
  const std::string at = "m.json:1: /population/conditions/";
  EXPECT_EQ(with("lesion", {{"value", "mass"}, {"enforce", "refuse"}, {"why", "w"}}), "no error");
  EXPECT_EQ(with("lesion", {{"value", "mass"}, {"enforce", "refuse"}}), at + "lesion: \"why\" is missing");
  EXPECT_EQ(with("lesion", {{"value", "mass"}, {"enforce", true}, {"why", "w"}}),
            at + "lesion/enforce: expected a text");
  EXPECT_EQ(with("lesion", {{"value", "cyst"}, {"enforce", "flag"}, {"why", "w"}}),
            at + "lesion/value: expected one of mass, nme");
  EXPECT_EQ(with("age", {{"range", {30, 70}}, {"enforce", "flag"}, {"why", "w"}}), at + "age: unknown key");
  EXPECT_EQ(with("field_strength_t", {{"values", json::array()}, {"enforce", "flag"}, {"why", "w"}}),
            at + "field_strength_t/values: expected one field strength or more");
  EXPECT_EQ(with("contrast_dose_mmol_per_kg", {{"range", {0.2, 0.1}}, {"enforce", "flag"}, {"why", "w"}}),
            at + "contrast_dose_mmol_per_kg/range: expected low < high");
  EXPECT_EQ(with("max_diameter_mm", {{"least", 0}, {"enforce", "flag"}, {"why", "w"}}),
            at + "max_diameter_mm/least: expected more than 0");
  EXPECT_EQ(with("single_lesion", {{"value", true}, {"enforce", "flag"}, {"why", "w"}}),
            at + "single_lesion/value: unknown key");
  EXPECT_EQ(with("contrast_dose_mmol_per_kg",
                 {{"range", {0.1, 0.2}}, {"enforce", "flag"}, {"why", "w"}, {"affects", {"t2", "t1_post"}}}),
            at + "contrast_dose_mmol_per_kg/affects/1: neither a predictor nor a cut-off has this source");
}

TEST(Status, ThatTakesSomethingAwayGivesItsReason) {
  EXPECT_EQ(error_with("/status", "disabled"), "m.json:1: /: \"status_reason\" is missing");
  EXPECT_EQ(error_with("/status_reason", "none"), "m.json:1: /status_reason: the status needs no reason");
}

json cutoff_set() {
  json document = small_document();
  document["task"]["type"] = "cutoff_set";
  for (const char* key : {"predictors", "link", "coefficients", "intercept", "provenance", "worked"})
    document.erase(key);
  return document;
}

TEST(CutoffSet, HasThresholdsAndNoRegression) {
  EXPECT_EQ(error_of(cutoff_set().dump()), "no error");
  json document = cutoff_set();
  document["intercept"] = 1;
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /intercept: a cut-off set has none");
  document = cutoff_set();
  document["cutoffs"] = json::array();
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /cutoffs: expected one cut-off or more");
}

TEST(CutoffSet, GivesSidesAndNoProbability) {
  json document = cutoff_set();
  document["not_computable"] = {"Combined: its coefficients are not published."};
  const Model model = parsed(document);
  const auto evaluation = evaluate(model, {{"x", {3, "ms", ""}}});
  EXPECT_THAT(evaluation.branches, IsEmpty());
  EXPECT_THAT(evaluation.cutoffs, SizeIs(1));
  EXPECT_THAT(evaluation.refusals, ElementsAre("Combined: its coefficients are not published."));
  EXPECT_EQ(nomogram_scale(model).points_per_logit, 0);
  const auto nothing = evaluate(model, {});
  EXPECT_THAT(nothing.cutoffs, IsEmpty());
  EXPECT_THAT(nothing.flags, Contains("X: no cut-off applied: not measured"));
}

TEST(CutoffsInTheFile, MayBeDisabledForAReason) {
  json document = cutoff_set();
  document["cutoffs"][0]["disabled"] = "the bin width is not known";
  const Model model = parsed(document);
  const auto evaluation = evaluate(model, {{"x", {3, "ms", ""}}});
  EXPECT_THAT(evaluation.cutoffs, IsEmpty());
  EXPECT_THAT(evaluation.refusals, ElementsAre("X: its cut-off is not applied: the bin width is not known"));
}

TEST(CutoffsInTheFile, AreRefusedWhenTheyContradictThemselves) {
  EXPECT_EQ(error_with("/cutoffs/0/auc_ci", {0.75, 0.8}), "m.json:1: /cutoffs/0/auc_ci: does not enclose the auc");
  EXPECT_EQ(error_after([](json& d) { d["cutoffs"].push_back(d["cutoffs"][0]); }),
            "m.json:1: /cutoffs/1/on: a cut-off on this is there already");
  const json on_fact = json::parse(R"({"on": "ER", "title": "ER", "source": "pathology", "fact": "er",
      "answers": ["pos"], "positive": "A", "auc": 0.6, "provenance": "published",
      "counts": {"true_positive": 4, "positives": 5, "true_negative": 3, "negatives": 5}})");
  EXPECT_EQ(error_after([&](json& d) { d["cutoffs"].push_back(on_fact); }), "no error");
  EXPECT_EQ(error_after([&](json& d) {
              d["cutoffs"].push_back(on_fact);
              d["cutoffs"][1]["answers"] = {"pos", "neg"};
            }),
            "m.json:1: /cutoffs/1/answers: expected some of the fact's answers, not all");
  EXPECT_EQ(error_after([&](json& d) {
              d["cutoffs"].push_back(on_fact);
              d["cutoffs"][1]["value"] = 0.5;
            }),
            "m.json:1: /cutoffs/1/value: unknown key");
}

TEST(AModelWithoutCoefficients, IsDisabledAndSaysWhatItLacks) {
  json document = cutoff_set();
  document["task"]["type"] = "binary";
  document["cutoffs"] = json::array();
  document["awaits"] = {{"lacks", {"everything"}}, {"images", {"t2w"}}, {"region", "3D including necrosis"}};
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /awaits: only a disabled model awaits something");
  document["status"] = "disabled";
  document["status_reason"] = "nothing is published";
  const Model model = parsed(document);
  EXPECT_THAT(evaluate(model, {}).refusals,
              ElementsAre("the model is disabled: nothing is published", "it lacks: everything"));
  document["intercept"] = 1;
  EXPECT_EQ(error_of(document.dump()), "m.json:1: /intercept: a model that awaits its coefficients has none");
}

}  // namespace
