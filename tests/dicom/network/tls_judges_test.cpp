// DCMTK's own programs on the other side of TLS, which have nothing of ours but OpenSSL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "dicom/network/acceptor.h"
#include "dicom/network/sender.h"
#include "tests/dicom/network/certificates.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/support/child.h"

namespace {

using support::RecordingHandler;
using support::Signed;
using testing::HasSubstr;

#define NEEDS(program) \
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not installed"

class TlsJudge : public testing::Test {
 protected:
  dicom::AcceptorOptions options() const {
    auto options = support::loopback();
    options.tls = dicom::TlsListener{.port = 0, .files = files(node_), .require_certificate = true, .bindings = {}};
    return options;
  }
  dicom::TlsFiles files(const Signed& own) const { return {own.certificate, own.key, hospital_.certificate()}; }
  std::vector<std::string> command(const std::string& program, const Signed& shows, int port) const {
    return {program,
            "+tls",
            shows.key.string(),
            shows.certificate.string(),
            "+cf",
            hospital_.certificate().string(),
            "-aet",
            "SCANNER",
            "-aec",
            "HERALD",
            "127.0.0.1",
            std::to_string(port)};
  }

  support::TempFolder folder_;
  support::Authority hospital_{folder_.path(), "Hospital"};
  support::Authority other_{folder_.path(), "Other"};
  Signed node_ = hospital_.sign({.common_name = "node", .dns_name = "node.hospital"});
  Signed scanner_ = hospital_.sign({.common_name = "skyra"});
  RecordingHandler handler_;
};

TEST_F(TlsJudge, EchoscuIsAnsweredAndRefusedByItsCertificate) {
  NEEDS("/usr/bin/echoscu");
  const auto acceptor = support::started(options(), handler_);
  EXPECT_EQ(support::run(command("/usr/bin/echoscu", scanner_, acceptor->tls_port())).code, 0);
  const Signed stranger = other_.sign({.common_name = "skyra"});
  EXPECT_NE(support::run(command("/usr/bin/echoscu", stranger, acceptor->tls_port())).code, 0);
  EXPECT_THAT(handler_.wait_for_event("tls refused"), HasSubstr("issuer of the certificate unknown: CN=Other"));
}

TEST_F(TlsJudge, StorescuStoresByTls) {
  NEEDS("/usr/bin/storescu");
  const auto acceptor = support::started(options(), handler_);
  const auto object = support::make_object(folder_.path(), 1, {.rows = 256, .columns = 256});
  auto arguments = command("/usr/bin/storescu", scanner_, acceptor->tls_port());
  arguments.push_back(object.file.string());
  EXPECT_EQ(support::run(arguments).code, 0);
  EXPECT_EQ(handler_.wait_for_files(1).front().sop_instance_uid, object.sop_instance_uid);
}

TEST_F(TlsJudge, StorescpTakesWhatWeSendByTls) {
  NEEDS("/usr/bin/storescp");
  const Signed pacs = hospital_.sign({.common_name = "pacs", .dns_name = "pacs.hospital"});
  const int port = support::free_port();
  std::filesystem::create_directory(folder_ / "stored");
  support::Child child({"/usr/bin/storescp", "+tls", pacs.key.string(), pacs.certificate.string(), "+cf",
                        hospital_.certificate().string(), "-od", (folder_ / "stored").string(), std::to_string(port)});
  dicom::Peer peer;
  peer.ae_title = "PACS";
  peer.host = "127.0.0.1";
  peer.port = static_cast<std::uint16_t>(port);
  peer.tls = dicom::TlsRequest{files(node_), "pacs.hospital"};
  ASSERT_TRUE(support::until(child, [&] { return dicom::echo(peer).has_value(); })) << dicom::echo(peer).error().what;
  const auto object = support::make_object(folder_.path(), 1, {.rows = 256, .columns = 256});
  const auto verdict = dicom::send(peer, {&object, 1}).front();
  EXPECT_EQ(verdict.kind, dicom::Verdict::Kind::Delivered) << verdict.problem;
  peer.tls->files = files(other_.sign({.common_name = "stranger"}));
  EXPECT_THAT(dicom::echo(peer).error().what, HasSubstr("the peer refuses: "));
}

}  // namespace
