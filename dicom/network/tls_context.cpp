#include "dicom/network/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>
#include <sys/stat.h>

#include <array>
#include <utility>

#include "dicom/dcmtk.h"
#include "dicom/network/certificate.h"
#include "dicom/network/tls_session.h"

namespace dicom {
namespace {

struct Suite {
  std::string_view name;  // of IANA
  const char* of_openssl;
};
// RFC 9325 4.2 and RFC 8446 B.4. ECDHE before DHE: the latter only for devices that know nothing else.
constexpr std::array kSuites13{Suite{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
                               Suite{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
                               Suite{"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}};
constexpr std::array kSuites12{Suite{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
                               Suite{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
                               Suite{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
                               Suite{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
                               Suite{"TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"},
                               Suite{"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"}};
constexpr std::array kGroups{std::string_view("X25519"), std::string_view("P-256"), std::string_view("P-384"),
                             std::string_view("P-521")};
// 112 bits: RSA and Diffie-Hellman from 2048 bits, no SHA-1 (RFC 9325 4.4).
constexpr int kSecurityLevel = 2;

template <class Suites>
std::string for_openssl(const Suites& suites) {
  std::string all;
  for (const Suite& suite : suites) (all += all.empty() ? "" : ":") += suite.of_openssl;
  return all;
}

std::string groups_for_openssl() {
  std::string all;
  for (const std::string_view group : kGroups) (all += all.empty() ? "" : ":") += group;
  return all;
}

bool is_server(TlsSide side) { return side == TlsSide::Server || side == TlsSide::LenientServer; }

// OpenSSL's own words are for programmers; what people can do something about has words of ours.
[[noreturn]] void fail_reading(const std::filesystem::path& file, const char* what) {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const detail = error == 0 ? nullptr : ERR_reason_error_string(error);
  fail(Fault::Io, file.string() + " " + what + (detail == nullptr ? "" : std::string(" (") + detail + ")"));
}

void check_permissions(const std::filesystem::path& key) {
  struct stat info {};
  if (stat(key.c_str(), &info) != 0) fail(Fault::Io, key.string() + " cannot be read");
  if ((info.st_mode & (S_IRWXG | S_IRWXO) & ~S_IRGRP) != 0)
    fail(Fault::Io, key.string() + " is open to others: a key must not be (chmod 640)");
}

// A prompt on the terminal would stop a service.
int no_passphrase(char*, int, int, void*) { return -1; }

void load_own(SSL_CTX& context, const TlsFiles& files) {
  check_permissions(files.key);
  if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) != 1)
    fail_reading(files.certificate, "holds no certificate that can be used");
  SSL_CTX_set_default_passwd_cb(&context, no_passphrase);
  if (SSL_CTX_use_PrivateKey_file(&context, files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(&context) == 1)
    return;
  if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
    ERR_clear_error();
    fail(Fault::Io, files.key.string() + " is not the key of " + files.certificate.string());
  }
  fail_reading(files.key, "holds no key that can be used without a passphrase");
}

void load_trusted(SSL_CTX& context, const TlsFiles& files, TlsSide side) {
  if (SSL_CTX_load_verify_file(&context, files.trusted.c_str()) != 1)
    fail_reading(files.trusted, "holds no certificate to trust");
  // What is listed is trusted, also the certificate of a single device.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context), X509_V_FLAG_PARTIAL_CHAIN);
  if (is_server(side)) SSL_CTX_set_client_CA_list(&context, SSL_load_client_CA_file(files.trusted.c_str()));
}

void set_profile(SSL_CTX& context) {
  bool good = SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1;
  good = good && SSL_CTX_set_max_proto_version(&context, TLS1_3_VERSION) == 1;
  SSL_CTX_set_security_level(&context, kSecurityLevel);
  good = good && SSL_CTX_set_cipher_list(&context, for_openssl(kSuites12).c_str()) == 1;
  good = good && SSL_CTX_set_ciphersuites(&context, for_openssl(kSuites13).c_str()) == 1;
  good = good && SSL_CTX_set1_groups_list(&context, groups_for_openssl().c_str()) == 1;
  good = good && SSL_CTX_set_dh_auto(&context, 1) == 1 && SSL_CTX_set_num_tickets(&context, 0) == 1;
  if (!good) fail(Fault::Io, "OpenSSL does not offer what the TLS profile of DICOM asks for");
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(
      &context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A read returns after each record: between two of them the limits of the connection are looked at.
  SSL_CTX_clear_mode(&context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(&context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
}

int verify_mode(TlsSide side) {
  return side == TlsSide::Server ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
}

}  // namespace

TlsContext make_tls_context(const TlsFiles& files, TlsSide side) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(is_server(side) ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free);
  if (!context) fail(Fault::Io, "OpenSSL gives no context");
  set_profile(*context);
  if (!files.certificate.empty() || is_server(side)) load_own(*context, files);
  load_trusted(*context, files, side);
  SSL_CTX_set_verify(context.get(), verify_mode(side), note_verification);
  if (is_server(side)) SSL_CTX_set_client_hello_cb(context.get(), note_client_hello, nullptr);
  return context;
}

std::optional<Certificate> own_certificate(const TlsContext& context) {
  X509* const own = SSL_CTX_get0_certificate(context.get());
  return own == nullptr ? std::nullopt : std::optional(describe(*own));
}

Result<std::optional<Certificate>> check_tls_files(const TlsFiles& files) {
  return guarded([&] { return own_certificate(make_tls_context(files, TlsSide::Client)); });
}

ListenersContext::ListenersContext(const TlsListener& listener)
    : files_(listener.files),
      side_(listener.require_certificate ? TlsSide::Server : TlsSide::LenientServer),
      read_(state_of_files()),
      context_(make_tls_context(files_, side_)) {}

TlsContext ListenersContext::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

Result<bool> ListenersContext::reload(bool anyway) {
  return guarded([&] {
    const std::lock_guard one_at_a_time(reading_);
    std::string state = state_of_files();
    if (!anyway && state == read_) return false;
    read_ = std::move(state);  // also of bad files: they are told of once, until they change again
    TlsContext fresh = make_tls_context(files_, side_);
    const std::lock_guard lock(mutex_);
    context_ = std::move(fresh);
    return true;
  });
}

// Whatever tells one version of a file from the next; renaming a new one over the old changes the inode.
std::string ListenersContext::state_of_files() const {
  std::string state;
  for (const auto* file : {&files_.certificate, &files_.key, &files_.trusted}) {
    struct stat info {};
    if (stat(file->c_str(), &info) != 0) info = {};
    for (const auto number : {static_cast<long long>(info.st_ino), static_cast<long long>(info.st_size),
                              static_cast<long long>(info.st_mtim.tv_sec), static_cast<long long>(info.st_mtim.tv_nsec),
                              static_cast<long long>(info.st_mode)})
      state += std::to_string(number) + " ";
  }
  return state;
}

std::span<const std::string_view> tls_cipher_suites() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, kSuites13.size() + kSuites12.size()> names;
    std::size_t at = 0;
    for (const Suite& suite : kSuites13) names[at++] = suite.name;
    for (const Suite& suite : kSuites12) names[at++] = suite.name;
    return names;
  }();
  return kNames;
}

std::span<const std::string_view> tls_groups() { return kGroups; }

}  // namespace dicom
