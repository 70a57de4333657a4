#include "server/explain.h"

#include <functional>
#include <iostream>

#include "server/commands/command.h"
#include "server/log.h"
#include "server/process.h"

namespace server::commands {
namespace {

struct Options {
  std::filesystem::path settings_file;
  std::string word, recipe;
  bool json = false, one_study = false;
};

nlohmann::json accounts_of_folder(const Options& options) {
  const bool given = std::filesystem::exists(options.settings_file);
  const config::Settings settings = folder_settings(given ? options.settings_file : "", options.recipe);
  log::open(settings.logging);
  const Progress progress;
  return explain_folder(settings, {.input = options.word, .output = {}, .one_study = options.one_study},
                        std::cref(progress))
      .studies;
}

nlohmann::json accounts_of_studies(const Options& options) {
  if (!options.recipe.empty() || options.one_study)
    throw Failure{{"--recipe and --one-study are for folders, and this is none: " + options.word}};
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  storage::Database database = need(storage::Database::open(database_file(settings)), "open the database");
  const auto studies = need(storage::Index(database).resolve(options.word), "look it up");
  if (studies.empty()) throw Failure{{"nothing here has this UID or accession number, and no folder has this name"}};
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& study : studies) all.push_back(explain(database, study));
  return all;
}

int run_explain(const Options& options) {
  const nlohmann::json all =
      std::filesystem::is_directory(options.word) ? accounts_of_folder(options) : accounts_of_studies(options);
  if (options.json) {
    std::cout << all.dump(2) << "\n";
    return kDone;
  }
  for (const auto& account : all) std::cout << explain_in_words(account) << "\n";
  if (all.empty()) std::cout << "No DICOM image is in this folder.\n";
  return kDone;
}

}  // namespace

void add_explain(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "explain", "What arrived, what it was taken for, what is missing, what was computed, where it was sent");
  command->footer(
      "Example: herald explain 1.2.840.113619.2.1   (a study, series or instance UID, or an accession number)\n"
      "         herald explain EXAM_FOLDER --recipe symri-muse   (what would be made of it; nothing is computed)");
  auto options = std::make_shared<Options>();
  add_settings_option(*command, options->settings_file);
  command->add_option("what", options->word, "Study, series or SOP Instance UID, accession number, or a folder")
      ->required();
  command->add_option("--recipe", options->recipe, "Of a folder: a recipe file, or the name of an installed one");
  command->add_flag("--one-study", options->one_study,
                    "Of a folder: all files are images of one study in one place, whatever their headers say");
  command->add_flag("--json", options->json, "For scripts");
  command->callback([&run, options] { run = [options] { return run_explain(*options); }; });
}

}  // namespace server::commands
