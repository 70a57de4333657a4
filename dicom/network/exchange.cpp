#include "dicom/network/exchange.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/network/data_set_reception.h"
#include "dicom/network/store_status.h"

namespace dicom {
namespace {

// A command and, for C-FIND, its answer; the peer may have put the beginning of the next one into the same PDU.
constexpr std::size_t kLargestAnswer = 2 * ASC_MAXIMUMPDUSIZE + 65536;

// Every application entity takes implicit little endian (PS3.5 10.1), and it is the one that is read without knowing
// any VR.
ProposedContext context_of(const char* sop_class) { return {sop_class, {UID_LittleEndianImplicitTransferSyntax}}; }

std::vector<ProposedContext> all_contexts(const ProposedContext& service, std::span<const ProposedContext> storage) {
  std::vector<ProposedContext> contexts{service};
  contexts.insert(contexts.end(), storage.begin(), storage.end());
  return contexts;
}

struct Row {
  std::uint16_t first, last;
  Fault fault;
  const char* meaning;
};
constexpr std::array kStatuses{
    Row{0x0122, 0x0122, Fault::Rejected, "SOP class not supported"},
    Row{0x0124, 0x0124, Fault::Rejected, "not authorised"},
    Row{0x0211, 0x0211, Fault::Rejected, "unrecognised operation"},
    Row{0x0212, 0x0212, Fault::Rejected, "mistyped argument"},
    Row{0xA700, 0xA7FF, Fault::Network, "out of resources"},
    Row{0xA801, 0xA801, Fault::Rejected, "it does not know the AE title that the images are to go to"},
    Row{0xA900, 0xA9FF, Fault::Rejected, "it does not understand the question"},
    Row{0xAA00, 0xAAFF, Fault::Rejected, "it does not understand the question"},
    Row{0xC000, 0xCFFF, Fault::Network, "unable to process"},
    Row{0xFE00, 0xFE00, Fault::Network, "cancelled"},
    Row{0x0000, 0xFFFF, Fault::Network, "status of no known class"},
};

void copy_uid(DIC_UI& to, const char* uid) { OFStandard::strlcpy(to, uid, sizeof to); }

// The head is the same in all three requests, but in another member of the union each.
template <class Request>
void complete(Request& request, const char* sop_class) {
  request.MessageID = kRequestId;
  request.Priority = DIMSE_PRIORITY_MEDIUM;
  request.DataSetType = DIMSE_DATASET_PRESENT;
  copy_uid(request.AffectedSOPClassUID, sop_class);
}

void complete(T_DIMSE_Message& message, const char* sop_class) {
  switch (message.CommandField) {
    case DIMSE_C_MOVE_RQ:
      return complete(message.msg.CMoveRQ, sop_class);
    case DIMSE_C_GET_RQ:
      return complete(message.msg.CGetRQ, sop_class);
    default:
      return complete(message.msg.CFindRQ, sop_class);
  }
}

}  // namespace

Exchange::Exchange(const Peer& peer, const char* sop_class, std::span<const ProposedContext> storage,
                   std::chrono::seconds longest, const StopSignal* stop)
    : latest_(std::chrono::steady_clock::now() + longest),
      silence_(peer.dimse_timeout),
      sop_class_(sop_class),
      service_(context_of(sop_class)),
      association_(peer, all_contexts(service_, storage), stop != nullptr ? stop->descriptor() : -1),
      patience_(patience_of(association_.get())),
      context_(association_.accepted(service_).presentationContextID) {
  patience_->end_at(latest_);
  if (context_ == 0) fail(Fault::Rejected, "peer does not accept this kind of query");
}

void Exchange::ask(T_DIMSE_Message request, const Identifier& identifier) {
  complete(request, sop_class_);
  DcmDataset data_set;
  check(data_set.putAndInsertString(DCM_QueryRetrieveLevel, identifier.level), "write the question");
  for (const auto& [key, value] : identifier.keys)
    check(data_set.putAndInsertOFStringArray(key, value), "write the question");
  const OFCondition sent =
      DIMSE_sendMessageUsingMemoryData(&association_.get(), context_, &request, nullptr, &data_set, nullptr, nullptr);
  if (sent.bad()) lost(sent);
}

Exchange::Message Exchange::next() {
  patience_->between_messages(kLargestAnswer);
  Message message;
  DcmDataset* detail = nullptr;  // may quote the patient: not looked at
  const OFCondition received =
      DIMSE_receiveCommand(&association_.get(), DIMSE_NONBLOCKING, static_cast<int>(silence_.count()), &message.context,
                           &message.command, &detail);
  delete detail;
  if (received.bad()) lost(received);
  return message;
}

std::string Exchange::data_set(const Message& message, std::size_t most_bytes) {
  std::string bytes;
  const OFCondition received =
      receive_data_set(association_.get(), message.context, silence_, [&](std::string_view more) {
        if (bytes.size() + more.size() > most_bytes) {
          cancel();
          fail(Fault::Malformed, "an answer of the peer is longer than " + std::to_string(most_bytes) + " bytes");
        }
        bytes += more;
      });
  if (received.bad()) lost(received);
  return bytes;
}

void Exchange::cancel() {
  patience_->hurry(std::chrono::seconds(1));
  DIMSE_sendCancelRequest(&association_.get(), context_, kRequestId);  // a peer that is gone needs none
  association_.give_up();
}

void Exchange::lost(const OFCondition& condition) {
  const bool stopped = patience_->was_stopped();
  const bool late = std::chrono::steady_clock::now() >= latest_;
  const bool silent = patience_->timed_out() || condition == DIMSE_NODATAAVAILABLE;
  const bool there = condition == DIMSE_NODATAAVAILABLE;  // the connection is whole: only we have had enough
  if (there) cancel();
  association_.give_up();
  if (stopped) fail(Fault::Network, "Herald was told to stop");
  if (late) fail(Fault::Network, "it took too long");
  if (silent) fail(Fault::Network, "peer was silent for " + std::to_string(silence_.count()) + " s");
  if (condition == DUL_PEERABORTEDASSOCIATION) fail(Fault::Network, "peer aborted the association");
  fail(Fault::Network, std::string("connection with the peer: ") + condition.text());
}

Error as_error(std::uint16_t status) {
  const auto row = std::find_if(kStatuses.begin(), kStatuses.end(),
                                [status](const Row& r) { return r.first <= status && status <= r.last; });
  return {row->fault, "peer answered " + status_in_words(status, row->meaning)};
}

}  // namespace dicom
