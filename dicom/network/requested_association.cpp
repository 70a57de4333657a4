#include "dicom/network/requested_association.h"

#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/dul.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "dicom/dcmtk.h"
#include "dicom/network/store_status.h"
#include "dicom/network/tls_connection.h"

namespace dicom {
namespace {

constexpr std::chrono::seconds kFarewell{2};

struct DestroyParameters {
  void operator()(T_ASC_Parameters* parameters) const { ASC_destroyAssociationParameters(&parameters); }
};
using Parameters = std::unique_ptr<T_ASC_Parameters, DestroyParameters>;

T_ASC_PresentationContextID id_of(std::size_t index) { return static_cast<T_ASC_PresentationContextID>(2 * index + 1); }

void propose(T_ASC_Parameters* parameters, std::size_t index, const ProposedContext& context) {
  std::vector<const char*> syntaxes;
  for (const std::string& syntax : context.transfer_syntaxes) syntaxes.push_back(syntax.c_str());
  check(ASC_addPresentationContext(parameters, id_of(index), context.abstract_syntax.c_str(), syntaxes.data(),
                                   static_cast<int>(syntaxes.size()),
                                   context.peer_sends ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT),
        "propose a presentation context");
}

Parameters parameters_for(const Peer& peer, std::span<const ProposedContext> contexts) {
  T_ASC_Parameters* made = nullptr;
  check(ASC_createAssociationParameters(&made, kLargestPduReceived), "prepare an association");
  Parameters parameters(made);
  ASC_setAPTitles(made, peer.calling_ae_title.c_str(), peer.ae_title.c_str(), nullptr);
  const std::string address = peer.host + ":" + std::to_string(peer.port);
  std::string here(HOST_NAME_MAX + 1, '\0');
  gethostname(here.data(), here.size() - 1);
  ASC_setPresentationAddresses(made, here.c_str(), address.c_str());
  for (std::size_t i = 0; i < contexts.size(); ++i) propose(made, i, contexts[i]);
  return parameters;
}

std::string rejection_in_words(const T_ASC_RejectParameters& rejection) {
  switch (rejection.reason) {
    case ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED:
      return "it does not know our AE title";
    case ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED:
      return "it does not answer to this AE title";
    case ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED:
      return "it does not speak DICOM's application context";
    case ASC_REASON_SP_ACSE_PROTOCOLVERSIONNOTSUPPORTED:
      return "it speaks another version of the protocol";
    case ASC_REASON_SP_PRES_TEMPORARYCONGESTION:
      return "it is congested";
    case ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED:
      return "it has too many associations";
    default:
      return "it gives no reason";
  }
}

[[noreturn]] void fail_rejected(const T_ASC_RejectParameters& rejection) {
  const auto kind =
      classify_rejection(rejection.result, rejection.source, static_cast<unsigned>(rejection.reason) & 0xFFu);
  fail(kind == Verdict::Kind::Never ? Fault::Rejected : Fault::Network,
       "peer rejected the association: " + rejection_in_words(rejection));
}

std::unique_ptr<ConnectionLayer> layer_for(const Peer& peer, int stop_descriptor, std::string& problem) {
  const ConnectionLimits limits{
      .silence = peer.dimse_timeout, .stop_descriptor = stop_descriptor, .handshake = peer.acse_timeout};
  ConnectionEvents events{.connected = {},
                          .refused = [&problem](const std::string&, const std::string& why) { problem = why; }};
  if (!peer.tls) return std::make_unique<ConnectionLayer>(limits, std::move(events));
  const auto layer = [&] { return std::make_unique<TlsRequestingLayer>(limits, events, *peer.tls, peer.host); };
  try {
    return layer();
  } catch (const Failure& failure) {
    fail(Fault::Network, "no TLS: " + failure.error.what);
  }
}

[[noreturn]] void fail_request(const OFCondition& condition, T_ASC_Association* association,
                               const std::string& problem) {
  if (condition == DUL_ASSOCIATIONREJECTED && association != nullptr) {
    T_ASC_RejectParameters rejection{};
    ASC_getRejectParameters(association->params, &rejection);
    ASC_destroyAssociation(&association);
    fail_rejected(rejection);
  }
  if (association != nullptr) ASC_destroyAssociation(&association);
  if (!problem.empty()) fail(Fault::Network, "no association with the peer: " + problem);
  fail(Fault::Network, std::string("no association with the peer: ") + condition.text());
}

}  // namespace

void RequestedAssociation::DropNetwork::operator()(T_ASC_Network* network) const { ASC_dropNetwork(&network); }

RequestedAssociation::RequestedAssociation(const Peer& peer, std::span<const ProposedContext> contexts,
                                           int stop_descriptor)
    : layer_(layer_for(peer, stop_descriptor, problem_)), contexts_(contexts.begin(), contexts.end()) {
  initialise_dcmtk();
  T_ASC_Network* network = nullptr;
  check(ASC_initializeNetwork(NET_REQUESTOR, 0, static_cast<int>(peer.acse_timeout.count()), &network),
        "initialise the network", Fault::Network);
  network_.reset(network);
  check(ASC_setTransportLayer(network, layer_.get(), 0), "set the transport layer", Fault::Network);
  // DCMTK has one connection timeout for the whole process. Peers with different ones, called at the same moment, may
  // share the last.
  dcmConnectionTimeout.set(static_cast<Sint32>(peer.connect_timeout.count()));

  Parameters parameters = parameters_for(peer, contexts_);
  const OFCondition condition = ASC_requestAssociation(network, parameters.release(), &association_, nullptr, nullptr,
                                                       DUL_NOBLOCK, static_cast<int>(peer.acse_timeout.count()));
  if (condition.bad()) fail_request(condition, association_, problem_);
  patience_ = patience_of(*association_);
}

RequestedAssociation::~RequestedAssociation() {
  patience_->hurry(kFarewell);
  if (!whole_ || ASC_releaseAssociation(association_).bad()) ASC_abortAssociation(association_);
  ASC_destroyAssociation(&association_);
}

OFCondition RequestedAssociation::echo(std::chrono::seconds timeout, DIC_US& status) {
  DcmDataset* detail = nullptr;
  const OFCondition condition =
      DIMSE_echoUser(association_, 1, DIMSE_NONBLOCKING, static_cast<int>(timeout.count()), &status, &detail);
  delete detail;
  if (condition.bad()) give_up();
  return condition;
}

bool RequestedAssociation::proposed(const ProposedContext& context) const {
  return std::find(contexts_.begin(), contexts_.end(), context) != contexts_.end();
}

T_ASC_PresentationContext RequestedAssociation::accepted(const ProposedContext& proposed) const {
  T_ASC_PresentationContext context{};
  const auto found = std::find(contexts_.begin(), contexts_.end(), proposed);
  if (found == contexts_.end()) return context;
  const auto id = id_of(static_cast<std::size_t>(found - contexts_.begin()));
  if (ASC_findAcceptedPresentationContext(association_->params, id, &context).bad()) return {};
  return context;
}

}  // namespace dicom
