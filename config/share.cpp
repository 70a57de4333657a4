#include <cstdlib>

#include "config/settings.h"

namespace config {

std::filesystem::path share_folder() {
  const char* named = std::getenv("HERALD_SHARE");
  if (named != nullptr && *named != '\0') return named;
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  const auto installed = program.parent_path().parent_path() / "share" / "herald";
  return std::filesystem::is_directory(installed, unreadable) ? installed : std::filesystem::path(HERALD_SOURCE_FOLDER);
}

}  // namespace config
