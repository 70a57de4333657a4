#include "dicom/network/tls_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "dicom/dcmtk.h"
#include "dicom/network/certificate.h"

namespace dicom {
namespace {

// More than a handshake with the longest chain that OpenSSL takes (100 kB), and than any record.
constexpr std::size_t kMostWithoutData = 256 * 1024;

int at_most_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 || inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

}  // namespace

// What OpenSSL calls in the place of a socket.
struct TlsSession::Calls {
  static Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

  // Whether there are bytes now.
  static bool fill(BIO* bio, Wire& wire) {
    ssize_t got = 0;
    do {
      got = recv(wire.socket, wire.bytes.data(), wire.bytes.size(), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
      wire.ended = got == 0;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
      return false;
    }
    const int on = 1;  // as in the plain connection
    setsockopt(wire.socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (wire.first_byte < 0) wire.first_byte = static_cast<unsigned char>(wire.bytes[0]);
    wire.begin = 0;
    wire.end = static_cast<std::size_t>(got);
    wire.since_data += wire.end;
    return true;
  }

  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    Wire& wire = wire_of(bio);
    if (wire.begin == wire.end && !fill(bio, wire)) return wire.ended ? 0 : -1;
    if (!may_start_tls(wire.first_byte) || wire.since_data > kMostWithoutData) return -1;
    const std::size_t part = std::min(static_cast<std::size_t>(size), wire.end - wire.begin);
    std::memcpy(to, wire.bytes.data() + wire.begin, part);
    wire.begin += part;
    return static_cast<int>(part);
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    ssize_t sent = 0;
    do {
      sent = send(wire_of(bio).socket, from, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }

  static long control(BIO* bio, int what, long, void*) {
    if (what == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO* make(Wire& wire) {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "herald connection");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* const bio = BIO_new(kMethod);
    if (bio == nullptr) fail(Fault::Network, "OpenSSL gives no connection");
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsSession::TlsSession(int socket, const TlsContext& context, bool we_are_server, const std::string& name)
    : ssl_(SSL_new(context.get())) {
  if (!ssl_) fail(Fault::Network, "OpenSSL gives no session");
  wire_.socket = socket;
  BIO* const bio = Calls::make(wire_);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  failure_.we_are_server = we_are_server;
  if (we_are_server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    expect_name(name);
  }
}

void TlsSession::expect_name(const std::string& name) {
  failure_.wanted_name = name;
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str());
    return;
  }
  SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (name.empty() || SSL_set1_host(ssl_.get(), name.c_str()) != 1)
    fail(Fault::Network, "the certificate of the peer cannot be compared with the name \"" + name + "\"");
  SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
}

TlsSession::Step TlsSession::step_after(int returned) {
  if (returned > 0) return Step::Done;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return Step::WantsToRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::WantsToWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::Ended;
    default:
      break;
  }
  failure_.error = ERR_peek_last_error();
  failure_.first_byte = wire_.first_byte;
  failure_.ended = wire_.ended;
  ERR_clear_error();
  // Without its farewell, too: DICOM's own release and lengths tell what is complete.
  const bool only_ended =
      wire_.ended && (failure_.error == 0 || ERR_GET_REASON(failure_.error) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
  return only_ended ? Step::Ended : Step::Failed;
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  const Step step = step_after(SSL_do_handshake(ssl_.get()));
  if (step != Step::Done) return step;
  failure_.came_about = true;
  if (X509* const certificate = SSL_get1_peer_certificate(ssl_.get())) {
    peer_ = describe(*certificate);
    X509_free(certificate);
  }
  return step;
}

TlsSession::Step TlsSession::read(void* buffer, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  const int returned = SSL_read(ssl_.get(), buffer, at_most_int(size));
  if (returned > 0) {
    got = static_cast<std::size_t>(returned);
    wire_.since_data = 0;
  }
  return step_after(returned);
}

TlsSession::Step TlsSession::write(const void* buffer, std::size_t size, std::size_t& sent) {
  ERR_clear_error();
  const int returned = SSL_write(ssl_.get(), buffer, at_most_int(size));
  if (returned > 0) sent = static_cast<std::size_t>(returned);
  return step_after(returned);
}

TlsSession::Step TlsSession::look() {
  char byte = 0;
  ERR_clear_error();
  return step_after(SSL_peek(ssl_.get(), &byte, 1));
}

void TlsSession::say_goodbye() {
  if (!failure_.came_about || failure_.error != 0 || wire_.ended) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::string TlsSession::why() const {
  TlsFailure failure = failure_;
  failure.first_byte = wire_.first_byte;
  return wire_.since_data > kMostWithoutData ? "too many bytes without any data" : in_words(failure);
}

std::string TlsSession::protocol() const { return SSL_get_version(ssl_.get()); }

std::string TlsSession::cipher_suite() const {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_.get());
  const char* const name = cipher == nullptr ? nullptr : SSL_CIPHER_standard_name(cipher);
  return name == nullptr ? "" : name;
}

std::vector<Certificate> TlsSession::chain() const {
  std::vector<Certificate> all = refused_chain_;
  if (!all.empty()) return all;
  const STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(ssl_.get());
  for (int i = 0; i < sk_X509_num(shown); ++i) all.push_back(describe(*sk_X509_value(shown, i)));
  return all;
}

int note_verification(int good, X509_STORE_CTX* store) {
  if (good != 0) return good;
  const auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  session->failure_.verification = X509_STORE_CTX_get_error(store);
  if (X509* const culprit = X509_STORE_CTX_get_current_cert(store)) session->failure_.culprit = describe(*culprit);
  const STACK_OF(X509)* const shown = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(shown); ++i) session->refused_chain_.push_back(describe(*sk_X509_value(shown, i)));
  return 0;
}

// The best version that is offered: by the extension of TLS 1.3 where it is there, else by the field of old.
int note_client_hello(SSL* ssl, int*, void*) {
  auto* const session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  int best = static_cast<int>(SSL_client_hello_get0_legacy_version(ssl));
  const unsigned char* versions = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &versions, &size) == 1) {
    best = 0;
    for (std::size_t i = 1; i + 1 < size; i += 2) {
      const int version = versions[i] << 8 | versions[i + 1];
      if (version <= TLS1_3_VERSION) best = std::max(best, version);
    }
  }
  session->failure_.offered_version = best;
  return SSL_CLIENT_HELLO_SUCCESS;
}

}  // namespace dicom
