#include "server/context.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "dicom/output/object.h"
#include "fitting/model.h"

namespace server {

std::string_view version() { return HERALD_VERSION; }

storage::Time now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

namespace {

// Names in fitting::catalog() of the models that a kind of acquisition may get, in their order.
std::vector<std::string_view> models_for(const std::string& kind) {
  if (kind == "dwi") return {"adc", "dki"};
  if (kind == "t2_me") return {"t2"};
  if (kind == "t2star_me") return {"t2star"};
  if (kind == "t2w") return {};
  return {kind == "symri_maps" ? "mdme" : std::string_view(kind)};
}

// Every result that the slots of a recipe may have: what a model may ask for.
classifier::Sources sources_of(const config::Recipe& recipe) {
  classifier::Sources sources;
  for (const config::Slot& slot : recipe.slots) {
    for (const std::string& kind : slot.kinds) {
      int map = 0;
      for (const std::string_view name : models_for(kind)) {
        const fitting::Model* model = fitting::find_model(name);
        for (std::size_t k = 0; k < model->maps; ++k)
          sources.insert(result_name(slot.name, map++, model->parameters[k]));
      }
    }
  }
  return sources;
}

std::vector<classifier::Model> load_models(const config::Settings& settings, const config::Recipe& recipe) {
  std::vector<classifier::Model> models;
  const classifier::Sources sources = sources_of(recipe);
  for (const std::string& id : recipe.models) {
    models.push_back(need(classifier::load_model(settings.models / (id + ".json"), sources), "load model"));
  }
  return models;
}

// Of any model; which of them a slot can have depends on what fills it.
bool is_map(const std::string& name) {
  const auto has_it = [&](const fitting::Model& model) {
    const auto maps = model.parameters.first(model.maps);
    return std::any_of(maps.begin(), maps.end(), [&](const fitting::Parameter& map) { return map.name == name; });
  };
  return std::any_of(fitting::catalog().begin(), fitting::catalog().end(), has_it);
}

}  // namespace

config::Recipe load_recipe(const std::filesystem::path& file) {
  config::Recipe recipe = need(config::load_recipe(file), "load recipe");
  for (const config::Slot& slot : recipe.slots)
    for (const std::string& map : slot.maps)
      if (!is_map(map))
        throw Failure{{file.string() + ": slot " + slot.name + ": maps: there is no map called " + map}};
  return recipe;
}

Context open_context(config::Settings settings) {
  config::Recipe recipe = load_recipe(settings.recipe);
  std::vector<classifier::Model> models = load_models(settings, recipe);
  storage::ObjectStore store = need(storage::ObjectStore::open(settings.store), "open the object store");
  storage::Database database = need(storage::Database::open(database_file(settings)), "open the database");
  settings.equipment.version = version();
  return Context{.settings = std::move(settings),
                 .recipe = std::move(recipe),
                 .models = std::move(models),
                 .store = std::move(store),
                 .database = std::move(database)};
}

std::string result_name(const std::string& slot, int map, const fitting::Parameter& parameter) {
  if (map == 0) return slot;
  std::string name = slot + "_";
  for (const char c : parameter.name) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::filesystem::path database_file(const config::Settings& settings) { return settings.store.root / "herald.db"; }

}  // namespace server
