#pragma once
// What a peer says before anything is sent to it: one association that proposes everything Herald may send there, each
// SOP class in explicit and in implicit little endian by itself, verification and storage commitment. Nothing is
// stored.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dicom/network/sender.h"

namespace dicom {

// The answer to one presentation context (PS3.8 9.3.3.2).
enum class Answer {
  Accepted,
  UserRejection,
  NoReason,
  SopClassNotSupported,  // the abstract syntax
  TransferSyntaxNotSupported,
  None,  // the peer left it out of its answer
};
[[nodiscard]] const char* in_words(Answer answer);  // "accepted", "refused: SOP class not supported", …

struct ProbedClass {
  std::string sop_class_uid;
  Answer explicit_little_endian = Answer::None, implicit_little_endian = Answer::None;
  [[nodiscard]] bool accepted() const {
    return explicit_little_endian == Answer::Accepted || implicit_little_endian == Answer::Accepted;
  }
};

struct Probe {
  std::string implementation_class_uid, implementation_version_name;  // the peer's own; may be empty
  std::uint32_t largest_pdu = 0;                                      // that the peer takes, bytes; 0: unlimited
  Answer verification = Answer::None;
  std::string echo_problem;  // why C-ECHO failed, in a sentence; empty: it was answered with success
  Answer storage_commitment = Answer::None;
  std::vector<ProbedClass> classes;  // in the order asked for
};

// Asks `peer` about up to 62 different SOP classes. An Error when there is no association, with the peer's reason in
// words: Fault::Rejected where people have to change something, Fault::Network for what may pass. A peer that accepts
// the association and none of its contexts is an answer, not an error. Blocks for at most the peer's timeouts; safe
// from several threads as send() is.
[[nodiscard]] Result<Probe> probe(const Peer& peer, std::span<const std::string> sop_class_uids);

}  // namespace dicom
