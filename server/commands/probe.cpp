#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dicom/network/probe.h"
#include "dicom/network/sop_class.h"
#include "server/commands/command.h"
#include "server/peer_profile.h"
#include "server/result.h"
#include "server/result_kinds.h"

namespace server::commands {
namespace {

using nlohmann::json;

struct Options {
  std::filesystem::path settings_file;
  std::string destination;
  bool json = false;
};

std::vector<std::string> kinds_of_class(const std::string& sop_class_uid) {
  std::vector<std::string> kinds;
  for (const ResultKind& kind : result_kinds())
    if (kind.sop_class_uid == sop_class_uid) kinds.emplace_back(kind.name);
  return kinds;
}

// One account for people and for scripts. `problem`: there was no association.
json describe_peer(const config::Destination& destination) {
  return {{"destination", destination.name},
          {"ae_title", destination.peer.ae_title},
          {"host", destination.peer.host},
          {"port", destination.peer.port},
          {"calling_ae_title", destination.peer.calling_ae_title},
          {"configured", config::in_toml(destination.profile)},
          {"asks_for_commitment", std::ranges::count(destination.confirm.by, config::Confirm::Commitment) > 0}};
}

json describe_answers(const dicom::Probe& probe) {
  json classes = json::array();
  for (const dicom::ProbedClass& probed : probe.classes)
    classes.push_back({{"sop_class", probed.sop_class_uid},
                       {"name", dicom::sop_class_name(probed.sop_class_uid)},
                       {"explicit_little_endian", in_words(probed.explicit_little_endian)},
                       {"implicit_little_endian", in_words(probed.implicit_little_endian)},
                       {"accepted", probed.accepted()},
                       {"kinds", kinds_of_class(probed.sop_class_uid)}});
  return {{"implementation_class_uid", probe.implementation_class_uid},
          {"implementation_version_name", probe.implementation_version_name},
          {"largest_pdu", probe.largest_pdu},
          {"echo", probe.echo_problem.empty() ? "answered" : probe.echo_problem},
          {"storage_commitment", in_words(probe.storage_commitment)},
          {"classes", std::move(classes)}};
}

json describe(const config::Destination& destination, const dicom::Result<dicom::Probe>& probe) {
  json account = describe_peer(destination);
  if (!probe) {
    account["problem"] = probe.error().what;
    return account;
  }
  account.update(describe_answers(*probe));
  account["suggested"] = config::in_toml(suggested_profile(*probe, destination.profile));
  account["undeliverable"] = undeliverable_kinds(*probe, destination.profile);
  return account;
}

std::string said(const json& account, const char* key) { return account.at(key).get<std::string>(); }

void print_peer(const json& account) {
  std::cout << fmt::format("destination {}: {} at {}:{}, called by {}\n", said(account, "destination"),
                           said(account, "ae_title"), said(account, "host"), account.at("port").get<int>(),
                           said(account, "calling_ae_title"));
}

// Accepting the service is half of it: the report comes on a connection that the peer opens.
std::string advice_about_commitment(const json& account) {
  const bool offered = said(account, "storage_commitment") == dicom::in_words(dicom::Answer::Accepted);
  const bool asked = account.at("asks_for_commitment").get<bool>();
  if (offered && !asked)
    return " (with confirm = \"commitment\" results count as delivered only when it has promised to keep them; it has "
           "to "
           "know this node's AE title, host and port for that)";
  if (!offered && asked) return " (the settings ask for it: confirm = \"find\" or \"none\" would do here)";
  return asked ? " (the settings ask for it)" : "";
}

void print_implementation(const json& account) {
  const std::string name = said(account, "implementation_version_name");
  std::cout << fmt::format("implementation: {} ({})\n", name.empty() ? "it gives no name" : name,
                           said(account, "implementation_class_uid"));
  const auto bytes = account.at("largest_pdu").get<std::uint32_t>();
  std::cout << "largest PDU: " << (bytes == 0 ? std::string("unlimited") : fmt::format("{} bytes", bytes)) << "\n";
  std::cout << fmt::format("C-ECHO: {}\nstorage commitment: {}{}\n\n", said(account, "echo"),
                           said(account, "storage_commitment"), advice_about_commitment(account));
}

void print_classes(const json& account) {
  const char* const row = "{:<34} {:<40} {:<40} {}\n";
  std::cout << fmt::format(fmt::runtime(row), "SOP class", "explicit little endian", "implicit little endian",
                           "kinds of results");
  for (const json& line : account.at("classes"))
    std::cout << fmt::format(fmt::runtime(row), said(line, "name"), said(line, "explicit_little_endian"),
                             said(line, "implicit_little_endian"),
                             fmt::join(line.at("kinds").get<std::vector<std::string>>(), ", "));
}

void print_lines(const char* title, const json& lines) {
  std::cout << "\n" << title << "\n";
  for (const json& line : lines) std::cout << "  " << line.get<std::string>() << "\n";
}

void print_advice(const json& account) {
  print_lines("What it is sent by the settings:", account.at("configured"));
  print_lines("What it takes (for its [[destination]] in herald.toml):", account.at("suggested"));
  std::cout << "Which of it its viewers show cannot be asked here: behind an OHIF viewer use profile = \"ohif\".\n";
  for (const json& kind : account.at("undeliverable"))
    std::cout << fmt::format("It takes no {} in any form: they will not reach it.\n",
                             find_result_kind(kind.get<std::string>())->many);
}

void print(const json& account) {
  print_peer(account);
  if (account.contains("problem")) {
    std::cout << said(account, "problem") << "\n";
    return;
  }
  print_implementation(account);
  print_classes(account);
  print_advice(account);
}

std::string names_of(const std::vector<config::Destination>& destinations) {
  std::string names;
  for (const config::Destination& destination : destinations) names += (names.empty() ? "" : ", ") + destination.name;
  return names.empty() ? "none" : names;
}

int run_probe(const Options& options) {
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  const auto found = std::ranges::find(settings.destinations, options.destination, &config::Destination::name);
  if (found == settings.destinations.end()) {
    std::cerr << fmt::format("herald: no destination is called {}; there are: {}\n", options.destination,
                             names_of(settings.destinations));
    return kWrongUse;
  }
  const json account = describe(*found, dicom::probe(found->peer, sop_classes_sent()));
  if (options.json)
    std::cout << account.dump(2) << "\n";
  else
    print(account);
  return account.contains("problem") || !account.at("undeliverable").empty() ? kCouldNot : kDone;
}

}  // namespace

void add_probe(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("probe", "Ask a destination which objects it takes; suggest its profile");
  command->footer(
      "Example: herald probe pacs\nNothing is stored there. Exit code 1 when there is no association, or when "
      "something "
      "that the settings have sent there would reach it in no form.");
  auto options = std::make_shared<Options>();
  add_settings_option(*command, options->settings_file);
  command->add_option("destination", options->destination, "The name of a [[destination]] of the settings")->required();
  command->add_flag("--json", options->json, "For scripts");
  command->callback([&run, options] { run = [options] { return run_probe(*options); }; });
}

}  // namespace server::commands
