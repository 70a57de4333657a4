#include "server/service.h"

#include "server/commands/command.h"
#include "server/workers.h"

namespace server::commands {

void add_settings_option(CLI::App& command, std::filesystem::path& settings_file) {
  settings_file = "/etc/herald/herald.toml";
  command.add_option("--config", settings_file, "The settings file")->envname("HERALD_CONFIG")->capture_default_str();
}

void add_serve(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("serve", "Receive exams, compute maps and reports, deliver them");
  command->footer(
      "Example: herald serve --config /etc/herald/herald.toml\nStops cleanly on SIGTERM or Ctrl-C; kill -9 loses "
      "nothing either. SIGHUP reads the files of [receive.tls] again.");
  auto settings_file = std::make_shared<std::filesystem::path>();
  add_settings_option(*command, *settings_file);
  command->callback([&run, settings_file] { run = [settings_file] { return run_service(*settings_file); }; });
}

// Started by `serve`, not by people.
void add_worker(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("worker", "")->group("");
  auto settings_file = std::make_shared<std::filesystem::path>();
  auto parent = std::make_shared<int>(0);
  add_settings_option(*command, *settings_file);
  command->add_option("--parent", *parent)->required();
  command->callback(
      [&run, settings_file, parent] { run = [settings_file, parent] { return run_worker(*settings_file, *parent); }; });
}

}  // namespace server::commands
