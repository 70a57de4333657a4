#include "storage/commitments.h"

#include <gmock/gmock.h>

#include "tests/storage/scene.h"

namespace {

using namespace std::chrono_literals;
using scene::at;
using scene::must;
using scene::result;
using scene::value_of;
using storage::Commitments;
using storage::OutboxState;
using storage::Proof;
using testing::ElementsAre;
using testing::IsEmpty;

const storage::Again kAgain{.first = 10s, .longest = 900s, .give_up_after = 48h, .unit = 0};

class CommitmentsTest : public testing::Test {
 protected:
  // Three objects of one study, stored by the peer at `now`.
  void SetUp() override {
    const auto id = queue.enqueue("map", "k", "1.2.3", "{}", at(0), at(0)).value().value();
    queue.claim("w1", at(0), 60s).value();
    const std::vector<storage::ResultRow> results = {result("9.1"), result("9.2", "mr_map", 1),
                                                     result("9.3", "mr_map", 2)};
    ASSERT_EQ(true, queue.finish(id, "w1", at(0), results, {{"PACS", {"mr_map"}}}));
    for (std::int64_t row = 1; row <= 3; ++row) must(outbox.sent(row, at(1), 0));
  }
  void begin(const std::string& transaction, const std::vector<std::int64_t>& rows, double now, double again) {
    must(commitments.begin(transaction, "PACS", rows, at(now), at(again)));
  }
  Commitments::Outcome settle(const std::string& transaction, const std::vector<std::string>& committed,
                              const std::vector<Commitments::Failed>& failed, double now) {
    return commitments.settle(transaction, committed, failed, at(now), kAgain).value();
  }
  std::vector<std::int64_t> to_confirm(double now) {
    std::vector<std::int64_t> ids;
    for (const auto& row : value_of(outbox.to_confirm("PACS", at(now), 9))) ids.push_back(row.id);
    return ids;
  }
  storage::OutboxRow row(std::int64_t id) { return value_of(outbox.rows_of("")).at(static_cast<std::size_t>(id - 1)); }
  std::vector<std::string> ledger(std::int64_t id) {
    std::vector<std::string> lines;
    for (const auto& line : value_of(outbox.ledger_of(id))) lines.push_back(line.event + " " + line.words);
    return lines;
  }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::JobQueue queue{database};
  storage::Outbox outbox{database};
  Commitments commitments{database};
};

TEST_F(CommitmentsTest, WhatWasStoredIsNotDeliveredButToBeConfirmed) {
  EXPECT_THAT(to_confirm(1), ElementsAre(1, 2, 3));
  EXPECT_TRUE(value_of(outbox.due("PACS", at(100), 9)).empty());
  EXPECT_EQ(outbox.summary().value().at(0).sent, 3u);
  EXPECT_EQ(outbox.summary().value().at(0).delivered, 0u);
  EXPECT_EQ(row(1).state, OutboxState::Sent);
  EXPECT_EQ(row(1).sent, at(1));
}

TEST_F(CommitmentsTest, WhatIsAskedForIsAskedForAgainOnlyLater) {
  begin("2.25.1", {1, 2, 3}, 2, 60);
  EXPECT_THAT(to_confirm(59), IsEmpty());
  EXPECT_THAT(to_confirm(60), ElementsAre(1, 2, 3));
  EXPECT_EQ(row(2).asks, 1);
}

TEST_F(CommitmentsTest, AnAnswerDeliversAndSendsAgainInOneGo) {
  begin("2.25.1", {1, 2, 3}, 2, 60);
  const auto outcome = settle("2.25.1", {"9.1"}, {{"9.2", 0x0112, "not there"}}, 5);
  EXPECT_EQ(outcome.committed, 1u);
  EXPECT_EQ(outcome.again, 1u);
  EXPECT_EQ(outcome.study_uid, "1.2.3");
  EXPECT_EQ(row(1).state, OutboxState::Delivered);
  EXPECT_EQ(row(1).proof, Proof::Commitment);
  EXPECT_EQ(row(2).state, OutboxState::Waiting);
  EXPECT_EQ(row(2).last_problem, "not there");
  EXPECT_EQ(row(2).last_status, 0x0112);
  EXPECT_EQ(row(2).not_before, at(15));
  EXPECT_EQ(row(3).state, OutboxState::Sent);  // not named: asked about again
  EXPECT_THAT(to_confirm(60), ElementsAre(3));
  EXPECT_THAT(ledger(1), ElementsAre("sent ", "asked ", "delivered commitment"));
  EXPECT_THAT(ledger(2), ElementsAre("sent ", "asked ", "waiting not there"));
}

TEST_F(CommitmentsTest, TheSameAnswerTwiceIsOnce) {
  begin("2.25.1", {1, 2}, 2, 60);
  settle("2.25.1", {"9.1"}, {{"9.2", 0x0112, "not there"}}, 5);
  must(outbox.sent(2, at(20), 0));
  const auto twice = settle("2.25.1", {"9.1"}, {{"9.2", 0x0112, "not there"}}, 25);
  EXPECT_EQ(twice.committed, 0u);
  EXPECT_EQ(twice.again, 0u);
  EXPECT_EQ(twice.passed_over, 2u);
  EXPECT_EQ(row(2).state, OutboxState::Sent);  // it was sent once more since the question
}

TEST_F(CommitmentsTest, ALateAnswerToAnEarlierQuestionCounts) {
  begin("2.25.1", {1}, 2, 60);
  begin("2.25.2", {1}, 60, 120);
  EXPECT_EQ(settle("2.25.1", {"9.1"}, {}, 61).committed, 1u);
  EXPECT_EQ(row(1).state, OutboxState::Delivered);
}

TEST_F(CommitmentsTest, AnAnswerAboutOthersChangesNothing) {
  begin("2.25.1", {1}, 2, 60);
  EXPECT_EQ(settle("2.25.1", {"9.2", "7.7"}, {}, 5).passed_over, 2u);
  EXPECT_EQ(row(2).state, OutboxState::Sent);
  EXPECT_FALSE(commitments.settle("2.25.9", {}, {}, at(5), kAgain));
  EXPECT_EQ(commitments.destination_of("2.25.9").value(), std::nullopt);
  EXPECT_EQ(commitments.destination_of("2.25.1").value(), "PACS");
}

TEST_F(CommitmentsTest, WhatFailedForTooLongIsDead) {
  begin("2.25.1", {1}, 2, 60);
  EXPECT_EQ(settle("2.25.1", {}, {{"9.1", 0x0110, "no"}}, 49 * 3600).dead, 1u);
  EXPECT_EQ(row(1).state, OutboxState::Dead);
  EXPECT_EQ(row(1).last_problem, "no");
}

TEST_F(CommitmentsTest, AQuestionThatDidNotLeaveDoesNotCount) {
  begin("2.25.1", {1, 2, 3}, 2, 3600);
  must(commitments.retract("2.25.1", at(3), at(13), "connection refused"));
  EXPECT_EQ(row(1).asks, 0);
  EXPECT_EQ(row(1).last_problem, "connection refused");
  EXPECT_THAT(to_confirm(13), ElementsAre(1, 2, 3));
  EXPECT_EQ(commitments.destination_of("2.25.1").value(), std::nullopt);
}

TEST_F(CommitmentsTest, APeerThatIsBackGetsAtOnceWhatNobodyAnswered) {
  must(outbox.unsent(1, at(2), at(1000), "lost"));  // it has a status: the peer did answer
  ASSERT_EQ(true, outbox.retry(2, at(2)));
  must(outbox.postpone(2, at(2), at(1000), -1, "no answer"));
  EXPECT_EQ(outbox.hurry("PACS", at(3)), 1u);
  EXPECT_EQ(row(2).not_before, at(3));
  EXPECT_EQ(row(1).not_before, at(1000));
}

TEST_F(CommitmentsTest, APeerThatIsAwayForTooLongIsGivenUp) {
  must(outbox.confirmed(1, at(2), Proof::Find));
  EXPECT_EQ(outbox.give_up("PACS", at(-1), at(9), "away"), 0u);
  EXPECT_EQ(outbox.give_up("PACS", at(0), at(9), "away"), 2u);
  EXPECT_EQ(row(1).state, OutboxState::Delivered);
  EXPECT_EQ(row(3).state, OutboxState::Dead);
  EXPECT_EQ(row(3).last_problem, "away");
}

// ---------------------------------------------------------------------------------------------- asked by others

const std::vector<Commitments::Reference> kAsked = {{"1.2.840.10008.5.1.4.1.1.4", "1.1"},
                                                    {"1.2.840.10008.5.1.4.1.1.4", "1.2"}};

TEST_F(CommitmentsTest, AReportIsOwedUntilItHasArrived) {
  must(commitments.asked("SKYRA", "2.25.7", kAsked, at(0), at(5)));
  EXPECT_FALSE(commitments.next_owed(at(4)).value());
  const auto owed = commitments.next_owed(at(5)).value();
  ASSERT_TRUE(owed);
  EXPECT_EQ(owed->calling, "SKYRA");
  EXPECT_EQ(owed->instances.size(), 2u);
  must(commitments.postpone(owed->id, at(5), at(15), "refused"));
  EXPECT_FALSE(commitments.next_owed(at(14)).value());
  EXPECT_EQ(commitments.next_owed(at(15)).value()->attempts, 1);
  must(commitments.reported(owed->id, at(16)));
  EXPECT_FALSE(commitments.next_owed(at(1000)).value());
  EXPECT_EQ(commitments.summary().value().reported, 1u);
}

TEST_F(CommitmentsTest, TheSameTransactionAskedForAgainIsOwedAgain) {
  must(commitments.asked("SKYRA", "2.25.7", kAsked, at(0), at(0)));
  must(commitments.reported(commitments.next_owed(at(0)).value()->id, at(1)));
  must(commitments.asked("SKYRA", "2.25.7", kAsked, at(2), at(2)));
  EXPECT_TRUE(commitments.owed_to("SKYRA", "2.25.7").value());
  EXPECT_FALSE(commitments.owed_to("SIGNA", "2.25.7").value());
}

TEST_F(CommitmentsTest, AStartMakesFirstReportsDueAndLeavesRetriesAlone) {
  must(commitments.asked("SKYRA", "2.25.7", kAsked, at(0), at(120)));
  must(commitments.asked("SKYRA", "2.25.8", kAsked, at(0), at(0)));
  must(commitments.postpone(commitments.next_owed(at(0)).value()->id, at(0), at(900), "refused"));
  must(commitments.hurry_first_reports(at(10)));
  EXPECT_EQ(commitments.next_owed(at(10)).value()->transaction_uid, "2.25.7");
  must(commitments.dead(commitments.next_owed(at(10)).value()->id, at(10), "nobody there"));
  EXPECT_FALSE(commitments.next_owed(at(10)).value());
}

}  // namespace
