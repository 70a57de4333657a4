#pragma once
// One request of the query/retrieve service (PS3.4 annex C, study root) and what comes back, on an association of its
// own. For the .cpp files of this folder only: DCMTK types appear.
//
// DCMTK's own C-FIND collects what the peer sends in memory, as deep and as long as it likes, and parses it by
// recursion. Here the bytes of every answer are counted, and an answer is handed on as it came.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "dicom/network/requested_association.h"
#include "dicom/network/stop_signal.h"

namespace dicom {

struct Identifier {
  const char* level = "SERIES";
  std::vector<std::pair<DcmTagKey, std::string>> keys;  // an empty value asks for the attribute
};

class Exchange {
 public:
  struct Message {
    T_ASC_PresentationContextID context = 0;
    T_DIMSE_Message command{};
  };

  // Everything here throws Failure; the association is then aborted when this object goes. `sop_class`: the service and
  // its operation; `storage`: what may come to us meanwhile (C-GET). `stop` may be nullptr and has to outlive this.
  Exchange(const Peer& peer, const char* sop_class, std::span<const ProposedContext> storage,
           std::chrono::seconds longest, const StopSignal* stop);

  // `request` is complete but for message id, SOP class, priority and data set type.
  void ask(T_DIMSE_Message request, const Identifier& identifier);
  // The next command. The peer's silence, a request to stop and the end of the time cancel the operation.
  [[nodiscard]] Message next();
  // The data set that follows the command `message`, at most so many bytes.
  [[nodiscard]] std::string data_set(const Message& message, std::size_t most_bytes);

  // Tells the peer that no more is wanted; the association is then good for an abort only.
  void cancel();

  // What ended the exchange, in words.
  [[noreturn]] void lost(const OFCondition& condition);

  [[nodiscard]] T_ASC_Association& association() { return association_.get(); }
  // A large data set is to follow: its bytes are the caller's to count, until next().
  void expect_a_large_data_set() { patience_->inside_message(); }

 private:
  std::chrono::steady_clock::time_point latest_;
  std::chrono::seconds silence_;
  const char* sop_class_;
  ProposedContext service_;
  RequestedAssociation association_;
  std::shared_ptr<Patience> patience_;
  T_ASC_PresentationContextID context_ = 0;
};

// The only message on the association is the request.
inline constexpr DIC_US kRequestId = 1;

// Whether a final status of C-FIND, C-MOVE or C-GET (PS3.4 C.4) may be another one tomorrow (Fault::Network) or needs a
// person (Fault::Rejected), with its sentence.
[[nodiscard]] Error as_error(std::uint16_t status);
[[nodiscard]] inline bool is_pending(std::uint16_t status) { return status == 0xFF00 || status == 0xFF01; }

}  // namespace dicom
