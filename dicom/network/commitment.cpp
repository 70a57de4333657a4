#include "dicom/network/commitment.h"

#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <random>

#include "dicom/dcmtk.h"
#include "dicom/network/commitment_messages.h"
#include "dicom/network/data_set_reception.h"
#include "dicom/network/requested_association.h"
#include "dicom/network/store_status.h"

namespace dicom {
namespace {

using Outcome = CommitmentAsked::Outcome;

constexpr std::uint16_t kMessage = 1;                                    // the only one that we send on an association
constexpr std::size_t kLargestCommand = 2 * ASC_MAXIMUMPDUSIZE + 65536;  // with what follows it in the same PDU

ProposedContext proposed_context(bool as_provider) {
  return {kCommitmentClass, {UID_LittleEndianImplicitTransferSyntax}, as_provider};
}

// An association for this service alone: an association that brought objects is released when it has brought them, and
// asking again, days later or after a restart, is the same as asking the first time.
class Conversation {
 public:
  Conversation(const Peer& peer, bool as_provider, const StopSignal* stop)
      : peer_(peer),
        context_(proposed_context(as_provider)),
        association_(peer, std::span(&context_, 1), stop != nullptr ? stop->descriptor() : -1),
        patience_(patience_of(association_.get())) {
    const auto accepted = association_.accepted(context_);
    id_ = accepted.presentationContextID;
    if (id_ == 0) fail(Fault::Rejected, "peer does not accept storage commitment");
    const auto role = accepted.acceptedRole;
    if (as_provider && role != ASC_SC_ROLE_SCP && role != ASC_SC_ROLE_SCUSCP)
      fail(Fault::Rejected, "peer does not accept that we report on an association which we open");
  }

  [[nodiscard]] T_ASC_Association& association() { return association_.get(); }
  [[nodiscard]] T_ASC_PresentationContextID id() const { return id_; }
  void give_up() { association_.give_up(); }

  // The next command, or nullopt when the peer was silent for so long.
  std::optional<T_DIMSE_Message> next(std::chrono::seconds longest) {
    patience_->between_messages(kLargestCommand);
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID context = 0;
    DcmDataset* detail = nullptr;  // may quote the patient: not looked at
    const OFCondition condition = DIMSE_receiveCommand(&association(), DIMSE_NONBLOCKING,
                                                       static_cast<int>(longest.count()), &context, &message, &detail);
    delete detail;
    patience_->inside_message();
    if (condition == DIMSE_NODATAAVAILABLE) return std::nullopt;
    need(condition);
    return message;
  }
  // A response needs none, but may bring one.
  void skip_data_set_of(T_DIMSE_DataSetType type) {
    if (type != DIMSE_DATASET_NULL) need(skip_data_set(association(), id_, peer_.dimse_timeout));
  }
  void need(const OFCondition& condition) {
    if (condition.good()) return;
    give_up();
    if (condition == DUL_PEERABORTEDASSOCIATION) fail(Fault::Network, "peer aborted the association");
    fail(Fault::Network, std::string("connection with the peer: ") + condition.text());
  }

 private:
  const Peer& peer_;
  ProposedContext context_;
  RequestedAssociation association_;
  std::shared_ptr<Patience> patience_;
  T_ASC_PresentationContextID id_ = 0;
};

// Asking again would have the same answer.
bool is_final(std::uint16_t status) { return classify(status) == Verdict::Kind::Never; }

// One request: its answer, and the report where it comes on the same association, before the answer or after it.
class Question {
 public:
  Question(Conversation& conversation, const Peer& peer, CommitmentHandler& handler)
      : conversation_(conversation), peer_{peer.ae_title, peer.dimse_timeout}, handler_(handler) {}

  CommitmentAsked ask(const CommitmentRequest& request, std::chrono::seconds wait) {
    conversation_.need(send_action(conversation_.association(), conversation_.id(), kMessage, request));
    while (!answer_) {
      if (!hear(peer_.silence)) {
        conversation_.give_up();
        fail(Fault::Network, "peer was silent for " + std::to_string(peer_.silence.count()) + " s");
      }
    }
    if (*answer_ != STATUS_Success)
      return {is_final(*answer_) ? Outcome::Refused : Outcome::Failed, *answer_,
              "peer answered the request for commitment with " + describe_status(*answer_)};
    if (!reported_ && wait.count() > 0) wait_for_the_report(wait);
    return {Outcome::Accepted, *answer_, {}};
  }

 private:
  // The request has been accepted: whatever happens now, the peer owes the report.
  void wait_for_the_report(std::chrono::seconds wait) {
    const auto heard = guarded([&] { return hear(wait); });
    if (!heard) conversation_.give_up();
  }
  bool hear(std::chrono::seconds longest) {
    const auto message = conversation_.next(longest);
    if (!message) return false;
    if (message->CommandField == DIMSE_N_EVENT_REPORT_RQ) {
      conversation_.need(
          answer_event(conversation_.association(), conversation_.id(), message->msg.NEventReportRQ, handler_, peer_));
      reported_ = true;
    } else if (message->CommandField == DIMSE_N_ACTION_RSP &&
               message->msg.NActionRSP.MessageIDBeingRespondedTo == kMessage) {
      conversation_.skip_data_set_of(message->msg.NActionRSP.DataSetType);
      answer_ = message->msg.NActionRSP.DimseStatus;
    } else {
      conversation_.give_up();
      fail(Fault::Network, "peer answered something else");
    }
    return true;
  }

  Conversation& conversation_;
  const CommitmentPeer peer_;
  CommitmentHandler& handler_;
  std::optional<std::uint16_t> answer_;
  bool reported_ = false;
};

}  // namespace

std::string new_transaction_uid() {
  std::random_device device;  // the system's
  std::uniform_int_distribution<std::uint64_t> head(1, 99'999'999'999'999'999), tail(0, 999'999'999'999'999'999);
  const std::string low = std::to_string(tail(device));
  return "2.25." + std::to_string(head(device)) + std::string(18 - low.size(), '0') + low;  // below 2^128
}

CommitmentAsked ask_commitment(const Peer& peer, const CommitmentRequest& request, CommitmentHandler& handler,
                               const CommitmentOptions& options) {
  bool reached = false;
  const auto asked = guarded([&] {
    Conversation conversation(peer, false, options.stop);
    reached = true;
    return Question(conversation, peer, handler).ask(request, options.wait);
  });
  if (asked) return *asked;
  const bool refused = asked.error().fault == Fault::Rejected;
  return {refused ? Outcome::Refused : reached ? Outcome::Failed : Outcome::Unreachable, -1, asked.error().what};
}

Result<std::uint16_t> report_commitment(const Peer& peer, const CommitmentReport& report, const StopSignal* stop) {
  return guarded([&]() -> std::uint16_t {
    Conversation conversation(peer, true, stop);
    conversation.need(send_event(conversation.association(), conversation.id(), kMessage, report));
    const auto message = conversation.next(peer.dimse_timeout);
    const bool answered = message && message->CommandField == DIMSE_N_EVENT_REPORT_RSP &&
                          message->msg.NEventReportRSP.MessageIDBeingRespondedTo == kMessage;
    if (!answered) {
      conversation.give_up();
      fail(Fault::Network, message ? "peer answered something else" : "peer did not answer the report");
    }
    conversation.skip_data_set_of(message->msg.NEventReportRSP.DataSetType);
    return message->msg.NEventReportRSP.DimseStatus;
  });
}

}  // namespace dicom
