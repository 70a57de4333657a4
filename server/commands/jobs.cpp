#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "server/commands/command.h"
#include "server/context.h"

namespace server::commands {
namespace {

struct Options {
  std::filesystem::path settings_file;
  std::string study;
  std::int64_t retry = 0, cancel = 0;
  bool json = false, all = false, ledger = false;
};

storage::Database open_database(const Options& options) {
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  return need(storage::Database::open(database_file(settings)), "open the database");
}

int changed(bool done, std::int64_t id, const char* what) {
  if (!done) throw Failure{{fmt::format("{} cannot be {} in its present state, or does not exist", id, what)}};
  std::cout << fmt::format("{} {}\n", id, what);
  return kDone;
}

void add_common(CLI::App& command, Options& options) {
  add_settings_option(command, options.settings_file);
  command.add_option("--study", options.study, "Only this Study Instance UID");
  command.add_option("--retry", options.retry, "Try this one again, from now");
  command.add_option("--cancel", options.cancel, "Give this one up");
  command.add_flag("--all", options.all, "Also what is finished");
  command.add_flag("--json", options.json, "For scripts");
}

int run_jobs(const Options& options) {
  storage::Database database = open_database(options);
  storage::JobQueue queue(database);
  if (options.retry != 0)
    return changed(need(queue.retry(options.retry, now()), "retry"), options.retry, "queued again");
  if (options.cancel != 0)
    return changed(need(queue.cancel(options.cancel, now()), "cancel"), options.cancel, "cancelled");
  nlohmann::json list = nlohmann::json::array();
  for (const storage::Job& job : need(queue.jobs_of(options.study), "list jobs")) {
    if (!options.all && job.state == storage::JobState::Done) continue;
    list.push_back({{"id", job.id},
                    {"kind", job.kind},
                    {"state", storage::to_string(job.state)},
                    {"attempts", job.attempts},
                    {"study", job.study_uid},
                    {"reason", job.reason}});
    if (!options.json) {
      std::cout << fmt::format("{:>6} {:<8} {:<9} attempt {} of {}  {}  {}\n", job.id, job.kind,
                               storage::to_string(job.state), job.attempts, storage::kMostAttempts, job.study_uid,
                               job.reason);
    }
  }
  if (options.json) std::cout << list.dump(2) << "\n";
  return kDone;
}

std::string iso(storage::Time at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

// Who got it, when, with which status.
nlohmann::json ledger_of(const storage::Outbox& outbox, std::int64_t id) {
  nlohmann::json lines = nlohmann::json::array();
  for (const storage::LedgerLine& line : need(outbox.ledger_of(id), "read the ledger"))
    lines.push_back({{"at", iso(line.at)}, {"event", line.event}, {"status", line.status}, {"words", line.words}});
  return lines;
}

void print_ledger(const nlohmann::json& lines) {
  for (const auto& line : lines) {
    const int status = line.at("status").get<int>();
    std::cout << fmt::format("         {}  {:<9} {}  {}\n", line.at("at").get<std::string>(),
                             line.at("event").get<std::string>(),
                             status < 0 ? std::string("no answer") : fmt::format("status 0x{:04X}", status),
                             line.at("words").get<std::string>());
  }
}

int run_outbox(const Options& options) {
  storage::Database database = open_database(options);
  storage::Outbox outbox(database);
  if (options.retry != 0) return changed(need(outbox.retry(options.retry, now()), "retry"), options.retry, "due now");
  if (options.cancel != 0)
    return changed(need(outbox.cancel(options.cancel, now()), "cancel"), options.cancel, "cancelled");
  nlohmann::json list = nlohmann::json::array();
  for (const storage::OutboxRow& row : need(outbox.rows_of(options.study), "list the outbox")) {
    if (!options.all && row.state == storage::OutboxState::Delivered) continue;
    list.push_back({{"id", row.id},
                    {"destination", row.destination},
                    {"state", storage::to_string(row.state)},
                    {"attempts", row.attempts},
                    {"kind", row.object.kind},
                    {"instance", row.object.sop_instance_uid},
                    {"status", row.last_status},
                    {"problem", row.last_problem},
                    {"proof", storage::to_string(row.proof)},
                    {"asks", row.asks}});
    if (row.sent) list.back()["sent"] = iso(*row.sent);
    if (options.ledger) list.back()["ledger"] = ledger_of(outbox, row.id);
    if (!options.json) {
      std::cout << fmt::format(
          "{:>6} {:<12} {:<9} {:>3} attempts  {:<24} {}  {}\n", row.id, row.destination, storage::to_string(row.state),
          row.attempts, row.object.kind, row.object.sop_instance_uid,
          row.proof == storage::Proof::None ? row.last_problem : fmt::format("by {}", storage::to_string(row.proof)));
      if (options.ledger) print_ledger(list.back().at("ledger"));
    }
  }
  if (options.json) std::cout << list.dump(2) << "\n";
  return kDone;
}

}  // namespace

void add_jobs(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("jobs", "List the work in the queue; retry or cancel it");
  command->footer("Example: herald jobs\n         herald jobs --retry 41");
  auto options = std::make_shared<Options>();
  add_common(*command, *options);
  command->callback([&run, options] { run = [options] { return run_jobs(*options); }; });
}

void add_outbox(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("outbox", "List what still has to be delivered; retry or cancel it");
  command->footer(
      "Example: herald outbox\n         herald outbox --all --ledger\n         herald outbox --retry 107\n"
      "\"sent\": the receiver has stored it, and has not confirmed yet that it keeps it.");
  auto options = std::make_shared<Options>();
  add_common(*command, *options);
  command->add_flag("--ledger", options->ledger, "With what became of each, and when");
  command->callback([&run, options] { run = [options] { return run_outbox(*options); }; });
}

}  // namespace server::commands
