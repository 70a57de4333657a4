#pragma once
// A Herald service under test: its own folder, any free port, its log read as it comes.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child.h"

namespace support {

struct NodeOptions {
  std::string destination{};  // TOML of [[destination]] and [query] tables; empty: none
  double settle_s = 0.2, quiet_s = 1.0;
  int workers = 1;
  std::string recipe = "zhang-mapping";
  std::string storage{};  // further keys of [storage]
  std::string level = "debug";
  std::string receive{};                // further keys of [receive]
  std::vector<std::string> launcher{};  // a command that `herald serve …` is put behind
};

class Node {
 public:
  // `program` is the herald binary; `folder` keeps settings and store.
  Node(std::filesystem::path program, std::filesystem::path folder, const NodeOptions& options);

  void start();  // returns when it listens
  void kill();   // SIGKILL, and waits for the end
  int stop();    // SIGTERM; exit code
  [[nodiscard]] int port() const { return port_; }
  Child& process() { return *process_; }
  // Next log line as it is; nullopt when the service ended or nothing came for `patience`.
  std::optional<std::string> log_line(std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    return process_->line(patience);
  }
  // `herald ARGUMENTS --config …` to its end.
  Finished herald(std::vector<std::string> arguments) const;
  [[nodiscard]] const std::filesystem::path& settings_file() const { return settings_file_; }
  [[nodiscard]] std::string peer() const { return "HERALD@127.0.0.1:" + std::to_string(port_); }

 private:
  std::filesystem::path program_, settings_file_;
  std::vector<std::string> launcher_;
  std::unique_ptr<Child> process_;
  int port_ = 0;
};

// A real Orthanc (Debian package) on loopback with free ports, as the PACS. available() is false where it is not
// installed.
class Orthanc {
 public:
  explicit Orthanc(std::filesystem::path folder, bool without_nagle = true);
  static bool available();
  void start();  // returns when it answers
  void stop();
  Child& process() { return *process_; }
  [[nodiscard]] int dicom_port() const { return dicom_port_; }
  [[nodiscard]] std::string destination() const;  // a [[destination]] table
  // A [query] table with attempts that follow each other quickly; `more` are further keys.
  [[nodiscard]] std::string query(const std::string& more) const;
  void learn(const std::string& ae_title, int port) const;   // a node that may ask, and to which images may be moved
  [[nodiscard]] std::vector<std::string> instances() const;  // SOP Instance UIDs, sorted
  [[nodiscard]] std::string get(const std::string& path) const;                      // REST
  void remove(const std::string& instance_id) const;                                 // by Orthanc's own identifier
  std::string post(const std::string& path, const std::string& body) const;          // REST
  [[nodiscard]] std::string instance_id(const std::string& sop_instance_uid) const;  // Orthanc's own identifier

 private:
  std::filesystem::path folder_;
  bool without_nagle_;
  int dicom_port_ = 0, http_port_ = 0;
  std::unique_ptr<Child> process_;
};

}  // namespace support
