#pragma once
// From "the peer stored it" to "delivered": what a destination's settings want as proof is asked for, in their order,
// so often each, and what the peer turns out not to have is sent again.
#include <optional>

#include "dicom/network/commitment.h"
#include "server/delivery.h"
#include "storage/commitments.h"

namespace server {

[[nodiscard]] bool wants_confirmation(const config::Destination& destination);

// What is asked for after so many questions; nullopt: everything was, in vain. Pure.
[[nodiscard]] std::optional<config::Confirm> next_proof(int asks, const config::Confirmation& confirm);
// The number of questions after which the next proof has its turn. Pure.
[[nodiscard]] int asks_before_next_proof(int asks, const config::Confirmation& confirm);

[[nodiscard]] storage::Again again_at(const config::Destination& destination);

// Asks about the next due result set, in the calling thread: for commitment on an association of its own, whose
// transaction is on disk before it leaves; or by C-FIND at image level, series by series. Throws a Failure when the
// outbox cannot be written.
Round confirm_due(const config::Destination& destination, storage::Database& database,
                  dicom::CommitmentHandler& commitments, const dicom::StopSignal* stop);

}  // namespace server
