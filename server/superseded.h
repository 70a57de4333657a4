#pragma once
// What later images, outlines and facts replace: jobs for sets that are no more, and their results.
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/context.h"

namespace server {

[[nodiscard]] std::optional<storage::Job> find_job(const std::vector<storage::Job>& jobs, std::string_view kind,
                                                   std::string_view key);

// Jobs of one kind whose keys are not among the `current` ones.
struct Superseded {
  std::vector<storage::Job> open, done;  // oldest first
};
[[nodiscard]] Superseded superseded(const std::vector<storage::Job>& jobs, std::string_view kind,
                                    const std::set<std::string>& current);

[[nodiscard]] std::vector<storage::ResultRow> results_of(const storage::JobQueue& queue, const std::string& study,
                                                         const std::vector<storage::Job>& jobs);

// What is not done need not be done, and what has not left yet need not leave any more.
void stop(Context& context, const std::string& study, const Superseded& old);

// Whether stop() cancelled it.
[[nodiscard]] bool was_stopped(const storage::Job& job);
// A job that stop() cancelled and whose set is the right one after all waits again; any other is returned as it is.
[[nodiscard]] storage::Job revived(storage::JobQueue& queue, storage::Job job);

}  // namespace server
