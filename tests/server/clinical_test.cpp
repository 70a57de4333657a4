#include "server/clinical.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "server/log.h"
#include "tests/support/temp_folder.h"

namespace {

using server::Statement;
using testing::HasSubstr;

constexpr const char* kStudy = "1.2.3";

class Clinical : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging logging;
    logging.level = "error";
    server::log::open(logging);
  }
  std::size_t say(const Statement& statement) {
    return server::state_facts(database_, kStudy, std::array{statement}, "Dr. Example", "command");
  }
  std::string refusal(const Statement& statement) {
    try {
      say(statement);
    } catch (const server::Failure& failure) {
      return failure.error.what;
    }
    return "";
  }
  std::vector<storage::FactRow> current() { return storage::Facts(database_).current(kStudy).value(); }

  support::TempFolder folder_;
  storage::Database database_ = storage::Database::open(folder_ / "index.db").value();
};

TEST_F(Clinical, KeepsAnAnswerInTheModelsWord) {
  EXPECT_EQ(say({"er", "POS"}), 1u);
  ASSERT_EQ(current().size(), 1u);
  EXPECT_EQ(current()[0].answer, "pos");
  EXPECT_EQ(server::answers_of(current()).at("er"), "pos");
}

TEST_F(Clinical, RefusesWhatNoModelKnowsAndSaysWhatIsKnown) {
  EXPECT_THAT(refusal({"er", "maybe"}), HasSubstr("unknown"));
  EXPECT_THAT(refusal({"her2", "pos"}), HasSubstr("known: er"));
  EXPECT_THAT(refusal({"ki67", "130"}), HasSubstr("100"));
  EXPECT_TRUE(current().empty());
}

TEST_F(Clinical, UnknownTakesBack) {
  say({"er", "pos"});
  say({"er", "unknown"});
  EXPECT_TRUE(current().empty());
}

TEST_F(Clinical, ReportsSayWhoAndWhen) {
  say({"ki67", "22"});
  const std::string words = server::in_words(current().at(0));
  EXPECT_THAT(words, HasSubstr("22 %"));
  EXPECT_THAT(words, HasSubstr("Dr. Example"));
  EXPECT_THAT(words, HasSubstr("command"));
}

TEST_F(Clinical, SurviveTheQueue) {
  say({"er", "neg"});
  const auto facts = current();
  const auto again = server::facts_from_json(server::facts_to_json(facts));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(server::in_words(again[0]), server::in_words(facts[0]));
}

TEST_F(Clinical, AStatementIsANameAndAnAnswer) {
  EXPECT_EQ(server::parse_statement("er=pos").answer, "pos");
  for (const char* wrong : {"er", "=pos", "er=", ""}) EXPECT_THROW(server::parse_statement(wrong), server::Failure);
}

TEST_F(Clinical, AStudyMayBeNamedBeforeItIsHereButOnlyByItsUid) {
  EXPECT_EQ(server::study_meant(database_, "1.2.3"), "1.2.3");
  EXPECT_FALSE(server::study_meant(database_, "A123"));
}

}  // namespace
