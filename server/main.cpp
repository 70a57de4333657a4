#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "dicom/output/object.h"
#include "server/commands/command.h"
#include "server/context.h"

namespace server {
namespace {

int understand_and_run(int argc, char** argv) {
  CLI::App app{std::string("Herald, a DICOM node for quantitative breast MRI. ") + dicom::kResearchNotice + "."};
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  app.footer(
      "Example: herald process EXAM_FOLDER --out RESULTS      `herald COMMAND --help` has one for each command.");
  commands::Run run;
  for (const auto add : {commands::add_serve, commands::add_process, commands::add_simulate, commands::add_explain,
                         commands::add_clinical, commands::add_jobs, commands::add_outbox, commands::add_check_config,
                         commands::add_probe, commands::add_tls_check, commands::add_conformance, commands::add_reindex,
                         commands::add_worker}) {
    add(app, run);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? commands::kDone : commands::kWrongUse;
  }
  return run();
}

}  // namespace
}  // namespace server

int main(int argc, char** argv) {
  try {
    return server::understand_and_run(argc, argv);
  } catch (const server::Failure& failure) {
    std::cerr << "herald: " << failure.error.what << "\n";
  } catch (const std::exception& e) {
    std::cerr << "herald: " << e.what() << "\n";
  }
  return server::commands::kCouldNot;
}
