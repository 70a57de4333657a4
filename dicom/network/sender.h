#pragma once
// The sending side: one association for one result set, a verdict for every instance.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/network/tls.h"
#include "dicom/result.h"

namespace dicom {

inline constexpr std::uint32_t kLargestPduReceived = 131072;  // bytes, on associations that we ask for

struct Peer {
  std::string ae_title;
  std::string host;
  std::uint16_t port = 104;
  std::string calling_ae_title = "HERALD";
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds acse_timeout{15};
  std::chrono::seconds dimse_timeout{120};
  // By TLS or not at all. The files are read for each association: new ones are used from the next on. Whatever is
  // wrong with TLS, on either side, is Fault::Network: people replace a certificate, and what waits is then delivered.
  std::optional<TlsRequest> tls{};
};

struct Outgoing {
  std::filesystem::path file;
  std::string sop_class_uid, sop_instance_uid;
};

struct Verdict {
  enum class Kind {
    Delivered,  // success or a warning status
    Later,      // the peer, the network or the association failed in a way that may pass
    Never,      // this instance will not be taken: SOP class, status A9xx or Cxxx, a file that is not DICOM, …
  } kind = Kind::Later;
  int status = -1;      // DIMSE status; -1: no answer for this instance
  std::string problem;  // one sentence; empty when delivered without a warning
  // The peer takes no object of this SOP class: it accepted no presentation context for it, or answered 0122H.
  bool class_refused = false;
  bool unreachable = false;  // there was no association, or it broke at this instance
  bool tried = true;         // false: the association ended at an earlier instance, before this one's turn
};

// Sends in the given order on one association and releases it cleanly. Always returns one verdict per instance, also
// when the peer is unreachable (all Later) or refuses the association for good (all Never: called AE unknown, calling
// AE not accepted). Blocks; safe from several threads, which share the connect_timeout of the latest call: DCMTK has
// one for the whole process. Files are sent byte for byte; only between the uncompressed syntaxes are they written
// anew, when the peer takes no other. Compressed files are proposed in their own syntax and never decompressed. More
// than 128 combinations of SOP class and syntax do not fit on one association: the surplus is Later. `progress` is
// called after each instance. `stop` is asked between instances: true ends early, the rest is Later.
[[nodiscard]] std::vector<Verdict> send(const Peer& peer, std::span<const Outgoing> instances,
                                        const std::function<void(std::size_t done, const Verdict&)>& progress = {},
                                        const std::function<bool()>& stop = {});

// C-ECHO. An Error says in words why it did not work.
[[nodiscard]] Result<void> echo(const Peer& peer);

}  // namespace dicom
