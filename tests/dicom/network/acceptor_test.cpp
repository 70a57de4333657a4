#include "dicom/network/acceptor.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dstorscu.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "dicom/network/sender.h"
#include "tests/dicom/network/objects.h"
#include "tests/support/raw_client.h"
#include "tests/dicom/network/recording_handler.h"

namespace {

using dicom::StoreStatus;
using dicom::Verdict;
using support::make_object;
using support::RawClient;
using support::RecordingHandler;
using support::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Acceptor, AnswersAnEcho) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  EXPECT_GT(acceptor->port(), 0);
  const auto answered = dicom::echo(support::peer_at(*acceptor));
  EXPECT_TRUE(answered) << answered.error().what;
  handler.wait_for_event("closed");
  EXPECT_THAT(handler.events(), ElementsAre("opened SCANNER", "closed released"));
}

class StoresEverySyntax : public testing::TestWithParam<const char*> {};

TEST_P(StoresEverySyntax, ByteForByte) {
  TempFolder folder;
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  const auto object = make_object(folder.path(), 1, {.transfer_syntax = GetParam()});
  const auto verdicts = dicom::send(support::peer_at(*acceptor), {&object, 1});
  ASSERT_EQ(verdicts.size(), 1u);
  ASSERT_EQ(verdicts[0].kind, Verdict::Kind::Delivered) << verdicts[0].problem;

  const auto received = handler.wait_for_files(1);
  EXPECT_EQ(received[0].sop_class_uid, support::kMrImage);
  EXPECT_EQ(received[0].sop_instance_uid, support::instance_uid(1));
  EXPECT_EQ(received[0].calling_ae_title, "SCANNER");
  EXPECT_EQ(received[0].transfer_syntax_uid, GetParam());
  EXPECT_EQ(support::data_set_of(received[0].file), support::data_set_of(object.file));
}

INSTANTIATE_TEST_SUITE_P(Acceptor, StoresEverySyntax,
                         testing::Values(support::kExplicit, support::kDeflated, support::kJpegLs, support::kRle));

TEST(Acceptor, StoresImplicitLittleEndianByteForByte) {
  TempFolder folder;
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  const auto object = make_object(folder.path(), 1, {.transfer_syntax = support::kImplicit});
  const std::string data_set = support::data_set_of(object.file);

  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  EXPECT_THAT(support::contexts_in(client.read_pdu()), ElementsAre(std::string("1:0:") + support::kImplicit));
  client.send(support::data_pdu(1, 3, support::store_command(7, support::kMrImage, support::instance_uid(1))));
  client.send(support::data_pdu(1, 0, data_set.substr(0, 999)));  // fragments of odd length exist in the field
  client.send(support::data_pdu(1, 2, data_set.substr(999)));
  EXPECT_EQ(support::status_in(client.read_pdu()), 0);
  const auto received = handler.wait_for_files(1);
  EXPECT_EQ(support::data_set_of(received[0].file), data_set);
  EXPECT_EQ(received[0].transfer_syntax_uid, support::kImplicit);
}

// An independent sender: parses, converts and sends in fragments of its own choosing.
TEST(Acceptor, TakesWhatTheToolkitsOwnSenderSends) {
  TempFolder folder;
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  DcmStorageSCU scanner;
  scanner.setAETitle("SCANNER");
  scanner.setPeerAETitle("HERALD");
  scanner.setPeerHostName("127.0.0.1");
  scanner.setPeerPort(acceptor->port());
  scanner.setDatasetConversionMode(OFTrue);  // it proposes compressed and plain in one context, and we take plain
  const std::vector objects{make_object(folder.path(), 1),
                            make_object(folder.path(), 2, {.transfer_syntax = support::kJpegLs}),
                            make_object(folder.path(), 3, {.transfer_syntax = support::kDeflated})};
  for (const auto& object : objects) ASSERT_TRUE(scanner.addDicomFile(object.file.c_str(), ERM_autoDetect).good());
  ASSERT_TRUE(scanner.addPresentationContexts().good());
  ASSERT_TRUE(scanner.initNetwork().good());
  ASSERT_TRUE(scanner.negotiateAssociation().good());
  const OFCondition sent = scanner.sendSOPInstances();
  EXPECT_TRUE(sent.good()) << sent.text();
  EXPECT_TRUE(scanner.releaseAssociation().good());
  const auto received = handler.received();
  ASSERT_EQ(received.size(), 3u);
  for (const auto& object : received) {
    DcmFileFormat file;
    ASSERT_TRUE(file.loadFile(object.file.c_str()).good());
    const char* uid = nullptr;
    EXPECT_TRUE(file.getDataset()->findAndGetString(DCM_SOPInstanceUID, uid).good());
    EXPECT_EQ(object.sop_instance_uid, uid);
  }
}

TEST(Acceptor, TakesThreeHundredImagesOnOneAssociation) {
  TempFolder folder;
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  std::vector<dicom::Outgoing> objects;
  for (int i = 0; i < 300; ++i) objects.push_back(make_object(folder.path(), i));
  for (const auto& verdict : dicom::send(support::peer_at(*acceptor), objects))
    EXPECT_EQ(verdict.kind, Verdict::Kind::Delivered);
  EXPECT_EQ(handler.received().size(), 300u);
  EXPECT_EQ(handler.associations().size(), 1u);
}

TEST(Acceptor, ServesEightAssociationsAtOnce) {
  TempFolder folder;
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  std::vector<dicom::Outgoing> objects;
  for (int i = 0; i < 160; ++i) objects.push_back(make_object(folder.path(), i));
  std::atomic<int> delivered{0};
  {
    std::vector<std::jthread> scanners;
    for (std::size_t scanner = 0; scanner < 8; ++scanner) {
      scanners.emplace_back([&, scanner] {
        for (const auto& verdict :
             dicom::send(support::peer_at(*acceptor), std::span(objects).subspan(scanner * 20, 20))) {
          if (verdict.kind == Verdict::Kind::Delivered) ++delivered;
        }
      });
    }
  }
  EXPECT_EQ(delivered, 160);
  std::set<std::string> uids;
  for (const auto& received : handler.received()) {
    uids.insert(received.sop_instance_uid);
    const auto number = std::stoi(received.sop_instance_uid.substr(received.sop_instance_uid.rfind('.') + 1));
    EXPECT_EQ(support::data_set_of(received.file),
              support::data_set_of(objects[static_cast<std::size_t>(number)].file));
  }
  EXPECT_EQ(uids.size(), 160u);
  EXPECT_EQ(handler.associations().size(), 8u);
}

TEST(Acceptor, GivesTheStatusOfTheHandler) {
  TempFolder folder;
  RecordingHandler handler;
  handler.statuses = {StoreStatus::Refused, StoreStatus::CannotUnderstand, StoreStatus::Success};
  const auto acceptor = support::started(support::loopback(), handler);
  const std::vector objects{make_object(folder.path(), 1), make_object(folder.path(), 2),
                            make_object(folder.path(), 3)};
  const auto verdicts = dicom::send(support::peer_at(*acceptor), objects);
  EXPECT_EQ(verdicts[0].status, 0x0124);
  EXPECT_EQ(verdicts[1].status, 0xC000);
  EXPECT_EQ(verdicts[2].status, 0x0000);
}

TEST(Acceptor, DrainsWhatItHasNoRoomForAndGoesOn) {
  TempFolder folder;
  RecordingHandler handler;
  handler.full_for = 2;
  const auto acceptor = support::started(support::loopback(), handler);
  const std::vector objects{make_object(folder.path(), 1), make_object(folder.path(), 2),
                            make_object(folder.path(), 3)};
  const auto verdicts = dicom::send(support::peer_at(*acceptor), objects);
  EXPECT_EQ(verdicts[0].status, 0xA700);
  EXPECT_EQ(verdicts[1].status, 0xA700);
  EXPECT_EQ(verdicts[2].status, 0x0000);
  EXPECT_EQ(handler.associations().size(), 1u);
  EXPECT_EQ(handler.files_on_disk(), 1u);
}

TEST(Acceptor, AnswersOutOfResourcesWhenTheDiskFillsUpInTheMiddleOfAFile) {
  TempFolder folder;
  RecordingHandler handler;
  handler.next_path = handler.folder / "full";
  std::filesystem::create_symlink("/dev/full", handler.next_path);  // every write fails with ENOSPC
  const auto acceptor = support::started(support::loopback(), handler);
  const std::vector objects{make_object(folder.path(), 1, {.rows = 512, .columns = 512}),
                            make_object(folder.path(), 2)};
  const auto verdicts = dicom::send(support::peer_at(*acceptor), objects);
  EXPECT_EQ(verdicts[0].status, 0xA700);
  EXPECT_EQ(verdicts[1].status, 0x0000);
  EXPECT_EQ(handler.received().size(), 1u);
  EXPECT_FALSE(std::filesystem::is_symlink(handler.folder / "full"));
}

TEST(Acceptor, AnswersOutOfResourcesWhenTheFileCannotBeCreated) {
  TempFolder folder;
  RecordingHandler handler;
  handler.next_path = handler.folder / "nowhere" / "file";
  const auto acceptor = support::started(support::loopback(), handler);
  const auto object = make_object(folder.path(), 1);
  EXPECT_EQ(dicom::send(support::peer_at(*acceptor), {&object, 1})[0].status, 0xA700);
}

TEST(Acceptor, RefusesAWrongCalledTitle) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  auto peer = support::peer_at(*acceptor);
  peer.ae_title = "ORTHANC";
  const auto answered = dicom::echo(peer);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().fault, dicom::Fault::Rejected);
  EXPECT_EQ(handler.wait_for_event("rejected"), "rejected SCANNER>ORTHANC: called AE title is not ours");
}

TEST(Acceptor, RefusesACallerThatIsNotListed) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  auto peer = support::peer_at(*acceptor);
  peer.calling_ae_title = "STRANGER";
  const auto answered = dicom::echo(peer);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().fault, dicom::Fault::Rejected);
  EXPECT_THAT(answered.error().what, HasSubstr("does not know our AE title"));
  EXPECT_EQ(handler.wait_for_event("rejected"), "rejected STRANGER>HERALD: calling AE title is not listed");
}

TEST(Acceptor, IsClosedByDefault) {
  RecordingHandler handler;
  auto options = support::loopback();
  options.calling_ae_titles.clear();
  const auto acceptor = support::started(options, handler);
  EXPECT_FALSE(dicom::echo(support::peer_at(*acceptor)));
}

TEST(Acceptor, WritesTheReasonsOfTheStandardOnTheWire) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  const auto answer_to = [&](const char* called, const char* calling) {
    RawClient client(acceptor->port());
    client.send(support::associate_request(called, calling, {{1, support::kMrImage, {support::kExplicit}}}));
    return client.read_pdu();
  };
  const auto rejection = [](char result, char source, char reason) {
    return std::string{'\3', '\0', '\0', '\0', '\0', '\4', '\0', result, source, reason};
  };
  EXPECT_EQ(answer_to("OTHER", "SCANNER"), rejection(1, 1, 7));
  EXPECT_EQ(answer_to("HERALD", "OTHER"), rejection(1, 1, 3));
}

TEST(Acceptor, RejectsOneAssociationTooManyForTheMoment) {
  TempFolder folder;
  RecordingHandler handler;
  handler.held = true;
  auto options = support::loopback();
  options.most_associations = 1;
  const auto acceptor = support::started(options, handler);
  const auto object = make_object(folder.path(), 1);
  std::jthread first([&] {
    EXPECT_EQ(dicom::send(support::peer_at(*acceptor), {&object, 1})[0].kind, Verdict::Kind::Delivered);
  });
  handler.wait_for_files(1);
  EXPECT_EQ(acceptor->associations(), 1u);

  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kExplicit}}}));
  EXPECT_EQ(client.read_pdu(), (std::string{'\3', '\0', '\0', '\0', '\0', '\4', '\0', '\2', '\3', '\2'}));
  const auto verdicts = dicom::send(support::peer_at(*acceptor), {&object, 1});
  EXPECT_EQ(verdicts[0].kind, Verdict::Kind::Later);
  EXPECT_THAT(verdicts[0].problem, HasSubstr("too many associations"));
  EXPECT_THAT(handler.wait_for_event("rejected"), HasSubstr("too many associations"));

  handler.release();
  first.join();
  handler.wait_for_event("closed");
  EXPECT_TRUE(dicom::echo(support::peer_at(*acceptor)));
}

TEST(Acceptor, PrefersExplicitLittleEndianAndRefusesWhatItDoesNotStore) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  RawClient client(acceptor->port());
  client.send(support::associate_request(
      "HERALD", "SCANNER",
      {{1, support::kMrImage, {support::kImplicit, support::kExplicit}},
       {3, support::kMrImage, {support::kImplicit, support::kJpegLs}},
       {5, "1.2.840.10008.5.1.4.1.1.999.1", {support::kImplicit}},  // younger than the toolkit
       {7, "1.3.46.670589.11.0.0.12.1", {support::kExplicit}},      // Philips, private
       {9, "1.2.840.10008.5.1.4.1.2.2.1", {support::kExplicit}},    // study root query
       {11, support::kMrImage, {"1.2.840.10008.1.2.4.100"}},        // MPEG2
       {13, "1.2.840.10008.1.1", {support::kImplicit}}}));
  EXPECT_THAT(support::contexts_in(client.read_pdu()),
              ElementsAre(std::string("1:0:") + support::kExplicit, std::string("3:0:") + support::kJpegLs,
                          std::string("5:0:") + support::kImplicit,
                          "7:3:", "9:3:", "11:4:", std::string("13:0:") + support::kImplicit));
}

TEST(Acceptor, NegotiatesAllOf128Contexts) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  std::vector<support::RawContext> contexts;
  for (int i = 0; i < 128; ++i)
    contexts.push_back({static_cast<std::uint8_t>(2 * i + 1), support::kMrImage, {support::kExplicit}});
  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", contexts));
  const auto accepted = support::contexts_in(client.read_pdu());
  ASSERT_EQ(accepted.size(), 128u);
  EXPECT_EQ(accepted.back(), std::string("255:0:") + support::kExplicit);
}

TEST(Acceptor, AnswersWrongUidsAndStaysOnTheAssociation) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  client.read_pdu();
  const auto store = [&](const std::string& sop_class, const std::string& sop_instance, bool with_data = true) {
    client.send(support::data_pdu(1, 3, support::store_command(1, sop_class, sop_instance, with_data)));
    if (with_data) client.send(support::data_pdu(1, 2, std::string(64, 'x')));
    return support::status_in(client.read_pdu());
  };
  EXPECT_EQ(store(support::kMrImage, "../../etc/passwd"), 0x0117);
  EXPECT_EQ(store(support::kMrImage, "1..2"), 0x0117);
  EXPECT_EQ(store(support::kParametricMap, "1.2.3"), 0xA900);  // another class than that of the context
  EXPECT_EQ(store("", "1.2.3"), 0xA900);
  EXPECT_EQ(store("1.2.840.10008.1.1", "1.2.3"), 0xA900);
  EXPECT_EQ(store(support::kMrImage, "1.2.3"), 0x0000);
}

TEST(Acceptor, StopsWhileAnAssociationIsIdle) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kExplicit}}}));
  client.read_pdu();
  RawClient silent(acceptor->port());
  acceptor->stop();
  EXPECT_EQ(client.read_pdu().substr(0, 1), "\7");  // A-ABORT
  EXPECT_THAT(handler.events(), ElementsAre("opened SCANNER", "closed stopped"));
  EXPECT_EQ(acceptor->associations(), 0u);
  EXPECT_FALSE(dicom::echo(support::peer_at(*acceptor)));
  acceptor->stop();  // twice does nothing
}

TEST(Acceptor, FinishesTheMessageBeforeItStops) {
  TempFolder folder;
  RecordingHandler handler;
  handler.held = true;
  const auto acceptor = support::started(support::loopback(), handler);
  const std::vector objects{make_object(folder.path(), 1), make_object(folder.path(), 2)};
  std::vector<Verdict> verdicts;
  std::jthread scanner([&] { verdicts = dicom::send(support::peer_at(*acceptor), objects); });
  handler.wait_for_files(1);
  std::jthread stopper([&] { acceptor->stop(); });
  handler.release();
  stopper.join();
  scanner.join();
  EXPECT_EQ(verdicts[0].kind, Verdict::Kind::Delivered);
  EXPECT_EQ(handler.files_on_disk(), handler.received().size());
}

TEST(Acceptor, EndsAnIdleAssociationAfterItsTimeout) {
  RecordingHandler handler;
  auto options = support::loopback();
  options.idle_timeout = std::chrono::seconds(1);
  const auto acceptor = support::started(options, handler);
  RawClient client(acceptor->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kExplicit}}}));
  EXPECT_EQ(handler.wait_for_event("closed"), "closed timeout");
}

TEST(Acceptor, DoesNotStartOnAPortThatIsTaken) {
  RecordingHandler handler;
  const auto acceptor = support::started(support::loopback(), handler);
  auto options = support::loopback();
  options.port = acceptor->port();
  const auto second = dicom::Acceptor::start(options, handler);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("bind to 127.0.0.1"));
}

TEST(Acceptor, DoesNotStartOnAnAddressThatIsNone) {
  RecordingHandler handler;
  auto options = support::loopback();
  options.bind_address = "everywhere";
  EXPECT_FALSE(dicom::Acceptor::start(options, handler));
}

}  // namespace
