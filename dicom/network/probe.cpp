#include "dicom/network/probe.h"

#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>

#include <cassert>

#include "dicom/dcmtk.h"
#include "dicom/network/requested_association.h"
#include "dicom/network/store_status.h"

namespace dicom {
namespace {

ProposedContext explicit_only(const std::string& sop_class) {
  return {sop_class, {UID_LittleEndianExplicitTransferSyntax}};
}
ProposedContext implicit_only(const std::string& sop_class) {
  return {sop_class, {UID_LittleEndianImplicitTransferSyntax}};
}

std::vector<ProposedContext> all_contexts(std::span<const std::string> sop_classes) {
  std::vector<ProposedContext> contexts{implicit_only(UID_VerificationSOPClass),
                                        implicit_only(UID_StorageCommitmentPushModelSOPClass)};
  for (const std::string& sop_class : sop_classes) {
    contexts.push_back(explicit_only(sop_class));
    contexts.push_back(implicit_only(sop_class));
  }
  assert(contexts.size() <= kMostContexts);
  return contexts;
}

// Of the context at this place of the request.
Answer answer_at(T_ASC_Parameters* parameters, std::size_t place) {
  T_ASC_PresentationContext context{};
  if (ASC_getPresentationContext(parameters, static_cast<int>(place), &context).bad()) return Answer::None;
  switch (context.resultReason) {
    case ASC_P_ACCEPTANCE:
      return Answer::Accepted;
    case ASC_P_USERREJECTION:
      return Answer::UserRejection;
    case ASC_P_NOREASON:
      return Answer::NoReason;
    case ASC_P_ABSTRACTSYNTAXNOTSUPPORTED:
      return Answer::SopClassNotSupported;
    case ASC_P_TRANSFERSYNTAXESNOTSUPPORTED:
      return Answer::TransferSyntaxNotSupported;
    default:
      return Answer::None;
  }
}

// What is wrong with the peer's answer to C-ECHO; empty: nothing.
std::string try_echo(RequestedAssociation& association, const Peer& peer) {
  DIC_US status = 0;
  const OFCondition condition = association.echo(peer.dimse_timeout, status);
  if (condition.bad()) return condition.text();
  return status == STATUS_Success ? std::string() : "peer answered " + describe_status(status);
}

}  // namespace

const char* in_words(Answer answer) {
  switch (answer) {
    case Answer::Accepted:
      return "accepted";
    case Answer::UserRejection:
      return "refused by the user of the service";
    case Answer::NoReason:
      return "refused without a reason";
    case Answer::SopClassNotSupported:
      return "refused: SOP class not supported";
    case Answer::TransferSyntaxNotSupported:
      return "refused: transfer syntax not supported";
    case Answer::None:
      break;
  }
  return "not answered";
}

Result<Probe> probe(const Peer& peer, std::span<const std::string> sop_class_uids) {
  return guarded([&] {
    const std::vector<ProposedContext> contexts = all_contexts(sop_class_uids);
    RequestedAssociation association(peer, contexts);
    T_ASC_Parameters* parameters = association.get().params;
    Probe result;
    result.implementation_class_uid = parameters->theirImplementationClassUID;
    result.implementation_version_name = parameters->theirImplementationVersionName;
    result.largest_pdu = static_cast<std::uint32_t>(parameters->theirMaxPDUReceiveSize);
    std::size_t place = 0;
    result.verification = answer_at(parameters, place++);
    result.storage_commitment = answer_at(parameters, place++);
    for (const std::string& sop_class : sop_class_uids) {
      const Answer explicit_answer = answer_at(parameters, place++), implicit_answer = answer_at(parameters, place++);
      result.classes.push_back({sop_class, explicit_answer, implicit_answer});
    }
    result.echo_problem = result.verification == Answer::Accepted
                              ? try_echo(association, peer)
                              : std::string("the peer does not accept verification");
    return result;
  });
}

}  // namespace dicom
