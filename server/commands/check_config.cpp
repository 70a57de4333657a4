#include <fmt/format.h>

#include <iostream>

#include "server/commands/command.h"
#include "server/context.h"
#include "server/result_kinds.h"

namespace server::commands {
namespace {

std::string way_of(const config::Query& query) {
  switch (query.method) {
    case config::Query::Method::Move:
      return "and has what is missing sent to " + query.move_destination;
    case config::Query::Method::Get:
      return "and gets what is missing";
    case config::Query::Method::Off:
      break;
  }
  return "and fetches nothing";
}

// In sending order.
std::string objects_sent(const config::Profile& profile) {
  std::string list;
  for (const std::string& kind : kinds_sent(profile))
    list.append(list.empty() ? "" : ", ").append(find_result_kind(kind)->many);
  return list;
}

// Reads the files as the service would.
void check_tls(const std::string& whose, const dicom::TlsFiles& files) {
  const auto own = need(dicom::check_tls_files(files), "TLS of " + whose);
  std::cout << fmt::format(
      "{} by TLS: {}\n", whose,
      own ? fmt::format("certificate of {}, valid until {}", own->subject, dicom::date_of(own->not_after))
          : std::string("without a certificate of our own"));
}

void check_tls(const config::Settings& settings) {
  if (const auto& tls = settings.receive.tls) check_tls(fmt::format("listens on port {}", tls->port), tls->files);
  for (const config::Destination& destination : settings.destinations)
    if (destination.peer.tls) check_tls("destination " + destination.name, destination.peer.tls->files);
  if (settings.query && settings.query->peer.tls) check_tls("asks", settings.query->peer.tls->files);
}

int check(const std::filesystem::path& settings_file) {
  const config::Settings settings = need(config::load_settings(settings_file), "settings");
  const config::Recipe recipe = load_recipe(settings.recipe);
  std::cout << fmt::format("{} is good.\n", settings_file.string());
  std::cout << fmt::format("listens as {} on {}; may store: {}\n", settings.receive.ae_title,
                           settings.receive.plain ? fmt::format("port {}", settings.receive.port) : "no plain port",
                           settings.receive.calling_ae_titles.empty()
                               ? "nobody"
                               : fmt::format("{}", fmt::join(settings.receive.calling_ae_titles, ", ")));
  check_tls(settings);
  std::cout << fmt::format("keeps data in {}\n", settings.store.root.string());
  std::cout << fmt::format("recipe {}: {}\n", recipe.name, recipe.title);
  for (const config::Slot& slot : recipe.slots) {
    std::cout << fmt::format("  {:<8} {}{}{}\n", slot.name, fmt::join(slot.kinds, " or "),
                             slot.contrast.empty() ? "" : ", " + slot.contrast + " contrast",
                             slot.required ? ", required" : "");
  }
  for (const std::string& id : recipe.models) {
    const classifier::Model model = need(classifier::load_model(settings.models / (id + ".json")), "model");
    std::cout << fmt::format("model {} version {}: {}\n", model.id, model.version, model.status);
  }
  for (const config::Destination& destination : settings.destinations) {
    std::cout << fmt::format("destination {}: {} at {}:{}\n  {}\n  sends {}\n", destination.name,
                             destination.peer.ae_title, destination.peer.host, destination.peer.port,
                             fmt::join(config::in_toml(destination.profile), ", "), objects_sent(destination.profile));
  }
  if (settings.destinations.empty()) std::cout << "no destination: results stay in the store\n";
  if (settings.query) {
    const config::Query& query = *settings.query;
    std::cout << fmt::format("asks {} at {}:{} what it has of a study, {}\n", query.peer.ae_title, query.peer.host,
                             query.peer.port, way_of(query));
  }
  return kDone;
}

}  // namespace

void add_check_config(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("check-config", "Read the settings, the recipe and the models, and say what they mean");
  command->footer("Example: herald check-config --config /etc/herald/herald.toml");
  auto settings_file = std::make_shared<std::filesystem::path>();
  add_settings_option(*command, *settings_file);
  command->callback([&run, settings_file] { run = [settings_file] { return check(*settings_file); }; });
}

}  // namespace server::commands
