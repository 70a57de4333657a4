// Associations by TLS: who is let in, who is not, what is said of it on either side, and that nothing which holds for
// plain connections is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "dicom/network/acceptor.h"
#include "dicom/network/probe.h"
#include "dicom/network/query.h"
#include "dicom/network/sender.h"
#include "dicom/network/tls_check.h"
#include "tests/dicom/network/certificates.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/support/raw_client.h"

namespace {

using dicom::CertificateBinding;
using dicom::Verdict;
using std::chrono::hours;
using support::RawClient;
using support::RecordingHandler;
using support::Signed;
using support::TlsClient;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

class Tls : public testing::Test {
 protected:
  Tls() { signal(SIGPIPE, SIG_IGN); }  // for the test's own client, which is OpenSSL's

  dicom::AcceptorOptions options() const {
    auto options = support::loopback();
    options.acse_timeout = std::chrono::seconds(2);
    options.dimse_timeout = std::chrono::seconds(2);
    options.tls = dicom::TlsListener{.port = 0, .files = files(node_), .require_certificate = true, .bindings = {}};
    return options;
  }
  dicom::AcceptorOptions bound(CertificateBinding binding) const {
    auto options = this->options();
    options.tls->bindings = {std::move(binding)};
    return options;
  }
  dicom::TlsFiles files(const Signed& own) const { return {own.certificate, own.key, hospital_.certificate()}; }
  dicom::Peer peer_at(const dicom::Acceptor& acceptor, const Signed& shows) const {
    dicom::Peer peer = support::peer_at(acceptor);
    peer.port = acceptor.tls_port();
    peer.tls = dicom::TlsRequest{files(shows), "node.hospital"};
    return peer;
  }
  dicom::Peer peer_at(const dicom::Acceptor& acceptor) const { return peer_at(acceptor, scanner_); }
  std::string problem_with(const dicom::Peer& peer) const {
    const auto answered = dicom::echo(peer);
    return answered ? "none" : answered.error().what;
  }

  support::TempFolder folder_;
  support::Authority hospital_{folder_.path(), "Hospital"};
  support::Authority other_{folder_.path(), "Other"};
  Signed node_ = hospital_.sign({.common_name = "node", .dns_name = "node.hospital"});
  Signed scanner_ = hospital_.sign({.common_name = "skyra", .dns_name = "skyra.hospital"});
  RecordingHandler handler_;
};

// ------------------------------------------------------------------------------------------------ what works

TEST_F(Tls, CarriesImagesByteForByte) {
  const auto acceptor = support::started(options(), handler_);
  std::vector<dicom::Outgoing> objects;
  for (int i = 0; i < 20; ++i)
    objects.push_back(support::make_object(folder_.path(), i, {.rows = 300, .columns = 301}));
  for (const Verdict& verdict : dicom::send(peer_at(*acceptor), objects))
    ASSERT_EQ(verdict.kind, Verdict::Kind::Delivered) << verdict.problem;
  const auto received = handler_.wait_for_files(20);
  for (std::size_t i = 0; i < received.size(); ++i)
    EXPECT_EQ(support::data_set_of(received[i].file), support::data_set_of(objects[i].file));
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed released");
}

class SpeaksTls : public Tls, public testing::WithParamInterface<int> {};

TEST_P(SpeaksTls, AndDicomInIt) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.least_version = GetParam(), .most_version = GetParam(), .shows = scanner_});
  ASSERT_TRUE(client.handshake());
  EXPECT_EQ(client.protocol(), GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  EXPECT_EQ(client.read(1), "\2");
}

INSTANTIATE_TEST_SUITE_P(Versions, SpeaksTls, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(Tls, AndPlainStandSideBySide) {
  const auto acceptor = support::started(options(), handler_);
  EXPECT_NE(acceptor->port(), acceptor->tls_port());
  EXPECT_EQ(problem_with(support::peer_at(*acceptor)), "none");
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
  EXPECT_EQ(handler_.associations().size(), 2u);
}

TEST_F(Tls, MayBeTheOnlyWayIn) {
  auto options = this->options();
  options.plain = false;
  const auto acceptor = support::started(options, handler_);
  EXPECT_EQ(acceptor->port(), 0);
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
}

TEST_F(Tls, IsUnderEveryServiceThatAsks) {
  const auto acceptor = support::started(options(), handler_);
  const auto peer = peer_at(*acceptor);
  EXPECT_TRUE(dicom::probe(peer, {}));
  const auto found = dicom::find_series(peer, "1.2.3");  // which Herald does not provide, but it got there
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, HasSubstr("does not accept this kind of query"));
}

// ------------------------------------------------------------------------------------------------ who is refused

TEST_F(Tls, RefusesTls11) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.most_version = TLS1_1_VERSION, .shows = scanner_});
  EXPECT_FALSE(client.handshake());
  EXPECT_EQ(handler_.wait_for_event("tls refused"), "tls refused 127.0.0.1: the client offers TLS 1.1 at most");
}

TEST_F(Tls, RefusesACallerWithoutACertificate) {
  const auto acceptor = support::started(options(), handler_);
  auto peer = peer_at(*acceptor);
  peer.tls->files.certificate.clear();
  peer.tls->files.key.clear();
  EXPECT_THAT(problem_with(peer), HasSubstr("the peer refuses: it wants a certificate, and we show none"));
  EXPECT_EQ(handler_.wait_for_event("tls refused"), "tls refused 127.0.0.1: no certificate");
}

TEST_F(Tls, RefusesAnExpiredCertificate) {
  const auto acceptor = support::started(options(), handler_);
  const Signed old = hospital_.sign({.common_name = "skyra", .from = hours(-48), .to = hours(-24)});
  const auto until = dicom::read_certificates(old.certificate)->front().not_after;
  EXPECT_THAT(problem_with(peer_at(*acceptor, old)), HasSubstr("the peer refuses: our certificate has expired"));
  EXPECT_EQ(handler_.wait_for_event("tls refused"),
            "tls refused 127.0.0.1: certificate expired on " + dicom::date_of(until) + " (CN=skyra)");
}

TEST_F(Tls, RefusesACertificateOfTomorrow) {
  const auto acceptor = support::started(options(), handler_);
  problem_with(peer_at(*acceptor, hospital_.sign({.common_name = "skyra", .from = hours(24), .to = hours(48)})));
  EXPECT_THAT(handler_.wait_for_event("tls refused"), HasSubstr("certificate is valid from "));
}

TEST_F(Tls, RefusesACertificateOfAnUnknownIssuer) {
  const auto acceptor = support::started(options(), handler_);
  EXPECT_THAT(problem_with(peer_at(*acceptor, other_.sign({.common_name = "skyra"}))),
              HasSubstr("it does not know the issuer of our certificate"));
  EXPECT_EQ(handler_.wait_for_event("tls refused"),
            "tls refused 127.0.0.1: issuer of the certificate unknown: CN=Other (CN=skyra)");
}

TEST_F(Tls, RefusesPlainDicomOnItsPort) {
  const auto acceptor = support::started(options(), handler_);
  auto plain = support::peer_at(*acceptor);
  plain.port = acceptor->tls_port();
  EXPECT_NE(problem_with(plain), "none");
  EXPECT_EQ(handler_.wait_for_event("tls refused"), "tls refused 127.0.0.1: plain DICOM on the TLS port");
}

TEST_F(Tls, RefusesOtherPlainTextOnItsPort) {
  const auto acceptor = support::started(options(), handler_);
  RawClient(acceptor->tls_port()).send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(handler_.wait_for_event("tls refused"), "tls refused 127.0.0.1: plain text on the TLS port");
}

TEST_F(Tls, OnThePlainPortIsRecognised) {
  const auto acceptor = support::started(options(), handler_);
  auto peer = peer_at(*acceptor);
  peer.port = acceptor->port();
  EXPECT_NE(problem_with(peer), "none");
  EXPECT_EQ(handler_.wait_for_event("tls refused"), "tls refused 127.0.0.1: TLS on the plain port");
}

TEST_F(Tls, RefusesSuitesWithoutForwardSecrecyOrAuthentication) {
  const auto acceptor = support::started(options(), handler_);
  for (const char* suites : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA"}) {
    TlsClient client(acceptor->tls_port(),
                     {.most_version = TLS1_2_VERSION, .shows = scanner_, .cipher_suites_12 = suites});
    EXPECT_FALSE(client.handshake()) << suites;
  }
  EXPECT_EQ(handler_.wait_for_event("tls refused", 3), "tls refused 127.0.0.1: no cipher suite in common");
}

TEST_F(Tls, DoesNotRenegotiate) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.most_version = TLS1_2_VERSION, .shows = scanner_});
  ASSERT_TRUE(client.handshake());
  EXPECT_FALSE(client.renegotiates());
}

TEST_F(Tls, LetsCallersInWithoutACertificateWhereNoneIsRequired) {
  auto options = this->options();
  options.tls->require_certificate = false;
  const auto acceptor = support::started(options, handler_);
  auto peer = peer_at(*acceptor);
  peer.tls->files.certificate.clear();
  peer.tls->files.key.clear();
  EXPECT_EQ(problem_with(peer), "none");
  EXPECT_NE(problem_with(peer_at(*acceptor, other_.sign({.common_name = "skyra"}))), "none");
}

// ------------------------------------------------------------------------------------------------ AE titles

TEST_F(Tls, TakesABoundTitleWithItsCertificateOnly) {
  const auto print = dicom::read_certificates(scanner_.certificate)->front().sha256;
  const std::vector<CertificateBinding> bindings{{CertificateBinding::By::Sha256, "SCANNER", print},
                                                 {CertificateBinding::By::CommonName, "SCANNER", "Skyra"},
                                                 {CertificateBinding::By::DnsName, "SCANNER", "SKYRA.hospital"}};
  const Signed signa = hospital_.sign({.common_name = "signa", .dns_name = "signa.hospital"});
  for (const CertificateBinding& binding : bindings) {
    RecordingHandler handler;
    const auto acceptor = support::started(bound(binding), handler);
    EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
    EXPECT_THAT(problem_with(peer_at(*acceptor, signa)), HasSubstr("does not know our AE title"));
    EXPECT_THAT(handler.wait_for_event("rejected"),
                StartsWith("rejected SCANNER>HERALD: certificate is not of this calling AE title (from 127.0.0.1, "
                           "certificate of CN=signa, SHA-256 "));
  }
}

TEST_F(Tls, TakesABoundTitleNotOverThePlainPort) {
  const auto acceptor = support::started(bound({CertificateBinding::By::CommonName, "SCANNER", "skyra"}), handler_);
  EXPECT_NE(problem_with(support::peer_at(*acceptor)), "none");
  EXPECT_EQ(handler_.wait_for_event("rejected"),
            "rejected SCANNER>HERALD: calling AE title is bound to a certificate, and did not come by TLS (from "
            "127.0.0.1)");
}

TEST_F(Tls, LeavesTitlesWithoutABindingAlone) {
  const auto acceptor = support::started(bound({CertificateBinding::By::CommonName, "SIGNA", "signa"}), handler_);
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
  EXPECT_EQ(problem_with(support::peer_at(*acceptor)), "none");
}

TEST_F(Tls, TakesABoundTitleNotWithoutACertificate) {
  auto options = bound({CertificateBinding::By::CommonName, "SCANNER", "skyra"});
  options.tls->require_certificate = false;
  const auto acceptor = support::started(options, handler_);
  auto peer = peer_at(*acceptor);
  peer.tls->files.certificate.clear();
  peer.tls->files.key.clear();
  EXPECT_NE(problem_with(peer), "none");
  EXPECT_THAT(handler_.wait_for_event("rejected"), HasSubstr("certificate is not of this calling AE title"));
}

// ------------------------------------------------------------------------------------------------ what we refuse

TEST_F(Tls, ChecksThePeer) {
  const auto with = [&](const Signed& own) {
    auto options = this->options();
    options.tls->files = files(own);
    return support::started(options, handler_);
  };
  const auto stranger = with(other_.sign({.common_name = "node", .dns_name = "node.hospital"}));
  EXPECT_THAT(problem_with(peer_at(*stranger)), HasSubstr("issuer of the certificate unknown: CN=Other"));
  EXPECT_THAT(handler_.wait_for_event("tls refused"), HasSubstr("does not know the issuer of our certificate"));
  const auto expired = with(hospital_.sign({.dns_name = "node.hospital", .from = hours(-48), .to = hours(-24)}));
  EXPECT_THAT(problem_with(peer_at(*expired)), HasSubstr("certificate expired on 20"));
  const auto another = with(hospital_.sign({.dns_name = "pacs.hospital"}));
  EXPECT_THAT(problem_with(peer_at(*another)), HasSubstr("certificate is not of node.hospital but of pacs.hospital"));
}

TEST_F(Tls, ChecksTheHostWhereNoNameIsGiven) {
  const auto acceptor = support::started(options(), handler_);
  auto peer = peer_at(*acceptor);
  peer.tls->name.clear();
  EXPECT_THAT(problem_with(peer), HasSubstr("certificate is not of 127.0.0.1 but of node.hospital"));
}

TEST_F(Tls, NeverFallsBackToPlainText) {
  const auto acceptor = support::started(options(), handler_);
  auto peer = peer_at(*acceptor);
  peer.port = acceptor->port();
  const auto object = support::make_object(folder_.path(), 1);
  const auto verdict = dicom::send(peer, {&object, 1}).front();
  EXPECT_EQ(verdict.kind, Verdict::Kind::Later);  // people mend it, and what waits is delivered
  EXPECT_TRUE(handler_.received().empty());
}

TEST_F(Tls, SaysWhichFileOfTheClientIsBad) {
  const auto acceptor = support::started(options(), handler_);
  auto peer = peer_at(*acceptor);
  peer.tls->files.key = node_.key;
  const auto answered = dicom::echo(peer);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().fault, dicom::Fault::Network);
  EXPECT_THAT(answered.error().what, AllOf(HasSubstr("no TLS: "), HasSubstr(" is not the key of ")));
}

// ------------------------------------------------------------------------------------------------ files

TEST_F(Tls, RefusesAKeyThatOthersMayRead) {
  std::filesystem::permissions(node_.key, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const auto acceptor = dicom::Acceptor::start(options(), handler_);
  ASSERT_FALSE(acceptor);
  EXPECT_THAT(acceptor.error().what, HasSubstr("is open to others"));
}

TEST_F(Tls, NeedsFilesThatAreThereAndHoldWhatTheyShould) {
  const auto problem_of = [&](const dicom::TlsFiles& files) { return dicom::check_tls_files(files).error().what; };
  std::ofstream(folder_ / "empty").put('\n');
  EXPECT_THAT(problem_of({folder_ / "none", node_.key, hospital_.certificate()}), HasSubstr("holds no certificate"));
  EXPECT_THAT(problem_of({node_.certificate, folder_ / "none", hospital_.certificate()}), HasSubstr("cannot be read"));
  EXPECT_THAT(problem_of({node_.certificate, node_.key, folder_ / "empty"}), HasSubstr("no certificate to trust"));
  EXPECT_EQ((*dicom::check_tls_files(files(node_)))->subject, "CN=node");
}

TEST_F(Tls, TakesANewCertificateWhileAnAssociationRuns) {
  handler_.held = true;
  const auto acceptor = support::started(options(), handler_);
  const auto object = support::make_object(folder_.path(), 1);
  auto running = std::async(std::launch::async, [&] { return dicom::send(peer_at(*acceptor), {&object, 1}).front(); });
  handler_.wait_for_files(1);

  EXPECT_FALSE(*acceptor->reload_tls(false));  // nothing has changed
  const Signed fresh = hospital_.sign({.common_name = "renewed", .dns_name = "node.hospital"});
  std::filesystem::rename(fresh.certificate, node_.certificate);
  EXPECT_FALSE(acceptor->reload_tls(false));  // the key is still the old one
  EXPECT_EQ(acceptor->certificate()->subject, "CN=node");
  EXPECT_FALSE(*acceptor->reload_tls(false));  // told once
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
  std::filesystem::rename(fresh.key, node_.key);
  EXPECT_TRUE(*acceptor->reload_tls(false));
  EXPECT_EQ(acceptor->certificate()->subject, "CN=renewed");
  EXPECT_EQ(dicom::check_tls(peer_at(*acceptor))->chain.front().subject, "CN=renewed");
  EXPECT_TRUE(*acceptor->reload_tls(true));

  handler_.release();
  EXPECT_EQ(running.get().kind, Verdict::Kind::Delivered);
}

TEST_F(Tls, IsTheSameWithACertificateThatIsTrustedByItself) {
  auto options = this->options();
  options.tls->files.trusted = scanner_.certificate;  // of one device, not of its authority
  const auto acceptor = support::started(options, handler_);
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
  EXPECT_NE(problem_with(peer_at(*acceptor, hospital_.sign({.common_name = "signa"}))), "none");
}

// ------------------------------------------------------------------------------------------------ patience

// The first bytes of a ClientHello that never becomes whole.
const std::string kBeginningOfHello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);

TEST_F(Tls, EndsAHandshakeThatDripsAndKeepsNobodyWaiting) {
  auto options = this->options();
  options.acse_timeout = std::chrono::seconds(1);
  const auto acceptor = support::started(options, handler_);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<RawClient>(acceptor->tls_port()));
  RawClient dripping(acceptor->tls_port());
  dripping.send(kBeginningOfHello);
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
  std::promise<void> hung_up;
  std::jthread drip([&] {  // a byte at a time, for as long as the node listens
    auto over = hung_up.get_future();
    while (over.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) dripping.send("x");
  });
  const auto began = std::chrono::steady_clock::now();
  dripping.read_to_the_end();                                                     // returns when the node has hung up
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));  // not one byte in 20 ms of 512
  hung_up.set_value();
  EXPECT_THAT(handler_.wait_for_event("tls refused", 21), HasSubstr("the TLS handshake took longer than 1 s"));
}

TEST_F(Tls, StopsInTheMiddleOfAHandshake) {
  auto options = this->options();
  options.acse_timeout = std::chrono::seconds(3600);
  const auto acceptor = support::started(options, handler_);
  RawClient silent(acceptor->tls_port()), begun(acceptor->tls_port());
  begun.send(kBeginningOfHello);
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");  // all three were accepted
  acceptor->stop();
  EXPECT_EQ(begun.read_to_the_end(), "");
}

TEST_F(Tls, StopsWhileAnAssociationIsIdle) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  ASSERT_EQ(client.read(6).substr(0, 1), "\2");
  acceptor->stop();
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed stopped");
}

TEST_F(Tls, EndsASilentTransfer) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  client.send(support::data_pdu(1, 3, support::store_command(1, support::kMrImage, "1.2.3")));
  client.send(support::data_pdu(1, 0, std::string(5000, 'a')));
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed timeout");
  EXPECT_EQ(handler_.files_on_disk(), 0u);
}

TEST_F(Tls, ScreensARequestAsItDoesWithout) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}},
                                         support::item(0x58, "")));  // a user who does not say who he is
  EXPECT_EQ(client.read(1), "");
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
}

TEST_F(Tls, EndsARequestThatDoesNotCome) {
  auto options = this->options();
  options.acse_timeout = std::chrono::seconds(1);
  options.dimse_timeout = std::chrono::seconds(3600);
  const auto acceptor = support::started(options, handler_);
  TlsClient client(acceptor->tls_port(), {.shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(std::string("\1\0\0\0", 4));
  EXPECT_EQ(client.read(1), "");
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
}

TEST_F(Tls, DropsWhoeverSendsAnEndlessCommand) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  for (int i = 0; i < 100; ++i) client.send(support::data_pdu(1, 1, std::string(16000, '\0')));
  handler_.wait_for_event("closed");
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
}

TEST_F(Tls, DropsWhoeverSendsKeysWithoutEnd) {
  const auto acceptor = support::started(options(), handler_);
  TlsClient client(acceptor->tls_port(), {.least_version = TLS1_3_VERSION, .shows = scanner_});
  ASSERT_TRUE(client.handshake());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  ASSERT_EQ(client.read(6).substr(0, 1), "\2");
  while (client.update_key()) {
  }
  handler_.wait_for_event("closed");
  EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
}

TEST_F(Tls, LeavesNoDescriptorBehind) {
  const auto open = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = open();
  {
    const auto acceptor = support::started(options(), handler_);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(problem_with(peer_at(*acceptor)), "none");
      problem_with(peer_at(*acceptor, other_.sign({.common_name = "skyra"})));
      auto plain = support::peer_at(*acceptor);
      plain.port = acceptor->tls_port();
      problem_with(plain);
      EXPECT_TRUE(dicom::check_tls(peer_at(*acceptor)));
      RawClient(acceptor->tls_port()).send(kBeginningOfHello);
    }
  }
  EXPECT_EQ(open(), before);
}

// ------------------------------------------------------------------------------------------------ check_tls

TEST_F(Tls, CanBeLookedAt) {
  const auto acceptor = support::started(options(), handler_);
  const auto report = dicom::check_tls(peer_at(*acceptor));
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->problem, "");
  EXPECT_EQ(report->protocol, "TLSv1.3");
  EXPECT_EQ(report->cipher_suite, "TLS_AES_256_GCM_SHA384");
  ASSERT_EQ(report->chain.size(), 1u);
  EXPECT_EQ(report->chain[0].subject, "CN=node");
  EXPECT_EQ(report->chain[0].issuer, "CN=Hospital");
  EXPECT_EQ(report->own->subject, "CN=skyra");
}

TEST_F(Tls, CanBeLookedAtWhereWeRefuse) {
  auto options = this->options();
  options.tls->files = files(other_.sign({.common_name = "node"}));
  const auto acceptor = support::started(options, handler_);
  const auto report = dicom::check_tls(peer_at(*acceptor));
  EXPECT_THAT(report->problem, HasSubstr("issuer of the certificate unknown"));
  ASSERT_FALSE(report->chain.empty());
  EXPECT_EQ(report->chain[0].issuer, "CN=Other");
}

TEST_F(Tls, CanBeLookedAtWhereThePeerRefuses) {
  const auto acceptor = support::started(options(), handler_);
  EXPECT_THAT(dicom::check_tls(peer_at(*acceptor, other_.sign({})))->problem, HasSubstr("the peer refuses: "));
  auto plain = peer_at(*acceptor);
  plain.port = acceptor->port();
  EXPECT_THAT(dicom::check_tls(plain)->problem, HasSubstr("no TLS on this port"));
  acceptor->stop();
  const auto gone = dicom::check_tls(peer_at(*acceptor));
  EXPECT_FALSE(gone && gone->problem.empty());
}

}  // namespace
