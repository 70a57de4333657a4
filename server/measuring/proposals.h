#pragma once
// Lesions that an algorithm proposes where nobody has outlined one, measured like outlines and marked as unreviewed.
#include "server/measuring/documents.h"

namespace server::measuring {

// From the dynamic series of a propose job. A Refusal where nothing is proposed; no lesion is ever for the models.
[[nodiscard]] std::variant<Measured, fitting::Refusal> measure_proposals(Context& context, const storage::Job& job);

}  // namespace server::measuring
