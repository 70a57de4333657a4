// Clients that are broken, silent or malicious. None may take the node down, keep others waiting or leave a file
// behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "dicom/network/acceptor.h"
#include "dicom/network/sender.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/support/raw_client.h"

namespace {

using support::RawClient;
using support::RecordingHandler;

class HostileClient : public testing::Test {
 protected:
  HostileClient() : acceptor_(support::started(options(), handler_)) {}

  static dicom::AcceptorOptions options() {
    auto options = support::loopback();
    options.acse_timeout = std::chrono::seconds(2);
    options.dimse_timeout = std::chrono::seconds(2);
    return options;
  }
  void associate(RawClient& client) {
    client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
    ASSERT_FALSE(support::contexts_in(client.read_pdu()).empty());
  }
  void expect_alive() { EXPECT_TRUE(dicom::echo(support::peer_at(*acceptor_))); }

  RecordingHandler handler_;
  std::unique_ptr<dicom::Acceptor> acceptor_;
};

TEST_F(HostileClient, ThatIsSilentKeepsNobodyWaiting) {
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<RawClient>(acceptor_->port()));
  silent.front()->send(std::string("\1\0\0\0", 4));  // and one that stops in the middle of its request
  expect_alive();
  EXPECT_THAT(handler_.events(), testing::Contains("opened SCANNER"));
}

TEST_F(HostileClient, ThatStaysSilentIsDisconnected) {
  RawClient client(acceptor_->port());
  client.read_to_the_end();  // returns when the node has hung up
  expect_alive();
}

// The first is a whole A-ABORT. The others end within it, or are longer than one is.
TEST_F(HostileClient, ThatAbortsBeforeItAsksIsDropped) {
  for (const auto& bytes : {std::string("\7\0\0\0\0\4\0\0\0\0", 10), std::string("\7\0\0\0\0\4", 6),
                            std::string("\7\0\0\0\0\15\0\0\0\0", 10), std::string("\7\0\0\0\0\0", 6)}) {
    RawClient client(acceptor_->port());
    client.send(bytes);
    client.hang_up();
    EXPECT_EQ(client.read_to_the_end(), "");
    expect_alive();
  }
}

// DCMTK would lose the memory that it had taken for such a request.
TEST_F(HostileClient, ThatAsksWhatCannotBeReadIsDropped) {
  RawClient client(acceptor_->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {}}}));
  EXPECT_EQ(client.read_to_the_end(), "");
  expect_alive();
}

// Anything but a request is answered with A-ABORT or not at all.
TEST_F(HostileClient, ThatBeginsWithAnotherPduIsDropped) {
  for (const char type : {'\2', '\3', '\4', '\5', '\6', '\10'}) {
    RawClient client(acceptor_->port());
    client.send(type + std::string("\0\0\0\0\4\0\0\0\0", 9));
    client.hang_up();
    client.read_to_the_end();
    expect_alive();
  }
  EXPECT_TRUE(handler_.received().empty());
}

TEST(SlowClient, ThatDoesNotEndItsRequestIsDisconnected) {
  RecordingHandler handler;
  auto options = support::loopback();
  options.acse_timeout = std::chrono::seconds(1);
  options.dimse_timeout = std::chrono::seconds(3600);
  const auto acceptor = support::started(options, handler);
  RawClient client(acceptor->port());
  client.send(std::string("\1\0\0\0", 4));
  EXPECT_EQ(client.read_to_the_end(), "");
  EXPECT_TRUE(dicom::echo(support::peer_at(*acceptor)));
}

TEST_F(HostileClient, ThatBreaksOffInADataSetLeavesNoFile) {
  {
    RawClient client(acceptor_->port());
    associate(client);
    client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
    client.send(support::data_pdu(1, 0, std::string(5000, 'a')));
    client.send(support::data_pdu(1, 0, std::string(5000, 'b')).substr(0, 2000));
  }
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed connection lost");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
  EXPECT_TRUE(handler_.received().empty());
}

TEST_F(HostileClient, ThatAbortsInADataSetLeavesNoFile) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  client.send(support::data_pdu(1, 0, std::string(5000, 'a')));
  client.send(std::string("\7\0\0\0\0\4\0\0\0\0", 10));
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed aborted");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(HostileClient, ThatFallsSilentInADataSetTimesOutAndLeavesNoFile) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  client.send(support::data_pdu(1, 0, std::string(5000, 'a')));
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed timeout");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(HostileClient, ThatReleasesInADataSetLeavesNoFile) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  client.send(support::release_request());
  handler_.wait_for_event("closed");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(HostileClient, ThatSendsTheDataSetOnAnotherContextLeavesNoFile) {
  RawClient client(acceptor_->port());
  client.send(support::associate_request(
      "HERALD", "SCANNER",
      {{1, support::kMrImage, {support::kImplicit}}, {3, support::kMrImage, {support::kExplicit}}}));
  client.read_pdu();
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  client.send(support::data_pdu(3, 2, std::string(5000, 'a')));
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed protocol error");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(HostileClient, ThatSpeaksAnotherProtocolIsDropped) {
  for (const char* words : {"GET / HTTP/1.1\r\nHost: herald\r\n\r\n", "\x16\x03\x01\x02", "\n", "QUIT\r\n"}) {
    RawClient client(acceptor_->port());
    client.send(words);
    client.hang_up();
    client.read_to_the_end();
  }
  expect_alive();
}

TEST_F(HostileClient, ThatSendsRandomBytesIsDropped) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}});
    for (int i = 0; i < 1 + round % 8; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    RawClient client(acceptor_->port());
    client.send(bytes);
    client.hang_up();
    client.read_to_the_end();
  }
  expect_alive();
}

TEST_F(HostileClient, ThatGarblesItsMessagesIsDropped) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    RawClient client(acceptor_->port());
    associate(client);
    std::string bytes = support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")) +
                        support::data_pdu(1, 2, std::string(100, 'a'));
    for (int i = 0; i < 1 + round % 8; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    client.send(bytes);
    client.hang_up();
    client.read_to_the_end();
  }
  expect_alive();
  acceptor_->stop();
  EXPECT_EQ(handler_.files_on_disk(), handler_.received().size());
}

TEST_F(HostileClient, ThatAnnouncesFourGigabytesIsDropped) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(std::string("\4\0\xff\xff\xff\xff", 6) + std::string(100000, 'a'));
  handler_.wait_for_event("closed");
  expect_alive();
}

TEST_F(HostileClient, ThatSendsAnEndlessCommandIsDropped) {
  RawClient client(acceptor_->port());
  associate(client);
  for (int i = 0; i < 1000; ++i) client.send(support::data_pdu(1, 1, std::string(16000, '\0')));
  handler_.wait_for_event("closed");
  EXPECT_EQ(client.read_to_the_end().substr(0, 1), "\7");
  expect_alive();
}

TEST_F(HostileClient, ThatNestsItsCommandDeeplyIsDropped) {
  const std::string level =
      std::string("\0\0\x10\x20\xff\xff\xff\xff", 8) + std::string("\xfe\xff\x00\xe0\xff\xff\xff\xff", 8);
  std::string command;
  for (int i = 0; i < 9000; ++i) command += level;
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(1, 3, command));
  handler_.wait_for_event("closed");
  expect_alive();
}

TEST_F(HostileClient, ThatStoresNoDataSetIsDropped) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3", false)));
  EXPECT_EQ(client.read_pdu().substr(0, 1), "\7");
  handler_.wait_for_event("closed");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(HostileClient, ThatNamesAnUnknownContextIsDropped) {
  RawClient client(acceptor_->port());
  associate(client);
  client.send(support::data_pdu(99, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  handler_.wait_for_event("closed");
  expect_alive();
}

TEST_F(HostileClient, ThatHangsUpBeforeTheAnswerHurtsNobody) {
  for (int i = 0; i < 50; ++i) {
    RawClient client(acceptor_->port());
    client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  }
  expect_alive();
}

}  // namespace
