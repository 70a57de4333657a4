#include "dicom/network/association.h"

#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dicom/network/commitment_messages.h"
#include "dicom/network/data_set_reception.h"

namespace dicom {
namespace {

constexpr std::chrono::seconds kFarewell{1};

// More than any command set of the services we offer; DCMTK builds it in memory.
constexpr std::size_t kLargestCommand = 16384;

// To the peer of one association, beside verification.
struct Services {
  bool storage = false, commitment = false;
};

T_ASC_RejectParameters as_wire(Refusal refusal) {
  switch (refusal) {
    case Refusal::CalledAeTitle:
      return {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED};
    case Refusal::CallingAeTitle:
    case Refusal::NotByTls:
    case Refusal::OtherCertificate:
      return {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED};
    case Refusal::ApplicationContext:
      return {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED};
    case Refusal::TooManyAssociations:
      break;
  }
  return {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
          ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED};
}

std::vector<std::string> proposed_syntaxes(const T_ASC_PresentationContext& context) {
  const auto* first = context.proposedTransferSyntaxes;
  return {first, first + context.transferSyntaxCount};
}

// Either side may be the one that keeps: the requestor's roles are accepted as proposed (PS3.7 D.3.3.4). What is said
// is short and read by us alone, so that the one syntax which everybody knows will do.
OFCondition negotiate_commitment(T_ASC_Parameters* parameters, const T_ASC_PresentationContext& context) {
  const auto syntaxes = proposed_syntaxes(context);
  if (std::find(syntaxes.begin(), syntaxes.end(), UID_LittleEndianImplicitTransferSyntax) == syntaxes.end()) {
    return ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
  }
  return ASC_acceptPresentationContext(parameters, context.presentationContextID,
                                       UID_LittleEndianImplicitTransferSyntax, context.proposedRole);
}

OFCondition negotiate(T_ASC_Parameters* parameters, T_ASC_PresentationContext& context, const Services& offered) {
  if (offered.commitment && std::string_view(context.abstractSyntax) == kCommitmentClass)
    return negotiate_commitment(parameters, context);
  const bool stores = is_storage_class(context.abstractSyntax);
  if (!is_accepted_service(context.abstractSyntax) || (stores && !offered.storage)) {
    return ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
  }
  const auto syntax = choose_transfer_syntax(proposed_syntaxes(context));
  if (!syntax) {
    return ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
  }
  return ASC_acceptPresentationContext(parameters, context.presentationContextID, syntax->c_str());
}

OFCondition negotiate_all(T_ASC_Parameters* parameters, const Services& offered) {
  for (int i = 0; i < ASC_countPresentationContexts(parameters); ++i) {
    T_ASC_PresentationContext context{};
    OFCondition condition = ASC_getPresentationContext(parameters, i, &context);
    if (condition.good()) condition = negotiate(parameters, context, offered);
    if (condition.bad()) return condition;
  }
  return EC_Normal;
}

bool is_silence(const OFCondition& condition) {
  return condition == DIMSE_NODATAAVAILABLE || condition == DUL_READTIMEOUT;
}

}  // namespace

Association::Association(T_ASC_Association* association, const AcceptorOptions& options, StoreHandler& handler,
                         CommitmentHandler* commitments)
    : association_(association),
      patience_(patience_of(*association)),
      options_(options),
      handler_(handler),
      commitments_(commitments) {
  DIC_AE calling{}, called{};
  ASC_getAPTitles(association_->params, calling, sizeof calling, called, sizeof called, nullptr, 0);
  calling_ = trimmed(calling);
  called_ = trimmed(called);
}

Association::~Association() {
  ASC_dropAssociation(association_);
  ASC_destroyAssociation(&association_);
}

std::optional<Refusal> Association::check() const {
  std::array<char, 128> application_context{};
  ASC_getApplicationContextName(association_->params, application_context.data(), application_context.size());
  if (const auto refusal = refuse(options_, called_, calling_, application_context.data())) return refusal;
  const Connection& connection = connection_of(*association_);
  return refuse_connection(options_, calling_, connection.is_secure(), connection.peer_certificate());
}

// Whom to look for where a title is used by somebody else.
std::string Association::origin() const {
  Connection& connection = connection_of(*association_);
  const Certificate* const certificate = connection.peer_certificate();
  return " (from " + connection.peer_address() +
         (certificate == nullptr ? ""
                                 : ", certificate of " + certificate->subject + ", SHA-256 " + certificate->sha256) +
         ")";
}

void Association::reject(Refusal refusal) {
  const T_ASC_RejectParameters parameters = as_wire(refusal);
  const bool by_connection = refusal == Refusal::NotByTls || refusal == Refusal::OtherCertificate;
  const std::string reason = in_words(refusal) + (by_connection ? origin() : std::string());
  ASC_rejectAssociation(association_, &parameters);
  handler_.rejected(calling_, called_, reason);
}

void Association::serve(std::uint64_t number) {
  number_ = number;
  handler_.opened(number_, calling_);
  const OFCondition acknowledged = acknowledge();
  handler_.closed(number_, acknowledged.good() ? answer_messages() : farewell(acknowledged));
  for (const auto& [message, report] : unanswered_) commitments_->told(calling_, report, std::nullopt);
}

OFCondition Association::acknowledge() {
  OFCondition condition = negotiate_all(association_->params, {may_store(options_, calling_), commitments_ != nullptr});
  if (condition.good()) condition = ASC_setAPTitles(association_->params, nullptr, nullptr, options_.ae_title.c_str());
  return condition.good() ? ASC_acknowledgeAssociation(association_) : condition;
}

std::string Association::answer_messages() {
  const int idle_s = static_cast<int>(options_.idle_timeout.count());
  for (;;) {
    // The first PDU of a data set may share the last one of its command.
    patience_->between_messages(options_.largest_pdu + kLargestCommand);
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID context = 0;
    OFCondition condition = DIMSE_receiveCommand(association_, DIMSE_NONBLOCKING, idle_s, &context, &message, nullptr);
    patience_->inside_message();
    if (condition.good()) condition = answer(context, message);
    if (condition.bad()) return farewell(condition);
  }
}

// How it ended, in a word for the log; says goodbye to a peer that is still there.
std::string Association::farewell(const OFCondition& ended) {
  patience_->hurry(kFarewell);
  if (ended == DUL_PEERREQUESTEDRELEASE) {
    ASC_acknowledgeRelease(association_);
    ASC_dropSCPAssociation(association_, static_cast<int>(kFarewell.count()));
    return "released";
  }
  if (ended == DUL_PEERABORTEDASSOCIATION) return "aborted";
  const char* const how = patience_->was_stopped()                      ? "stopped"
                          : patience_->timed_out() || is_silence(ended) ? "timeout"
                          : ended == DUL_NETWORKCLOSED                  ? "connection lost"
                                                                        : "protocol error";
  ASC_abortAssociation(association_);
  return how;
}

OFCondition Association::answer(T_ASC_PresentationContextID context, T_DIMSE_Message& message) {
  switch (message.CommandField) {
    case DIMSE_C_ECHO_RQ:
      return DIMSE_sendEchoResponse(association_, context, &message.msg.CEchoRQ, STATUS_Success, nullptr);
    case DIMSE_C_STORE_RQ:
      return answer_store(*association_, context, message.msg.CStoreRQ, handler_,
                          {calling_, number_, options_.dimse_timeout});
    default:
      return commitments_ != nullptr ? answer_commitment(context, message) : DIMSE_BADCOMMANDTYPE;
  }
}

OFCondition Association::answer_commitment(T_ASC_PresentationContextID context, T_DIMSE_Message& message) {
  const CommitmentPeer peer{calling_, options_.dimse_timeout};
  T_ASC_PresentationContext agreed{};
  ASC_findAcceptedPresentationContext(association_->params, context, &agreed);
  if (std::string_view(agreed.abstractSyntax) != kCommitmentClass) return DIMSE_BADCOMMANDTYPE;
  switch (message.CommandField) {
    case DIMSE_N_ACTION_RQ: {
      if (!may_store(options_, calling_)) return DIMSE_BADCOMMANDTYPE;  // it is welcome to report, and that is all
      std::string transaction_uid;
      const OFCondition answered =
          answer_action(*association_, context, message.msg.NActionRQ, *commitments_, peer, transaction_uid);
      return answered.bad() || transaction_uid.empty() ? answered : report_commitment_now(context, transaction_uid);
    }
    case DIMSE_N_EVENT_REPORT_RQ:
      return answer_event(*association_, context, message.msg.NEventReportRQ, *commitments_, peer);
    case DIMSE_N_EVENT_REPORT_RSP:
      return take_answer_to_report(context, message.msg.NEventReportRSP);
    default:
      return DIMSE_BADCOMMANDTYPE;
  }
}

// Its answer is a message among the others: the peer may store, ask again or leave before it answers.
OFCondition Association::report_commitment_now(T_ASC_PresentationContextID context,
                                               const std::string& transaction_uid) {
  auto report = commitments_->report_now(calling_, transaction_uid);
  if (!report) return EC_Normal;
  const std::uint16_t message = ++last_message_;
  const auto sent = unanswered_.insert_or_assign(message, *std::move(report)).first;
  return send_event(*association_, context, message, sent->second);
}

OFCondition Association::take_answer_to_report(T_ASC_PresentationContextID context,
                                               const T_DIMSE_N_EventReportRSP& answer) {
  const auto report = unanswered_.find(answer.MessageIDBeingRespondedTo);
  if (report == unanswered_.end()) return DIMSE_BADCOMMANDTYPE;
  commitments_->told(calling_, report->second, answer.DimseStatus);
  unanswered_.erase(report);
  return answer.DataSetType == DIMSE_DATASET_NULL ? EC_Normal
                                                  : skip_data_set(*association_, context, options_.dimse_timeout);
}

}  // namespace dicom
