#pragma once
// What every job needs, opened once per process: settings, recipe, models, files, and one database connection.
#include <string>
#include <vector>

#include "classifier/model.h"
#include "config/recipe.h"
#include "config/settings.h"
#include "fitting/model.h"
#include "server/result.h"
#include "storage/database.h"
#include "storage/index.h"
#include "storage/jobs.h"
#include "storage/object_store.h"
#include "storage/outbox.h"

namespace server {

[[nodiscard]] std::string_view version();

// The wall clock, as storage counts it. The only place that asks it.
[[nodiscard]] storage::Time now();

struct Context {
  config::Settings settings;
  config::Recipe recipe;
  std::vector<classifier::Model> models;  // those the recipe names
  storage::ObjectStore store;
  storage::Database database;
  storage::Duration retry_after = std::chrono::seconds(5);  // after a job failed
  // Of a folder: what ends the wait for more, and whether its files are images of one study whatever their headers say.
  std::string end_of_arrival = "the quiet period of the study is over";
  bool one_study = false;
  bool from_folder = false;  // the files are the user's own: read a moment ago, and not ours to move
};

// Reads a recipe and checks that the maps which it names exist; throws a Failure.
[[nodiscard]] config::Recipe load_recipe(const std::filesystem::path& file);

// Opens everything that `settings` name; throws a Failure that says what is missing or broken and where.
[[nodiscard]] Context open_context(config::Settings settings);
[[nodiscard]] std::filesystem::path database_file(const config::Settings& settings);

// What a result is called: the first map of a slot ("dwi": ADC) as the slot, every further one with its parameter
// behind it ("dwi_d", "dwi_k").
[[nodiscard]] std::string result_name(const std::string& slot, int map, const fitting::Parameter& parameter);

}  // namespace server
