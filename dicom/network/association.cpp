#include "dicom/network/association.h"

#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <array>
#include <string>
#include <vector>

#include "dicom/network/data_set_reception.h"

namespace dicom {
namespace {

constexpr std::chrono::seconds kFarewell{1};

// More than any command set of the services we offer; DCMTK builds it in memory.
constexpr std::size_t kLargestCommand = 16384;

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

OFCondition negotiate(T_ASC_Parameters* parameters, T_ASC_PresentationContext& context) {
  if (!is_accepted_service(context.abstractSyntax)) {
    return ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
  }
  const auto syntax = choose_transfer_syntax(proposed_syntaxes(context));
  if (!syntax) {
    return ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
  }
  return ASC_acceptPresentationContext(parameters, context.presentationContextID, syntax->c_str());
}

OFCondition negotiate_all(T_ASC_Parameters* parameters) {
  for (int i = 0; i < ASC_countPresentationContexts(parameters); ++i) {
    T_ASC_PresentationContext context{};
    OFCondition condition = ASC_getPresentationContext(parameters, i, &context);
    if (condition.good()) condition = negotiate(parameters, context);
    if (condition.bad()) return condition;
  }
  return EC_Normal;
}

bool is_silence(const OFCondition& condition) {
  return condition == DIMSE_NODATAAVAILABLE || condition == DUL_READTIMEOUT;
}

}  // namespace

Association::Association(T_ASC_Association* association, const AcceptorOptions& options, StoreHandler& handler)
    : association_(association), patience_(patience_of(*association)), options_(options), handler_(handler) {
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
}

OFCondition Association::acknowledge() {
  OFCondition condition = negotiate_all(association_->params);
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
      return DIMSE_BADCOMMANDTYPE;  // no other service was negotiated
  }
}

}  // namespace dicom
