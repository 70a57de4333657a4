#include <fmt/format.h>

#include <iostream>

#include "classifier/facts.h"
#include "server/clinical.h"
#include "server/commands/command.h"
#include "server/log.h"

namespace server::commands {
namespace {

struct Options {
  std::filesystem::path settings_file;
  std::string study, by;
  std::vector<std::string> facts;
  bool json = false, history = false;
};

storage::Database open_database(const Options& options) {
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  log::open(settings.logging);
  return need(storage::Database::open(database_file(settings)), "open the database");
}

std::string study_of(storage::Database& database, const Options& options) {
  const auto study = study_meant(database, options.study);
  if (!study) throw Failure{{options.study + " is neither a Study Instance UID nor the accession number of one study"}};
  return *study;
}

int print(const std::vector<storage::FactRow>& rows, bool as_json) {
  if (as_json) {
    std::cout << facts_to_json(rows).dump(2) << "\n";
    return kDone;
  }
  for (const storage::FactRow& row : rows) std::cout << in_words(row) << "\n";
  if (rows.empty()) std::cout << "Nothing has been stated.\n";
  return kDone;
}

int set(const Options& options) {
  std::vector<Statement> statements;
  for (const std::string& text : options.facts) statements.push_back(parse_statement(text));
  storage::Database database = open_database(options);
  const std::string study = study_of(database, options);
  state_facts(database, study, statements, options.by, "command");
  return print(need(storage::Facts(database).current(study), "read the facts"), options.json);
}

int show(const Options& options) {
  storage::Database database = open_database(options);
  const storage::Facts facts(database);
  const std::string study = study_of(database, options);
  return print(need(options.history ? facts.history(study) : facts.current(study), "read the facts"), options.json);
}

int list_facts() {
  for (const classifier::Fact& fact : classifier::facts()) {
    std::string answers;
    for (const auto& [word, meaning] : fact.answers) answers += (answers.empty() ? "" : " | ") + word;
    if (fact.is_number()) answers = fmt::format("{} to {} {}", fact.low, fact.high, fact.unit);
    std::cout << fmt::format("{:<16} {:<40} {}\n", fact.name, answers, fact.title);
  }
  return kDone;
}

}  // namespace

void add_clinical(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("clinical", "Facts that images do not hold: pathology, and what a reader sees");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto common = [&](CLI::App* sub) {
    add_settings_option(*sub, options->settings_file);
    sub->add_option("study", options->study, "Study Instance UID or accession number")->required();
    sub->add_flag("--json", options->json, "For scripts");
  };
  CLI::App* setting = command->add_subcommand("set", "Record facts; the nomogram of the study is made again");
  setting->footer(
      "Example: herald clinical set A1234 er=pos ki67=22 --by \"Pathology, Dr. Example\"\n"
      "         herald clinical set A1234 er=unknown --by …   takes back what was said");
  common(setting);
  setting->add_option("facts", options->facts, "NAME=ANSWER; `herald clinical list` shows all")->required();
  setting->add_option("--by", options->by, "Who says so: it stands in the report")->required();
  setting->callback([&run, options] { run = [options] { return set(*options); }; });

  CLI::App* showing = command->add_subcommand("show", "What has been stated of a study, by whom and when");
  showing->footer("Example: herald clinical show A1234 --history");
  common(showing);
  showing->add_flag("--history", options->history, "Also what was said before and does not hold any more");
  showing->callback([&run, options] { run = [options] { return show(*options); }; });

  CLI::App* listing = command->add_subcommand("list", "The facts that models know, and their answers");
  listing->footer("Example: herald clinical list");
  listing->callback([&run] { run = list_facts; });
}

}  // namespace server::commands
