#include "dicom/network/commitment_messages.h"

#include "dicom/dcmtk.h"
#include "dicom/network/commitment_data_set.h"
#include "dicom/network/data_set_reception.h"

namespace dicom {
namespace {

constexpr std::uint16_t kRequestCommitment = 1;              // Action Type ID (PS3.4 J.3.2)
constexpr std::uint16_t kAllCommitted = 1, kSomeFailed = 2;  // Event Type ID (PS3.4 J.3.3)
constexpr std::uint16_t kNoSuchClass = 0x0118;
constexpr std::uint16_t kNoSuchEventType = 0x0113, kNoSuchAction = 0x0123;

void copy_uid(DIC_UI& to, const char* uid) { OFStandard::strlcpy(to, uid, sizeof to); }

void put(DcmItem& to, const DcmTagKey& tag, const std::string& value) {
  check(to.putAndInsertOFStringArray(tag, value.c_str()), "write a commitment");
}

DcmItem& add_reference(DcmItem& to, const DcmTagKey& sequence, const SopReference& object) {
  DcmItem* item = nullptr;
  check(to.findOrCreateSequenceItem(sequence, item, -2), "write a commitment");  // -2: a new one at the end
  put(*item, DCM_ReferencedSOPClassUID, object.sop_class_uid);
  put(*item, DCM_ReferencedSOPInstanceUID, object.sop_instance_uid);
  return *item;
}

OFCondition send(T_ASC_Association& association, T_ASC_PresentationContextID context, T_DIMSE_Message& message,
                 DcmDataset* data_set = nullptr) {
  return DIMSE_sendMessageUsingMemoryData(&association, context, &message, nullptr, data_set, nullptr, nullptr);
}

// A data set that is too long is read to its end all the same, so that it can be answered; `bytes` is then empty.
OFCondition receive(T_ASC_Association& association, T_ASC_PresentationContextID context, T_DIMSE_DataSetType type,
                    const CommitmentPeer& peer, std::string& bytes) {
  if (type == DIMSE_DATASET_NULL) return EC_Normal;
  bool too_long = false;
  const OFCondition condition = receive_data_set(association, context, peer.silence, [&](std::string_view more) {
    too_long = too_long || bytes.size() + more.size() > kLargestCommitment;
    if (!too_long) bytes += more;
  });
  if (too_long) bytes.clear();
  return condition;
}

template <class Command>
void respond_to(const Command& command, const char* sop_class, const char* sop_instance, auto& response) {
  response.MessageIDBeingRespondedTo = command.MessageID;
  copy_uid(response.AffectedSOPClassUID, sop_class);
  copy_uid(response.AffectedSOPInstanceUID, sop_instance);
  response.DataSetType = DIMSE_DATASET_NULL;
}

// Before anything of the data set is looked at; 0: no objection.
std::uint16_t objection(const char* sop_class, const char* sop_instance) {
  if (std::string_view(sop_class) != kCommitmentClass) return kNoSuchClass;
  return std::string_view(sop_instance) == UID_StorageCommitmentPushModelSOPInstance ? 0 : kNoSuchInstance;
}

std::uint16_t take_report(const std::string& bytes, CommitmentHandler& handler, const CommitmentPeer& peer) {
  const auto report = read_commitment_report(bytes);
  if (report) return handler.reported(peer.ae_title, *report);
  handler.malformed(peer.ae_title, report.error().what);
  return kInvalidArgument;
}

std::uint16_t take_request(const std::string& bytes, CommitmentHandler& handler, const CommitmentPeer& peer,
                           std::string& transaction_uid) {
  const auto request = read_commitment_request(bytes);
  if (!request) {
    handler.malformed(peer.ae_title, request.error().what);
    return kInvalidArgument;
  }
  const std::uint16_t status = handler.asked(peer.ae_title, *request);
  if (status == STATUS_Success) transaction_uid = request->transaction_uid;
  return status;
}

}  // namespace

OFCondition send_action(T_ASC_Association& association, T_ASC_PresentationContextID context, std::uint16_t message,
                        const CommitmentRequest& request) {
  T_DIMSE_Message action{};
  action.CommandField = DIMSE_N_ACTION_RQ;
  auto& command = action.msg.NActionRQ;
  command.MessageID = message;
  command.ActionTypeID = kRequestCommitment;
  command.DataSetType = DIMSE_DATASET_PRESENT;
  copy_uid(command.RequestedSOPClassUID, kCommitmentClass);
  copy_uid(command.RequestedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance);
  DcmDataset data_set;
  const auto written = guarded([&] {
    put(data_set, DCM_TransactionUID, request.transaction_uid);
    for (const SopReference& object : request.instances) add_reference(data_set, DCM_ReferencedSOPSequence, object);
  });
  return written ? send(association, context, action, &data_set) : EC_InvalidValue;
}

OFCondition send_event(T_ASC_Association& association, T_ASC_PresentationContextID context, std::uint16_t message,
                       const CommitmentReport& report) {
  T_DIMSE_Message event{};
  event.CommandField = DIMSE_N_EVENT_REPORT_RQ;
  auto& command = event.msg.NEventReportRQ;
  command.MessageID = message;
  command.EventTypeID = report.failed.empty() ? kAllCommitted : kSomeFailed;
  command.DataSetType = DIMSE_DATASET_PRESENT;
  copy_uid(command.AffectedSOPClassUID, kCommitmentClass);
  copy_uid(command.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance);
  DcmDataset data_set;
  const auto written = guarded([&] {
    put(data_set, DCM_TransactionUID, report.transaction_uid);
    for (const SopReference& object : report.committed) add_reference(data_set, DCM_ReferencedSOPSequence, object);
    for (const auto& failed : report.failed) {
      DcmItem& item = add_reference(data_set, DCM_FailedSOPSequence, failed.object);
      check(item.putAndInsertUint16(DCM_FailureReason, failed.reason), "write a commitment");
    }
  });
  return written ? send(association, context, event, &data_set) : EC_InvalidValue;
}

OFCondition answer_event(T_ASC_Association& association, T_ASC_PresentationContextID context,
                         const T_DIMSE_N_EventReportRQ& command, CommitmentHandler& handler,
                         const CommitmentPeer& peer) {
  std::string bytes;
  const OFCondition received = receive(association, context, command.DataSetType, peer, bytes);
  if (received.bad()) return received;
  T_DIMSE_Message answer{};
  answer.CommandField = DIMSE_N_EVENT_REPORT_RSP;
  auto& response = answer.msg.NEventReportRSP;
  respond_to(command, command.AffectedSOPClassUID, command.AffectedSOPInstanceUID, response);
  response.EventTypeID = command.EventTypeID;
  response.opts =
      O_NEVENTREPORT_AFFECTEDSOPCLASSUID | O_NEVENTREPORT_AFFECTEDSOPINSTANCEUID | O_NEVENTREPORT_EVENTTYPEID;
  response.DimseStatus = objection(command.AffectedSOPClassUID, command.AffectedSOPInstanceUID);
  const bool known = command.EventTypeID == kAllCommitted || command.EventTypeID == kSomeFailed;
  if (response.DimseStatus == STATUS_Success)
    response.DimseStatus = known ? take_report(bytes, handler, peer) : kNoSuchEventType;
  return send(association, context, answer);
}

OFCondition answer_action(T_ASC_Association& association, T_ASC_PresentationContextID context,
                          const T_DIMSE_N_ActionRQ& command, CommitmentHandler& handler, const CommitmentPeer& peer,
                          std::string& transaction_uid) {
  std::string bytes;
  const OFCondition received = receive(association, context, command.DataSetType, peer, bytes);
  if (received.bad()) return received;
  T_DIMSE_Message answer{};
  answer.CommandField = DIMSE_N_ACTION_RSP;
  auto& response = answer.msg.NActionRSP;
  respond_to(command, command.RequestedSOPClassUID, command.RequestedSOPInstanceUID, response);
  response.ActionTypeID = command.ActionTypeID;
  response.opts = O_NACTION_AFFECTEDSOPCLASSUID | O_NACTION_AFFECTEDSOPINSTANCEUID | O_NACTION_ACTIONTYPEID;
  response.DimseStatus = objection(command.RequestedSOPClassUID, command.RequestedSOPInstanceUID);
  if (response.DimseStatus == STATUS_Success)
    response.DimseStatus = command.ActionTypeID == kRequestCommitment
                               ? take_request(bytes, handler, peer, transaction_uid)
                               : kNoSuchAction;
  return send(association, context, answer);
}

}  // namespace dicom
