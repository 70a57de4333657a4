#pragma once
// An association that we ask for. For the .cpp files of this folder only: DCMTK types appear.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dicom/network/connection.h"
#include "dicom/network/sender.h"

namespace dicom {

struct ProposedContext {
  std::string abstract_syntax;
  std::vector<std::string> transfer_syntaxes;
  bool peer_sends = false;  // the roles are turned round: its objects come to us (C-GET)
  bool operator==(const ProposedContext&) const = default;
};

// PS3.8 9.3.2.2: odd numbers from 1 to 255.
inline constexpr std::size_t kMostContexts = 128;

// Throws Failure (dicom/dcmtk.h) with Fault::Rejected when the peer refuses in a way that only people can change, and
// with Fault::Network for everything that may pass. Destruction releases the association when it is whole, and aborts
// it otherwise. `stop_descriptor`: readable when whoever waits between messages is to give up; -1: nobody will ask.
class RequestedAssociation {
 public:
  RequestedAssociation(const Peer& peer, std::span<const ProposedContext> contexts, int stop_descriptor = -1);
  ~RequestedAssociation();
  RequestedAssociation(const RequestedAssociation&) = delete;
  RequestedAssociation& operator=(const RequestedAssociation&) = delete;

  [[nodiscard]] T_ASC_Association& get() { return *association_; }
  [[nodiscard]] bool proposed(const ProposedContext& context) const;
  // The context the peer accepted for what was proposed; id 0: none.
  [[nodiscard]] T_ASC_PresentationContext accepted(const ProposedContext& proposed) const;
  // C-ECHO, for which a context must have been accepted: the peer's status in `status`. Gives the association up where
  // nothing came back.
  [[nodiscard]] OFCondition echo(std::chrono::seconds timeout, DIC_US& status);
  // After an error: nothing more is sent but an abort.
  void give_up() { whole_ = false; }

 private:
  struct DropNetwork {
    void operator()(T_ASC_Network* network) const;
  };
  std::string problem_;  // what TLS said, on either side
  const std::unique_ptr<ConnectionLayer> layer_;
  std::unique_ptr<T_ASC_Network, DropNetwork> network_;
  std::vector<ProposedContext> contexts_;
  T_ASC_Association* association_ = nullptr;
  std::shared_ptr<Patience> patience_;
  bool whole_ = true;
};

}  // namespace dicom
