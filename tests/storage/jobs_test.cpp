#include "storage/jobs.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "storage/index.h"
#include "storage/outbox.h"
#include "tests/storage/scene.h"

namespace {

using namespace std::chrono_literals;
using scene::at;
using scene::must;
using scene::value_of;
using storage::Fault;
using storage::JobEvent;
using storage::JobState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kLease = 60s;

class JobQueueTest : public testing::Test {
 protected:
  std::int64_t enqueue(const std::string& key, storage::Time not_before = at(0)) {
    return queue.enqueue("map", key, "1.2.3", "{}", at(0), not_before).value().value();
  }
  std::int64_t claim_id(double now) { return queue.claim("w1", at(now), kLease).value().value().id; }
  storage::Job job(std::int64_t id) { return queue.find(id).value().value(); }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::JobQueue queue{database};
};

TEST_F(JobQueueTest, LeasesAJobToAnOwner) {
  const auto id = queue.enqueue("map", "k", "1.2.3", "{\"slot\":\"t1_pre\"}", at(1), at(2)).value().value();
  const auto claimed = queue.claim("w1", at(3), kLease).value().value();
  EXPECT_EQ(id, claimed.id);
  EXPECT_EQ("map", claimed.kind);
  EXPECT_EQ("k", claimed.key);
  EXPECT_EQ("1.2.3", claimed.study_uid);
  EXPECT_EQ("{\"slot\":\"t1_pre\"}", claimed.payload);
  EXPECT_EQ(JobState::Running, claimed.state);
  EXPECT_EQ(1, claimed.attempts);
  EXPECT_EQ("w1", claimed.owner);
  EXPECT_EQ(at(63), claimed.lease_until);
  EXPECT_EQ(at(1), claimed.created);
}

TEST_F(JobQueueTest, NeverQueuesTheSameWorkTwice) {
  const auto id = enqueue("k");
  EXPECT_EQ(std::nullopt, queue.enqueue("map", "k", "1.2.3", "{}", at(9), at(9)).value());
  EXPECT_TRUE(queue.enqueue("measure", "k", "1.2.3", "{}", at(9), at(9)).value());
  claim_id(1);
  queue.finish(id, "w1", at(2), {}, {}).value();
  EXPECT_EQ(std::nullopt, queue.enqueue("map", "k", "1.2.3", "{}", at(9), at(9)).value());
}

TEST_F(JobQueueTest, GivesTheOldestJobWhoseTimeHasCome) {
  const auto later = enqueue("later", at(50));
  const auto second = enqueue("second", at(2));
  const auto first = enqueue("first", at(1));
  EXPECT_EQ(first, claim_id(10));
  EXPECT_EQ(second, claim_id(10));
  EXPECT_EQ(std::nullopt, queue.claim("w1", at(49), kLease).value());
  EXPECT_EQ(later, claim_id(50));
}

TEST_F(JobQueueTest, GivesAnExpiredLeaseToTheNextWorker) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_THAT(queue.sweep(at(59)).value(), IsEmpty());
  const auto swept = queue.sweep(at(60)).value();
  ASSERT_EQ(1, swept.size());
  EXPECT_EQ(JobState::Waiting, swept[0].state);
  EXPECT_EQ("", swept[0].owner);
  const auto again = queue.claim("w2", at(60), kLease).value().value();
  EXPECT_EQ(id, again.id);
  EXPECT_EQ(2, again.attempts);
  EXPECT_EQ("w2", again.owner);
}

TEST_F(JobQueueTest, KeepsALeaseThatIsRenewed) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.renew(id, "w1", at(50), kLease));
  EXPECT_THAT(queue.sweep(at(100)).value(), IsEmpty());
  EXPECT_EQ(at(110), job(id).lease_until);
}

TEST_F(JobQueueTest, DoesNotRenewALostLease) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(false, queue.renew(id, "w2", at(1), kLease));
  EXPECT_EQ(false, queue.renew(id, "w1", at(60), kLease));
}

TEST_F(JobQueueTest, BuriesAJobAfterThreeFailures) {
  const auto id = enqueue("k");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(JobState::Waiting, job(id).state);
    claim_id(100 * attempt);
    EXPECT_EQ(true, queue.fail(id, "w1", at(100 * attempt + 1), scene::numbered("failure ", attempt), 10s));
  }
  const auto dead = job(id);
  EXPECT_EQ(JobState::Dead, dead.state);
  EXPECT_EQ(3, dead.attempts);
  EXPECT_EQ("failure 3", dead.reason);
  EXPECT_EQ(at(301), dead.finished);
  EXPECT_EQ(std::nullopt, queue.claim("w1", at(1000), kLease).value());
}

TEST_F(JobQueueTest, BuriesAJobThatKillsItsWorkerThreeTimes) {
  const auto id = enqueue("k");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    claim_id(100 * attempt);
    queue.sweep(at(100 * attempt + 60)).value();
  }
  EXPECT_EQ(JobState::Dead, job(id).state);
  EXPECT_EQ("the lease ran out at w1", job(id).reason);
}

TEST_F(JobQueueTest, WaitsBeforeItTriesAFailedJobAgain) {
  const auto id = enqueue("k");
  claim_id(0);
  queue.fail(id, "w1", at(5), "out of memory", 30s).value();
  EXPECT_EQ("out of memory", job(id).reason);
  EXPECT_EQ(std::nullopt, queue.claim("w1", at(34), kLease).value());
  EXPECT_TRUE(queue.claim("w1", at(35), kLease).value());
}

TEST_F(JobQueueTest, GivesAFailureWithoutWordsAReason) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.refuse(id, "w1", at(1), ""));
  EXPECT_NE("", job(id).reason);
}

TEST_F(JobQueueTest, NeverRetriesARefusalByItself) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.refuse(id, "w1", at(5), "T2 needs 3 echo times, series has 2"));
  EXPECT_EQ(JobState::Refused, job(id).state);
  EXPECT_EQ("T2 needs 3 echo times, series has 2", job(id).reason);
  EXPECT_EQ(at(5), job(id).finished);
  EXPECT_THAT(queue.sweep(at(1000)).value(), IsEmpty());
  EXPECT_EQ(std::nullopt, queue.claim("w1", at(1000), kLease).value());
}

TEST_F(JobQueueTest, ReleasesWhatADeadProcessHeld) {
  const auto first = enqueue("1"), second = enqueue("2");
  queue.claim("w1", at(0), kLease).value();
  queue.claim("w2", at(0), kLease).value();
  const auto released = queue.release("w1", at(1)).value();
  ASSERT_EQ(1, released.size());
  EXPECT_EQ(first, released[0].id);
  EXPECT_EQ(JobState::Waiting, job(first).state);
  EXPECT_EQ(JobState::Running, job(second).state);
}

TEST_F(JobQueueTest, ReleasesEverythingAtServiceStart) {
  enqueue("1"), enqueue("2");
  queue.claim("w1", at(0), kLease).value();
  queue.claim("w2", at(0), kLease).value();
  EXPECT_EQ(2, queue.release("", at(1)).value().size());
}

TEST_F(JobQueueTest, StartsTheAttemptsAgainWhenAPersonRetries) {
  const auto id = enqueue("k");
  EXPECT_EQ(false, queue.retry(id, at(1)));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    claim_id(attempt);
    queue.fail(id, "w1", at(attempt), "r", 0s).value();
  }
  EXPECT_EQ(true, queue.retry(id, at(9)));
  const auto claimed = queue.claim("w1", at(9), kLease).value().value();
  EXPECT_EQ(id, claimed.id);
  EXPECT_EQ(1, claimed.attempts);
}

TEST_F(JobQueueTest, CancelsWhatHasNotEnded) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.cancel(id, at(1)));
  EXPECT_EQ(JobState::Cancelled, job(id).state);
  EXPECT_EQ(false, queue.cancel(id, at(2)));
  EXPECT_EQ(false, queue.finish(id, "w1", at(2), {}, {}));
  EXPECT_EQ(true, queue.retry(id, at(3)));
  EXPECT_EQ(JobState::Waiting, job(id).state);
}

TEST_F(JobQueueTest, SaysWhichJobIsMissing) {
  EXPECT_EQ(Fault::Missing, queue.finish(7, "w1", at(0), {}, {}).error().fault);
  EXPECT_EQ(Fault::Missing, queue.cancel(7, at(0)).error().fault);
  EXPECT_EQ(std::nullopt, queue.find(7).value());
}

TEST_F(JobQueueTest, LeasesToNobodyAreRefused) {
  const auto id = enqueue("k");
  EXPECT_EQ(Fault::Corrupt, queue.claim("", at(0), kLease).error().fault);
  EXPECT_EQ(JobState::Waiting, job(id).state);
}

class FinishTest : public JobQueueTest {
 protected:
  const std::vector<storage::ResultRow> results = {scene::result("9.1", "mr_map", 1), scene::result("9.2", "mr_map", 0),
                                                   scene::result("9.3", "sr_nomogram")};
  const std::vector<storage::Delivery> deliveries = {{"PACS", {"mr_map", "sr_nomogram"}}, {"LAB", {"mr_map"}}};
  storage::Outbox outbox{database};
};

TEST_F(FinishTest, WritesResultsAndOutboxWithTheJob) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.finish(id, "w1", at(5), results, deliveries));
  EXPECT_EQ(JobState::Done, job(id).state);
  EXPECT_EQ(at(5), job(id).finished);
  std::vector<std::string> uids;
  for (const auto& row : value_of(queue.results_of("1.2.3"))) uids.push_back(row.sop_instance_uid);
  EXPECT_THAT(uids, ElementsAre("9.2", "9.1", "9.3"));
  EXPECT_EQ(5, outbox.rows_of("").value().size());
  const auto found = queue.find_result("9.1").value().value();
  EXPECT_EQ(id, found.job_id);
  EXPECT_EQ("t1_pre", found.slot);
  EXPECT_EQ(1, found.order);
  EXPECT_EQ("/results/9.1", found.path);
  EXPECT_EQ("digest of 9.1", found.digest);
  EXPECT_EQ(2000, found.bytes);
}

TEST_F(FinishTest, SaysWhatWasLeftOutInPlaceOfEarlierFailures) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(true, queue.fail(id, "w1", at(5), "disk trouble", {}));
  claim_id(6);
  EXPECT_EQ(true, queue.finish(id, "w1", at(7), results, deliveries, "D needs 3 b-values"));
  EXPECT_EQ("D needs 3 b-values", job(id).reason);
}

TEST_F(FinishTest, WritesNothingWithoutTheLease) {
  const auto id = enqueue("k");
  claim_id(0);
  EXPECT_EQ(false, queue.finish(id, "w2", at(5), results, deliveries));
  EXPECT_EQ(false, queue.finish(id, "w1", at(60), results, deliveries));
  queue.sweep(at(60)).value();
  EXPECT_EQ(false, queue.finish(id, "w1", at(61), results, deliveries));
  EXPECT_THAT(queue.results_of("1.2.3").value(), IsEmpty());
  EXPECT_THAT(outbox.rows_of("").value(), IsEmpty());
}

TEST_F(FinishTest, WritesAllOrNothing) {
  const auto id = enqueue("k");
  claim_id(0);
  auto bad = results;
  bad.push_back(scene::result(""));
  EXPECT_EQ(Fault::Corrupt, queue.finish(id, "w1", at(5), bad, deliveries).error().fault);
  EXPECT_EQ(JobState::Running, job(id).state);
  EXPECT_THAT(queue.results_of("1.2.3").value(), IsEmpty());
  EXPECT_THAT(outbox.rows_of("").value(), IsEmpty());
  EXPECT_EQ(true, queue.finish(id, "w1", at(6), results, deliveries));
}

TEST_F(FinishTest, DoesNotSendAgainWhatAnEarlierAttemptDelivered) {
  const auto first = enqueue("1");
  claim_id(0);
  queue.finish(first, "w1", at(5), results, deliveries).value();
  const auto sent = outbox.due("PACS", at(6), 1).value().at(0);
  must(outbox.delivered(sent.id, at(6), 0));
  const auto second = enqueue("2");
  claim_id(7);
  EXPECT_EQ(true, queue.finish(second, "w1", at(8), results, deliveries));
  EXPECT_EQ(5, outbox.rows_of("").value().size());
  EXPECT_EQ(first, queue.find_result("9.1").value()->job_id);
  EXPECT_EQ(2, outbox.due("PACS", at(9), 9).value().size());
}

TEST(JobQueue, GivesOneJobToOneOfEightWorkers) {
  support::TempFolder folder;
  auto database = scene::open(folder / "index.db");
  storage::JobQueue queue(database);
  constexpr int kJobs = 40;
  for (int i = 0; i < kJobs; ++i) queue.enqueue("map", std::to_string(i), "1.2.3", "{}", at(0), at(0)).value();

  std::mutex mutex;
  std::map<std::int64_t, int> claims;
  std::vector<std::thread> workers;
  for (int w = 0; w < 8; ++w) {
    workers.emplace_back([&, w] {
      auto own = scene::open(folder / "index.db");
      while (const auto job = storage::JobQueue(own).claim(scene::numbered("w", w), at(1), kLease).value()) {
        const std::lock_guard lock(mutex);
        ++claims[job->id];
      }
    });
  }
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(kJobs, claims.size());
  for (const auto& [id, count] : claims) EXPECT_EQ(1, count) << "job " << id;
}

TEST(JobQueue, SharesOneLeaseBetweenFinishAndSweep) {
  // Who decides last is told so: either the job is done and the sweep found nothing, or it waits and finish() was
  // refused.
  support::TempFolder folder;
  auto database = scene::open(folder / "index.db");
  storage::JobQueue queue(database);
  for (int round = 0; round < 20; ++round) {
    const auto id = queue.enqueue("map", std::to_string(round), "1.2.3", "{}", at(0), at(0)).value().value();
    queue.claim("w1", at(0), kLease).value();
    std::size_t swept = 0;
    std::thread sweeper([&] {
      auto own = scene::open(folder / "index.db");
      swept = storage::JobQueue(own).sweep(at(60)).value().size();
    });
    const bool finished = queue.finish(id, "w1", at(59), {}, {}).value();
    sweeper.join();
    EXPECT_EQ(finished ? 0 : 1, swept);
    EXPECT_EQ(finished ? JobState::Done : JobState::Waiting, queue.find(id).value()->state);
    queue.cancel(id, at(61)).value();
  }
}

TEST(JobStates, LetNothingOutOfDoneAndOnlyAPersonOutOfTheOtherEnds) {
  for (const auto event : {JobEvent::Claimed, JobEvent::Finished, JobEvent::Refused, JobEvent::Failed,
                           JobEvent::LeaseExpired, JobEvent::Retried, JobEvent::Cancelled}) {
    EXPECT_EQ(std::nullopt, next(JobState::Done, event, true));
  }
  for (const auto state : {JobState::Refused, JobState::Dead, JobState::Cancelled}) {
    EXPECT_EQ(JobState::Waiting, next(state, JobEvent::Retried, false));
    EXPECT_EQ(std::nullopt, next(state, JobEvent::Claimed, true));
  }
}

TEST(JobStates, HaveNames) { EXPECT_EQ("cancelled", to_string(JobState::Cancelled)); }

TEST_F(JobQueueTest, AWorldThatFailedCostsNoAttempt) {
  const auto id = enqueue("k");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(id, claim_id(100.0 * i));
    EXPECT_TRUE(queue.give_back(id, "w1", at(100.0 * i + 1), "no space left", at(100.0 * i + 60)).value());
  }
  EXPECT_EQ(JobState::Waiting, job(id).state);
  EXPECT_EQ(0, job(id).attempts);
  EXPECT_EQ("no space left", job(id).reason);
  EXPECT_EQ(std::nullopt, queue.claim("w1", at(459), kLease).value());
}

TEST_F(JobQueueTest, TheEndOfAJobMarksItsStudyHoweverItEnds) {
  storage::Index index(database);
  index
      .add({.sop_instance_uid = "1.1",
            .sop_class_uid = "c",
            .study_uid = "1.2.3",
            .series_uid = "s",
            .transfer_syntax_uid = "t",
            .path = "/p",
            .payload_digest = "d",
            .source = "x",
            .received = at(0)})
      .value();
  const auto at_rest = [&] {
    const auto studies = value_of(index.pending_studies());
    if (!studies.empty()) must(index.set_grouped("1.2.3", studies[0].last_arrival, true, "{}", ""));
    return value_of(index.pending_studies()).empty();
  };
  using End = std::function<void(std::int64_t)>;
  const auto claimed = [&](std::int64_t id) { EXPECT_EQ(id, claim_id(0)); };
  const std::vector<std::pair<std::string, End>> ends = {
      {"finished",
       [&](std::int64_t id) {
         claimed(id);
         EXPECT_TRUE(queue.finish(id, "w1", at(1), {}, {}).value());
       }},
      {"refused",
       [&](std::int64_t id) {
         claimed(id);
         EXPECT_TRUE(queue.refuse(id, "w1", at(1), "no").value());
       }},
      {"cancelled", [&](std::int64_t id) { EXPECT_TRUE(queue.cancel(id, at(1)).value()); }},
      {"dead", [&](std::int64_t) {
         for (int i = 0; i < storage::kMostAttempts; ++i) {
           EXPECT_TRUE(queue.claim("w1", at(100 * i), kLease).value());
           EXPECT_EQ(1, value_of(queue.sweep(at(100 * i + 61))).size());
         }
       }}};
  for (const auto& [how, end] : ends) {
    ASSERT_TRUE(at_rest());
    end(queue.enqueue("map", how, "1.2.3", "{}", at(0), at(0), storage::AtEnd::MarkStudy).value().value());
    EXPECT_EQ(1, value_of(index.pending_studies()).size()) << how;
  }
}

}  // namespace
