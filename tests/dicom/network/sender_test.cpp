#include "dicom/network/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/dicom/network/scripted_peer.h"

namespace {

using dicom::Verdict;
using Kind = dicom::Verdict::Kind;
using support::kExplicit;
using support::kImplicit;
using support::kJpegLs;
using support::kMrImage;
using support::kParametricMap;
using support::make_object;
using support::Script;
using support::ScriptedPeer;
using support::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

const Script kTakesMr{.accepts = {{kMrImage, kExplicit}}};

std::vector<dicom::Outgoing> some_objects(const TempFolder& folder, int count) {
  std::vector<dicom::Outgoing> objects;
  for (int i = 0; i < count; ++i) objects.push_back(make_object(folder.path(), i));
  return objects;
}

std::vector<Kind> kinds(const std::vector<Verdict>& verdicts) {
  std::vector<Kind> kinds;
  for (const auto& verdict : verdicts) kinds.push_back(verdict.kind);
  return kinds;
}

TEST(Sender, DeliversInOrderAndReleases) {
  TempFolder folder;
  ScriptedPeer pacs(kTakesMr);
  const auto objects = some_objects(folder, 3);
  std::vector<std::size_t> progress;
  const auto verdicts =
      dicom::send(pacs.peer(), objects, [&](std::size_t done, const Verdict&) { progress.push_back(done); });
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Delivered, Kind::Delivered));
  EXPECT_THAT(progress, ElementsAre(1, 2, 3));
  pacs.stop();
  ASSERT_EQ(pacs.stored().size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pacs.stored()[static_cast<std::size_t>(i)].sop_instance, support::instance_uid(i));
    EXPECT_EQ(pacs.stored()[static_cast<std::size_t>(i)].bytes,
              support::data_set_of(objects[static_cast<std::size_t>(i)].file).size());
  }
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
}

TEST(Sender, GivesOneVerdictForEveryStatus) {
  TempFolder folder;
  ScriptedPeer pacs({.accepts = kTakesMr.accepts,
                     .statuses = {0x0000, 0xB000, 0x0111, 0xA700, 0x0110, 0xA900, 0xC001, 0x0122, 0x0124}});
  const auto verdicts = dicom::send(pacs.peer(), some_objects(folder, 9));
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Delivered, Kind::Delivered, Kind::Later, Kind::Later,
                                           Kind::Never, Kind::Never, Kind::Never, Kind::Never));
  EXPECT_EQ(verdicts[0].problem, "");
  EXPECT_EQ(verdicts[1].status, 0xB000);
  EXPECT_THAT(verdicts[1].problem, HasSubstr("coerced"));
  EXPECT_EQ(verdicts[3].problem, "peer answered status 0xA700: out of resources");
}

TEST(Sender, NamesTheClassThatThePeerDoesNotAccept) {
  TempFolder folder;
  ScriptedPeer pacs(kTakesMr);
  const std::vector objects{make_object(folder.path(), 1), make_object(folder.path(), 2, {.sop_class = kParametricMap}),
                            make_object(folder.path(), 3), make_object(folder.path(), 4, {.transfer_syntax = kJpegLs})};
  const auto verdicts = dicom::send(pacs.peer(), objects);
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Never, Kind::Delivered, Kind::Never));
  EXPECT_EQ(verdicts[1].problem, "peer does not accept Parametric Map Storage");
  EXPECT_TRUE(verdicts[1].class_refused);
  EXPECT_FALSE(verdicts[0].class_refused);
  EXPECT_EQ(verdicts[1].status, -1);
  EXPECT_THAT(verdicts[3].problem, HasSubstr("peer does not accept MR Image Storage in JPEG-LS"));
}

TEST(Sender, ReleasesAnAssociationOnWhichNothingWasAccepted) {
  TempFolder folder;
  ScriptedPeer pacs({});
  EXPECT_THAT(kinds(dicom::send(pacs.peer(), some_objects(folder, 2))), ElementsAre(Kind::Never, Kind::Never));
}

TEST(Sender, SendsCompressedFilesAsTheyAre) {
  TempFolder folder;
  ScriptedPeer pacs({.accepts = {{kMrImage, kJpegLs}, {kMrImage, kExplicit}}});
  const std::vector objects{make_object(folder.path(), 1, {.transfer_syntax = kJpegLs}), make_object(folder.path(), 2)};
  EXPECT_THAT(kinds(dicom::send(pacs.peer(), objects)), ElementsAre(Kind::Delivered, Kind::Delivered));
  EXPECT_EQ(pacs.stored()[0].transfer_syntax, kJpegLs);
  EXPECT_EQ(pacs.stored()[1].transfer_syntax, kExplicit);
}

TEST(Sender, WritesPlainFilesAnewForAPeerThatSpeaksAnotherPlainSyntax) {
  TempFolder folder;
  ScriptedPeer old_pacs({.accepts = {{kMrImage, kImplicit}}});
  const std::vector objects{make_object(folder.path(), 1),
                            make_object(folder.path(), 2, {.transfer_syntax = kImplicit})};
  const auto expected = support::data_set_of(objects[1].file).size();
  EXPECT_THAT(kinds(dicom::send(old_pacs.peer(), objects)), ElementsAre(Kind::Delivered, Kind::Delivered));
  EXPECT_EQ(old_pacs.stored()[0].bytes, expected - (support::instance_uid(2).size() - support::instance_uid(1).size()));
  EXPECT_EQ(old_pacs.stored()[1].bytes, expected);

  ScriptedPeer pacs(kTakesMr);
  const auto big_endian = make_object(folder.path(), 3, {.transfer_syntax = support::kBigEndian});
  const auto little_endian = make_object(folder.path(), 4);
  EXPECT_THAT(kinds(dicom::send(pacs.peer(), {&big_endian, 1})), ElementsAre(Kind::Delivered));
  EXPECT_EQ(pacs.stored()[0].bytes, support::data_set_of(little_endian.file).size());
}

TEST(Sender, LeavesTheRestForLaterAfterAnAbort) {
  TempFolder folder;
  ScriptedPeer pacs({.accepts = kTakesMr.accepts, .aborts_after = 2});
  std::size_t told = 0;
  const auto verdicts =
      dicom::send(pacs.peer(), some_objects(folder, 5), [&](std::size_t done, const Verdict&) { told = done; });
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Delivered, Kind::Later, Kind::Later, Kind::Later));
  EXPECT_NE(verdicts[2].problem, "");
  EXPECT_EQ(verdicts[4].problem, "not sent: the association had ended before");
  EXPECT_EQ(told, 5u);
}

TEST(Sender, StopsBetweenTwoInstancesWhenAsked) {
  TempFolder folder;
  ScriptedPeer pacs(kTakesMr);
  int asked = 0;
  const auto verdicts = dicom::send(pacs.peer(), some_objects(folder, 4), {}, [&] { return ++asked > 2; });
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Delivered, Kind::Later, Kind::Later));
  pacs.stop();
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
}

TEST(Sender, GivesUpForGoodOnAPeerThatDoesNotKnowTheTitles) {
  TempFolder folder;
  const auto objects = some_objects(folder, 2);
  for (const int reason : {0x0103, 0x0107}) {
    ScriptedPeer pacs({.rejects_with = reason});
    const auto verdicts = dicom::send(pacs.peer(), objects);
    EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Never, Kind::Never)) << reason;
    EXPECT_THAT(verdicts[0].problem, HasSubstr("AE title"));
  }
}

TEST(Sender, TriesAgainLaterAtAPeerThatIsBusyOrGivesNoReason) {
  TempFolder folder;
  const auto objects = some_objects(folder, 2);
  ScriptedPeer busy({.rejects_with = 0x0302, .rejection_is_permanent = false});
  EXPECT_THAT(kinds(dicom::send(busy.peer(), objects)), ElementsAre(Kind::Later, Kind::Later));
  ScriptedPeer grumpy({.rejects_with = 0x0101});
  EXPECT_THAT(kinds(dicom::send(grumpy.peer(), objects)), ElementsAre(Kind::Later, Kind::Later));
}

TEST(Sender, TriesAgainLaterWhenNobodyListens) {
  TempFolder folder;
  dicom::Peer peer;
  {
    ScriptedPeer gone(kTakesMr);
    peer = gone.peer();
  }
  const auto verdicts = dicom::send(peer, some_objects(folder, 2));
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Later, Kind::Later));
  EXPECT_NE(verdicts[1].problem, "");
  const auto answered = dicom::echo(peer);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().fault, dicom::Fault::Network);
}

TEST(Sender, TriesAgainLaterWhenTheHostIsUnknown) {
  TempFolder folder;
  const dicom::Peer peer{.ae_title = "PACS", .host = "no-such-host.invalid", .port = 104};
  EXPECT_THAT(kinds(dicom::send(peer, some_objects(folder, 1))), ElementsAre(Kind::Later));
}

TEST(Sender, PassesOverFilesThatCannotBeSent) {
  TempFolder folder;
  ScriptedPeer pacs(kTakesMr);
  auto objects = some_objects(folder, 2);
  objects.insert(objects.begin() + 1, {folder / "missing.dcm", kMrImage, "1.2.3"});
  objects.insert(objects.begin() + 2, {folder / "text.dcm", kMrImage, "1.2.4"});
  std::ofstream(folder / "text.dcm") << "not DICOM";
  objects.push_back(objects[0]);
  objects.back().file = folder / "header.dcm";
  const std::string whole = support::bytes_of(objects[0].file);
  std::ofstream(folder / "header.dcm") << whole.substr(0, whole.size() - support::data_set_of(objects[0].file).size());
  const auto verdicts = dicom::send(pacs.peer(), objects);
  EXPECT_THAT(kinds(verdicts), ElementsAre(Kind::Delivered, Kind::Later, Kind::Never, Kind::Delivered, Kind::Never));
}

TEST(Sender, LeavesWhatDoesNotFitIntoOneProposalForLater) {
  TempFolder folder;
  ScriptedPeer pacs(kTakesMr);
  const auto file = make_object(folder.path(), 0).file;
  std::vector<dicom::Outgoing> objects;
  for (int i = 0; i < 128; ++i) {
    objects.push_back({file, "1.2.840.10008.5.1.4.1.1.9999." + std::to_string(i), support::instance_uid(i)});
  }
  objects.push_back({file, kMrImage, support::instance_uid(0)});
  const auto verdicts = dicom::send(pacs.peer(), objects);
  EXPECT_EQ(verdicts[0].kind, Kind::Never);
  EXPECT_EQ(verdicts[127].kind, Kind::Never);
  EXPECT_EQ(verdicts[128].kind, Kind::Later);
}

TEST(Sender, GivesNoVerdictsForNothing) { EXPECT_TRUE(dicom::send({}, {}).empty()); }

TEST(Echo, SaysInWordsWhyItDidNotWork) {
  ScriptedPeer no_verification(kTakesMr);
  auto answered = dicom::echo(no_verification.peer());
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().what, "peer does not accept verification");

  ScriptedPeer sick({.accepts = {{"1.2.840.10008.1.1", kExplicit}}, .echo_status = 0x0110});
  answered = dicom::echo(sick.peer());
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().what, "peer answered status 0x0110: processing failure");

  ScriptedPeer well({.accepts = {{"1.2.840.10008.1.1", kImplicit}}});
  EXPECT_TRUE(dicom::echo(well.peer()));
}

}  // namespace
