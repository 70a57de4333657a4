#include "server/confirmation.h"

#include <gmock/gmock.h>

#include <fstream>

#include "dicom/network/query.h"
#include "server/commitment_desk.h"
#include "server/context.h"
#include "server/log.h"
#include "server/result_kinds.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/dicom/network/scripted_peer.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace std::chrono_literals;
using config::Confirm;
using server::Breaker;
using server::next_proof;
using storage::OutboxState;
using storage::Proof;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

const storage::Time kNow{5'000'000ms};

// ------------------------------------------------------------------------------------------------ pure decisions

TEST(Proofs, AreAskedForInTheirOrderSoOftenEach) {
  const config::Confirmation confirm{.by = {Confirm::Commitment, Confirm::Find}, .attempts = 2};
  std::vector<std::optional<Confirm>> asked;
  for (int asks = 0; asks < 5; ++asks) asked.push_back(next_proof(asks, confirm));
  EXPECT_THAT(asked, ElementsAre(Confirm::Commitment, Confirm::Commitment, Confirm::Find, Confirm::Find, std::nullopt));
  EXPECT_EQ(server::asks_before_next_proof(0, confirm), 2);
  EXPECT_EQ(server::asks_before_next_proof(1, confirm), 2);
  EXPECT_EQ(server::asks_before_next_proof(2, confirm), 4);
}

TEST(ADestination, IsDownAfterSoManyFailuresInARowAndOnlyProbed) {
  Breaker breaker(3, 10s, 60s);
  EXPECT_EQ(breaker.failed(kNow, 0), Breaker::Change::None);
  EXPECT_EQ(breaker.failed(kNow, 0), Breaker::Change::None);
  EXPECT_FALSE(breaker.is_down());
  EXPECT_EQ(breaker.failed(kNow, 0), Breaker::Change::WentDown);
  EXPECT_TRUE(breaker.is_down());
  EXPECT_FALSE(breaker.is_probe_due(kNow + 9s));
  EXPECT_TRUE(breaker.is_probe_due(kNow + 10s));
  EXPECT_EQ(breaker.failed(kNow + 10s, 0), Breaker::Change::None);  // said once
  EXPECT_FALSE(breaker.is_probe_due(kNow + 29s));
  EXPECT_TRUE(breaker.is_probe_due(kNow + 30s));
  for (int i = 0; i < 50; ++i) breaker.failed(kNow + 30s, 0.5);
  EXPECT_TRUE(breaker.is_probe_due(kNow + 90s));  // never longer than the longest
  EXPECT_EQ(breaker.worked(), Breaker::Change::CameBack);
  EXPECT_FALSE(breaker.is_down());
  EXPECT_EQ(breaker.worked(), Breaker::Change::None);
}

TEST(ADestination, ThatAnswersNowAndThenIsNotDown) {
  Breaker breaker(2, 10s, 60s);
  for (int i = 0; i < 10; ++i) {
    breaker.failed(kNow, 0);
    breaker.worked();
  }
  EXPECT_FALSE(breaker.is_down());
}

// ------------------------------------------------------------------------------------------------ with a peer

class Confirmed : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging log;
    log.file = folder / "log";
    server::log::open(log);
    pacs.name = "pacs";
    pacs.first_retry = 0s;
    pacs.longest_retry = 0s;
    pacs.confirm = {.by = {Confirm::Commitment}, .attempts = 2, .wait = 30s, .timeout = 3600s};
  }
  void TearDown() override { server::log::open({}); }

  // Two images, stored by the peer.
  void stored() {
    made();
    for (std::int64_t id = 1; id <= 2; ++id) ASSERT_TRUE(outbox.sent(id, server::now(), 0));
  }
  void made() {
    const auto at = server::now();
    const auto id = queue.enqueue("map", "1", support::kStudyUid, "{}", at, at).value().value();
    ASSERT_TRUE(queue.claim("w", at, 60s).value());
    std::vector<storage::ResultRow> rows;
    for (int i = 1; i <= 2; ++i) {
      const auto file = support::make_object(folder.path(), i, {.sop_class = support::kMrImage});
      storage::ResultRow row;
      row.study_uid = support::kStudyUid;
      row.sop_instance_uid = file.sop_instance_uid;
      row.sop_class_uid = support::kMrImage;
      row.series_uid = support::kSeriesUid;
      row.kind = "mr_map";
      row.slot = "t2";
      row.order = i;
      row.path = file.file;
      rows.push_back(row);
    }
    ASSERT_EQ(true, queue.finish(id, "w", at, rows, {{"pacs", {"mr_map"}}}));
  }
  server::Round ask(support::ScriptedPeer& peer) {
    pacs.peer = peer.peer();
    return server::confirm_due(pacs, database, desk(), nullptr);
  }
  server::CommitmentDesk& desk() {
    if (!desk_) {
      config::Settings settings;
      settings.destinations = {pacs};
      settings.scanners = scanners;
      desk_ = std::make_unique<server::CommitmentDesk>(settings, folder / "herald.db");
    }
    return *desk_;
  }
  static support::Script committing(support::CommitmentScript commitment) {
    return {.accepts = {{dicom::kCommitmentClass, support::kImplicit}, {support::kMrImage, support::kExplicit}},
            .commitment = std::move(commitment)};
  }
  storage::OutboxRow row(int number) {
    const auto rows = outbox.rows_of("");
    return rows->at(static_cast<std::size_t>(number - 1));
  }
  std::vector<OutboxState> states() { return {row(1).state, row(2).state}; }
  std::string log() {
    server::log::flush();
    std::ifstream stream(folder / "log");
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  support::TempFolder folder;
  storage::Database database = storage::Database::open(folder / "herald.db").value();
  storage::JobQueue queue{database};
  storage::Outbox outbox{database};
  config::Destination pacs;
  std::vector<config::Scanner> scanners;
  std::unique_ptr<server::CommitmentDesk> desk_;
};

TEST_F(Confirmed, ByTheAnswerAloneWhereTheSettingsWantNoMore) {
  made();
  pacs.confirm = {};
  support::ScriptedPeer peer(committing({}));
  pacs.peer = peer.peer();
  EXPECT_TRUE(server::deliver_once(pacs, outbox, {}));
  EXPECT_THAT(states(), Each(OutboxState::Delivered));
  EXPECT_EQ(row(1).proof, Proof::Answer);
}

TEST_F(Confirmed, ByAReportOnTheSameAssociationAfterTheSending) {
  made();
  support::ScriptedPeer peer(committing({.reports = 1}));
  pacs.peer = peer.peer();
  EXPECT_TRUE(server::deliver_once(pacs, outbox, {}));
  EXPECT_THAT(states(), Each(OutboxState::Sent));
  EXPECT_TRUE(ask(peer).something);
  EXPECT_THAT(states(), Each(OutboxState::Delivered));
  EXPECT_EQ(row(2).proof, Proof::Commitment);
  EXPECT_FALSE(ask(peer).something);
}

TEST_F(Confirmed, ByAReportOnAnAssociationThatThePeerOpens) {
  stored();
  pacs.confirm.wait = 0s;
  support::ScriptedPeer peer(committing({}));
  ask(peer);
  peer.stop();
  ASSERT_EQ(peer.transactions().size(), 1u);
  EXPECT_THAT(states(), Each(OutboxState::Sent));
  support::RecordingHandler handler;
  auto acceptor = dicom::Acceptor::start(support::loopback(), handler, &desk());
  ASSERT_TRUE(acceptor);
  dicom::CommitmentReport report{peer.transactions()[0], {}, {}};
  for (int i = 1; i <= 2; ++i) report.committed.push_back({support::kMrImage, row(i).object.sop_instance_uid});
  for (int twice = 0; twice < 2; ++twice)
    EXPECT_EQ(dicom::report_commitment(support::peer_at(**acceptor), report).value(), 0);
  EXPECT_THAT(states(), Each(OutboxState::Delivered));
  report.transaction_uid = "2.25.99";
  EXPECT_EQ(dicom::report_commitment(support::peer_at(**acceptor), report).value(), dicom::kProcessingFailure);
  EXPECT_THAT(log(), HasSubstr("SCANNER reports on transaction 2.25.99, which is none of ours"));
}

TEST_F(Confirmed, WhatThePeerDoesNotKeepIsSentAgain) {
  stored();
  support::ScriptedPeer peer(committing({.reports = 1, .does_not_keep = {row(2).object.sop_instance_uid}}));
  ask(peer);
  EXPECT_THAT(states(), ElementsAre(OutboxState::Delivered, OutboxState::Waiting));
  EXPECT_EQ(row(2).last_problem, "the peer stored it, but does not keep it: status 0x0112: no such SOP instance");
  EXPECT_TRUE(server::deliver_once(pacs, outbox, {}));
  EXPECT_EQ(row(2).state, OutboxState::Sent);
}

TEST_F(Confirmed, APeerThatNeverReportsIsAskedSoOftenAndThenAPerson) {
  stored();
  pacs.confirm.wait = 0s;
  pacs.confirm.timeout = 0s;
  support::ScriptedPeer peer(committing({}));
  EXPECT_TRUE(ask(peer).something);
  EXPECT_TRUE(ask(peer).something);
  EXPECT_THAT(states(), Each(OutboxState::Sent));
  EXPECT_TRUE(ask(peer).something);
  EXPECT_THAT(states(), Each(OutboxState::Dead));
  EXPECT_EQ(row(1).last_problem, "stored there, but never confirmed: no report of storage commitment came");
  peer.stop();
  ASSERT_EQ(peer.transactions().size(), 2u);
  EXPECT_NE(peer.transactions()[0], peer.transactions()[1]);
}

TEST_F(Confirmed, APeerWithoutTheServiceDoesNotBlockForEver) {
  stored();
  support::ScriptedPeer peer(support::Script{.accepts = {{support::kMrImage, support::kExplicit}}});
  pacs.confirm.by = {Confirm::Commitment, Confirm::None};
  ask(peer);
  EXPECT_THAT(states(), Each(OutboxState::Sent));
  ask(peer);
  EXPECT_THAT(states(), Each(OutboxState::Delivered));
  EXPECT_EQ(row(1).proof, Proof::Answer);
  EXPECT_THAT(log(), HasSubstr("by its answer alone, as the settings say; asked for more: peer does not accept storage "
                               "commitment"));
}

TEST_F(Confirmed, APeerWithoutTheServiceIsAPersonsMatterWhereNothingElseCounts) {
  stored();
  support::ScriptedPeer peer(support::Script{.accepts = {{support::kMrImage, support::kExplicit}}});
  ask(peer);
  ask(peer);
  EXPECT_THAT(states(), Each(OutboxState::Dead));
  EXPECT_EQ(row(1).last_problem, "stored there, but never confirmed: peer does not accept storage commitment");
}

TEST_F(Confirmed, AQuestionThatDidNotReachThePeerDoesNotCount) {
  stored();
  pacs.first_retry = pacs.longest_retry = 900s;
  support::ScriptedPeer peer(committing({}));
  pacs.peer = peer.peer();
  peer.stop();
  pacs.peer.acse_timeout = 1s;
  const auto round = server::confirm_due(pacs, database, desk(), nullptr);
  EXPECT_EQ(round.contact, server::Round::Contact::Failed);
  EXPECT_EQ(row(1).asks, 0);
  EXPECT_EQ(row(1).state, OutboxState::Sent);
  EXPECT_NE(row(1).last_problem, "");
}

TEST_F(Confirmed, ByAQueryOnlyWhatItShows) {
  stored();
  pacs.confirm = {.by = {Confirm::Find}, .attempts = 2};
  support::Script script{.accepts = {{dicom::kFindClass, support::kImplicit}}};
  script.steps = {{.status = 0xFF00,
                   .data_set = support::element(0x00080018, row(1).object.sop_instance_uid) +
                               support::element(0x0020000E, support::kSeriesUid)},
                  {}};
  support::ScriptedPeer peer(script);
  ask(peer);
  EXPECT_THAT(states(), ElementsAre(OutboxState::Delivered, OutboxState::Sent));
  EXPECT_EQ(row(1).proof, Proof::Find);
  ask(peer);
  EXPECT_EQ(row(2).state, OutboxState::Waiting);  // it is not there: sent again
  EXPECT_EQ(row(2).last_problem, "the peer stored it, but a query does not show it");
  peer.stop();
  EXPECT_THAT(peer.asked().at(0), HasSubstr("FIND IMAGE"));
}

TEST_F(Confirmed, ADestinationThatIsDownIsLeftAloneUntilItAnswersAndThenGetsEverything) {
  pacs.confirm = {};
  pacs.first_retry = 0s;
  pacs.failures_until_down = 2;
  pacs.peer.connect_timeout = 1s;
  made();
  support::RecordingHandler handler;
  auto options = support::loopback();
  pacs.peer = [&] {
    const auto reserved = support::started(options, handler);
    return support::peer_at(*reserved);
  }();
  dicom::StopSignal never;
  server::Errand errand(pacs, database, desk(), never);
  for (int i = 0; i < 2; ++i) errand.run({});
  EXPECT_TRUE(errand.is_down());
  const int attempts = row(1).attempts;
  for (int i = 0; i < 5; ++i) errand.run({});
  EXPECT_EQ(row(1).attempts, attempts);
  ASSERT_TRUE(outbox.postpone(1, server::now(), server::now() + 1h, -1, "as if it had been tried late"));
  options.port = pacs.peer.port;
  const auto back = support::started(options, handler);
  while (errand.is_down()) errand.run({});
  while (errand.run({})) {
  }
  EXPECT_THAT(states(), Each(OutboxState::Delivered));
  const std::string said = log();
  EXPECT_THAT(said, HasSubstr("pacs counts as down after 2 failures in a row"));
  EXPECT_THAT(said, HasSubstr("pacs answers again; 1 object due earlier than planned"));
  EXPECT_EQ(said.find("counts as down"), said.rfind("counts as down"));
}

// ------------------------------------------------------------------------------------------------ for a scanner

class Promised : public Confirmed {
 protected:
  void here(const std::string& uid, const std::string& sop_class = support::kMrImage, std::size_t bytes = 100) {
    const auto file = folder / uid;
    std::ofstream(file) << std::string(100, 'x');
    ASSERT_TRUE(storage::Index(database).add({.sop_instance_uid = uid,
                                              .sop_class_uid = sop_class,
                                              .study_uid = "1.2.3",
                                              .series_uid = "1.2.3.1",
                                              .transfer_syntax_uid = "1.2.840.10008.1.2.1",
                                              .path = file,
                                              .payload_digest = "d",
                                              .bytes = bytes,
                                              .source = "SKYRA",
                                              .received = server::now()}));
  }
  std::vector<std::string> refused(const dicom::CommitmentReport& report) {
    std::vector<std::string> list;
    for (const auto& failed : report.failed)
      list.push_back(failed.object.sop_instance_uid + " " + std::to_string(failed.reason));
    return list;
  }
};

TEST_F(Promised, IsOnlyWhatIsInTheIndexAndOnTheDisk) {
  here("1.1");
  here("1.2");
  here("1.3", support::kMrImage, 99);
  here("1.4", "1.2.840.10008.5.1.4.1.1.7");
  std::filesystem::remove(folder / "1.2");
  dicom::CommitmentRequest request{"2.25.5", {}};
  for (const char* uid : {"1.1", "1.2", "1.3", "1.4", "1.5"}) request.instances.push_back({support::kMrImage, uid});
  EXPECT_EQ(desk().asked("SCANNER", request), 0);
  const auto report = desk().report_now("SCANNER", "2.25.5");
  ASSERT_TRUE(report);
  EXPECT_THAT(report->committed, ElementsAre(dicom::SopReference{support::kMrImage, "1.1"}));
  EXPECT_THAT(refused(*report), ElementsAre("1.2 274", "1.3 272", "1.4 281", "1.5 274"));
}

TEST_F(Promised, ToAScannerThatLeftIsReportedOnANewAssociationUntilItArrives) {
  here("1.1");
  support::RecordingHandler handler;
  auto options = support::loopback();
  options.ae_title = "SKYRA";
  options.calling_ae_titles = {"HERALD"};
  config::Scanner scanner;
  scanner.peer.ae_title = "SKYRA";
  scanner.peer.host = "127.0.0.1";
  scanner.peer.port = support::started(options, handler)->port();  // nobody listens there any more
  scanner.first_retry = scanner.longest_retry = 0s;
  scanners = {scanner};
  ASSERT_EQ(desk().asked("SKYRA", {"2.25.5", {{support::kMrImage, "1.1"}}}), 0);
  EXPECT_FALSE(desk().report_next(database, nullptr));  // its own association has the first turn
  desk().told("SKYRA", {"2.25.5", {}, {}}, std::nullopt);
  EXPECT_TRUE(desk().report_next(database, nullptr));
  EXPECT_EQ(storage::Commitments(database).summary()->owed, 1u);
  EXPECT_THAT(log(), HasSubstr("report on transaction 2.25.5 did not reach SKYRA"));

  // The scanner's listener is a node that began this transaction itself.
  const support::TempFolder elsewhere;
  storage::Database at_scanner = storage::Database::open(elsewhere / "herald.db").value();
  ASSERT_TRUE(storage::Commitments(at_scanner).begin("2.25.5", "us", {}, server::now(), server::now()));
  server::CommitmentDesk scanners_desk({}, elsewhere / "herald.db");
  options.port = scanner.peer.port;
  const auto listener = dicom::Acceptor::start(options, handler, &scanners_desk);
  ASSERT_TRUE(listener) << listener.error().what;
  EXPECT_TRUE(desk().report_next(database, nullptr));
  EXPECT_EQ(storage::Commitments(database).summary()->reported, 1u);
  EXPECT_THAT(log(), HasSubstr("SKYRA was told on the new association that 1 of transaction 2.25.5 are kept"));
}

TEST_F(Promised, ToAStrangerThatLeftCannotBeReportedAndThatIsSaid) {
  here("1.1");
  ASSERT_EQ(desk().asked("STRANGER", {"2.25.5", {{support::kMrImage, "1.1"}}}), 0);
  desk().told("STRANGER", {"2.25.5", {}, {}}, std::nullopt);
  EXPECT_TRUE(desk().report_next(database, nullptr));
  EXPECT_EQ(storage::Commitments(database).summary()->dead, 1u);
  EXPECT_THAT(log(), HasSubstr("no [[scanner]] of the settings says where its reports go"));
}

}  // namespace
