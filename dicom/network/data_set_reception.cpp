#include "dicom/network/data_set_reception.h"

#include <dcmtk/dcmnet/dul.h>

#include <optional>
#include <utility>

#include "dicom/network/data_set_file.h"
#include "dicom/network/negotiation.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

T_ASC_PresentationContext accepted_context(T_ASC_Association& association, T_ASC_PresentationContextID id) {
  T_ASC_PresentationContext context{};
  ASC_findAcceptedPresentationContext(association.params, id, &context);
  return context;
}

// Why a C-STORE request is refused before its data set is looked at; nullopt = it is not.
std::optional<StoreStatus> objection(const T_DIMSE_C_StoreRQ& request, const T_ASC_PresentationContext& context) {
  if (!is_storage_class(request.AffectedSOPClassUID)) return StoreStatus::DataSetMismatch;
  if (std::string_view(request.AffectedSOPClassUID) != context.abstractSyntax) return StoreStatus::DataSetMismatch;
  if (!is_uid(request.AffectedSOPInstanceUID)) return StoreStatus::InvalidInstance;
  return std::nullopt;
}

// DIMSE_receiveDataSetInFile would end the association at a fragment of odd length, which real senders produce.
OFCondition next_fragment(T_ASC_Association& association, std::chrono::seconds silence, DUL_PDV& fragment) {
  if (DUL_NextPDV(&association.DULassociation, &fragment).good()) return EC_Normal;
  const int silence_s = static_cast<int>(silence.count());
  if (!ASC_dataWaiting(&association, silence_s)) return DIMSE_NODATAAVAILABLE;
  const OFCondition condition = DUL_ReadPDVs(&association.DULassociation, nullptr, DUL_NOBLOCK, silence_s);
  return condition == DUL_PDATAPDUARRIVED ? DUL_NextPDV(&association.DULassociation, &fragment) : condition;
}

OFCondition receive_store(T_ASC_Association& association, T_ASC_PresentationContextID context_id,
                          const T_DIMSE_C_StoreRQ& request, StoreHandler& handler, const StoringPeer& peer,
                          std::uint16_t& status) {
  const auto context = accepted_context(association, context_id);
  const auto refused = objection(request, context);
  const auto path = refused ? Result<std::filesystem::path>() : handler.new_file(peer.association);
  if (refused || !path) {
    status = static_cast<std::uint16_t>(refused.value_or(StoreStatus::OutOfResources));
    return skip_data_set(association, context_id, peer.silence);
  }

  Received received{*path,
                    request.AffectedSOPClassUID,
                    request.AffectedSOPInstanceUID,
                    context.acceptedTransferSyntax,
                    peer.ae_title,
                    peer.association};
  DataSetFile file(*path,
                   {received.sop_class_uid, received.sop_instance_uid, received.transfer_syntax_uid, peer.ae_title});
  const OFCondition condition =
      receive_data_set(association, context_id, peer.silence, [&file](std::string_view bytes) { file.write(bytes); });
  if (condition.bad()) return condition;
  status = static_cast<std::uint16_t>(file.close() ? handler.store(std::move(received)) : StoreStatus::OutOfResources);
  return EC_Normal;
}

}  // namespace

OFCondition receive_data_set(T_ASC_Association& association, T_ASC_PresentationContextID context,
                             std::chrono::seconds silence, const TakeBytes& take) {
  for (;;) {
    DUL_PDV fragment{};
    const OFCondition condition = next_fragment(association, silence, fragment);
    if (condition.bad()) return condition;
    if (fragment.pdvType != DUL_DATASETPDV) return DIMSE_UNEXPECTEDPDVTYPE;
    if (fragment.presentationContextID != context) return DIMSE_BADDATA;
    take({static_cast<const char*>(fragment.data), fragment.fragmentLength});
    if (fragment.lastPDV) return EC_Normal;
  }
}

OFCondition skip_data_set(T_ASC_Association& association, T_ASC_PresentationContextID context,
                          std::chrono::seconds silence) {
  return receive_data_set(association, context, silence, [](std::string_view) {});
}

OFCondition answer_store(T_ASC_Association& association, T_ASC_PresentationContextID context,
                         const T_DIMSE_C_StoreRQ& request, StoreHandler& handler, const StoringPeer& peer) {
  T_DIMSE_C_StoreRSP response{};
  const OFCondition received = receive_store(association, context, request, handler, peer, response.DimseStatus);
  return received.good() ? DIMSE_sendStoreResponse(&association, context, &request, &response, nullptr) : received;
}

}  // namespace dicom
