#include "storage/index.h"

#include <gmock/gmock.h>

#include <thread>

#include "storage/commitments.h"
#include "tests/storage/scene.h"

namespace {

using namespace std::chrono_literals;

using scene::at;
using scene::instance;
using scene::must;
using scene::value_of;
using storage::AddOutcome;
using storage::Fault;
using testing::ElementsAre;
using testing::IsEmpty;

class IndexTest : public testing::Test {
 protected:
  std::vector<std::string> pending() {
    std::vector<std::string> uids;
    for (const auto& study : value_of(index.pending_studies())) uids.push_back(study.study_uid);
    return uids;
  }
  storage::Time last_arrival() { return index.pending_studies().value().at(0).last_arrival; }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::Index index{database};
};

TEST_F(IndexTest, GivesBackWhatItWasGiven) {
  const auto row = instance("1.1", "1.2", at(5.25));
  EXPECT_EQ(AddOutcome::Added, index.add(row));
  const auto found = index.find("1.1").value().value();
  EXPECT_EQ(row.sop_class_uid, found.sop_class_uid);
  EXPECT_EQ(row.study_uid, found.study_uid);
  EXPECT_EQ(row.series_uid, found.series_uid);
  EXPECT_EQ(row.transfer_syntax_uid, found.transfer_syntax_uid);
  EXPECT_EQ(row.path, found.path);
  EXPECT_EQ(row.payload_digest, found.payload_digest);
  EXPECT_EQ(row.bytes, found.bytes);
  EXPECT_EQ(row.source, found.source);
  EXPECT_EQ(row.received, found.received);
  EXPECT_EQ(std::nullopt, index.find("1.9").value());
}

TEST_F(IndexTest, LeavesAKnownRowUntouched) {
  index.add(instance("1.1")).value();
  auto other = instance("1.1", "9.9", at(60));
  EXPECT_EQ(AddOutcome::Known, index.add(other));
  EXPECT_EQ("1.2.3", index.find("1.1").value()->study_uid);
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
  EXPECT_EQ(at(0), last_arrival());
}

TEST_F(IndexTest, ListsAStudyInOrderOfUid) {
  for (const char* uid : {"1.3", "1.1", "1.2"}) index.add(instance(uid)).value();
  index.add(instance("2.1", "other")).value();
  std::vector<std::string> uids;
  for (const auto& row : value_of(index.instances_of("1.2.3"))) uids.push_back(row.sop_instance_uid);
  EXPECT_THAT(uids, ElementsAre("1.1", "1.2", "1.3"));
  EXPECT_EQ(4, index.count());
  EXPECT_EQ(4, index.instances_of("").value().size());
}

TEST_F(IndexTest, AddsManyOrNone) {
  const std::vector rows = {instance("1.1"), instance("1.1"), instance("1.2")};
  EXPECT_EQ(2, index.add_all(rows));
  const std::vector bad = {instance("1.3"), instance("")};
  EXPECT_FALSE(index.add_all(bad));
  EXPECT_EQ(2, index.count());
}

TEST_F(IndexTest, ForgetsARowAndLooksAtItsStudyAgain) {
  index.add(instance("1.1")).value();
  must(index.set_grouped("1.2.3", last_arrival(), true, "{}", ""));
  EXPECT_EQ(true, index.forget("1.1"));
  EXPECT_EQ(false, index.forget("1.1"));
  EXPECT_EQ(0, index.count());
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
}

TEST_F(IndexTest, KeepsAStudyPendingUntilItIsGroupedAfterItsQuietPeriod) {
  index.add(instance("1.1")).value();
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
  must(index.set_grouped("1.2.3", at(0), false, "{}", ""));
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
  must(index.set_grouped("1.2.3", at(0), true, "{}", ""));
  EXPECT_THAT(pending(), IsEmpty());
}

TEST_F(IndexTest, SaysHowAPendingStudyStands) {
  index.add(instance("1.1", "1.2.3", at(10))).value();
  index.add(instance("1.2", "1.2.3", at(20))).value();
  const auto state = index.pending_studies().value().at(0);
  EXPECT_EQ(at(20), state.last_arrival);
  EXPECT_EQ(2, state.instances);
  EXPECT_FALSE(state.grouped_quiet);
}

TEST_F(IndexTest, SaysWhetherAPendingStudyChangedOrOnlyAwaitsItsQuietPeriod) {
  index.add(instance("1.1")).value();
  EXPECT_TRUE(index.pending_studies().value().at(0).changed);
  must(index.set_grouped("1.2.3", last_arrival(), false, "{}", ""));
  EXPECT_FALSE(index.pending_studies().value().at(0).changed);
  must(index.mark_for_grouping("1.2.3"));
  EXPECT_TRUE(index.pending_studies().value().at(0).changed);
}

TEST_F(IndexTest, GivesTheStudyThatIsQuietLongestFirst) {
  index.add(instance("1.1", "late", at(20))).value();
  index.add(instance("1.2", "early", at(10))).value();
  EXPECT_THAT(pending(), ElementsAre("early", "late"));
}

TEST_F(IndexTest, DoesNotLoseAnArrivalDuringGrouping) {
  index.add(instance("1.1")).value();
  const auto seen = last_arrival();
  index.add(instance("1.2", "1.2.3", at(30))).value();
  must(index.set_grouped("1.2.3", seen, true, "{}", ""));
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
}

TEST_F(IndexTest, DoesNotLoseAnArrivalInTheSameMillisecond) {
  index.add(instance("1.1")).value();
  const auto seen = last_arrival();
  index.add(instance("1.2")).value();
  must(index.set_grouped("1.2.3", seen, true, "{}", ""));
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
}

TEST_F(IndexTest, DoesNotLoseAnArrivalWhenTheClockWentBack) {
  index.add(instance("1.1", "1.2.3", at(100))).value();
  must(index.set_grouped("1.2.3", last_arrival(), true, "{}", ""));
  index.add(instance("1.2", "1.2.3", at(5))).value();
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
  EXPECT_GT(last_arrival(), at(100));
}

TEST_F(IndexTest, DoesNotLoseAMarkDuringGrouping) {
  index.add(instance("1.1")).value();
  const auto seen = last_arrival();
  must(index.mark_for_grouping("1.2.3"));
  must(index.set_grouped("1.2.3", seen, true, "{}", ""));
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
  must(index.set_grouped("1.2.3", last_arrival(), true, "{}", ""));
  EXPECT_THAT(pending(), IsEmpty());
  must(index.mark_for_grouping("1.2.3"));
  EXPECT_THAT(pending(), ElementsAre("1.2.3"));
}

TEST_F(IndexTest, PassesOverAGroupingThatSawLess) {
  index.add(instance("1.1", "1.2.3", at(1))).value();
  index.add(instance("1.2", "1.2.3", at(2))).value();
  must(index.set_grouped("1.2.3", at(2), true, "new", ""));
  must(index.set_grouped("1.2.3", at(1), false, "old", ""));
  EXPECT_EQ("new", index.report_of("1.2.3").value());
  EXPECT_THAT(pending(), IsEmpty());
}

TEST_F(IndexTest, KnowsNoGroupingOfAStudyThatIsNotHere) {
  EXPECT_EQ(Fault::Missing, index.mark_for_grouping("9.9").error().fault);
  EXPECT_EQ(Fault::Missing, index.set_grouped("9.9", at(0), true, "{}", "").error().fault);
  EXPECT_EQ(std::nullopt, index.report_of("9.9").value());
}

TEST_F(IndexTest, RefusesAGroupingThatSawTheFuture) {
  index.add(instance("1.1")).value();
  EXPECT_EQ(Fault::Corrupt, index.set_grouped("1.2.3", at(1), true, "{}", "").error().fault);
}

TEST_F(IndexTest, ReturnsTheReportVerbatim) {
  index.add(instance("1.1")).value();
  EXPECT_EQ(std::nullopt, index.report_of("1.2.3").value());
  const std::string report = "{\"slots\": [\"t1_pre\"], \"odd\": \"'\xC3\xA4\n\"}";
  must(index.set_grouped("1.2.3", at(0), true, report, "A1"));
  EXPECT_EQ(report, index.report_of("1.2.3").value());
}

TEST_F(IndexTest, ResolvesWhateverAPersonMayType) {
  index.add(instance("1.1", "study1")).value();
  index.add(instance("2.1", "study2")).value();
  must(index.set_grouped("study1", at(0), true, "{}", "ACC7"));
  must(index.set_grouped("study2", at(0), true, "{}", "ACC7"));
  must(index.add_incident(
      {.study_uid = "study3", .sop_instance_uid = "3.1", .kind = "aside", .reason = "r", .at = at(0)}));
  EXPECT_EQ(index.resolve("study1").value(), std::vector<std::string>{"study1"});
  EXPECT_EQ(index.resolve("study2.1").value(), std::vector<std::string>{"study2"});
  EXPECT_EQ(index.resolve("1.1").value(), std::vector<std::string>{"study1"});
  EXPECT_EQ(index.resolve("3.1").value(), std::vector<std::string>{"study3"});
  EXPECT_THAT(index.resolve("ACC7").value(), ElementsAre("study1", "study2"));
  EXPECT_THAT(index.resolve("").value(), IsEmpty());
  EXPECT_THAT(index.resolve("x' OR 1=1 --").value(), IsEmpty());
}

TEST_F(IndexTest, RemembersIncidentsWithAndWithoutAStudy) {
  must(index.add_incident({.study_uid = "1.2.3",
                           .sop_instance_uid = "1.1",
                           .kind = "aside",
                           .reason = "other bytes",
                           .path = "/aside/x",
                           .at = at(3)}));
  must(index.add_incident({.kind = "quarantined", .reason = "no preamble", .path = "/quarantine/y", .at = at(4)}));
  const auto of_study = index.incidents_of("1.2.3").value();
  ASSERT_EQ(1, of_study.size());
  EXPECT_EQ("1.1", of_study[0].sop_instance_uid);
  EXPECT_EQ("aside", of_study[0].kind);
  EXPECT_EQ("other bytes", of_study[0].reason);
  EXPECT_EQ("/aside/x", of_study[0].path);
  EXPECT_EQ(at(3), of_study[0].at);
  EXPECT_EQ("quarantined", index.incidents_of("").value().at(0).kind);
}

TEST_F(IndexTest, TakesAStudyFromManyAssociationsAtOnce) {
  constexpr int kAssociations = 4, kEach = 25;
  std::vector<std::thread> associations;
  for (int a = 0; a < kAssociations; ++a) {
    associations.emplace_back([&, a] {
      auto own = scene::open(folder / "index.db");
      for (int i = 0; i < kEach; ++i) {
        const auto added = storage::Index(own).add(instance(std::to_string(a) + "." + std::to_string(i)));
        EXPECT_EQ(AddOutcome::Added, added) << (added ? "" : added.error().what);
      }
    });
  }
  for (auto& association : associations) association.join();
  EXPECT_EQ(kAssociations * kEach, index.pending_studies().value().at(0).instances);
}

TEST_F(IndexTest, AQuietGroupingIsNotUndoneByOneOfTheSameArrivalThatWasNot) {
  index.add(instance("1.1")).value();
  const auto arrival = last_arrival();
  must(index.set_grouped("1.2.3", arrival, true, "{}", ""));
  must(index.set_grouped("1.2.3", arrival, false, "{}", ""));
  EXPECT_THAT(pending(), IsEmpty());
}

TEST_F(IndexTest, AClockThatWasSetBackFreezesNoStudy) {
  auto early = instance("1.1"), late = instance("2.1", "other");
  early.received = late.received = at(5000);
  index.add(early).value();
  index.add(late).value();
  must(index.set_grouped("other", index.pending_studies().value().at(1).last_arrival, true, "{}", ""));
  EXPECT_EQ(2, index.mend_times(at(100), 60s));
  const auto studies = value_of(index.pending_studies());
  ASSERT_EQ(1, studies.size());  // what was grouped stays grouped, what was pending stays pending
  EXPECT_EQ("1.2.3", studies[0].study_uid);
  EXPECT_EQ(at(100), studies[0].last_arrival);
  EXPECT_TRUE(studies[0].changed);
  EXPECT_EQ(0, index.mend_times(at(101), 60s));
}

TEST_F(IndexTest, AClockThatWasSetBackFreezesNoQuestionAndNoReport) {
  storage::JobQueue queue(database);
  const auto id = queue.enqueue("map", "k", "1.2.3", "{}", at(0), at(0)).value().value();
  queue.claim("w1", at(0), 60s).value();
  ASSERT_EQ(true, queue.finish(id, "w1", at(0), {scene::result("9.1")}, {{"PACS", {"mr_map"}}}));
  must(storage::Outbox(database).sent(1, at(5000), 0));
  const std::vector<storage::Commitments::Reference> asked = {{"1.2", "1.1"}};
  must(storage::Commitments(database).asked("SKYRA", "2.25.7", asked, at(5000), at(5000)));
  EXPECT_EQ(2, index.mend_times(at(100), 60s));
  EXPECT_EQ(1, storage::Outbox(database).to_confirm("PACS", at(100), 9).value().size());
  EXPECT_TRUE(storage::Commitments(database).next_owed(at(100)).value().has_value());
}

}  // namespace
