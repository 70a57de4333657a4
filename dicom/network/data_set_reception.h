#pragma once
// A data set on its way from the network: fragment by fragment, and as the object of a C-STORE request, on associations
// that a peer opened (acceptor) as on those we opened (C-GET). For the .cpp files of this folder only: DCMTK types
// appear.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dicom/network/acceptor.h"

namespace dicom {

// The bytes of a fragment are valid during the call only. May throw; the association is then in the middle of a message
// and good for an abort only.
using TakeBytes = std::function<void(std::string_view)>;

// One data set, as it comes, up to its last fragment. `silence`: longest wait for the next one.
OFCondition receive_data_set(T_ASC_Association& association, T_ASC_PresentationContextID context,
                             std::chrono::seconds silence, const TakeBytes& take);
// The same for a data set that nobody wants.
OFCondition skip_data_set(T_ASC_Association& association, T_ASC_PresentationContextID context,
                          std::chrono::seconds silence);

// Who stores, as the handler is told.
struct StoringPeer {
  std::string ae_title;
  std::uint64_t association = 0;
  std::chrono::seconds silence{};
};

// Answers a C-STORE request whose command was just received: the data set goes to a file of the handler's, the
// handler's verdict (or A700, or what is wrong with the command) back as status. An error means that the association is
// lost; the file is then gone.
OFCondition answer_store(T_ASC_Association& association, T_ASC_PresentationContextID context,
                         const T_DIMSE_C_StoreRQ& request, StoreHandler& handler, const StoringPeer& peer);

}  // namespace dicom
