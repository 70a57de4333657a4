#pragma once
// One association from its request to its end, in the calling thread. For the .cpp files of this folder only: DCMTK
// types appear.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dicom/network/acceptor.h"
#include "dicom/network/connection.h"
#include "dicom/network/negotiation.h"

namespace dicom {

// Owns a requested association: destruction closes the connection.
class Association {
 public:
  // `commitments`: nullptr where storage commitment is not offered.
  Association(T_ASC_Association* association, const AcceptorOptions& options, StoreHandler& handler,
              CommitmentHandler* commitments);
  ~Association();
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;

  // nullopt = welcome; the contexts are not looked at.
  [[nodiscard]] std::optional<Refusal> check() const;
  void reject(Refusal refusal);
  // Agrees on contexts, answers messages until one side has enough, and tells the handler of the beginning and the end.
  void serve(std::uint64_t number);

 private:
  [[nodiscard]] std::string origin() const;
  OFCondition acknowledge();
  std::string answer_messages();
  std::string farewell(const OFCondition& ended);
  OFCondition answer(T_ASC_PresentationContextID context, T_DIMSE_Message& message);
  OFCondition answer_commitment(T_ASC_PresentationContextID context, T_DIMSE_Message& message);
  OFCondition report_commitment_now(T_ASC_PresentationContextID context, const std::string& transaction_uid);
  OFCondition take_answer_to_report(T_ASC_PresentationContextID context, const T_DIMSE_N_EventReportRSP& answer);

  T_ASC_Association* association_;
  const std::shared_ptr<Patience> patience_;
  const AcceptorOptions& options_;
  StoreHandler& handler_;
  CommitmentHandler* const commitments_;
  std::string calling_, called_;
  std::uint64_t number_ = 0;
  std::map<std::uint16_t, CommitmentReport> unanswered_;  // reports that we sent here, by message
  std::uint16_t last_message_ = 0;                        // of ours
};

}  // namespace dicom
