#pragma once
// The messages of storage commitment on an association that is open, whoever opened it. For the .cpp files of this
// folder only: DCMTK types appear.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>

#include <chrono>
#include <string>

#include "dicom/network/commitment.h"

namespace dicom {

OFCondition send_action(T_ASC_Association& association, T_ASC_PresentationContextID context, std::uint16_t message,
                        const CommitmentRequest& request);
OFCondition send_event(T_ASC_Association& association, T_ASC_PresentationContextID context, std::uint16_t message,
                       const CommitmentReport& report);

// Who calls, and how long its silence is borne.
struct CommitmentPeer {
  std::string ae_title;
  std::chrono::seconds silence{};
};

// Answers a request whose command was just received. An error means that the association is lost.
OFCondition answer_event(T_ASC_Association& association, T_ASC_PresentationContextID context,
                         const T_DIMSE_N_EventReportRQ& command, CommitmentHandler& handler,
                         const CommitmentPeer& peer);
// `transaction_uid`: of the request that was accepted, empty otherwise.
OFCondition answer_action(T_ASC_Association& association, T_ASC_PresentationContextID context,
                          const T_DIMSE_N_ActionRQ& command, CommitmentHandler& handler, const CommitmentPeer& peer,
                          std::string& transaction_uid);

}  // namespace dicom
