#include "dicom/network/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/network/sop_class.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/dicom/network/scripted_peer.h"

namespace {

using dicom::Answer;
using support::kExplicit;
using support::kImplicit;
using support::kMrImage;
using support::kParametricMap;
using support::Script;
using support::ScriptedPeer;
using testing::HasSubstr;

constexpr const char* kVerification = "1.2.840.10008.1.1";
const std::vector<std::string> kClasses{kMrImage, kParametricMap, "1.2.840.10008.5.1.4.1.1.7"};

TEST(Probe, SaysOfEveryClassInWhichSyntaxThePeerTakesIt) {
  ScriptedPeer pacs(
      {.accepts = {
           {kVerification, kImplicit}, {kMrImage, kExplicit}, {kMrImage, kImplicit}, {kClasses[2], kImplicit}}});
  const auto probe = dicom::probe(pacs.peer(), kClasses);
  ASSERT_TRUE(probe) << probe.error().what;
  ASSERT_EQ(probe->classes.size(), 3u);
  EXPECT_EQ(probe->classes[0].explicit_little_endian, Answer::Accepted);
  EXPECT_EQ(probe->classes[0].implicit_little_endian, Answer::Accepted);
  EXPECT_EQ(probe->classes[1].sop_class_uid, kParametricMap);
  EXPECT_EQ(probe->classes[1].explicit_little_endian, Answer::SopClassNotSupported);
  EXPECT_FALSE(probe->classes[1].accepted());
  EXPECT_EQ(probe->classes[2].explicit_little_endian, Answer::SopClassNotSupported);
  EXPECT_EQ(probe->classes[2].implicit_little_endian, Answer::Accepted);
  EXPECT_TRUE(probe->classes[2].accepted());
  EXPECT_EQ(probe->storage_commitment, Answer::SopClassNotSupported);
  EXPECT_EQ(probe->verification, Answer::Accepted);
  EXPECT_EQ(probe->echo_problem, "");
}

TEST(Probe, TellsThePeersOwnNameAndStoresNothing) {
  ScriptedPeer pacs({.accepts = {{kMrImage, kExplicit}}});
  const auto probe = dicom::probe(pacs.peer(), kClasses);
  ASSERT_TRUE(probe);
  EXPECT_THAT(probe->implementation_version_name, HasSubstr("OFFIS_DCMTK"));
  EXPECT_THAT(probe->implementation_class_uid, HasSubstr("1.2.276.0.7230010"));
  EXPECT_EQ(probe->largest_pdu, 131072u);
  pacs.stop();
  EXPECT_TRUE(pacs.stored().empty());
  EXPECT_THAT(pacs.endings(), testing::ElementsAre("released"));
}

TEST(Probe, TakesAPeerThatAcceptsNothingForAnAnswer) {
  ScriptedPeer pacs(Script{});
  const auto probe = dicom::probe(pacs.peer(), kClasses);
  ASSERT_TRUE(probe) << probe.error().what;
  for (const auto& probed : probe->classes) EXPECT_FALSE(probed.accepted());
  EXPECT_EQ(probe->echo_problem, "the peer does not accept verification");
}

TEST(Probe, SaysWhatWasAnsweredToTheEcho) {
  ScriptedPeer pacs({.accepts = {{kVerification, kImplicit}}, .echo_status = 0x0122});
  const auto probe = dicom::probe(pacs.peer(), kClasses);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->echo_problem, "peer answered status 0x0122: SOP class not supported");
}

TEST(Probe, SaysInWordsWhyThereIsNoAssociation) {
  ScriptedPeer stranger({.rejects_with = 0x0103});
  const auto rejected = dicom::probe(stranger.peer(), kClasses);
  ASSERT_FALSE(rejected);
  EXPECT_EQ(rejected.error().fault, dicom::Fault::Rejected);
  EXPECT_EQ(rejected.error().what, "peer rejected the association: it does not know our AE title");
  dicom::Peer nobody = stranger.peer();
  stranger.stop();
  nobody.port = 1;
  const auto unreachable = dicom::probe(nobody, kClasses);
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().fault, dicom::Fault::Network);
}

TEST(Probe, OfHeraldItselfFindsEveryStorageClassAccepted) {
  support::RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  const auto probe = dicom::probe(support::peer_at(*acceptor), kClasses);
  ASSERT_TRUE(probe) << probe.error().what;
  for (const auto& probed : probe->classes) {
    EXPECT_EQ(probed.explicit_little_endian, Answer::Accepted) << probed.sop_class_uid;
    EXPECT_EQ(probed.implicit_little_endian, Answer::Accepted) << probed.sop_class_uid;
  }
  EXPECT_EQ(probe->storage_commitment, Answer::SopClassNotSupported);
  EXPECT_EQ(probe->echo_problem, "");
  EXPECT_TRUE(handler.received().empty());
}

TEST(Probe, HasWordsForEveryAnswer) {
  std::set<std::string> words;
  for (const Answer answer : {Answer::Accepted, Answer::UserRejection, Answer::NoReason, Answer::SopClassNotSupported,
                              Answer::TransferSyntaxNotSupported, Answer::None})
    words.insert(in_words(answer));
  EXPECT_EQ(words.size(), 6u);
}

TEST(SopClassName, IsWhatPeopleCallIt) {
  EXPECT_EQ(dicom::sop_class_name(kMrImage), "MR Image Storage");
  EXPECT_EQ(dicom::sop_class_name(kParametricMap), "Parametric Map Storage");
  EXPECT_EQ(dicom::sop_class_name("1.2.840.10008.5.1.4.1.1.88.34"), "Comprehensive 3D SR Storage");
  EXPECT_EQ(dicom::sop_class_name("1.2.840.10008.5.1.4.1.1.104.1"), "Encapsulated PDF Storage");
  EXPECT_EQ(dicom::sop_class_name("1.2.3"), "1.2.3");
  EXPECT_EQ(dicom::transfer_syntax_name(kExplicit), "Little Endian Explicit");
  EXPECT_EQ(dicom::transfer_syntax_name("1.2.3"), "1.2.3");
}

}  // namespace
