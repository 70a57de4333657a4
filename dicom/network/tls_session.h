#pragma once
// OpenSSL on a socket, in steps that never wait. For the .cpp files of this folder only: OpenSSL types appear.
//
// OpenSSL reads and writes through a BIO of ours: it never blocks, raises no SIGPIPE, takes from the socket in large
// pieces, re-arms TCP_QUICKACK, sees whether the first byte is TLS at all, and stops a peer that sends and sends
// without a byte of data in it (empty records, key updates, an endless certificate).
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dicom/network/tls_context.h"
#include "dicom/network/tls_failure.h"

namespace dicom {

class TlsSession {
 public:
  enum class Step {
    Done,
    WantsToRead,   // nothing left here: once the socket is readable
    WantsToWrite,  // once the socket is writable
    Ended,         // the peer closed it, orderly or not
    Failed,        // see why()
  };

  // `name`: what the server's certificate has to be of, a DNS name or an address; of a client's nothing is asked.
  TlsSession(int socket, const TlsContext& context, bool we_are_server, const std::string& name);

  Step handshake();
  Step read(void* buffer, std::size_t size, std::size_t& got);
  Step write(const void* buffer, std::size_t size, std::size_t& sent);
  Step look();  // Done: there is data to read
  void say_goodbye();

  // Bytes came that have not been looked at: whoever waits for the socket then waits too long.
  [[nodiscard]] bool has_bytes() const { return wire_.begin < wire_.end; }
  // After Failed, and after an Ended handshake.
  [[nodiscard]] std::string why() const;

  // After the handshake.
  [[nodiscard]] const std::optional<Certificate>& peer_certificate() const { return peer_; }
  [[nodiscard]] std::string protocol() const;      // "TLSv1.3"
  [[nodiscard]] std::string cipher_suite() const;  // by its name in the IANA registry
  // The peer's chain, its own first; also of a handshake that failed at it.
  [[nodiscard]] std::vector<Certificate> chain() const;

 private:
  friend int note_verification(int good, X509_STORE_CTX* store);
  friend int note_client_hello(SSL* ssl, int* alert, void* unused);
  struct Wire {
    int socket = -1;
    std::array<char, 65536> bytes{};
    std::size_t begin = 0, end = 0;
    std::size_t since_data = 0;  // bytes received without any data in them
    int first_byte = -1;
    bool ended = false;
  };
  struct Calls;  // of the BIO
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  Step step_after(int returned);
  void expect_name(const std::string& name);

  Wire wire_;
  std::unique_ptr<SSL, Free> ssl_;
  TlsFailure failure_;
  std::vector<Certificate> refused_chain_;
  std::optional<Certificate> peer_;
};

// Callbacks of every context.
int note_verification(int good, X509_STORE_CTX* store);
int note_client_hello(SSL* ssl, int* alert, void* unused);

}  // namespace dicom
