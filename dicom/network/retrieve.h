#pragma once
// Has a PACS send a series: C-MOVE to a node it knows by its AE title, or C-GET on the same association (PS3.4 C.4.2,
// C.4.3; study root model).
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "dicom/network/acceptor.h"
#include "dicom/network/sender.h"
#include "dicom/network/stop_signal.h"
#include "dicom/result.h"

namespace dicom {

inline constexpr const char* kMoveClass = "1.2.840.10008.5.1.4.1.2.2.2";
inline constexpr const char* kGetClass = "1.2.840.10008.5.1.4.1.2.2.3";
// What may come by C-GET, uncompressed or in one of the syntaxes.
[[nodiscard]] std::span<const char* const> fetched_classes();
[[nodiscard]] std::span<const char* const> fetched_compressed_syntaxes();

struct RetrieveOptions {
  std::size_t most_instances = 10000;  // the operation is cancelled when more come (C-GET) or are announced (C-MOVE)
  std::chrono::seconds longest{3600};  // for the whole series; the peer's timeouts bound every single wait
  const StopSignal* stop = nullptr;    // cancels it
};

// What the peer says of its sub-operations, one for each instance.
struct Retrieved {
  int completed = 0;  // without or with a warning
  int failed = 0;
  std::string problem;  // one sentence; empty: every instance was sent
};

// Blocks until the peer says that it is done. Images come to `destination_ae_title` on associations of their own, of
// which this function knows nothing; they may arrive after it returns where the peer does not wait for them. Errors as
// in query.h; Fault::Rejected also where the peer does not know `destination_ae_title`. Safe from several threads.
[[nodiscard]] Result<Retrieved> move_series(const Peer& peer, const std::string& study_uid,
                                            const std::string& series_uid, const std::string& destination_ae_title,
                                            const RetrieveOptions& options = {});

// The images come on this association, as MR objects, uncompressed or losslessly compressed, and go to `handler` as
// they do in the acceptor: the peer is told that one was stored when the handler says so. `association` names it to the
// handler, which is told of its beginning and end, whatever happens. With an error, images that came before it stay
// stored.
[[nodiscard]] Result<Retrieved> get_series(const Peer& peer, const std::string& study_uid,
                                           const std::string& series_uid, StoreHandler& handler,
                                           std::uint64_t association, const RetrieveOptions& options = {});

}  // namespace dicom
