#include "server/context.h"

#include <filesystem>

#include "dicom/output/object.h"

namespace server {

std::string_view version() { return HERALD_VERSION; }

storage::Time now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

namespace {

std::vector<classifier::Model> load_models(const config::Settings& settings, const config::Recipe& recipe) {
  std::vector<classifier::Model> models;
  for (const std::string& id : recipe.models) {
    models.push_back(need(classifier::load_model(settings.models / (id + ".json")), "load model"));
  }
  return models;
}

}  // namespace

Context open_context(config::Settings settings) {
  config::Recipe recipe = need(config::load_recipe(settings.recipe), "load recipe");
  std::vector<classifier::Model> models = load_models(settings, recipe);
  storage::ObjectStore store = need(storage::ObjectStore::open(settings.store), "open the object store");
  storage::Database database = need(storage::Database::open(database_file(settings)), "open the database");
  settings.equipment.version = version();
  return Context{std::move(settings), std::move(recipe),   std::move(models),
                 std::move(store),    std::move(database), std::chrono::seconds(5)};
}

std::filesystem::path database_file(const config::Settings& settings) { return settings.store.root / "herald.db"; }

std::vector<storage::Delivery> deliveries(const config::Settings& settings) {
  std::vector<storage::Delivery> all;
  for (const config::Destination& destination : settings.destinations) {
    storage::Delivery delivery{destination.name, {"mr_map"}};
    if (destination.parametric_maps == config::ParametricMaps::Real) delivery.kinds.emplace_back("pm_real");
    if (destination.parametric_maps == config::ParametricMaps::Normalised) delivery.kinds.emplace_back("pm_normalised");
    if (destination.reports) delivery.kinds.insert(delivery.kinds.end(), {"sr_measurements", "sr_nomogram"});
    all.push_back(std::move(delivery));
  }
  return all;
}

}  // namespace server
