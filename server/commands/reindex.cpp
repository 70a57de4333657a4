// Repairs the index from the files, while no service runs.
#include <fmt/format.h>

#include <iostream>

#include "server/commands/command.h"
#include "server/folder_lock.h"
#include "server/reconcile.h"

namespace server::commands {
namespace {

namespace fs = std::filesystem;

struct Repair {
  fs::path settings_file;
  bool verify = false, rebuild = false;
};

// Jobs and deliveries go with it: they are made again from the images, under the same UIDs.
void set_aside(const fs::path& database) {
  const std::string stamp = std::to_string(now().time_since_epoch().count());
  for (const char* part : {"", "-wal", "-shm"}) {
    const fs::path file = database.string() + part;
    if (fs::exists(file)) fs::rename(file, database.string() + "." + stamp + part);
  }
  std::cout << fmt::format("the old database is kept as {}.{}\n", database.string(), stamp);
}

int reindex(const Repair& repair) {
  const config::Settings settings = need(config::load_settings(repair.settings_file), "read the settings");
  const auto store = need(storage::ObjectStore::open(settings.store), "open the object store");
  const FolderLock lock(settings.store.root);
  if (repair.rebuild) set_aside(database_file(settings));
  auto database = need(storage::Database::open(database_file(settings)), "open the database");
  const Progress progress;
  progress(repair.verify ? "reading every file" : "comparing files and index");
  const Reconciled done = reconcile(store, database, repair.verify ? Reading::Bytes : Reading::Names);
  std::cout << fmt::format("{} instances; {} files indexed again, {} rows without their file removed\n",
                           need(storage::Index(database).count(), "count"), done.indexed, done.missing);
  if (repair.verify) std::cout << fmt::format("{} files whose bytes have changed are in quarantine\n", done.corrupt);
  return kDone;
}

}  // namespace

void add_reindex(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("reindex", "Repair the index from the files; the service must not run");
  command->footer(
      "Example: herald reindex --verify --config /etc/herald/herald.toml\n--rebuild makes a new database where the old "
      "one "
      "is broken: images are grouped and computed anew, results get the UIDs they had, facts that people stated are "
      "lost.");
  auto repair = std::make_shared<Repair>();
  add_settings_option(*command, repair->settings_file);
  command->add_flag("--verify", repair->verify, "Read every file and compare it with the digest it came with");
  command->add_flag("--rebuild", repair->rebuild, "Set the database aside and make a new one");
  command->callback([&run, repair] { run = [repair] { return reindex(*repair); }; });
}

}  // namespace server::commands
