#pragma once
// One association from its request to its end, in the calling thread. For the .cpp files of this folder only: DCMTK
// types appear.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>

#include <cstdint>
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
  Association(T_ASC_Association* association, const AcceptorOptions& options, StoreHandler& handler);
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

  T_ASC_Association* association_;
  const std::shared_ptr<Patience> patience_;
  const AcceptorOptions& options_;
  StoreHandler& handler_;
  std::string calling_, called_;
  std::uint64_t number_ = 0;
};

}  // namespace dicom
