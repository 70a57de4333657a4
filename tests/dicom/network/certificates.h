#pragma once
// Certificates for a test, made by OpenSSL in a folder of the test's: authorities and what they sign, good or not.
#include <chrono>
#include <filesystem>
#include <string>

#include "dicom/network/tls.h"

struct evp_pkey_st;
struct x509_st;

namespace support {

struct Signed {
  std::filesystem::path certificate, key;  // PEM; the key for its owner only
};

struct Wish {
  std::string common_name = "somebody";
  std::string dns_name = {};                                                        // empty: none
  std::chrono::seconds from = std::chrono::hours(-1), to = std::chrono::hours(24);  // from now
};

class Authority {
 public:
  Authority(std::filesystem::path folder, const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::filesystem::path& certificate() const { return certificate_; }
  Signed sign(const Wish& wish) const;

 private:
  std::filesystem::path folder_, certificate_;
  std::string name_;
  evp_pkey_st* key_;
  x509_st* own_;
};

// A client that is nothing but OpenSSL, on a connection to loopback.
class TlsClient {
 public:
  struct Options {
    int least_version = 0, most_version = 0;  // as on the wire; 0: OpenSSL's choice
    Signed shows = {};
    std::string cipher_suites_12 = {}, cipher_suites_13 = {};  // OpenSSL's names; empty: its defaults
  };
  TlsClient(std::uint16_t port, const Options& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool handshake();  // whether it succeeded, as the client sees it
  void send(const std::string& bytes);
  std::string read(std::size_t size);
  [[nodiscard]] std::string protocol() const;
  [[nodiscard]] std::string cipher_suite() const;
  bool update_key();  // a message of TLS 1.3 without any data; false: the other side hung up
  [[nodiscard]] bool renegotiates();

 private:
  int socket_;
  struct Session;
  Session* session_;
};

}  // namespace support
