#include "server/explain.h"

#include <iostream>

#include "server/commands/command.h"

namespace server::commands {
namespace {

struct Options {
  std::filesystem::path settings_file;
  std::string word;
  bool json = false;
};

int run_explain(const Options& options) {
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  storage::Database database = need(storage::Database::open(database_file(settings)), "open the database");
  const auto studies = need(storage::Index(database).resolve(options.word), "look it up");
  if (studies.empty()) throw Failure{{"nothing here has this UID or accession number"}};
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& study : studies) all.push_back(explain(database, study));
  if (options.json) {
    std::cout << all.dump(2) << "\n";
  } else {
    for (const auto& account : all) std::cout << explain_in_words(account);
  }
  return kDone;
}

}  // namespace

void add_explain(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "explain", "What arrived, what it was taken for, what is missing, what was computed, where it was sent");
  command->footer(
      "Example: herald explain 1.2.840.113619.2.1   (a study, series or instance UID, or an accession number)");
  auto options = std::make_shared<Options>();
  add_settings_option(*command, options->settings_file);
  command->add_option("what", options->word, "Study, series or SOP Instance UID, or accession number")->required();
  command->add_flag("--json", options->json, "For scripts");
  command->callback([&run, options] { run = [options] { return run_explain(*options); }; });
}

}  // namespace server::commands
