#include "config/recipe.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace {

using config::load_recipe;
using config::Recipe;
using config::Slot;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::filesystem::path kSource = HERALD_SOURCE_DIR;

class RecipeFile : public ::testing::Test {
 protected:
  config::Result<Recipe> load(const std::string& text) {
    std::ofstream(folder_ / "r.toml", std::ios::binary) << text;
    return load_recipe(folder_ / "r.toml");
  }
  // Without the folder in front.
  std::string error(const std::string& text) {
    const auto recipe = load(text);
    return recipe ? "no error" : recipe.error().what.substr(folder_.path().string().size() + 1);
  }
  // Of a good recipe with these lines after its first slot; they start at line 6.
  std::string error_with(const std::string& lines) { return error(kGood + lines); }

  const std::string kGood = "name = 'r'\ntitle = 'R'\n[[slot]]\nname = 't2'\nkind = 't2_me'\n";
  support::TempFolder folder_;
};

const Slot& slot(const Recipe& recipe, std::string_view name) {
  for (const Slot& slot : recipe.slots)
    if (slot.name == name) return slot;
  throw std::runtime_error("no such slot");
}

TEST_F(RecipeFile, OfZhangHasTheSlotsThatItsModelWants) {
  const auto recipe = load_recipe(kSource / "config/recipes/zhang-mapping.toml");
  ASSERT_TRUE(recipe) << recipe.error().what;
  EXPECT_EQ(recipe->name, "zhang-mapping");
  EXPECT_THAT(recipe->models, ElementsAre("zhang2026.her2pos_vs_low.er_t2s_t1post"));
  ASSERT_THAT(recipe->slots, SizeIs(8));
  EXPECT_EQ(slot(*recipe, "t1_pre").kinds, std::vector<std::string>{"t1_vfa"});
  EXPECT_EQ(slot(*recipe, "t1_pre").contrast, "before");
  EXPECT_THAT(slot(*recipe, "t1_pre").descriptions, Contains("t1map_pre"));
  EXPECT_EQ(slot(*recipe, "t1_post").contrast, "after");
  EXPECT_EQ(slot(*recipe, "t2star").kinds, std::vector<std::string>{"t2star_me"});
  EXPECT_EQ(slot(*recipe, "t1").contrast, "");
  for (const char* name : {"t1_pre", "t1_post", "t2star"}) EXPECT_TRUE(slot(*recipe, name).required) << name;
  for (const char* name : {"t2", "dwi", "t1", "t1_ir", "dce"}) EXPECT_FALSE(slot(*recipe, name).required) << name;
}

TEST_F(RecipeFile, OfSyntheticMriPrefersWhatSyMriExported) {
  const auto recipe = load_recipe(kSource / "config/recipes/symri-muse.toml");
  ASSERT_TRUE(recipe) << recipe.error().what;
  EXPECT_THAT(slot(*recipe, "symri_pre").kinds, ElementsAre("symri_maps", "mdme"));
  EXPECT_THAT(slot(*recipe, "dce").maps, ElementsAre("RE_early", "RE_peak", "SER", "TIC"));
}

TEST_F(RecipeFile, OfKurtosisAsksForItsBValues) {
  const auto recipe = load_recipe(kSource / "config/recipes/skyra-dki.toml");
  ASSERT_TRUE(recipe) << recipe.error().what;
  EXPECT_THAT(slot(*recipe, "dwi").values, ElementsAre(0, 800, 1400, 2000));
}

TEST_F(RecipeFile, RefusesListsThatMeanNothing) {
  EXPECT_THAT(error_with("[[slot]]\nname = 'a'\nkind = []\n"), HasSubstr("expected one of t1_vfa"));
  EXPECT_THAT(error_with("[[slot]]\nname = 'a'\nkind = ['dwi', 'dwi']\n"), HasSubstr("expected no text twice"));
  EXPECT_THAT(error_with("[[slot]]\nname = 'a'\nkind = 'dwi'\nvalues = [800, 0]\n"), HasSubstr("ascending numbers"));
  EXPECT_THAT(error_with("[[slot]]\nname = 'a'\nkind = 'dwi'\ndelays_ms = [100]\n"),
              HasSubstr("in slots of kind \"mdme\" only"));
  EXPECT_THAT(error_with("[[slot]]\nname = 'a'\nkind = 'dwi'\nmaps = ['a/b']\n"), HasSubstr("names of maps"));
}

TEST_F(RecipeFile, NamesModelsThatAreShipped) {
  for (const auto& file : std::filesystem::directory_iterator(kSource / "config/recipes")) {
    const auto recipe = load_recipe(file.path());
    ASSERT_TRUE(recipe) << recipe.error().what;
    EXPECT_EQ(recipe->name, file.path().stem());
    for (const std::string& model : recipe->models)
      EXPECT_TRUE(std::filesystem::exists(kSource / "classifier/models" / (model + ".json"))) << model;
  }
}

TEST_F(RecipeFile, HasSlotsThatAreOptionalUnlessTheySayOtherwise) {
  const Recipe recipe = *load(kGood);
  ASSERT_THAT(recipe.slots, SizeIs(1));
  EXPECT_EQ(recipe.title, "R");
  EXPECT_FALSE(recipe.slots[0].required);
  EXPECT_EQ(recipe.slots[0].contrast, "");
  EXPECT_FALSE(recipe.slots[0].volumes);
  EXPECT_THAT(recipe.models, SizeIs(0));
}

TEST_F(RecipeFile, MaySayHowManyVolumesThereAre) {
  EXPECT_EQ(load(kGood + "volumes = 12\n")->slots[0].volumes, 12);
  EXPECT_EQ(error_with("volumes = 1\n"), "r.toml:6: [[slot]] volumes = 1: expected 2 to 1000\n  volumes = 1");
}

TEST_F(RecipeFile, MaySayHowInversionRecoveryWasReadOut) {
  const std::string recovery = "[[slot]]\nname = 'ir'\nkind = 't1_ir'\n";
  EXPECT_EQ(slot(*load(kGood + recovery), "ir").look_locker, std::nullopt);
  EXPECT_EQ(slot(*load(kGood + recovery + "look_locker = true\n"), "ir").look_locker, true);
  EXPECT_EQ(slot(*load(kGood + recovery + "look_locker = false\n"), "ir").look_locker, false);
  EXPECT_EQ(error_with("look_locker = true\n"),
            "r.toml:6: [[slot]] look_locker: expected in slots of kind \"t1_ir\" only\n  look_locker = true");
}

TEST_F(RecipeFile, MayLeaveOutVoxelsThatAreMostlyNoise) {
  EXPECT_EQ(load(kGood)->slots[0].least_snr, 0);
  EXPECT_EQ(load(kGood + "least_snr = 5\n")->slots[0].least_snr, 5);
  EXPECT_EQ(error_with("[[slot]]\nname = 'd'\nkind = 'dwi'\nleast_snr = 5\n"),
            "r.toml:9: [[slot]] least_snr: expected in slots of multi-echo kinds only\n  least_snr = 5");
}

TEST_F(RecipeFile, ProposesLesionsOnlyWhereItSaysSo) {
  EXPECT_FALSE(load(kGood)->propose_lesions);
  EXPECT_TRUE(load("propose_lesions = true\n" + kGood)->propose_lesions);
}

TEST_F(RecipeFile, WithAKindThatHeraldDoesNotKnowIsAnError) {
  EXPECT_EQ(error_with("[[slot]]\nname = 'pd'\nkind = 'pd_se'\n"),
            "r.toml:8: [[slot]] kind = \"pd_se\": expected one of t1_vfa, t2_me, t2star_me, dwi, t1_ir, mdme, "
            "symri_maps, dce, t2w\n  kind = 'pd_se'");
}

TEST_F(RecipeFile, WithTwoSlotsOfOneNameIsAnError) {
  EXPECT_EQ(error_with("[[slot]]\nname = 't2'\nkind = 'dwi'\n"),
            "r.toml:7: [[slot]] name = \"t2\": expected a name that no other slot has\n  name = 't2'");
}

TEST_F(RecipeFile, WithAKeyThatHeraldDoesNotKnowIsAnError) {
  EXPECT_EQ(error_with("requried = true\n"),
            "r.toml:6: [[slot]] requried: unknown key; did you mean required?\n  requried = true");
  EXPECT_EQ(error("model = []\n" + kGood), "r.toml:1: model: unknown key; did you mean models?\n  model = []");
}

TEST_F(RecipeFile, WithAWrongContrastIsAnError) {
  EXPECT_EQ(error_with("contrast = 'pre'\n"),
            "r.toml:6: [[slot]] contrast = \"pre\": expected one of before, after, \"\"\n  contrast = 'pre'");
}

TEST_F(RecipeFile, ThatIsIncompleteIsAnError) {
  EXPECT_EQ(error("name = 'r'\ntitle = 'R'\n"), "r.toml: slot is missing");
  EXPECT_EQ(error("name = 'r'\ntitle = 'R'\nslot = []\n"),
            "r.toml:3: slot = an array: expected one slot or more\n  slot = []");
  EXPECT_EQ(error("title = 'R'\n[[slot]]\nname = 'a'\nkind = 'dwi'\n"), "r.toml: name is missing");
  EXPECT_EQ(error_with("[[slot]]\nname = 'a'\n"), "r.toml:6: [[slot]] kind is missing");
}

TEST_F(RecipeFile, RefusesNamesThatCouldBePaths) {
  EXPECT_THAT(error("models = ['../../etc/x']\n" + kGood), HasSubstr("expected ids of models"));
  EXPECT_THAT(error("name = 'a/b'\ntitle = 'R'\n[[slot]]\nname = 'a'\nkind = 'dwi'\n"),
              HasSubstr("expected 1 to 100 letters"));
  EXPECT_THAT(error_with("[[slot]]\nname = 'a b'\nkind = 'dwi'\n"), HasSubstr("expected 1 to 100 letters"));
}

TEST_F(RecipeFile, RefusesADescriptionThatEverySeriesContains) {
  EXPECT_THAT(error_with("descriptions = ['']\n"), HasSubstr("expected texts that are not empty"));
}

TEST_F(RecipeFile, ThatIsNotTomlIsAnErrorWithItsLine) {
  EXPECT_THAT(error_with("kind = \n"), HasSubstr("r.toml:6: column 1: not TOML"));
  EXPECT_EQ(load_recipe(folder_ / "none.toml").error().what, (folder_ / "none.toml").string() + ": no such file");
}

}  // namespace
