#include "storage/facts.h"

#include <gmock/gmock.h>

#include <array>

#include "tests/storage/scene.h"

namespace {

using scene::at;
using scene::value_of;
using storage::FactRow;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

constexpr const char* kStudy = "1.2.3";

class FactsTest : public testing::Test {
 protected:
  static FactRow said(const std::string& name, const std::string& answer, double when,
                      const std::string& how = "command") {
    return {.study_uid = kStudy,
            .name = name,
            .answer = answer,
            .said_by = "Pathology",
            .how = how,
            .said_at = at(when),
            .recorded = at(when + 1)};
  }
  std::size_t add(const FactRow& row) { return value_of(facts.add(std::array{row})); }
  bool pending() const { return !value_of(index.pending_studies()).empty(); }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::Index index{database};
  storage::Facts facts{database};
};

TEST_F(FactsTest, TheLastWordHoldsAndTheFirstIsKept) {
  add(said("er", "neg", 0));
  add(said("er", "pos", 10));
  add(said("ki67", "30", 5));
  EXPECT_THAT(value_of(facts.current(kStudy)),
              ElementsAre(Field(&FactRow::answer, "pos"), Field(&FactRow::answer, "30")));
  const auto history = value_of(facts.history(kStudy));
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].answer, "neg");
  EXPECT_EQ(history[0].said_by, "Pathology");
  EXPECT_EQ(history[0].said_at, at(0));
  EXPECT_EQ(history[0].recorded, at(1));
}

TEST_F(FactsTest, AnOlderReportThatComesLateDoesNotOverruleANewerWord) {
  add(said("er", "pos", 10));
  add(said("er", "neg", 0, "report 1.2.9"));
  EXPECT_THAT(value_of(facts.current(kStudy)), ElementsAre(Field(&FactRow::answer, "pos")));
}

TEST_F(FactsTest, AnExplicitCorrectionOverrulesAReportThatIsDatedLater) {
  for (const char* how : {"command", "http"}) {
    add(said("er", "neg", 1000, "report 1.2.9"));
    add(said("er", "pos", 10, how));
    EXPECT_THAT(value_of(facts.current(kStudy)), ElementsAre(Field(&FactRow::answer, "pos"))) << how;
    add(said("er", "", 11, how));
    EXPECT_THAT(value_of(facts.current(kStudy)), IsEmpty()) << how;
  }
}

TEST_F(FactsTest, AReportThatIsWrittenAfterACorrectionOverrulesIt) {
  add(said("er", "pos", 10));
  add(said("er", "neg", 20, "report 1.2.9"));
  EXPECT_THAT(value_of(facts.current(kStudy)), ElementsAre(Field(&FactRow::answer, "neg")));
}

TEST_F(FactsTest, AnEmptyAnswerTakesBack) {
  add(said("er", "pos", 0));
  add(said("er", "", 1));
  EXPECT_THAT(value_of(facts.current(kStudy)), IsEmpty());
  EXPECT_EQ(value_of(facts.history(kStudy)).size(), 2u);
}

TEST_F(FactsTest, AReportThatIsReadAgainSaysNothingNew) {
  EXPECT_EQ(add(said("er", "pos", 0, "report 1.2.9")), 1u);
  FactRow again = said("er", "pos", 0, "report 1.2.9");
  again.recorded = at(500);
  EXPECT_EQ(add(again), 0u);
  EXPECT_EQ(value_of(facts.history(kStudy)).size(), 1u);
}

TEST_F(FactsTest, MakeTheirStudyPendingOnceEach) {
  index.add(scene::instance("1.1", kStudy)).value();
  const auto settle = [&] {
    const auto study = value_of(index.pending_studies()).front();
    scene::must(index.set_grouped(kStudy, study.last_arrival, true, "{}", ""));
  };
  settle();
  ASSERT_FALSE(pending());
  add(said("er", "pos", 0));
  EXPECT_TRUE(pending());
  settle();
  add(said("er", "pos", 0));  // nothing new
  EXPECT_FALSE(pending());
}

TEST_F(FactsTest, MayComeBeforeTheImages) {
  EXPECT_EQ(add(said("er", "pos", 0)), 1u);
  EXPECT_FALSE(pending());
  EXPECT_EQ(value_of(facts.current(kStudy)).size(), 1u);
}

TEST_F(FactsTest, AreAddedAllOrNone) {
  const std::array rows{said("er", "pos", 0), said("", "pos", 0)};
  EXPECT_FALSE(facts.add(rows));
  EXPECT_THAT(value_of(facts.history(kStudy)), IsEmpty());
}

}  // namespace
