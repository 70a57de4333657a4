#include "server/simulate.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <iostream>

#include "dicom/network/sender.h"
#include "dicom/output/object.h"
#include "server/commands/command.h"
#include "server/result.h"

namespace server::commands {
namespace {

struct Options {
  SimulateOptions simulate;
  std::filesystem::path out;
  std::string push, calling = "SIMULATOR", part = "all", readings = "1x1", matrix;
};

dicom::Peer parse_peer(const std::string& text, const std::string& calling) {
  const auto at = text.find('@');
  const auto colon = text.rfind(':');
  if (at == std::string::npos || colon == std::string::npos || colon < at)
    throw Failure{{"--push wants AE@HOST:PORT, not " + text}};
  dicom::Peer peer;
  peer.ae_title = text.substr(0, at);
  peer.host = text.substr(at + 1, colon - at - 1);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(port) > 65535) {
    throw Failure{{"--push wants a port from 1 to 65535, not " + port}};
  }
  peer.port = static_cast<std::uint16_t>(std::stoul(port));
  peer.calling_ae_title = calling;
  return peer;
}

int push(const Options& options, const std::vector<SimulatedFile>& files) {
  std::vector<dicom::Outgoing> instances;
  for (const SimulatedFile& file : files) {
    if (options.part == "all" || (options.part == "outline") == file.outline)
      instances.push_back({file.path, file.sop_class_uid, file.sop_instance_uid});
  }
  std::size_t delivered = 0;
  std::string problem;
  for (const dicom::Verdict& verdict : dicom::send(parse_peer(options.push, options.calling), instances)) {
    if (verdict.kind == dicom::Verdict::Kind::Delivered)
      ++delivered;
    else if (problem.empty())
      problem = verdict.problem;
  }
  std::cout << fmt::format("{} of {} objects sent to {}\n", delivered, instances.size(), options.push);
  if (delivered == instances.size()) return kDone;
  throw Failure{{problem}};
}

// "64", or "45x51": rows, columns.
SimulateOptions with_matrix(SimulateOptions simulate, const std::string& text) {
  int rows = 0, columns = 0;
  const char* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, rows);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == 'x') {
    read = std::from_chars(read.ptr + 1, end, columns);
    simulate.columns = columns;
  }
  if (read.ec != std::errc() || read.ptr != end)
    throw Failure{{"--matrix wants a number, or ROWSxCOLUMNS as in 45x51, not " + text}};
  simulate.matrix = rows;
  return simulate;
}

// "2x3": readers, repeats.
SimulateOptions with_readings(SimulateOptions simulate, const std::string& text) {
  const bool read = text.size() == 3 && text[1] == 'x' && std::isdigit(static_cast<unsigned char>(text[0])) != 0 &&
                    std::isdigit(static_cast<unsigned char>(text[2])) != 0;
  if (!read) throw Failure{{"--readings wants READERSxREPEATS, as in 2x3, not " + text}};
  simulate.readers = text[0] - '0';
  simulate.repeats = text[2] - '0';
  return simulate;
}

int run_simulate(const Options& options) {
  if (options.out.empty()) throw Failure{{"--out says where the exam is written"}};
  dicom::warm_up_writers();
  const auto files =
      simulate(with_readings(with_matrix(options.simulate, options.matrix), options.readings), options.out);
  if (!files) throw Failure{{files.error()}};
  std::cout << fmt::format("{} files and truth.json written to {}\n", files->size(), options.out.string());
  return options.push.empty() ? kDone : push(options, *files);
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const ProfileName& profile : simulation_profiles()) names.push_back(profile.name);
  return names;
}

std::string footer() {
  std::string text = "Profiles:\n";
  for (const auto& [name, title] : simulation_profiles()) text += fmt::format("  {:<21} {}\n", name, title);
  return text +
         "Example: herald simulate skyra-mapping --out exam\n         herald simulate skyra-mapping --out exam --push "
         "HERALD@127.0.0.1:11112";
}

}  // namespace

void add_simulate(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("simulate", "Make a synthetic exam with known truth, as a scanner would write it");
  command->footer(footer());
  auto options = std::make_shared<Options>();
  command->add_option("profile", options->simulate.profile, "Which scanner and protocol")
      ->check(CLI::IsMember(profile_names()))
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder for the exam, the outline and truth.json")->required();
  options->matrix = std::to_string(options->simulate.matrix);
  command
      ->add_option("--matrix", options->matrix,
                   "Rows and columns of the maps, 32 to 1024; ROWSxCOLUMNS where they differ, as in 45x51")
      ->capture_default_str();
  command->add_option("--slices", options->simulate.slices, "Slices of the 3D series")
      ->check(CLI::Range(8, 256))
      ->capture_default_str();
  command->add_option("--seed", options->simulate.seed, "Of noise and identifiers")->capture_default_str();
  command->add_flag("--enhanced", options->simulate.enhanced, "Enhanced multi-frame objects (Siemens profiles)");
  command->add_option("--dose", options->simulate.dose_mmol_per_kg,
                      "Contrast agent in mmol/kg; T1 and uptake follow [that of the profile's paper]");
  command->add_option("--field", options->simulate.field_strength_t,
                      "Field strength in the headers, 1.5 or 3 T; the tissues keep their values of 3 T");
  command->add_option("--lesion", options->simulate.lesion_diameter_mm, "Diameter of the lesion in mm, 4 to 40")
      ->capture_default_str();
  command->add_option("--readings", options->readings, "Outlines: readers x repeats, each with a hand of its own")
      ->capture_default_str();
  command->add_option("--push", options->push, "Send it to AE@HOST:PORT as well");
  command->add_option("--calling", options->calling, "Our AE title when pushing")->capture_default_str();
  command->add_option("--part", options->part, "What to push")
      ->check(CLI::IsMember({"all", "exam", "outline"}))
      ->capture_default_str();
  command->callback([&run, options] { run = [options] { return run_simulate(*options); }; });
}

}  // namespace server::commands
