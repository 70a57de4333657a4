#include "storage/outbox.h"

#include <gmock/gmock.h>

#include "tests/storage/scene.h"

namespace {

using namespace std::chrono_literals;
using scene::at;
using scene::must;
using scene::result;
using scene::value_of;
using storage::Fault;
using storage::OutboxState;
using testing::ElementsAre;
using testing::IsEmpty;

class OutboxTest : public testing::Test {
 protected:
  // A job that made `results`, finished at `now`.
  void made(const std::vector<storage::ResultRow>& results, double now = 0) {
    const auto id = queue.enqueue("map", std::to_string(++jobs), "1.2.3", "{}", at(now), at(now)).value().value();
    queue.claim("w1", at(now), 60s).value();
    ASSERT_EQ(true, queue.finish(id, "w1", at(now), results, deliveries));
  }
  std::vector<std::string> due(double now, const std::string& destination = "PACS", std::size_t most = 100) {
    std::vector<std::string> uids;
    for (const auto& row : value_of(outbox.due(destination, at(now), most)))
      uids.push_back(row.object.sop_instance_uid);
    return uids;
  }
  storage::OutboxRow row(const std::string& uid) {
    for (const auto& found : value_of(outbox.rows_of(""))) {
      if (found.object.sop_instance_uid == uid) return found;
    }
    throw std::runtime_error("no row of " + uid);
  }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::JobQueue queue{database};
  storage::Outbox outbox{database};
  std::vector<storage::Delivery> deliveries = {{"PACS", {"mr_map", "sr_nomogram"}}};
  int jobs = 0;
};

TEST_F(OutboxTest, SendsInTheOrderOfKindsThenSeriesThenSlices) {
  auto other_series = result("9.5", "mr_map", 0);
  other_series.series_uid = "1.2.3.8";
  made({result("9.1", "sr_nomogram"), result("9.2", "mr_map", 10), result("9.3", "mr_map", 2), result("9.4", "pm_real"),
        other_series});
  EXPECT_THAT(due(1), ElementsAre("9.5", "9.3", "9.2", "9.1"));
  EXPECT_THAT(due(1, "PACS", 2), ElementsAre("9.5", "9.3"));
}

TEST_F(OutboxTest, KeepsTheOrderOfKindsAcrossJobs) {
  made({result("9.1", "sr_nomogram")});
  made({result("9.2", "mr_map")});
  EXPECT_THAT(due(1), ElementsAre("9.2", "9.1"));
}

TEST_F(OutboxTest, GivesOneStudyAtATimeTheOldestFirst) {
  made({result("9.1", "mr_map", 0, "old")});
  made({result("9.2", "mr_map", 0, "new")}, 5);
  made({result("9.3", "sr_nomogram", 0, "old")}, 9);
  EXPECT_THAT(due(10), ElementsAre("9.1", "9.3"));
  must(outbox.postpone(row("9.1").id, at(10), at(100), -1, "no answer"));
  must(outbox.postpone(row("9.3").id, at(10), at(100), -1, "no answer"));
  EXPECT_THAT(due(11), ElementsAre("9.2"));
  EXPECT_THAT(due(100), ElementsAre("9.1", "9.3"));
}

TEST_F(OutboxTest, KeepsDestinationsApart) {
  deliveries = {{"PACS", {"mr_map"}}, {"LAB", {"pm_real", "mr_map"}}};
  made({result("9.1", "mr_map"), result("9.2", "pm_real")});
  EXPECT_THAT(due(1, "PACS"), ElementsAre("9.1"));
  EXPECT_THAT(due(1, "LAB"), ElementsAre("9.2", "9.1"));
  EXPECT_THAT(due(1, "NOBODY"), IsEmpty());
  must(outbox.delivered(outbox.due("PACS", at(1), 1).value().at(0).id, at(1), 0));
  EXPECT_THAT(due(2, "PACS"), IsEmpty());
  EXPECT_THAT(due(2, "LAB"), ElementsAre("9.2", "9.1"));
}

TEST_F(OutboxTest, CarriesTheWholeObject) {
  made({result("9.1")}, 3);
  const auto found = row("9.1");
  EXPECT_EQ("PACS", found.destination);
  EXPECT_EQ("/results/9.1", found.object.path);
  EXPECT_EQ("1.2.840.10008.5.1.4.1.1.4", found.object.sop_class_uid);
  EXPECT_EQ(OutboxState::Waiting, found.state);
  EXPECT_EQ(-1, found.last_status);
  EXPECT_EQ(at(3), found.created);
}

TEST_F(OutboxTest, RecordsADelivery) {
  made({result("9.1")});
  must(outbox.postpone(row("9.1").id, at(1), at(2), 0xA700, "out of resources"));
  must(outbox.delivered(row("9.1").id, at(3), 0xB000));
  EXPECT_EQ(OutboxState::Delivered, row("9.1").state);
  EXPECT_EQ(0xB000, row("9.1").last_status);
  EXPECT_EQ("", row("9.1").last_problem);
  EXPECT_EQ(2, row("9.1").attempts);
  EXPECT_EQ(at(3), row("9.1").changed);
  EXPECT_THAT(due(100), IsEmpty());
}

TEST_F(OutboxTest, PostponesWhatThePeerCannotTakeNow) {
  made({result("9.1")});
  must(outbox.postpone(row("9.1").id, at(1), at(31), 0xA700, "out of resources"));
  EXPECT_THAT(due(30), IsEmpty());
  EXPECT_THAT(due(31), ElementsAre("9.1"));
  EXPECT_EQ(1, row("9.1").attempts);
  EXPECT_EQ(0xA700, row("9.1").last_status);
  EXPECT_EQ("out of resources", row("9.1").last_problem);
}

TEST_F(OutboxTest, LeavesWhatThePeerNeverTakesToAPerson) {
  made({result("9.1")});
  const auto id = row("9.1").id;
  must(outbox.dead(id, at(1), 0xA900, "data set does not match SOP class"));
  EXPECT_EQ(OutboxState::Dead, row("9.1").state);
  EXPECT_THAT(due(1000), IsEmpty());
  EXPECT_EQ(true, outbox.retry(id, at(5)));
  EXPECT_THAT(due(5), ElementsAre("9.1"));
  EXPECT_EQ(0, row("9.1").attempts);
}

TEST_F(OutboxTest, SendsAPostponedRowAtOnceWhenAPersonSaysSo) {
  made({result("9.1")});
  must(outbox.postpone(row("9.1").id, at(1), at(1000), -1, "no answer"));
  EXPECT_EQ(true, outbox.retry(row("9.1").id, at(2)));
  EXPECT_THAT(due(2), ElementsAre("9.1"));
}

TEST_F(OutboxTest, NeverSendsADeliveredRowAgain) {
  made({result("9.1")});
  must(outbox.delivered(row("9.1").id, at(1), 0));
  EXPECT_EQ(false, outbox.retry(row("9.1").id, at(2)));
  EXPECT_EQ(false, outbox.cancel(row("9.1").id, at(2)));
}

TEST_F(OutboxTest, KeepsAPersonsCancellationThroughALateAnswer) {
  made({result("9.1"), result("9.2")});
  EXPECT_EQ(true, outbox.cancel(row("9.1").id, at(1)));
  EXPECT_EQ(true, outbox.cancel(row("9.2").id, at(1)));
  must(outbox.postpone(row("9.1").id, at(2), at(3), 0xA700, "out of resources"));
  EXPECT_EQ(OutboxState::Cancelled, row("9.1").state);
  must(outbox.delivered(row("9.2").id, at(2), 0));
  EXPECT_EQ(OutboxState::Delivered, row("9.2").state);
}

TEST_F(OutboxTest, PutsWhatTakesAnObjectsPlaceWhereThatStoodInTheOrder) {
  deliveries = {{"PACS", {"mr_map", "sr_measurements", "pdf_results"}}, {"LAB", {"sr_measurements"}}};
  made({result("9.1", "mr_map"), result("9.2", "sr_measurements"), result("9.3", "sr_measurements_enhanced"),
        result("9.4", "pdf_results"), result("9.5", "sc_results", 1), result("9.6", "sc_results", 0)});
  made({result("8.3", "sr_measurements_enhanced")});  // of another job
  EXPECT_THAT(due(1), ElementsAre("9.1", "9.2", "9.4"));
  const auto replaced = outbox.replace(row("9.2").id, at(2), 0x0122, "not accepted", "sr_measurements_enhanced");
  ASSERT_TRUE(replaced) << replaced.error().what;
  EXPECT_EQ(1, replaced->rows);
  EXPECT_EQ(1, replaced->objects);
  EXPECT_THAT(due(2), ElementsAre("9.1", "9.3", "9.4"));
  EXPECT_EQ(OutboxState::Replaced, row("9.2").state);
  EXPECT_EQ("not accepted; replaced by sr_measurements_enhanced", row("9.2").last_problem);
  EXPECT_EQ(0x0122, row("9.2").last_status);
  EXPECT_EQ(1, row("9.2").attempts);
  ASSERT_TRUE(outbox.replace(row("9.4").id, at(3), -1, "not accepted", "sc_results"));
  EXPECT_THAT(due(3), ElementsAre("9.1", "9.3", "9.6", "9.5"));
  EXPECT_THAT(due(3, "LAB"), ElementsAre("9.2"));
}

TEST_F(OutboxTest, ReplacesAllObjectsOfAKindOfAJobAtOnceAndOnlyOnce) {
  made({result("9.1", "sr_nomogram", 0), result("9.2", "sr_nomogram", 1), result("9.3", "sr_nomogram_enhanced", 0),
        result("9.4", "sr_nomogram_enhanced", 1)});
  made({result("8.1", "sr_nomogram")});
  EXPECT_EQ(2, outbox.replace(row("9.1").id, at(1), -1, "no", "sr_nomogram_enhanced").value().rows);
  EXPECT_THAT(due(1), testing::UnorderedElementsAre("9.3", "9.4", "8.1"));
  must(outbox.delivered(row("9.3").id, at(2), 0));
  EXPECT_EQ(0, outbox.replace(row("9.2").id, at(3), -1, "no", "sr_nomogram_enhanced").value().rows);
  EXPECT_EQ(OutboxState::Delivered, row("9.3").state);
  EXPECT_THAT(due(3), testing::UnorderedElementsAre("9.4", "8.1"));
}

TEST_F(OutboxTest, TakesWhatWasSentBeforeForTheReplacement) {
  deliveries = {{"PACS", {"mr_map", "pm_real"}}};
  made({result("9.1", "mr_map"), result("9.2", "pm_real")});
  must(outbox.delivered(row("9.1").id, at(1), 0));
  EXPECT_EQ(1, outbox.replace(row("9.2").id, at(2), -1, "no", "mr_map").value().objects);
  EXPECT_EQ(OutboxState::Replaced, row("9.2").state);
  EXPECT_EQ(OutboxState::Delivered, row("9.1").state);
}

TEST_F(OutboxTest, BuriesWhatNothingCanReplace) {
  deliveries = {{"PACS", {"mr_map", "pm_real", "sr_nomogram"}}};
  made({result("9.1", "mr_map"), result("9.2", "pm_real"), result("9.3", "sr_nomogram")});
  must(outbox.dead(row("9.1").id, at(1), -1, "no"));
  EXPECT_EQ(0, outbox.replace(row("9.2").id, at(2), -1, "no", "mr_map").value().objects);
  EXPECT_EQ(OutboxState::Dead, row("9.2").state);
  EXPECT_EQ("no; nothing can replace it: no mr_map", row("9.2").last_problem);
  EXPECT_EQ(1, outbox.replace(row("9.3").id, at(2), -1, "", "sr_nomogram_enhanced").value().rows);
  EXPECT_EQ(OutboxState::Dead, row("9.3").state);
}

TEST_F(OutboxTest, KeepsAPersonsCancellationOfEitherRung) {
  made({result("9.1", "sr_nomogram"), result("9.2", "sr_nomogram_enhanced")});
  EXPECT_EQ(true, outbox.cancel(row("9.1").id, at(1)));
  EXPECT_EQ(0, outbox.replace(row("9.1").id, at(2), -1, "no", "sr_nomogram_enhanced").value().rows);
  EXPECT_EQ(OutboxState::Cancelled, row("9.1").state);
  EXPECT_THAT(due(3), testing::IsEmpty());
  EXPECT_EQ(true, outbox.retry(row("9.1").id, at(3)));
  EXPECT_EQ(1, outbox.replace(row("9.1").id, at(4), -1, "no", "sr_nomogram_enhanced").value().rows);
  EXPECT_EQ(true, outbox.cancel(row("9.2").id, at(5)));
  EXPECT_EQ(true, outbox.retry(row("9.1").id, at(6)));  // a person wants to see whether the peer takes it by now
  EXPECT_EQ(0, outbox.replace(row("9.1").id, at(7), -1, "no", "sr_nomogram_enhanced").value().objects);
  EXPECT_EQ(OutboxState::Cancelled, row("9.2").state);
  EXPECT_EQ(OutboxState::Dead, row("9.1").state);
}

TEST_F(OutboxTest, SaysWhichRowIsMissing) {
  EXPECT_EQ(Fault::Missing, outbox.replace(7, at(0), -1, "no", "mr_map").error().fault);
  EXPECT_EQ(Fault::Missing, outbox.delivered(7, at(0), 0).error().fault);
  EXPECT_EQ(Fault::Missing, outbox.retry(7, at(0)).error().fault);
}

TEST_F(OutboxTest, SumsUpEachDestination) {
  deliveries = {{"PACS", {"mr_map"}}, {"LAB", {"mr_map"}}};
  made({result("9.1"), result("9.2")}, 1);
  made({result("9.3")}, 2);
  for (const auto& row : value_of(outbox.due("LAB", at(5), 9))) must(outbox.delivered(row.id, at(5), 0));
  must(outbox.dead(outbox.due("PACS", at(5), 1).value().at(0).id, at(5), 0xA900, "never"));
  const auto summary = outbox.summary().value();
  ASSERT_EQ(2, summary.size());
  EXPECT_EQ("LAB", summary[0].destination);
  EXPECT_EQ(3, summary[0].delivered);
  EXPECT_EQ(std::nullopt, summary[0].oldest_waiting);
  EXPECT_EQ(2, summary[1].waiting);
  EXPECT_EQ(1, summary[1].dead);
  EXPECT_EQ(at(1), summary[1].oldest_waiting);
}

TEST_F(OutboxTest, ListsTheRowsOfAStudy) {
  made({result("9.1", "mr_map", 0, "one"), result("9.2", "mr_map", 0, "two")});
  EXPECT_EQ(1, outbox.rows_of("one").value().size());
  EXPECT_EQ(2, outbox.rows_of("").value().size());
}

TEST(Backoff, DoublesUpToTheLongest) {
  EXPECT_EQ(30s, storage::backoff(1, 30s, 1h, 0));
  EXPECT_EQ(60s, storage::backoff(2, 30s, 1h, 0));
  EXPECT_EQ(240s, storage::backoff(4, 30s, 1h, 0));
  EXPECT_EQ(1h, storage::backoff(8, 30s, 1h, 0));
  EXPECT_EQ(1h, storage::backoff(1'000'000, 30s, 1h, 0));
  EXPECT_EQ(1h, storage::backoff(1, 2h, 1h, 0));
}

TEST(Backoff, VariesByUpToAQuarterAndNeverBeyondTheLongest) {
  for (const double unit : {0.0, 0.3, 0.999}) {
    for (int attempts = 0; attempts < 20; ++attempts) {
      const auto delay = storage::backoff(attempts, 30s, 1h, unit);
      const auto plain = storage::backoff(attempts, 30s, 1h, 0);
      EXPECT_LE(delay, plain);
      EXPECT_GE(delay, plain * 3 / 4);
    }
  }
}

TEST(OutboxStates, HaveNames) { EXPECT_EQ("delivered", to_string(OutboxState::Delivered)); }

}  // namespace
