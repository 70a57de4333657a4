#pragma once
// What the acceptance tests share: exams to push, and what a run without network makes of them.
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "dicom/input/identity.h"
#include "dicom/network/sender.h"
#include "server/simulate.h"
#include "tests/support/node.h"

namespace acceptance {

namespace fs = std::filesystem;

// A small exam; every seed is another patient.
inline std::vector<server::SimulatedFile> small_exam(const fs::path& folder, std::uint64_t seed) {
  server::SimulateOptions options;
  options.matrix = 64;
  options.slices = 16;
  options.seed = seed;
  return server::simulate(options, folder).value();
}

// SOP Instance UID -> digest of the data set, of every result that `herald process` makes of a folder.
inline std::map<std::string, std::string> processed(const fs::path& exam, const fs::path& out,
                                                    const std::string& recipe = "zhang-mapping") {
  support::run({HERALD_PROGRAM, "process", exam.string(), "--out", out.string(), "--recipe", recipe});
  std::map<std::string, std::string> results;
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    if (!entry.is_regular_file()) continue;
    const auto identity = dicom::read_identity(entry.path()).value();
    results[identity.sop_instance_uid] = identity.payload_digest;
  }
  return results;
}

// How many of them are of outlines, not of the images alone.
inline std::size_t reports_below(const fs::path& out) {
  const auto is_report = [](const fs::directory_entry& entry) {
    const fs::path folder = entry.path().parent_path().filename();
    return entry.is_regular_file() && (folder == "measurements" || folder == "nomogram");
  };
  return static_cast<std::size_t>(
      std::count_if(fs::recursive_directory_iterator(out), fs::recursive_directory_iterator(), is_report));
}

inline std::set<std::string> uids_of(const std::map<std::string, std::string>& results) {
  std::set<std::string> uids;
  for (const auto& [uid, digest] : results) uids.insert(uid);
  return uids;
}

// A sender that behaves like a scanner: what was not acknowledged is sent again.
class Scanner {
 public:
  explicit Scanner(std::vector<server::SimulatedFile> files) : files_(std::move(files)) {}

  // Sends what is still missing on one association. True when everything was acknowledged.
  bool push(int port, const std::string& called = "HERALD") {
    std::vector<dicom::Outgoing> missing;
    for (const auto& file : files_) {
      if (!acknowledged_.contains(file.sop_instance_uid))
        missing.push_back({file.path, file.sop_class_uid, file.sop_instance_uid});
    }
    dicom::Peer peer;
    peer.ae_title = called;
    peer.host = "127.0.0.1";
    peer.port = static_cast<std::uint16_t>(port);
    peer.calling_ae_title = "SCANNER";
    const auto verdicts = dicom::send(peer, missing);
    for (std::size_t i = 0; i < missing.size(); ++i) {
      if (verdicts[i].kind == dicom::Verdict::Kind::Delivered) acknowledged_.insert(missing[i].sop_instance_uid);
    }
    return acknowledged_.size() == files_.size();
  }
  [[nodiscard]] const std::set<std::string>& acknowledged() const { return acknowledged_; }

 private:
  std::vector<server::SimulatedFile> files_;
  std::set<std::string> acknowledged_;
};

inline bool holds(const support::Orthanc& pacs, const std::set<std::string>& wanted) {
  const auto there = pacs.instances();
  return std::includes(there.begin(), there.end(), wanted.begin(), wanted.end());
}

}  // namespace acceptance
