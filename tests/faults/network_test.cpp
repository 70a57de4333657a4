// Broken, slow and hostile clients against a running node, while a good one sends: it must finish, and afterwards the
// node must be as it was.
#include <gtest/gtest.h>
#include <poll.h>

#include <random>
#include <thread>

#include "tests/dicom/network/objects.h"
#include "tests/faults/scene.h"
#include "tests/support/raw_client.h"

namespace {

using namespace faults;
using acceptance::Scanner;
using support::RawClient;
namespace fs = std::filesystem;

class HostileNetwork : public testing::Test {
 protected:
  HostileNetwork() : bench_(options()) { bench_.start(); }

  static support::NodeOptions options() {
    support::NodeOptions options = patient();
    options.receive = "acse_timeout_s = 1\ndimse_timeout_s = 1\nidle_timeout_s = 1\n";
    return options;
  }

  [[nodiscard]] std::uint16_t port() { return static_cast<std::uint16_t>(bench_.node().port()); }

  std::size_t entries(const char* what) {
    const fs::path folder = fs::path("/proc") / std::to_string(bench_.node().process().pid()) / what;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  void associate(RawClient& client) {
    client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
    client.read_pdu();
  }

  // The attack, and beside it an exam; then everything must be as after a quiet start.
  template <class F>
  void survives(const std::string& injected, F&& attack) {
    const Exam exam = whole_exam();
    Scanner warm_up({exam.files.begin(), exam.files.begin() + 1});
    ASSERT_TRUE(warm_up.push(bench_.node().port()));
    ASSERT_TRUE(bench_.wait_for_event("association_closed"));
    ASSERT_TRUE(support::until(bench_.node().process(), [&] { return bench_.files_in("incoming") == 0; }));
    const std::size_t descriptors = entries("fd"), threads = entries("task");
    Scanner scanner(exam.files);
    {
      const std::jthread other([&] { attack(); });
      EXPECT_TRUE(push_all(scanner, bench_.node())) << injected;
    }
    EXPECT_TRUE(support::until(bench_.node().process(), [&] { return entries("fd") <= descriptors; }))
        << injected << ": " << entries("fd") << " descriptors, " << descriptors << " before";
    EXPECT_TRUE(support::until(bench_.node().process(), [&] { return entries("task") <= threads; }))
        << injected << ": " << entries("task") << " threads, " << threads << " before";
    dicom::Peer peer;
    peer.ae_title = "HERALD";
    peer.host = "127.0.0.1";
    peer.port = port();
    peer.calling_ae_title = "SCANNER";
    const auto echo = dicom::echo(peer);
    EXPECT_TRUE(echo) << injected << ": " << echo.error().what;
    EXPECT_EQ(bench_.files_in("incoming"), 0u) << injected;
    const std::size_t lost = bench_.lost(scanner.acknowledged(), exam.digests);
    EXPECT_EQ(lost, 0u) << injected;
    EXPECT_EQ(scanner.acknowledged().size(), exam.files.size()) << injected;
    EXPECT_EQ(bench_.node().stop(), 0) << injected;
    note(injected, scanner.acknowledged().size(), lost, "echo answered, no descriptor and no thread left over");
  }

  // What is said is said a byte at a time, with a second of silence before each, until the node hangs up or
  // `most` bytes are out. True when it hung up.
  static bool drip(RawClient& client, const std::string& bytes, std::size_t most) {
    for (std::size_t i = 0; i < most && i < bytes.size(); ++i) {
      client.send(bytes.substr(i, 1));
      if (client.hung_up_within(std::chrono::milliseconds(900))) return true;
    }
    return false;
  }

  Bench bench_;
};

TEST_F(HostileNetwork, AbortsInTheMiddleOfAPdu) {
  survives("20 connections that end in the middle of a PDU", [&] {
    for (int i = 0; i < 20; ++i) {
      RawClient client(port());
      associate(client);
      client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "2.25.7" + std::to_string(i))));
      client.send(support::data_pdu(1, 0, std::string(1000, '\x01')).substr(0, static_cast<std::size_t>(7 + i * 40)));
    }
  });
}

TEST_F(HostileNetwork, SilentPeers) {
  survives("8 peers that connect, 8 that associate, 8 that begin an image, and say no more", [&] {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 24; ++i) {
      clients.push_back(std::make_unique<RawClient>(port()));
      if (i % 3 > 0) associate(*clients.back());
      if (i % 3 > 1)
        clients.back()->send(
            support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "2.25.8" + std::to_string(i))));
    }
    for (auto& client : clients) client->read_to_the_end();  // until the node has had enough
  });
}

TEST_F(HostileNetwork, DrippingPeers) {
  survives("one byte a second: a request, a command, a data set", [&] {
    const auto command = support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "2.25.9"));
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      RawClient client(port());
      const auto request =
          support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}});
      EXPECT_TRUE(drip(client, request, 30)) << "a request may take as long as it likes";
    });
    threads.emplace_back([&] {
      RawClient client(port());
      associate(client);
      drip(client, command, 4);
    });
    threads.emplace_back([&] {
      RawClient client(port());
      associate(client);
      client.send(command);
      drip(client, support::data_pdu(1, 2, std::string(100, '\x01')), 4);
    });
  });
}

TEST_F(HostileNetwork, Garbage) {
  survives("100 connections with random bytes", [&] {
    std::mt19937 random(20261120);
    std::uniform_int_distribution<int> byte(0, 255), kind(1, 7);
    for (int i = 0; i < 100; ++i) {
      std::string bytes(static_cast<std::size_t>(1 + i * 40), '\0');
      for (char& c : bytes) c = static_cast<char>(byte(random));
      if (i % 2 == 0) bytes[0] = static_cast<char>(kind(random));  // of a PDU
      RawClient client(port());
      if (i % 4 == 0) associate(client);
      client.send(bytes);
      client.hang_up();
    }
  });
}

TEST_F(HostileNetwork, PortScan) {
  survives("500 connections that are closed at once", [&] {
    for (int i = 0; i < 500; ++i) const RawClient client(port());
  });
}

TEST_F(HostileNetwork, TlsToThePlainPort) {
  survives("20 TLS handshakes on the plain port", [&] {
    // A ClientHello as OpenSSL writes it, up to its random bytes; the rest does not matter to whoever expects a PDU.
    const std::string hello =
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(506, '\x5a');
    for (int i = 0; i < 20; ++i) {
      RawClient client(port());
      client.send(hello);
      client.read_to_the_end();
    }
  });
}

}  // namespace
