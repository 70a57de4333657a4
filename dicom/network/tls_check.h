#pragma once
// What TLS with a peer comes to, in detail: for the person who has to make two sides fit. Nothing of DICOM is said.
#include <string>
#include <vector>

#include "dicom/network/sender.h"

namespace dicom {

struct TlsReport {
  std::string problem;   // a sentence's clause; empty: both sides accepted
  std::string protocol;  // "TLSv1.3"; empty, as all below, where it did not come to that
  std::string cipher_suite;
  std::vector<Certificate> chain;  // of the peer, its own first; also of one that was refused
  std::optional<Certificate> own;  // that we show
};

// `peer.tls` must be set. Blocks for at most the timeouts of the connection and of the association, and one second more
// in which a peer by TLS 1.3 may still refuse our certificate. An Error: the files are bad, or there is no connection.
[[nodiscard]] Result<TlsReport> check_tls(const Peer& peer);

}  // namespace dicom
