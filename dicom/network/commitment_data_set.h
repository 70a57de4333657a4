#pragma once
// The data sets of storage commitment as they come from the network: implicit little endian, from anybody. Knows bytes,
// no DCMTK.
#include <string_view>

#include "dicom/network/commitment.h"
#include "dicom/result.h"

namespace dicom {

// Action Information (PS3.4 J.3.2). Refused (Fault::Malformed) are: a Transaction UID or a reference that is no UID,
// lengths that do not fit, more than kMostReferences references, and no reference at all. Of an instance that is named
// twice the first counts. What else stands there is stepped over, by a counter and not by recursion.
[[nodiscard]] Result<CommitmentRequest> read_commitment_request(std::string_view bytes);

// Event Information (PS3.4 J.3.3), likewise; a report of nothing is one. An instance that is listed both as kept and as
// failed has failed.
[[nodiscard]] Result<CommitmentReport> read_commitment_report(std::string_view bytes);

}  // namespace dicom
