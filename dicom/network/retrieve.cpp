#include "dicom/network/retrieve.h"

#include <array>

#include "dicom/dcmtk.h"
#include "dicom/network/data_set_reception.h"
#include "dicom/network/exchange.h"
#include "dicom/network/negotiation.h"

namespace dicom {
namespace {

constexpr std::size_t kLongestList = 8u << 20;  // of failed SOP instances, in a final answer; it is not looked at
constexpr std::uint16_t kSomeFailed = 0xB000;

// What an MR study's images are. Not J2K: it could be stored but not read.
constexpr std::array kClasses{UID_MRImageStorage, UID_EnhancedMRImageStorage,
                              UID_LegacyConvertedEnhancedMRImageStorage};
constexpr std::array kCompressed{UID_JPEGLSLosslessTransferSyntax, UID_JPEGProcess14SV1TransferSyntax,
                                 UID_RLELosslessTransferSyntax};

std::vector<ProposedContext> mr_objects() {
  std::vector<ProposedContext> contexts;
  for (const char* sop_class : kClasses) {
    contexts.push_back({sop_class, {kProposedSyntaxes.begin(), kProposedSyntaxes.end()}, true});
    for (const char* syntax : kCompressed) contexts.push_back({sop_class, {syntax}, true});
  }
  return contexts;
}

Identifier series(const std::string& study_uid, const std::string& series_uid) {
  return {"SERIES", {{DCM_StudyInstanceUID, study_uid}, {DCM_SeriesInstanceUID, series_uid}}};
}

std::string failures(int failed, int completed) {
  return std::to_string(failed) + " of " + std::to_string(failed + completed) + " images could not be sent";
}

// C-MOVE and C-GET answer alike. The counts of the last answer that has any are those of the whole.
class Progress {
 public:
  Progress(Exchange& exchange, std::size_t most_instances) : exchange_(exchange), most_(most_instances) {}

  // False: that was the last answer.
  template <class Response>
  bool take(const Exchange::Message& message, const Response& response) {
    if (response.MessageIDBeingRespondedTo != kRequestId) {
      exchange_.cancel();
      fail(Fault::Network, "peer answered something else");
    }
    if (response.DataSetType != DIMSE_DATASET_NULL) {
      exchange_.expect_a_large_data_set();
      static_cast<void>(exchange_.data_set(message, kLongestList));
    }
    count(response.NumberOfCompletedSubOperations, response.NumberOfWarningSubOperations,
          response.NumberOfFailedSubOperations);
    if (is_pending(response.DimseStatus)) {
      limit(std::size_t{response.NumberOfRemainingSubOperations} + response.NumberOfCompletedSubOperations);
      return true;
    }
    if (response.DimseStatus != STATUS_Success && response.DimseStatus != kSomeFailed)
      throw Failure{as_error(response.DimseStatus)};
    return false;
  }

  void limit(std::size_t instances) {
    if (instances <= most_) return;
    exchange_.cancel();
    fail(Fault::Malformed, "peer sends more than " + std::to_string(most_) + " images");
  }

  [[nodiscard]] Retrieved result() const {
    Retrieved result = retrieved_;
    if (result.failed > 0) result.problem = failures(result.failed, result.completed);
    return result;
  }

 private:
  void count(int completed, int warned, int failed) {
    if (completed + warned + failed < retrieved_.completed + retrieved_.failed) return;  // an answer without counts
    retrieved_.completed = completed + warned;
    retrieved_.failed = failed;
  }

  Exchange& exchange_;
  std::size_t most_;
  Retrieved retrieved_;
};

Retrieved move(const Peer& peer, const Identifier& identifier, const std::string& destination,
               const RetrieveOptions& options) {
  Exchange exchange(peer, kMoveClass, {}, options.longest, options.stop);
  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_MOVE_RQ;
  OFStandard::strlcpy(request.msg.CMoveRQ.MoveDestination, destination.c_str(), sizeof(DIC_AE));
  exchange.ask(request, identifier);
  Progress progress(exchange, options.most_instances);
  for (bool more = true; more;) {
    const Exchange::Message message = exchange.next();
    if (message.command.CommandField != DIMSE_C_MOVE_RSP) {
      exchange.cancel();
      fail(Fault::Network, "peer answered something else");
    }
    more = progress.take(message, message.command.msg.CMoveRSP);
  }
  return progress.result();
}

void store(Exchange& exchange, const Exchange::Message& message, StoreHandler& handler, const StoringPeer& source) {
  exchange.expect_a_large_data_set();
  const OFCondition stored =
      answer_store(exchange.association(), message.context, message.command.msg.CStoreRQ, handler, source);
  if (stored.bad()) exchange.lost(stored);
}

Retrieved get(const Peer& peer, const Identifier& identifier, StoreHandler& handler, std::uint64_t association,
              const RetrieveOptions& options) {
  const auto storage = mr_objects();
  Exchange exchange(peer, kGetClass, storage, options.longest, options.stop);
  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_GET_RQ;
  exchange.ask(request, identifier);
  const StoringPeer source{peer.ae_title, association, peer.dimse_timeout};
  Progress progress(exchange, options.most_instances);
  for (std::size_t images = 0;;) {
    const Exchange::Message message = exchange.next();
    if (message.command.CommandField == DIMSE_C_STORE_RQ) {
      progress.limit(++images);
      store(exchange, message, handler, source);
    } else if (message.command.CommandField != DIMSE_C_GET_RSP) {
      exchange.cancel();
      fail(Fault::Network, "peer answered something else");
    } else if (!progress.take(message, message.command.msg.CGetRSP)) {
      return progress.result();
    }
  }
}

}  // namespace

std::span<const char* const> fetched_classes() { return kClasses; }

std::span<const char* const> fetched_compressed_syntaxes() { return kCompressed; }

Result<Retrieved> move_series(const Peer& peer, const std::string& study_uid, const std::string& series_uid,
                              const std::string& destination_ae_title, const RetrieveOptions& options) {
  return guarded([&] { return move(peer, series(study_uid, series_uid), destination_ae_title, options); });
}

Result<Retrieved> get_series(const Peer& peer, const std::string& study_uid, const std::string& series_uid,
                             StoreHandler& handler, std::uint64_t association, const RetrieveOptions& options) {
  handler.opened(association, peer.ae_title);
  auto retrieved = guarded([&] { return get(peer, series(study_uid, series_uid), handler, association, options); });
  handler.closed(association, retrieved ? "released" : "aborted");
  return retrieved;
}

}  // namespace dicom
