#pragma once
// `herald serve`: receives, groups, has workers compute, delivers.
#include <filesystem>

namespace server {

// Runs until SIGTERM or SIGINT; then drains associations, stops couriers and workers. Returns the exit code.
int run_service(const std::filesystem::path& settings_file);

}  // namespace server
