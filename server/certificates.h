#pragma once
// Looks after the certificates of a running node: reads those of the acceptor anew when their files change, and warns
// of every own one that is about to expire. For the one thread of the service; reads a few files.
#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "config/settings.h"
#include "dicom/network/acceptor.h"

namespace server {

// Whole days to the end, rounded down; negative: it has ended.
[[nodiscard]] long days_left(std::chrono::sys_seconds end, std::chrono::sys_seconds now);

// Every file with a certificate of ours that the settings name, each once.
[[nodiscard]] std::vector<std::filesystem::path> own_certificates(const config::Settings& settings);

class CertificateWatch {
 public:
  // Says what is listening, and warns for the first time. Both must outlive this.
  CertificateWatch(const config::Settings& settings, dicom::Acceptor& acceptor, std::chrono::sys_seconds now);

  // Once a minute.
  void look(std::chrono::sys_seconds now);
  // When somebody asks for it.
  void reload();

 private:
  void take_changes(bool anyway);
  void warn(std::chrono::sys_seconds now);

  const config::Settings& settings_;
  dicom::Acceptor& acceptor_;
  std::optional<std::chrono::sys_days> warned_;  // the last day on which it was warned
};

}  // namespace server
