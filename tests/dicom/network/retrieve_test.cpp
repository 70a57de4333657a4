#include "dicom/network/retrieve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/dicom/network/scripted_peer.h"

namespace {

using dicom::Fault;
using dicom::get_series;
using dicom::move_series;
using dicom::StoreStatus;
using support::element;
using support::RecordingHandler;
using support::ScriptedPeer;
using support::Step;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kMove = "1.2.840.10008.5.1.4.1.2.2.2";
constexpr const char* kGet = "1.2.840.10008.5.1.4.1.2.2.3";
constexpr std::uint16_t kPending = 0xFF00;

support::Script moving(std::vector<Step> steps) {
  return {.accepts = {{kMove, support::kImplicit}}, .steps = std::move(steps)};
}
support::Script giving(std::vector<Step> steps) {
  return {.accepts = {{kGet, support::kImplicit}, {support::kMrImage, support::kExplicit}}, .steps = std::move(steps)};
}

Step image(int number) {
  return {.kind = Step::Kind::Store,
          .data_set = std::string(1000, static_cast<char>(number)),
          .sop_instance = support::instance_uid(number)};
}

TEST(Move, CountsWhatThePacsHasSent) {
  ScriptedPeer pacs(moving({{.status = kPending, .remaining = 29, .completed = 1, .failed = 0},
                            {.status = kPending, .remaining = 0, .completed = 30, .failed = 0},
                            {.completed = 30, .failed = 0}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD");
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->completed, 30);
  EXPECT_EQ(moved->failed, 0);
  EXPECT_EQ(moved->problem, "");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("MOVE SERIES 1.2 1.2.7 to HERALD"));
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
}

TEST(Move, KeepsTheCountsOfAPacsThatLeavesThemOutAtTheEnd) {
  ScriptedPeer pacs(moving({{.status = kPending, .remaining = 0, .completed = 30, .failed = 0}, {}}));
  EXPECT_EQ(move_series(pacs.peer(), "1.2", "1.2.7", "HERALD")->completed, 30);
}

TEST(Move, SaysHowManySubOperationsFailed) {
  // The list of those that failed comes as a data set and is not looked at.
  ScriptedPeer pacs(
      moving({{.status = 0xB000, .data_set = element(0x00080058, "1.2.7.1\\1.2.7.2"), .completed = 28, .failed = 2}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD");
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->failed, 2);
  EXPECT_EQ(moved->problem, "2 of 30 images could not be sent");
}

TEST(Move, ReadsOverALongListOfFailures) {
  std::string uids = "1.2";
  for (int i = 0; i < 100000; ++i) uids += "\\1.2.7";
  ScriptedPeer pacs(
      moving({{.status = 0xB000, .data_set = element(0x00080058, uids), .completed = 0, .failed = 65535}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD");
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->failed, 65535);
}

TEST(Move, SaysThatThePacsDoesNotKnowTheDestination) {
  ScriptedPeer pacs(moving({{.status = 0xA801}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().fault, Fault::Rejected);
  EXPECT_THAT(moved.error().what, HasSubstr("does not know the AE title"));
}

TEST(Move, CancelsWhenTooMuchIsAnnounced) {
  ScriptedPeer pacs(
      moving({{.status = kPending, .remaining = 500, .completed = 0, .failed = 0}, {.kind = Step::Kind::Hang}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD", {.most_instances = 100});
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().what, "peer sends more than 100 images");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("MOVE SERIES 1.2 1.2.7 to HERALD", "CANCEL"));
}

TEST(Move, CancelsAPeerThatHangs) {
  ScriptedPeer pacs(moving({{.kind = Step::Kind::Hang}}));
  dicom::Peer peer = pacs.peer();
  peer.dimse_timeout = std::chrono::seconds(1);
  const auto moved = move_series(peer, "1.2", "1.2.7", "HERALD");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().what, "peer was silent for 1 s");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("MOVE SERIES 1.2 1.2.7 to HERALD", "CANCEL"));
  EXPECT_THAT(pacs.endings(), ElementsAre("aborted"));
}

TEST(Move, APeerThatAbortsMidwayIsAnErrorOfTheNetwork) {
  ScriptedPeer pacs(
      moving({{.status = kPending, .remaining = 20, .completed = 10, .failed = 0}, {.kind = Step::Kind::Abort}}));
  const auto moved = move_series(pacs.peer(), "1.2", "1.2.7", "HERALD");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().fault, Fault::Network);
  EXPECT_EQ(moved.error().what, "peer aborted the association");
}

TEST(Get, HandsEveryImageToTheHandlerAndItsVerdictToThePacs) {
  RecordingHandler handler;
  handler.statuses = {StoreStatus::Success, StoreStatus::Refused};
  ScriptedPeer pacs(giving({image(1),
                            {.status = kPending, .remaining = 1, .completed = 1, .failed = 0},
                            image(2),
                            {.status = 0xB000, .completed = 1, .failed = 1}}));
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 77);
  ASSERT_TRUE(got) << got.error().what;
  EXPECT_EQ(got->completed, 1);
  EXPECT_EQ(got->problem, "1 of 2 images could not be sent");
  const auto received = handler.received();
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].sop_instance_uid, support::instance_uid(1));
  EXPECT_EQ(received[0].calling_ae_title, "PACS");
  EXPECT_EQ(received[0].transfer_syntax_uid, support::kExplicit);
  EXPECT_EQ(received[0].association, 77u);
  EXPECT_EQ(support::data_set_of(received[0].file), std::string(1000, '\1'));
  EXPECT_THAT(handler.events(), ElementsAre("opened PACS", "closed released"));
  pacs.stop();
  EXPECT_THAT(pacs.store_statuses(), ElementsAre(0x0000, 0x0124));
  EXPECT_THAT(pacs.asked(), ElementsAre("GET SERIES 1.2 1.2.7"));
}

TEST(Get, AFullDiskIsToldToThePacs) {
  RecordingHandler handler;
  handler.full_for = 1;
  ScriptedPeer pacs(giving({image(1), {.status = 0xB000, .completed = 0, .failed = 1}}));
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 1);
  ASSERT_TRUE(got) << got.error().what;
  EXPECT_EQ(got->failed, 1);
  pacs.stop();
  EXPECT_THAT(pacs.store_statuses(), ElementsAre(0xA700));
  EXPECT_TRUE(handler.received().empty());
}

TEST(Get, KeepsWhatCameBeforeAnAbort) {
  RecordingHandler handler;
  ScriptedPeer pacs(giving({image(1), {.kind = Step::Kind::Abort}}));
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 1);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::Network);
  EXPECT_EQ(handler.received().size(), 1u);
  EXPECT_EQ(handler.files_on_disk(), 1u);
  EXPECT_THAT(handler.events(), ElementsAre("opened PACS", "closed aborted"));
}

TEST(Get, StopsAPeerThatSendsTooMany) {
  RecordingHandler handler;
  ScriptedPeer pacs(giving({image(1), image(2), image(3), {.kind = Step::Kind::Hang}}));
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 1, {.most_instances = 2});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "peer sends more than 2 images");
  EXPECT_EQ(handler.received().size(), 2u);
}

// It never pauses, so that no wait could end it.
TEST(Get, EndsInTheMiddleOfAnImageWithoutAnEndWhenItsTimeIsOver) {
  RecordingHandler handler;
  handler.full_for = 1;
  Step endless = image(1);
  endless.kind = Step::Kind::Flood;
  ScriptedPeer pacs(giving({endless}));
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 1, {.longest = std::chrono::seconds(1)});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "it took too long");
}

TEST(Get, EndsWhenToldToStop) {
  RecordingHandler handler;
  ScriptedPeer pacs(giving({image(1), {.kind = Step::Kind::Hang}}));
  dicom::StopSignal stop;
  std::thread other([&] {
    handler.wait_for_files(1);
    stop.request();
  });
  const auto got = get_series(pacs.peer(), "1.2", "1.2.7", handler, 1, {.stop = &stop});
  other.join();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "Herald was told to stop");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("GET SERIES 1.2 1.2.7", "CANCEL"));
}

}  // namespace
