#include "server/delivery.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "server/context.h"
#include "server/explain.h"
#include "server/log.h"
#include "server/result_kinds.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/scripted_peer.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace std::chrono_literals;
using dicom::Verdict;
using server::next_step;
using Kind = server::NextStep::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

const storage::Time kCreated{5'000'000ms};

config::Destination destination() {
  config::Destination d;
  d.name = "pacs";
  d.first_retry = 10s;
  d.longest_retry = 900s;
  d.give_up_after = 48h;
  return d;
}

storage::OutboxRow row(int attempts) {
  storage::OutboxRow r;
  r.attempts = attempts;
  r.created = kCreated;
  return r;
}

TEST(Delivery, CountsASuccessOnlyWhenThePeerAnsweredForThisInstance) {
  EXPECT_EQ(next_step(row(0), {Verdict::Kind::Delivered, 0x0000, ""}, destination(), kCreated, 0).kind,
            Kind::Delivered);
  EXPECT_EQ(next_step(row(0), {Verdict::Kind::Later, -1, "no answer"}, destination(), kCreated, 0).kind,
            Kind::Postpone);
}

TEST(Delivery, WaitsLongerAfterEachFailureUpToTheConfiguredLongest) {
  const Verdict down{Verdict::Kind::Later, -1, "connection refused"};
  const auto first = next_step(row(0), down, destination(), kCreated, 0).wait;
  const auto second = next_step(row(1), down, destination(), kCreated, 0).wait;
  EXPECT_GE(first, 7500ms);
  EXPECT_LE(first, 12500ms);
  EXPECT_EQ(second, 2 * first);
  EXPECT_LE(next_step(row(40), down, destination(), kCreated, 0.99).wait, 900s * 5 / 4);
}

TEST(Delivery, GivesUpATransientFailureOnlyAfterDays) {
  const Verdict down{Verdict::Kind::Later, -1, "connection refused"};
  EXPECT_EQ(next_step(row(200), down, destination(), kCreated + 47h, 0).kind, Kind::Postpone);
  const auto late = next_step(row(200), down, destination(), kCreated + 48h, 0);
  EXPECT_EQ(late.kind, Kind::Dead);
  EXPECT_NE(late.problem.find("connection refused"), std::string::npos);
}

TEST(Delivery, APermanentRefusalIsDeadAtOnceWithItsSentence) {
  const auto step =
      next_step(row(0), {Verdict::Kind::Never, 0xA900, "the data set does not match"}, destination(), kCreated, 0);
  EXPECT_EQ(step.kind, Kind::Dead);
  EXPECT_EQ(step.problem, "the data set does not match");
}

TEST(Delivery, FallsToTheNextRungOnlyWhenTheClassWasRefusedAndThereIsOne) {
  storage::OutboxRow report = row(0);
  report.object.kind = "sr_nomogram";
  const Verdict refused{Verdict::Kind::Never, -1, "not accepted", true};
  const auto step = next_step(report, refused, destination(), kCreated, 0);
  EXPECT_EQ(step.kind, Kind::Replace);
  EXPECT_EQ(step.below, "sr_nomogram_enhanced");
  EXPECT_EQ(next_step(report, {Verdict::Kind::Never, 0xA900, "mismatch"}, destination(), kCreated, 0).kind, Kind::Dead);
  for (const char* last : {"sr_nomogram_enhanced", "seg", "mr_map", "sc_results", "of a later version"}) {
    report.object.kind = last;
    EXPECT_EQ(next_step(report, refused, destination(), kCreated, 0).kind, Kind::Dead) << last;
  }
}

// A result set of two jobs and a peer that takes what the test says.
class Ladder : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging log;
    log.file = folder / "log";
    server::log::open(log);
  }
  void TearDown() override { server::log::open({}); }

  void made(const std::string& job, const std::string& slot, const std::vector<std::string>& kinds) {
    const auto at = server::now();
    const auto id = queue.enqueue("map", job, support::kStudyUid, "{}", at, at).value().value();
    ASSERT_TRUE(queue.claim("w", at, 60s).value());
    std::vector<storage::ResultRow> rows;
    for (const std::string& kind : kinds) rows.push_back(object(kind, slot));
    config::Settings settings;
    settings.destinations = {destination()};
    settings.destinations[0].profile = profile;
    ASSERT_EQ(true, queue.finish(id, "w", at, rows, server::deliveries(settings)));
  }
  storage::ResultRow object(const std::string& kind, const std::string& slot) {
    const std::string sop_class(server::find_result_kind(kind)->sop_class_uid);
    const auto file = support::make_object(folder.path(), ++objects, {.sop_class = sop_class});
    kind_of[file.sop_instance_uid] = kind;
    storage::ResultRow row;
    row.study_uid = support::kStudyUid;
    row.sop_instance_uid = file.sop_instance_uid;
    row.sop_class_uid = sop_class;
    row.series_uid = support::kSeriesUid;
    row.kind = kind;
    row.slot = slot;
    row.path = file.file;
    return row;
  }
  // Every class there is but those.
  static support::Script all_but(const std::set<std::string_view>& refused) {
    support::Script script;
    for (const server::ResultKind& kind : server::result_kinds())
      if (!refused.contains(kind.sop_class_uid))
        script.accepts.push_back({std::string(kind.sop_class_uid), support::kExplicit});
    return script;
  }
  // The kinds that a peer has when nothing is due any more, in the order in which it got them.
  std::vector<std::string> delivered_to(support::Script script) {
    support::ScriptedPeer peer(std::move(script));
    config::Destination pacs = destination();
    pacs.peer = peer.peer();
    for (associations = 0; server::deliver_once(pacs, outbox, {}); ++associations) {
    }
    std::vector<std::string> kinds;
    for (const auto& stored : peer.stored()) kinds.push_back(kind_of.at(stored.sop_instance));
    return kinds;
  }
  storage::OutboxRow row_of(const std::string& kind) {
    for (const auto& row : outbox.rows_of("").value_or(std::vector<storage::OutboxRow>{}))
      if (row.object.kind == kind) return row;
    ADD_FAILURE() << "no row of kind " << kind;
    return {};
  }

  support::TempFolder folder;
  storage::Database database = storage::Database::open(folder / "herald.db").value();
  storage::JobQueue queue{database};
  storage::Outbox outbox{database};
  config::Profile profile;
  std::map<std::string, std::string> kind_of;
  int objects = 0, associations = 0;
};

constexpr const char* kParametricMap = "1.2.840.10008.5.1.4.1.1.30";
constexpr const char* kSegmentation = "1.2.840.10008.5.1.4.1.1.66.4";
constexpr const char* kComprehensive = "1.2.840.10008.5.1.4.1.1.88.33";
constexpr const char* kComprehensive3d = "1.2.840.10008.5.1.4.1.1.88.34";
constexpr const char* kEnhanced = "1.2.840.10008.5.1.4.1.1.88.22";
constexpr const char* kPdf = "1.2.840.10008.5.1.4.1.1.104.1";

TEST_F(Ladder, IsNotSteppedOnWhereEverythingIsTaken) {
  made("1", "t2", {"mr_map", "pm_real"});
  made("2", "", {"sr_nomogram", "sr_nomogram_enhanced"});
  EXPECT_THAT(delivered_to(all_but({})), ElementsAre("mr_map", "pm_real", "sr_nomogram"));
  EXPECT_EQ(associations, 1);
}

TEST_F(Ladder, ReplacesWhatThePeerRefusesAndKeepsTheOrder) {
  profile.pages = config::Pages::Pdf;
  made("1", "t2", {"mr_map", "pm_real"});
  made("2", "",
       {"seg", "sr_measurements", "sr_measurements_enhanced", "sr_segments", "sr_segments_enhanced", "sr_nomogram",
        "sr_nomogram_enhanced", "pdf_results", "sc_results", "pdf_nomogram", "sc_nomogram"});
  EXPECT_THAT(delivered_to(all_but({kParametricMap, kSegmentation, kComprehensive, kComprehensive3d, kPdf})),
              ElementsAre("mr_map", "sr_measurements_enhanced", "sr_segments_enhanced", "sr_nomogram_enhanced",
                          "sc_results", "sc_nomogram"));
  EXPECT_EQ(row_of("pm_real").state, storage::OutboxState::Replaced);
  EXPECT_EQ(row_of("pm_real").last_problem, "peer does not accept Parametric Map Storage; replaced by mr_map");
  EXPECT_EQ(row_of("pdf_results").state, storage::OutboxState::Replaced);
  EXPECT_EQ(row_of("seg").state, storage::OutboxState::Dead);
  EXPECT_EQ(row_of("seg").last_problem, "peer does not accept Segmentation Storage");
}

TEST_F(Ladder, EndsWhereTheLastRungIsRefused) {
  made("1", "", {"sr_nomogram", "sr_nomogram_enhanced"});
  EXPECT_THAT(delivered_to(all_but({kComprehensive, kEnhanced})), IsEmpty());
  EXPECT_EQ(row_of("sr_nomogram").state, storage::OutboxState::Replaced);
  EXPECT_EQ(row_of("sr_nomogram_enhanced").state, storage::OutboxState::Dead);
}

TEST_F(Ladder, IsSteppedOnForAClassThatIsRefusedByItsStatus) {
  made("1", "", {"sr_nomogram", "sr_nomogram_enhanced"});
  support::Script script = all_but({});
  script.statuses = {0x0122};
  EXPECT_THAT(delivered_to(script), ElementsAre("sr_nomogram", "sr_nomogram_enhanced"));
  EXPECT_EQ(row_of("sr_nomogram").last_status, 0x0122);
  EXPECT_EQ(row_of("sr_nomogram").state, storage::OutboxState::Replaced);
}

TEST_F(Ladder, IsNotSteppedOnByAPeerThatIsDownOrFull) {
  made("1", "", {"sr_nomogram", "sr_nomogram_enhanced"});
  support::Script full = all_but({});
  full.statuses = {0xA700};
  EXPECT_THAT(delivered_to(full), ElementsAre("sr_nomogram"));
  EXPECT_EQ(row_of("sr_nomogram").state, storage::OutboxState::Waiting);
  EXPECT_EQ(outbox.rows_of("")->size(), 1u);
}

TEST_F(Ladder, GoesOnWhereAStopInterruptedIt) {
  made("1", "", {"sr_measurements", "sr_measurements_enhanced", "sr_nomogram", "sr_nomogram_enhanced"});
  ASSERT_TRUE(outbox.replace(row_of("sr_measurements").id, server::now(), -1, "no", "sr_measurements_enhanced"));
  EXPECT_THAT(delivered_to(all_but({kComprehensive})), ElementsAre("sr_measurements_enhanced", "sr_nomogram_enhanced"));
}

TEST_F(Ladder, IsToldByExplain) {
  made("1", "t2", {"mr_map", "pm_real"});
  delivered_to(all_but({kParametricMap}));
  const auto account = server::explain(database, support::kStudyUid);
  ASSERT_EQ(account.at("deliveries").size(), 2u);
  const auto& replaced = account.at("deliveries").at(1);
  EXPECT_EQ(replaced.at("state"), "replaced");
  EXPECT_EQ(replaced.at("problem"), "peer does not accept Parametric Map Storage; replaced by mr_map");
}

}  // namespace
