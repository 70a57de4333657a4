#pragma once
// When a study is looked at. Pure.
#include <optional>

#include "config/settings.h"
#include "storage/index.h"

namespace server {

enum class Look { Settled, Quiet };

// nullopt: not yet. `receiving`: an association that brought images of the study is still open; it holds the clock.
// Settled: images came (or maps were finished) since the last grouping and nothing more has come for a moment.
// Quiet: nothing has come for the whole quiet period; whatever is here is all there is.
[[nodiscard]] inline std::optional<Look> due_look(const storage::StudyState& study, bool receiving,
                                                  const config::Grouping& grouping, storage::Time now) {
  if (receiving) return std::nullopt;
  const auto silence = now - study.last_arrival;
  if (silence >= grouping.quiet && (study.changed || !study.grouped_quiet)) return Look::Quiet;
  if (silence >= grouping.settle && study.changed) return Look::Settled;
  return std::nullopt;
}

}  // namespace server
