#pragma once
// Storage commitment, push model (PS3.4 annex J): who keeps an object says so, and whoever made it may then forget it.
// The user names objects under a Transaction UID (N-ACTION); the provider answers later, on the same association or on
// one of its own, which of them it keeps (N-EVENT-REPORT). Herald is both: user towards a PACS, provider to scanners.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/network/sender.h"
#include "dicom/network/stop_signal.h"

namespace dicom {

inline constexpr const char* kCommitmentClass = "1.2.840.10008.1.20.1";
inline constexpr std::size_t kMostReferences = 100'000;       // of one request or report
inline constexpr std::size_t kLargestCommitment = 16u << 20;  // bytes of its data set

// Failure Reason (0008,1197) and the statuses of the two operations (PS3.7 annex C).
inline constexpr std::uint16_t kProcessingFailure = 0x0110;
inline constexpr std::uint16_t kNoSuchInstance = 0x0112;
inline constexpr std::uint16_t kInvalidArgument = 0x0115;
inline constexpr std::uint16_t kClassInstanceConflict = 0x0119;

struct SopReference {
  std::string sop_class_uid, sop_instance_uid;
  bool operator==(const SopReference&) const = default;
};

struct CommitmentRequest {
  std::string transaction_uid;
  std::vector<SopReference> instances;
};

struct CommitmentReport {
  struct Failed {
    SopReference object;
    std::uint16_t reason = kProcessingFailure;
  };
  std::string transaction_uid;
  std::vector<SopReference> committed;
  std::vector<Failed> failed;
};

// What the node does about commitment. Called from association threads, several at a time; returns when what it says is
// true, on disk included. The statuses are those of the response: 0000H is success.
class CommitmentHandler {
 public:
  virtual ~CommitmentHandler() = default;
  // A peer tells what it keeps of what we asked for.
  virtual std::uint16_t reported(const std::string& calling, const CommitmentReport& report) = 0;
  // A peer asks. After success it is owed a report.
  virtual std::uint16_t asked(const std::string& calling, const CommitmentRequest& request) = 0;
  // The report to send on the same association, now; nullopt: it will go on another one.
  virtual std::optional<CommitmentReport> report_now(const std::string& calling,
                                                     const std::string& transaction_uid) = 0;
  // What became of that report: the peer's status, or nullopt when the association ended before it answered.
  virtual void told(const std::string& calling, const CommitmentReport& report,
                    std::optional<std::uint16_t> status) = 0;
  // A data set of the service could not be read.
  virtual void malformed(const std::string& calling, const std::string& why) = 0;
};

// "2.25." and a random number: nobody can guess it, and no two are the same.
[[nodiscard]] std::string new_transaction_uid();

struct CommitmentAsked {
  enum class Outcome {
    Accepted,     // the peer will report, or has done so: handler.reported() was called
    Refused,      // it does not offer the service, or never will for this request: asking again is of no use
    Failed,       // it was reached, and did not accept the request this time
    Unreachable,  // there was no association: nothing is known
  } outcome = Outcome::Unreachable;
  int status = -1;      // of the N-ACTION; -1: no answer
  std::string problem;  // one sentence; empty when accepted
};

struct CommitmentOptions {
  std::chrono::seconds wait{2};      // on the same association for the report
  const StopSignal* stop = nullptr;  // ends the wait
};

// Asks on an association of its own. The request must be on disk before: the report may come on another association
// before this returns. Blocks for at most the peer's timeouts and `wait`.
[[nodiscard]] CommitmentAsked ask_commitment(const Peer& peer, const CommitmentRequest& request,
                                             CommitmentHandler& handler, const CommitmentOptions& options = {});

// Reports on a new association, in the provider's role (PS3.7 D.3.3.4). The peer's status; Fault::Rejected: the peer
// takes no reports from us; Fault::Network: it may tomorrow.
[[nodiscard]] Result<std::uint16_t> report_commitment(const Peer& peer, const CommitmentReport& report,
                                                      const StopSignal* stop = nullptr);

}  // namespace dicom
