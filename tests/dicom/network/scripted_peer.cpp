#include "tests/dicom/network/scripted_peer.h"

#include <arpa/inet.h>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

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
  std::vector<Stored> stored_;
  std::vector<std::string> endings_;

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

  void serve(T_ASC_Association* association) {
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
                                      accepted.transfer_syntax.c_str());
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
    T_ASC_PresentationContext context{};
    ASC_findAcceptedPresentationContext(association->params, id, &context);
    auto& request = message.msg.CStoreRQ;
    DIC_UL bytes = 0, fragments = 0;
    const OFCondition data = DIMSE_ignoreDataSet(association, DIMSE_NONBLOCKING, 30, &bytes, &fragments);
    if (data.bad()) return end(association, data);
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

std::vector<std::string> ScriptedPeer::endings() const {
  const std::lock_guard lock(machine_->mutex_);
  return machine_->endings_;
}

}  // namespace support
