// What the commands that work on a folder have in common.
#include <unistd.h>

#include <iostream>

#include "server/commands/command.h"
#include "server/result.h"

namespace server::commands {
namespace {

std::filesystem::path recipe_file(const std::string& recipe) {
  const std::filesystem::path installed = config::installed_recipe(recipe);
  const bool is_name = recipe.find('/') == std::string::npos;
  return is_name && std::filesystem::exists(installed) ? installed : std::filesystem::path(recipe);
}

}  // namespace

config::Settings folder_settings(const std::filesystem::path& settings_file, const std::string& recipe) {
  config::Settings settings = settings_file.empty() ? config::default_settings()
                                                    : need(config::load_settings(settings_file), "read the settings");
  if (!recipe.empty()) settings.recipe = recipe_file(recipe);
  settings.logging.level = "error";
  settings.logging.file.clear();
  return settings;
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (terminal_) std::cerr << "\r\033[K" << std::flush;
}

void Progress::operator()(const std::string& what) const {
  if (terminal_) std::cerr << "\r\033[K" << what << std::flush;
}

}  // namespace server::commands
