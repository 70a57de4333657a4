#pragma once
// A PACS that does what the test says, built on DCMTK's own functions and on nothing of ours.
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dicom/network/sender.h"

namespace support {

struct Script {
  struct Context {
    std::string abstract_syntax, transfer_syntax;
  };
  std::vector<Context> accepts = {};        // first match wins
  std::deque<std::uint16_t> statuses = {};  // of the C-STOREs, then 0000
  std::size_t aborts_after = SIZE_MAX;      // so many answers
  std::uint16_t echo_status = 0;
  int rejects_with = 0;  // source and reason as in DCMTK's T_ASC_RejectParametersReason; 0: accepts
  bool rejection_is_permanent = true;
};

class ScriptedPeer {
 public:
  explicit ScriptedPeer(Script script);  // listens on loopback; serves one association after the other
  ~ScriptedPeer();
  [[nodiscard]] dicom::Peer peer() const;

  struct Stored {
    std::string sop_class, sop_instance, transfer_syntax;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::vector<Stored> stored() const;
  [[nodiscard]] std::vector<std::string> endings() const;  // "released", "aborted", "lost", once the peer is stopped
  void stop();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace support
