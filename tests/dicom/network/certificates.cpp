#include "tests/dicom/network/certificates.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace support {
namespace {

void extend(X509* certificate, int what, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  if (extension == nullptr) throw std::runtime_error("no such extension: " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* draft(EVP_PKEY* key, const std::string& common_name, std::chrono::seconds from, std::chrono::seconds to) {
  static std::atomic<long> serial{1000};
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate), to.count());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate, key);
  return certificate;
}

template <class Write>
void write_pem(const std::filesystem::path& file, Write&& write) {
  std::FILE* const out = std::fopen(file.c_str(), "w");
  if (out == nullptr || write(out) != 1) throw std::runtime_error("cannot write " + file.string());
  std::fclose(out);
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace

Authority::Authority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)),
      certificate_(folder_ / (name + ".pem")),
      name_(name),
      key_(EVP_EC_gen("P-256")),
      own_(draft(key_, name, std::chrono::hours(-2), std::chrono::hours(48))) {
  X509_set_issuer_name(own_, X509_get_subject_name(own_));
  extend(own_, NID_basic_constraints, "critical,CA:TRUE");
  extend(own_, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(own_, key_, EVP_sha256());
  write_pem(certificate_, [&](std::FILE* out) { return PEM_write_X509(out, own_); });
}

Authority::~Authority() {
  X509_free(own_);
  EVP_PKEY_free(key_);
}

Signed Authority::sign(const Wish& wish) const {
  static std::atomic<int> number{0};
  const std::string stem = wish.common_name + "-" + std::to_string(++number);
  const Signed files{folder_ / (stem + ".crt"), folder_ / (stem + ".key")};
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = draft(key, wish.common_name, wish.from, wish.to);
  X509_set_issuer_name(certificate, X509_get_subject_name(own_));
  if (!wish.dns_name.empty()) extend(certificate, NID_subject_alt_name, "DNS:" + wish.dns_name);
  X509_sign(certificate, key_, EVP_sha256());
  write_pem(files.certificate, [&](std::FILE* out) { return PEM_write_X509(out, certificate); });
  write_pem(files.key,
            [&](std::FILE* out) { return PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

struct TlsClient::Session {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  ~Session() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
};

TlsClient::TlsClient(std::uint16_t port, const Options& options)
    : socket_(socket(AF_INET, SOCK_STREAM, 0)), session_(new Session) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    throw std::runtime_error("cannot connect");
  SSL_CTX* const context = session_->context;
  SSL_CTX_set_security_level(context, 0);  // this client takes whatever it gets
  SSL_CTX_set_min_proto_version(context, options.least_version == 0 ? TLS1_VERSION : options.least_version);
  SSL_CTX_set_max_proto_version(context, options.most_version);
  if (!options.cipher_suites_12.empty()) SSL_CTX_set_cipher_list(context, options.cipher_suites_12.c_str());
  if (!options.cipher_suites_13.empty()) SSL_CTX_set_ciphersuites(context, options.cipher_suites_13.c_str());
  if (!options.shows.certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context, options.shows.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context, options.shows.key.c_str(), SSL_FILETYPE_PEM);
  }
  session_->ssl = SSL_new(context);
  SSL_set_fd(session_->ssl, socket_);
}

TlsClient::~TlsClient() {
  delete session_;
  ::close(socket_);
}

bool TlsClient::handshake() { return SSL_connect(session_->ssl) == 1; }

void TlsClient::send(const std::string& bytes) {
  SSL_write(session_->ssl, bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsClient::read(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  for (int part = 1; got < size && part > 0; got += part > 0 ? static_cast<std::size_t>(part) : 0)
    part = SSL_read(session_->ssl, bytes.data() + got, static_cast<int>(size - got));
  bytes.resize(got);
  return bytes;
}

std::string TlsClient::protocol() const { return SSL_get_version(session_->ssl); }

std::string TlsClient::cipher_suite() const { return SSL_get_cipher_name(session_->ssl); }

bool TlsClient::update_key() {
  return SSL_key_update(session_->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(session_->ssl) == 1;
}

bool TlsClient::renegotiates() {
  return SSL_renegotiate(session_->ssl) == 1 && SSL_do_handshake(session_->ssl) == 1 && read(1).size() == 1;
}

}  // namespace support
