#include "classifier/facts.h"

#include <gmock/gmock.h>

#include <set>

namespace {

using classifier::Fact;
using classifier::facts;
using classifier::find_fact;
using classifier::read_answer;

std::string answer(const char* fact, std::string_view text) {
  const auto read = read_answer(*find_fact(fact), text);
  return read ? *read : "error: " + read.error().what;
}

TEST(Facts, AreThoseThatTheModelsAndTheReadersShare) {
  std::set<std::string> names;
  for (const Fact& fact : facts()) {
    EXPECT_TRUE(names.insert(fact.name).second) << fact.name;
    EXPECT_FALSE(fact.title.empty()) << fact.name;
    EXPECT_EQ(find_fact(fact.name), &fact);
  }
  EXPECT_THAT(names, testing::ElementsAre("enhancement", "er", "ki67", "lesion", "margin", "oedema", "pr", "shape",
                                          "t2_hyperintense", "tic"));
  EXPECT_EQ(find_fact("her2"), nullptr);
}

TEST(Facts, TakeTheirOwnAnswersBack) {
  for (const Fact& fact : facts())
    for (const auto& [word, meaning] : fact.answers) EXPECT_EQ(answer(fact.name.c_str(), word), word);
}

TEST(Facts, AreReadWhateverTheirCapitalsAndSpaces) {
  EXPECT_EQ(answer("er", " POS\n"), "pos");
  EXPECT_EQ(answer("enhancement", "Rim"), "rim");
  EXPECT_EQ(answer("lesion", "NME"), "nme");
}

TEST(Facts, WithANumberTakeItInOneForm) {
  EXPECT_EQ(answer("ki67", "20"), "20");
  EXPECT_EQ(answer("ki67", "20.0"), "20");
  EXPECT_EQ(answer("ki67", " 22.5 % "), "22.5");
  EXPECT_EQ(answer("ki67", "0"), "0");
  EXPECT_EQ(answer("ki67", "100%"), "100");
}

TEST(Facts, SayWhatIsAllowedWhenTheyRefuse) {
  EXPECT_EQ(answer("er", "1"), "error: er: expected one of neg, pos");
  EXPECT_EQ(answer("tic", "III"), "error: tic: expected one of persistent, plateau, washout");
  for (const char* no_percentage : {"", "high", "-1", "100.1", "nan", "inf", "20 30", "1e999", "0x14", "%"})
    EXPECT_EQ(answer("ki67", no_percentage), "error: ki67: expected a number, 0 to 100 %") << no_percentage;
}

}  // namespace
