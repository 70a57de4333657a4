#include "config/recipe.h"

#include "config/toml_file.h"

namespace config {
namespace {

std::string name_of(const Entry& entry, std::string_view also_allowed) {
  std::string name = entry.text();
  if (!is_name(name, also_allowed)) entry.refuse("1 to 100 letters, digits and " + std::string(also_allowed));
  return name;
}

std::vector<std::string> descriptions_of(const Entry& entry) {
  std::vector<std::string> descriptions = entry.texts();
  // An empty part is contained in every description and would map all series to this slot.
  if (std::ranges::count(descriptions, "") > 0) entry.refuse("texts that are not empty");
  return descriptions;
}

std::vector<std::string> models_of(const Entry& entry) {
  std::vector<std::string> models = entry.texts();
  for (const std::string& model : models)
    if (!is_name(model, "._-")) entry.refuse("ids of models: letters, digits and ._-");
  return models;
}

std::vector<std::string> map_names_of(const Entry& entry) {
  std::vector<std::string> maps = entry.texts();
  for (const std::string& map : maps)
    if (!is_name(map, "_")) entry.refuse("names of maps: letters, digits and _");
  return maps;
}

constexpr Key<Slot> kSlotKeys[] = {
    {"name", [](const Entry& e, Slot& s) { s.name = name_of(e, "_"); }, true},
    {"kind",
     [](const Entry& e, Slot& s) {
       s.kinds = e.one_or_more_of({"t1_vfa", "t2_me", "t2star_me", "dwi", "t1_ir", "mdme", "symri_maps", "dce", "t2w"});
     },
     true},
    {"contrast",
     [](const Entry& e, Slot& s) {
       s.contrast = e.text_of({"before", "after", ""});
     }},
    {"required", [](const Entry& e, Slot& s) { s.required = e.flag(); }},
    {"volumes", [](const Entry& e, Slot& s) { s.volumes = static_cast<int>(e.whole(2, 1000)); }},
    {"slices", [](const Entry& e, Slot& s) { s.slices = static_cast<int>(e.whole(1, 2000)); }},
    {"values", [](const Entry& e, Slot& s) { s.values = e.ascending_numbers(0, 1e5); }},
    {"delays_ms", [](const Entry& e, Slot& s) { s.delays_ms = e.ascending_numbers(1, 1e5); }},
    {"maps", [](const Entry& e, Slot& s) { s.maps = map_names_of(e); }},
    {"least_snr", [](const Entry& e, Slot& s) { s.least_snr = e.number(0, 1000); }},
    {"align", [](const Entry& e, Slot& s) { s.align = e.flag(); }},
    {"look_locker", [](const Entry& e, Slot& s) { s.look_locker = e.flag(); }},
    {"descriptions", [](const Entry& e, Slot& s) { s.descriptions = descriptions_of(e); }},
};

void read_slots(const Entry& entry, Recipe& recipe) {
  for (const Table& table : entry.tables()) {
    Slot slot;
    read_table<Slot>(table, kSlotKeys, slot);
    const auto takes = [&](const char* kind) { return std::ranges::count(slot.kinds, kind) > 0; };
    if (slot.look_locker && !takes("t1_ir"))
      table.refuse(table.value.at("look_locker"), "look_locker: expected in slots of kind \"t1_ir\" only");
    if (slot.least_snr > 0 && !takes("t2_me") && !takes("t2star_me"))
      table.refuse(table.value.at("least_snr"), "least_snr: expected in slots of multi-echo kinds only");
    if (!slot.delays_ms.empty() && !takes("mdme"))
      table.refuse(table.value.at("delays_ms"), "delays_ms: expected in slots of kind \"mdme\" only");
    for (const Slot& other : recipe.slots)
      if (!slot.delays_ms.empty() && !other.delays_ms.empty() && slot.delays_ms != other.delays_ms)
        table.refuse(table.value.at("delays_ms"),
                     "delays_ms: expected those of slot " + other.name + ", a protocol has one set of delays");
    if (std::ranges::count(recipe.slots, slot.name, &Slot::name) > 0)
      table.refuse(table.value.at("name"), "name = \"" + slot.name + "\": expected a name that no other slot has");
    recipe.slots.push_back(std::move(slot));
  }
  if (recipe.slots.empty()) entry.refuse("one slot or more");
}

constexpr Key<Recipe> kRecipeKeys[] = {
    {"name", [](const Entry& e, Recipe& r) { r.name = name_of(e, "_-"); }, true},
    {"title", [](const Entry& e, Recipe& r) { r.title = e.text(); }, true},
    {"models", [](const Entry& e, Recipe& r) { r.models = models_of(e); }},
    {"propose_lesions", [](const Entry& e, Recipe& r) { r.propose_lesions = e.flag(); }},
    {"slot", read_slots, true},
};

}  // namespace

Result<Recipe> load_recipe(const std::filesystem::path& file) {
  return guarded(file, [&] {
    const Toml document = read_toml(file);
    Recipe recipe;
    read_table<Recipe>({document, "", file}, kRecipeKeys, recipe);
    return recipe;
  });
}

}  // namespace config
