#include "server/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>

#include "dicom/output/object.h"
#include "server/commands/command.h"
#include "server/explain.h"
#include "server/log.h"

namespace server::commands {
namespace {

struct Options {
  ProcessOptions process;
  std::filesystem::path settings_file;
  std::string pm = "real", profile;
  std::string recipe;
  std::vector<std::string> facts;
  std::string said_at;
  bool json = false;
};

config::ParametricMaps form_of(const std::string& pm) {
  if (pm == "normalised") return config::ParametricMaps::Normalised;
  return pm == "off" ? config::ParametricMaps::Off : config::ParametricMaps::Real;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const config::NamedProfile& named : config::kProfiles) names.emplace_back(named.name);
  return names;
}

// None where no name is given.
std::optional<config::Profile> profile_called(const std::string& name) {
  const auto* const found = std::ranges::find(config::kProfiles, name, &config::NamedProfile::name);
  return found == config::kProfiles.end() ? std::nullopt : std::optional(found->profile);
}

std::string footer() {
  std::string text = "Profiles:\n";
  for (const config::NamedProfile& named : config::kProfiles)
    text += fmt::format("  {:<8} for {}\n", named.name, named.meant_for);
  return text +
         "Example: herald process EXAM --out RESULTS\n         herald process EXAM --out RESULTS --profile ohif\n"
         "Exit code 1 when nothing could be computed; the account says why.";
}

int run_process(Options options) {
  options.process.parametric_maps = form_of(options.pm);
  options.process.profile = profile_called(options.profile);
  if (!options.said_at.empty()) options.process.said_at = parse_time(options.said_at);
  for (const std::string& fact : options.facts) options.process.facts.push_back(parse_statement(fact));
  const config::Settings settings = folder_settings(options.settings_file, options.recipe);
  log::open(settings.logging);
  dicom::warm_up_writers();
  const ProcessSummary summary = [&] {
    const Progress progress;
    return process_folder(settings, options.process, std::cref(progress));
  }();
  if (options.json) {
    std::cout << summary.studies.dump(2) << "\n";
  } else {
    for (const auto& account : summary.studies) std::cout << explain_in_words(account);
    std::cout << fmt::format("{} files read, {} ignored, {} objects written to {}\n", summary.read, summary.ignored,
                             summary.written, options.process.output.string());
  }
  return summary.written > 0 && summary.jobs_failed == 0 ? kDone : kCouldNot;
}

}  // namespace

void add_process(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("process", "Compute maps and reports from a folder of DICOM files, without network");
  command->footer(footer());
  auto options = std::make_shared<Options>();
  command
      ->add_option("folder", options->process.input,
                   "DICOM files of one or more studies, in any order, with or without outlines (SEG)")
      ->required();
  command->add_option("--out", options->process.output, "Where results go")->required();
  command->add_option("--config", options->settings_file, "A settings file, for its recipe, models and fit options")
      ->check(CLI::ExistingFile);
  command->add_option("--recipe", options->recipe,
                      "A recipe file, or the name of an installed one, for the settings' one");
  command->add_flag("--one-study", options->process.one_study,
                    "All files are images of one study in one place, whatever their headers say (phantoms)");
  command->add_option(
      "--fact", options->facts,
      "NAME=ANSWER, as in er=pos: what images do not hold (`herald clinical list`); once for each fact");
  command->add_option("--by", options->process.said_by, "Who says so: it stands in the report");
  command->add_option("--said-at", options->said_at,
                      "When, \"2026-01-05 12:00\" in UTC, for reports that are the same every time; else it is now");
  CLI::Option* pm =
      command->add_option("--pm", options->pm, "Parametric Maps: real units, normalised to 0..1 for OHIF, or off")
          ->check(CLI::IsMember({"real", "normalised", "off"}))
          ->capture_default_str();
  command
      ->add_option("--profile", options->profile,
                   "Write only what a destination with this profile is sent (the settings' destinations are not read), "
                   "files numbered in the order of sending")
      ->check(CLI::IsMember(profile_names()))
      ->excludes(pm);
  command->add_flag("--json", options->json, "The account for scripts");
  command->callback([&run, options] { run = [options] { return run_process(*options); }; });
}

}  // namespace server::commands
