#pragma once
// Why a TLS session did not come about, or ended, in words.
#include <optional>
#include <string>
#include <string_view>

#include "dicom/network/tls.h"

namespace dicom {

// What is known when OpenSSL gives up.
struct TlsFailure {
  bool we_are_server = false;
  unsigned long error = 0;             // OpenSSL's; 0: none
  int verification = 0;                // X509_V_…; 0: nothing was wrong, or it did not come to that
  std::optional<Certificate> culprit;  // the certificate of the chain that did not verify
  std::string wanted_name;             // that the peer's certificate should have been of
  int offered_version = 0;             // the best that the client offers, as on the wire (0x0302: TLS 1.1); 0: unknown
  int first_byte = -1;                 // of the peer; -1: none came
  bool ended = false;                  // the peer closed the connection
  bool came_about = false;             // the handshake was over, on our side at least
};

// A clause without a full stop: "the client offers TLS 1.1 at most", "certificate expired on 2026-01-31 (CN=skyra)".
[[nodiscard]] std::string in_words(const TlsFailure& failure);

// What a first byte that belongs to no TLS record says of a peer: "plain DICOM on the TLS port".
[[nodiscard]] std::string plain_text_in_words(int first_byte, bool we_are_server);
[[nodiscard]] bool may_start_tls(int first_byte);

}  // namespace dicom
