#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dicom/network/sender.h"
#include "dicom/network/tls_check.h"
#include "server/certificates.h"
#include "server/commands/command.h"
#include "server/context.h"
#include "server/result.h"

namespace server::commands {
namespace {

using nlohmann::json;

struct Options {
  std::filesystem::path settings_file, certificate, key, trusted;
  std::string peer, name;
  bool json = false;
};

// HOST:PORT; nullopt: it is none.
std::optional<dicom::Peer> address_in(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  dicom::Peer peer;
  peer.host = text.substr(0, colon);
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, peer.port);
  return error == std::errc{} && rest == end && peer.port != 0 ? std::optional(peer) : std::nullopt;
}

// The files by which this node introduces itself: those of [receive.tls].
dicom::TlsRequest own_request(const config::Settings& settings) {
  return {settings.receive.tls ? settings.receive.tls->files : dicom::TlsFiles{}, {}};
}

struct Subject {
  dicom::Peer peer;
  bool speaks_dicom = false;  // it has an AE title: an echo may follow
};

std::optional<Subject> find_subject(const config::Settings& settings, const std::string& name) {
  const auto found = std::ranges::find(settings.destinations, name, &config::Destination::name);
  Subject subject;
  if (found != settings.destinations.end()) {
    subject = {found->peer, found->peer.tls.has_value()};
  } else if (const auto address = address_in(name)) {
    subject.peer = *address;
  } else {
    return std::nullopt;
  }
  if (!subject.peer.tls) subject.peer.tls = own_request(settings);
  return subject;
}

void change(dicom::TlsRequest& request, const Options& options) {
  if (!options.certificate.empty()) request.files.certificate = options.certificate;
  if (!options.key.empty()) request.files.key = options.key;
  if (!options.trusted.empty()) request.files.trusted = options.trusted;
  if (!options.name.empty()) request.name = options.name;
}

json describe(const dicom::Certificate& certificate) {
  const auto today = std::chrono::floor<std::chrono::seconds>(now());
  return {{"subject", certificate.subject},
          {"issuer", certificate.issuer},
          {"names", certificate.dns_names},
          {"from", dicom::date_of(certificate.not_before)},
          {"until", dicom::date_of(certificate.not_after)},
          {"days_left", days_left(certificate.not_after, today)},
          {"sha256", certificate.sha256}};
}

// One account for people and for scripts. `problem`: what stands in the way.
json examine(const Subject& subject) {
  json account{{"host", subject.peer.host}, {"port", subject.peer.port}};
  const auto report = dicom::check_tls(subject.peer);
  if (!report) {
    account["problem"] = report.error().what;
    return account;
  }
  json chain = json::array();
  for (const dicom::Certificate& certificate : report->chain) chain.push_back(describe(certificate));
  account["chain"] = std::move(chain);
  if (report->own) account["own"] = describe(*report->own);
  if (!report->protocol.empty()) account["protocol"] = report->protocol;
  if (!report->cipher_suite.empty()) account["cipher_suite"] = report->cipher_suite;
  if (!report->problem.empty()) account["problem"] = report->problem;
  if (!report->problem.empty() || !subject.speaks_dicom) return account;
  const auto echo = dicom::echo(subject.peer);
  account["echo"] = echo ? "answered" : echo.error().what;
  if (!echo) account["problem"] = "TLS works, C-ECHO does not: " + echo.error().what;
  return account;
}

std::string said(const json& account, const char* key) { return account.at(key).get<std::string>(); }

void print_certificate(const char* whose, const json& certificate) {
  const long days = certificate.at("days_left").get<long>();
  std::cout << fmt::format("{}: {}\n  issued by {}\n  valid from {} until {} ({})\n", whose,
                           said(certificate, "subject"), said(certificate, "issuer"), said(certificate, "from"),
                           said(certificate, "until"), days < 0 ? "expired" : fmt::format("{} days left", days));
  if (!certificate.at("names").empty())
    std::cout << fmt::format("  for {}\n", fmt::join(certificate.at("names").get<std::vector<std::string>>(), ", "));
  std::cout << fmt::format("  SHA-256 {}\n", said(certificate, "sha256"));
}

void print(const json& account) {
  std::cout << fmt::format("{}:{}\n", said(account, "host"), account.at("port").get<int>());
  if (account.contains("protocol"))
    std::cout << fmt::format("protocol: {}, {}\n", said(account, "protocol"), said(account, "cipher_suite"));
  if (account.contains("chain"))
    for (const json& certificate : account.at("chain")) print_certificate("its certificate", certificate);
  if (account.contains("own"))
    print_certificate("our certificate", account.at("own"));
  else
    std::cout << "our certificate: we show none\n";
  if (account.contains("echo")) std::cout << "C-ECHO: " << said(account, "echo") << "\n";
  std::cout << (account.contains("problem") ? "It does not work: " + said(account, "problem") : "It works.") << "\n";
}

int run_check(const Options& options) {
  const config::Settings settings = need(config::load_settings(options.settings_file), "read the settings");
  auto subject = find_subject(settings, options.peer);
  if (!subject) {
    std::cerr << fmt::format("herald: {} is neither the name of a destination nor HOST:PORT\n", options.peer);
    return kWrongUse;
  }
  change(*subject->peer.tls, options);
  if (subject->peer.tls->files.trusted.empty()) {
    std::cerr << "herald: whom to trust is not known: give --trusted, or [receive.tls] in the settings\n";
    return kWrongUse;
  }
  const json account = examine(*subject);
  if (options.json)
    std::cout << account.dump(2) << "\n";
  else
    print(account);
  return account.contains("problem") ? kCouldNot : kDone;
}

}  // namespace

void add_tls_check(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("tls-check", "Try TLS with a peer; say in words who refuses whom, and why");
  command->footer(
      "Example: herald tls-check pacs\n         herald tls-check pacs.example.org:2762 --trusted hospital.pem\nShows "
      "protocol, cipher suite and certificates; for a destination with tls = true, C-ECHO follows. Exit code 1 when it "
      "does not work.");
  auto options = std::make_shared<Options>();
  add_settings_option(*command, options->settings_file);
  command->add_option("peer", options->peer, "The name of a [[destination]], or HOST:PORT")->required();
  command->add_option("--certificate", options->certificate, "PEM file; else that of the settings");
  command->add_option("--key", options->key, "PEM file; else that of the settings");
  command->add_option("--trusted", options->trusted, "PEM file; else that of the settings");
  command->add_option("--name", options->name, "That the peer's certificate has to be of; else the host");
  command->add_flag("--json", options->json, "For scripts");
  command->callback([&run, options] { run = [options] { return run_check(*options); }; });
}

}  // namespace server::commands
