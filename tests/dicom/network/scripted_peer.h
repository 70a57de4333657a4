#pragma once
// A PACS that does what the test says, built on DCMTK's own functions and on nothing of ours.
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dicom/network/sender.h"
#include "tests/support/raw_client.h"

namespace support {

// What the peer does, in order, after a C-FIND, C-MOVE or C-GET request.
struct Step {
  enum class Kind {
    Answer,  // a response to the request
    Store,   // a C-STORE of data_set as MR image `sop_instance`; waits for its response
    Flood,   // the same without an end, for as long as the other side reads
    Other,   // a message that does not belong here: a C-ECHO response
    Hang,    // says nothing more, listens until the other side ends the association
    Abort,
  } kind = Kind::Answer;
  std::uint16_t status = 0x0000;
  std::string data_set = {};                        // as it goes over the wire; empty: none
  int remaining = -1, completed = -1, failed = -1;  // sub-operations; -1: left out
  std::string sop_instance = {};
};

// What the peer does after it was asked for storage commitment.
struct CommitmentScript {
  std::uint16_t status = 0x0000;             // of the N-ACTION
  int reports = 0;                           // so many on the same association
  std::set<std::string> does_not_keep = {};  // instances, with reason 0112H
  std::string transaction = {};              // of the report; empty: the one it was asked about
};

struct Script {
  struct Context {
    std::string abstract_syntax, transfer_syntax;
  };
  std::vector<Context> accepts = {};        // first match wins
  std::deque<std::uint16_t> statuses = {};  // of the C-STOREs, then 0000
  std::size_t aborts_after = SIZE_MAX;      // so many answers
  bool hangs = false;                       // takes the data set of a C-STORE and never answers
  std::uint16_t echo_status = 0;
  int rejects_with = 0;  // source and reason as in DCMTK's T_ASC_RejectParametersReason; 0: accepts
  bool rejection_is_permanent = true;
  std::vector<Step> steps = {};
  CommitmentScript commitment = {};
};

class ScriptedPeer {
 public:
  explicit ScriptedPeer(Script script);  // listens on loopback; serves one association after the other
  ~ScriptedPeer();
  [[nodiscard]] dicom::Peer peer() const;
  void follow(Script script);  // from the next association on

  struct Stored {
    std::string sop_class, sop_instance, transfer_syntax;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::vector<Stored> stored() const;
  // The requests of the query/retrieve service, as "FIND SERIES study series", "MOVE SERIES study series to AE", and
  // "CANCEL".
  [[nodiscard]] std::vector<std::string> asked() const;
  [[nodiscard]] std::vector<std::string> transactions() const;  // for which commitment was asked
  [[nodiscard]] std::vector<int> report_statuses() const;       // what was answered to the reports
  [[nodiscard]] std::vector<int> store_statuses() const;        // what was answered to the C-STOREs of the script
  [[nodiscard]] std::vector<std::string> endings() const;  // "released", "aborted", "lost", once the peer is stopped
  void stop();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace support
