#include "tests/support/node.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace support {

namespace fs = std::filesystem;

Node::Node(fs::path program, fs::path folder, const NodeOptions& options)
    : program_(std::move(program)), settings_file_(folder / "herald.toml"), launcher_(options.launcher) {
  fs::create_directories(folder);
  std::ofstream(settings_file_) << "[node]\nae_title = \"HERALD\"\nbind_address = \"127.0.0.1\"\nport = 0\n"
                                << "[receive]\ncalling_ae_titles = [\"*\"]\n"
                                << options.receive << "[storage]\nfolder = \"store\"\nfloor_gb = 0\n"
                                << options.storage << "[grouping]\nrecipe = \"" << options.recipe
                                << "\"\nsettle_s = " << options.settle_s << "\nquiet_s = " << options.quiet_s << "\n"
                                << "[workers]\ncount = " << options.workers << "\n"
                                << "[fitting]\nthreads = 1\n"
                                << "[log]\nformat = \"json\"\nlevel = \"" << options.level << "\"\n"
                                << options.destination;
}

void Node::start() {
  auto command = launcher_;
  command.insert(command.end(), {program_.string(), "serve", "--config", settings_file_.string()});
  process_ = std::make_unique<Child>(command);
  const auto line =
      process_->wait_for([](const std::string& text) { return text.find("\"service_started\"") != std::string::npos; });
  if (!line) throw std::runtime_error("herald did not start");
  port_ = nlohmann::json::parse(*line).at("port").get<int>();
}

void Node::kill() {
  process_->send(SIGKILL);
  process_->wait();
}

int Node::stop() {
  process_->send(SIGTERM);
  while (process_->line()) {
  }
  return process_->wait();
}

Finished Node::herald(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program_.string());
  arguments.insert(arguments.end(), {"--config", settings_file_.string()});
  return run(arguments);
}

Orthanc::Orthanc(fs::path folder, bool without_nagle)
    : folder_(std::move(folder)), without_nagle_(without_nagle), dicom_port_(free_port()), http_port_(free_port()) {
  fs::create_directories(folder_ / "storage");
  const nlohmann::json configuration{{"Name", "herald-test"},
                                     {"StorageDirectory", (folder_ / "storage").string()},
                                     {"IndexDirectory", (folder_ / "storage").string()},
                                     {"HttpPort", http_port_},
                                     {"DicomPort", dicom_port_},
                                     {"DicomAet", "ORTHANC"},
                                     {"RemoteAccessAllowed", false},
                                     {"AuthenticationEnabled", false},
                                     {"SynchronousCMove", true},
                                     {"Plugins", nlohmann::json::array()}};
  std::ofstream(folder_ / "orthanc.json") << configuration.dump(1);
}

bool Orthanc::available() { return fs::exists("/usr/sbin/Orthanc"); }

void Orthanc::start() {
  std::vector<std::string> command{"/usr/sbin/Orthanc", (folder_ / "orthanc.json").string()};
  if (without_nagle_) command.insert(command.begin(), {"/usr/bin/env", "TCP_NODELAY=1"});
  process_ = std::make_unique<Child>(command);
  if (!until(*process_, [this] { return get("/system").find("DicomAet") != std::string::npos; }))
    throw std::runtime_error("Orthanc did not start");
}

void Orthanc::stop() {
  process_->send(SIGTERM);
  process_->wait();
  process_.reset();
}

std::string Orthanc::destination() const {
  return "[[destination]]\nname = \"orthanc\"\nae_title = \"ORTHANC\"\nhost = \"127.0.0.1\"\nport = " +
         std::to_string(dicom_port_) + "\nfirst_retry_s = 1\nlongest_retry_s = 2\n";
}

std::string Orthanc::query(const std::string& more) const {
  return "[query]\nae_title = \"ORTHANC\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(dicom_port_) +
         "\nwait_s = 0.5\n" + more;
}

void Orthanc::learn(const std::string& ae_title, int port) const {
  const auto answered = run({"curl", "-s", "-f", "--max-time", "20", "-X", "PUT", "-d",
                             nlohmann::json{ae_title, "127.0.0.1", port}.dump(),
                             "http://127.0.0.1:" + std::to_string(http_port_) + "/modalities/" + ae_title});
  if (answered.code != 0) throw std::runtime_error("Orthanc did not learn " + ae_title);
}

std::string Orthanc::get(const std::string& path) const {
  return run({"curl", "-s", "--max-time", "20", "http://127.0.0.1:" + std::to_string(http_port_) + path}).output;
}

std::string Orthanc::post(const std::string& path, const std::string& body) const {
  return run({"curl", "-s", "--max-time", "60", "-X", "POST", "-d", body,
              "http://127.0.0.1:" + std::to_string(http_port_) + path})
      .output;
}

void Orthanc::remove(const std::string& instance_id) const {
  run({"curl", "-s", "-f", "--max-time", "20", "-X", "DELETE",
       "http://127.0.0.1:" + std::to_string(http_port_) + "/instances/" + instance_id});
}

std::vector<std::string> Orthanc::instances() const {
  std::vector<std::string> uids;
  const auto list = nlohmann::json::parse(get("/instances?expand"), nullptr, false);
  if (!list.is_array()) return uids;
  for (const auto& instance : list)
    uids.push_back(instance.at("MainDicomTags").at("SOPInstanceUID").get<std::string>());
  std::sort(uids.begin(), uids.end());
  return uids;
}

std::string Orthanc::instance_id(const std::string& sop_instance_uid) const {
  const auto list = nlohmann::json::parse(get("/instances?expand"), nullptr, false);
  for (const auto& instance : list) {
    if (instance.at("MainDicomTags").at("SOPInstanceUID") == sop_instance_uid)
      return instance.at("ID").get<std::string>();
  }
  return {};
}

}  // namespace support
