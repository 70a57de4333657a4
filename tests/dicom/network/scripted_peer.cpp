#include "tests/dicom/network/scripted_peer.h"

#include <arpa/inet.h>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "dicom/dcmtk.h"

namespace support {

class ScriptedPeer::Machine {
 public:
  explicit Machine(Script script) : script_(std::move(script)) {
    dicom::initialise_dcmtk();
    if (ASC_initializeNetwork(NET_ACCEPTOR, 0, 10, &network_).bad()) throw std::runtime_error("cannot listen");
    sockaddr_in where{};
    socklen_t size = sizeof where;
    getsockname(DUL_networkSocket(network_->network), reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Machine() {
    stop();
    ASC_dropNetwork(&network_);
  }
  void stop() {
    stopping_ = true;
    shutdown(DUL_networkSocket(network_->network), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::optional<Script> next_;  // guarded by mutex_, as what follows
  std::vector<Stored> stored_;
  std::vector<std::string> endings_, asked_;
  std::vector<int> store_statuses_, report_statuses_;
  std::vector<std::string> transactions_;

 private:
  void run() {
    while (!stopping_) {
      T_ASC_Association* association = nullptr;
      const OFCondition condition =
          ASC_receiveAssociation(network_, &association, ASC_MAXIMUMPDUSIZE, nullptr, nullptr, OFFalse, DUL_NOBLOCK, 1);
      if (condition.good()) serve(association);
      if (association != nullptr) {
        ASC_dropAssociation(association);
        ASC_destroyAssociation(&association);
      }
    }
  }

  void turn_the_page() {
    const std::lock_guard lock(mutex_);
    if (!next_) return;
    script_ = *std::exchange(next_, std::nullopt);
    answers_ = 0;
  }

  void serve(T_ASC_Association* association) {
    turn_the_page();
    if (script_.rejects_with != 0) {
      T_ASC_RejectParameters reject{
          script_.rejection_is_permanent ? ASC_RESULT_REJECTEDPERMANENT : ASC_RESULT_REJECTEDTRANSIENT,
          static_cast<T_ASC_RejectParametersSource>(script_.rejects_with >> 8),
          static_cast<T_ASC_RejectParametersReason>(script_.rejects_with)};
      ASC_rejectAssociation(association, &reject);
      return;
    }
    for (int i = 0; i < ASC_countPresentationContexts(association->params); ++i) negotiate(association, i);
    if (ASC_acknowledgeAssociation(association).bad()) return;
    while (answer(association)) {
    }
  }

  void negotiate(T_ASC_Association* association, int index) {
    T_ASC_PresentationContext context{};
    ASC_getPresentationContext(association->params, index, &context);
    for (const auto& accepted : script_.accepts) {
      for (int i = 0; i < context.transferSyntaxCount; ++i) {
        if (accepted.abstract_syntax != context.abstractSyntax ||
            accepted.transfer_syntax != context.proposedTransferSyntaxes[i])
          continue;
        ASC_acceptPresentationContext(association->params, context.presentationContextID,
                                      accepted.transfer_syntax.c_str(), context.proposedRole);
        return;
      }
    }
    ASC_refusePresentationContext(association->params, context.presentationContextID, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
  }

  bool answer(T_ASC_Association* association) {
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID id = 0;
    const OFCondition condition = DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, 30, &id, &message, nullptr);
    if (condition.bad()) return end(association, condition);
    if (message.CommandField == DIMSE_C_ECHO_RQ) {
      return DIMSE_sendEchoResponse(association, id, &message.msg.CEchoRQ, script_.echo_status, nullptr).good();
    }
    if (message.CommandField == DIMSE_N_ACTION_RQ) return commit(association, id, message.msg.NActionRQ);
    if (message.CommandField != DIMSE_C_STORE_RQ) return follow_script(association, id, message);
    T_ASC_PresentationContext context{};
    ASC_findAcceptedPresentationContext(association->params, id, &context);
    auto& request = message.msg.CStoreRQ;
    DIC_UL bytes = 0, fragments = 0;
    const OFCondition data = DIMSE_ignoreDataSet(association, DIMSE_NONBLOCKING, 30, &bytes, &fragments);
    if (data.bad()) return end(association, data);
    if (script_.hangs) return listen(association);
    if (answers_ == script_.aborts_after) {
      ASC_abortAssociation(association);
      return false;
    }
    ++answers_;
    {
      const std::lock_guard lock(mutex_);
      stored_.push_back(
          {request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, context.acceptedTransferSyntax, bytes});
    }
    T_DIMSE_C_StoreRSP response{};
    if (!script_.statuses.empty()) {
      response.DimseStatus = script_.statuses.front();
      script_.statuses.pop_front();
    }
    return DIMSE_sendStoreResponse(association, id, &request, &response, nullptr).good();
  }

  bool commit(T_ASC_Association* association, T_ASC_PresentationContextID id, const T_DIMSE_N_ActionRQ& request) {
    DcmDataset* received = nullptr;
    const OFCondition condition =
        DIMSE_receiveDataSetInMemory(association, DIMSE_NONBLOCKING, 30, &id, &received, nullptr, nullptr);
    const std::unique_ptr<DcmDataset> asked(received);
    if (condition.bad()) return end(association, condition);
    {
      const std::lock_guard lock(mutex_);
      transactions_.push_back(dicom::text(*asked, DCM_TransactionUID));
    }
    T_DIMSE_Message response{};
    response.CommandField = DIMSE_N_ACTION_RSP;
    response.msg.NActionRSP.MessageIDBeingRespondedTo = request.MessageID;
    response.msg.NActionRSP.DimseStatus = script_.commitment.status;
    response.msg.NActionRSP.DataSetType = DIMSE_DATASET_NULL;
    if (DIMSE_sendMessageUsingMemoryData(association, id, &response, nullptr, nullptr, nullptr, nullptr).bad())
      return false;
    for (int i = 0; i < script_.commitment.reports; ++i)
      if (!report(association, id, *asked)) return false;
    return true;
  }

  bool report(T_ASC_Association* association, T_ASC_PresentationContextID id, DcmDataset& asked) {
    const CommitmentScript& script = script_.commitment;
    DcmDataset report;
    const std::string transaction =
        script.transaction.empty() ? dicom::text(asked, DCM_TransactionUID) : script.transaction;
    report.putAndInsertString(DCM_TransactionUID, transaction.c_str());
    bool failed = false;
    DcmItem* item = nullptr;
    for (long i = 0; asked.findAndGetSequenceItem(DCM_ReferencedSOPSequence, item, i).good(); ++i) {
      const std::string instance = dicom::text(*item, DCM_ReferencedSOPInstanceUID);
      const bool keeps = !script.does_not_keep.contains(instance);
      failed = failed || !keeps;
      DcmItem* line = nullptr;
      report.findOrCreateSequenceItem(keeps ? DCM_ReferencedSOPSequence : DCM_FailedSOPSequence, line, -2);
      line->putAndInsertString(DCM_ReferencedSOPClassUID, dicom::text(*item, DCM_ReferencedSOPClassUID).c_str());
      line->putAndInsertString(DCM_ReferencedSOPInstanceUID, instance.c_str());
      if (!keeps) line->putAndInsertUint16(DCM_FailureReason, 0x0112);
    }
    T_DIMSE_Message event{};
    event.CommandField = DIMSE_N_EVENT_REPORT_RQ;
    auto& command = event.msg.NEventReportRQ;
    command.MessageID = 5;
    command.EventTypeID = failed ? 2 : 1;
    command.DataSetType = DIMSE_DATASET_PRESENT;
    OFStandard::strlcpy(command.AffectedSOPClassUID, UID_StorageCommitmentPushModelSOPClass, sizeof(DIC_UI));
    OFStandard::strlcpy(command.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance, sizeof(DIC_UI));
    if (DIMSE_sendMessageUsingMemoryData(association, id, &event, nullptr, &report, nullptr, nullptr).bad())
      return false;
    T_DIMSE_Message answer{};
    const OFCondition condition = DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, 30, &id, &answer, nullptr);
    if (condition.bad()) return end(association, condition);
    const std::lock_guard lock(mutex_);
    report_statuses_.push_back(answer.msg.NEventReportRSP.DimseStatus);
    return true;
  }

  bool follow_script(T_ASC_Association* association, T_ASC_PresentationContextID id, const T_DIMSE_Message& request) {
    if (!note(association, id, request)) return false;
    for (const Step& step : script_.steps) {
      if (!play(association, id, request.CommandField, step)) return false;
    }
    return true;
  }

  bool note(T_ASC_Association* association, T_ASC_PresentationContextID id, const T_DIMSE_Message& request) {
    DcmDataset* received = nullptr;
    const OFCondition condition =
        DIMSE_receiveDataSetInMemory(association, DIMSE_NONBLOCKING, 30, &id, &received, nullptr, nullptr);
    const std::unique_ptr<DcmDataset> identifier(received);
    if (condition.bad()) return end(association, condition);
    std::string words = request.CommandField == DIMSE_C_FIND_RQ   ? "FIND"
                        : request.CommandField == DIMSE_C_MOVE_RQ ? "MOVE"
                                                                  : "GET";
    for (const DcmTagKey& key : {DCM_QueryRetrieveLevel, DCM_StudyInstanceUID, DCM_SeriesInstanceUID})
      words += " " + dicom::text(*identifier, key);
    if (request.CommandField == DIMSE_C_MOVE_RQ) words += std::string(" to ") + request.msg.CMoveRQ.MoveDestination;
    const std::lock_guard lock(mutex_);
    asked_.push_back(words);
    return true;
  }

  bool play(T_ASC_Association* association, T_ASC_PresentationContextID id, T_DIMSE_Command request, const Step& step) {
    switch (step.kind) {
      case Step::Kind::Answer:
        return send(association, id, response(static_cast<std::uint16_t>(request | 0x8000), step), step.data_set);
      case Step::Kind::Other:
        return send(association, id, response(DIMSE_C_ECHO_RSP, {}), {});
      case Step::Kind::Store:
        return store(association, step);
      case Step::Kind::Flood:
        return flood(association, step);
      case Step::Kind::Hang:
        return listen(association);
      case Step::Kind::Abort:
        break;
    }
    ASC_abortAssociation(association);
    return false;
  }

  static std::string response(std::uint16_t command, const Step& step) {
    std::string body = element(0x00000100, number(command)) + element(0x00000120, number(1)) +
                       element(0x00000800, number(step.data_set.empty() ? 0x0101 : 1)) +
                       element(0x00000900, number(step.status));
    if (step.remaining >= 0) body += element(0x00001020, number(step.remaining));
    if (step.completed >= 0) body += element(0x00001021, number(step.completed));
    if (step.failed >= 0) body += element(0x00001022, number(step.failed));
    return body;
  }

  static std::string number(int value) { return {static_cast<char>(value), static_cast<char>(value >> 8)}; }

  static bool send(T_ASC_Association* association, T_ASC_PresentationContextID id, const std::string& command,
                   const std::string& data_set) {
    const std::string head =
        element(0x00000000, number(static_cast<int>(command.size())) + std::string(2, '\0')) + command;
    return write(association, {head.size(), id, DUL_COMMANDPDV, OFTrue, const_cast<char*>(head.data())}) &&
           (data_set.empty() || write_data_set(association, id, data_set));
  }

  static bool write_data_set(T_ASC_Association* association, T_ASC_PresentationContextID id,
                             const std::string& data_set) {
    const std::size_t most = association->sendPDVLength & ~1ul;
    for (std::size_t at = 0; at < data_set.size(); at += most) {
      const std::size_t size = std::min(most, data_set.size() - at);
      if (!write(association,
                 {size, id, DUL_DATASETPDV, at + size == data_set.size(), const_cast<char*>(data_set.data() + at)}))
        return false;
    }
    return true;
  }

  static bool write(T_ASC_Association* association, DUL_PDV fragment) {
    DUL_PDVLIST list{};
    list.count = 1;
    list.pdv = &fragment;
    return DUL_WritePDVs(&association->DULassociation, &list).good();
  }

  static std::string store_request(const Step& step) {
    return element(0x00000002, UID_MRImageStorage) + element(0x00000100, number(1)) + element(0x00000110, number(7)) +
           element(0x00000700, number(0)) + element(0x00000800, number(1)) + element(0x00001000, step.sop_instance);
  }

  static bool flood(T_ASC_Association* association, const Step& step) {
    const auto id = ASC_findAcceptedPresentationContextID(association, UID_MRImageStorage);
    std::string bytes(association->sendPDVLength & ~1ul, 'x');
    if (!send(association, id, store_request(step), {})) return false;
    while (write(association, {bytes.size(), id, DUL_DATASETPDV, OFFalse, bytes.data()})) {
    }
    return false;
  }

  bool store(T_ASC_Association* association, const Step& step) {
    const auto id = ASC_findAcceptedPresentationContextID(association, UID_MRImageStorage);
    if (!send(association, id, store_request(step), step.data_set)) return false;
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID answered_on = 0;
    const OFCondition condition =
        DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, 30, &answered_on, &message, nullptr);
    if (condition.bad()) return end(association, condition);
    const std::lock_guard lock(mutex_);
    store_statuses_.push_back(message.msg.CStoreRSP.DimseStatus);
    return true;
  }

  bool listen(T_ASC_Association* association) {
    for (;;) {
      T_DIMSE_Message message{};
      T_ASC_PresentationContextID id = 0;
      const OFCondition condition = DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, 30, &id, &message, nullptr);
      if (condition.bad()) return end(association, condition);
      const std::lock_guard lock(mutex_);
      asked_.push_back(message.CommandField == DIMSE_C_CANCEL_RQ ? "CANCEL" : "something else");
    }
  }

  bool end(T_ASC_Association* association, const OFCondition& condition) {
    const bool released = condition == DUL_PEERREQUESTEDRELEASE;
    if (released) ASC_acknowledgeRelease(association);
    const std::lock_guard lock(mutex_);
    endings_.push_back(released ? "released" : condition == DUL_PEERABORTEDASSOCIATION ? "aborted" : "lost");
    return false;
  }

  Script script_;
  T_ASC_Network* network_ = nullptr;
  std::size_t answers_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

ScriptedPeer::ScriptedPeer(Script script) : machine_(std::make_unique<Machine>(std::move(script))) {}
ScriptedPeer::~ScriptedPeer() = default;
void ScriptedPeer::stop() { machine_->stop(); }

void ScriptedPeer::follow(Script script) {
  const std::lock_guard lock(machine_->mutex_);
  machine_->next_ = std::move(script);
}

dicom::Peer ScriptedPeer::peer() const {
  dicom::Peer peer;
  peer.ae_title = "PACS";
  peer.host = "127.0.0.1";
  peer.port = machine_->port_;
  return peer;
}

std::vector<ScriptedPeer::Stored> ScriptedPeer::stored() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->stored_;
}

std::vector<std::string> ScriptedPeer::asked() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->asked_;
}

std::vector<std::string> ScriptedPeer::transactions() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->transactions_;
}

std::vector<int> ScriptedPeer::report_statuses() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->report_statuses_;
}

std::vector<int> ScriptedPeer::store_statuses() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->store_statuses_;
}

std::vector<std::string> ScriptedPeer::endings() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->endings_;
}

}  // namespace support
