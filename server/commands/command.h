#pragma once
// The commands of the one binary. Each file adds its own subcommand; main() only collects them.
// Exit codes: 0 done, 1 could not (a sentence on standard error says why), 2 wrong use.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "config/settings.h"

namespace server::commands {

inline constexpr int kDone = 0;
inline constexpr int kCouldNot = 1;
inline constexpr int kWrongUse = 2;

// What main() runs once the command line is understood.
using Run = std::function<int()>;

void add_serve(CLI::App& app, Run& run);
void add_worker(CLI::App& app, Run& run);
void add_process(CLI::App& app, Run& run);
void add_simulate(CLI::App& app, Run& run);
void add_explain(CLI::App& app, Run& run);
void add_jobs(CLI::App& app, Run& run);
void add_outbox(CLI::App& app, Run& run);
void add_clinical(CLI::App& app, Run& run);
void add_probe(CLI::App& app, Run& run);
void add_tls_check(CLI::App& app, Run& run);
void add_conformance(CLI::App& app, Run& run);
void add_check_config(CLI::App& app, Run& run);
void add_reindex(CLI::App& app, Run& run);

// Settings of a command that works on a folder: those of a file, or the defaults with the shipped recipe and models;
// `recipe` is a file or the name of an installed recipe, empty: the settings' own. Logs errors only.
[[nodiscard]] config::Settings folder_settings(const std::filesystem::path& settings_file, const std::string& recipe);

// Tells on a terminal what is being done, on a line that is wiped at the end.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void operator()(const std::string& what) const;

 private:
  bool terminal_;
};

// The option --config, as every command that needs the settings has it.
void add_settings_option(CLI::App& command, std::filesystem::path& settings_file);

}  // namespace server::commands
