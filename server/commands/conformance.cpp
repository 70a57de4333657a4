#include "server/conformance.h"

#include <iostream>

#include "server/commands/command.h"
#include "server/context.h"

namespace server::commands {

void add_conformance(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("conformance", "Print the DICOM conformance statement of this node, as Markdown");
  command->footer(
      "Example: herald conformance > conformance.md\n         herald conformance --defaults     the statement of a "
      "node "
      "whose settings change nothing");
  auto settings_file = std::make_shared<std::filesystem::path>();
  auto defaults = std::make_shared<bool>(false);
  add_settings_option(*command, *settings_file);
  command->add_flag("--defaults", *defaults, "Of the default settings, without a settings file");
  command->callback([&run, settings_file, defaults] {
    run = [settings_file, defaults] {
      const config::Settings settings =
          *defaults ? config::default_settings() : need(config::load_settings(*settings_file), "read the settings");
      std::cout << conformance_statement(settings, version());
      return kDone;
    };
  });
}

}  // namespace server::commands
