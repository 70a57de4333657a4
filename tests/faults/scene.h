#pragma once
// What the fault tests share: small exams, a node behind the fault library, a PACS that remembers, and the count of
// what was lost.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/acceptance/scene.h"
#include "tests/dicom/network/scripted_peer.h"
#include "tests/faults/faults.h"
#include "tests/support/node.h"
#include "tests/support/temp_folder.h"

namespace faults {

// SOP Instance UID -> digest of the data set.
using Digests = std::map<std::string, std::string>;

struct Exam {
  std::vector<server::SimulatedFile> files;
  Digests digests;  // of the files
  Digests results;  // that `herald process` makes of them; empty when that was not asked for
};
// The images of the named series, or all of them, of one small simulated exam, which is made once per program.
Exam whole_exam();      // 160 images
Exam diffusion_exam();  // 12 images, with the results
Exam two_map_exam();    // T2* and diffusion, 36 images, with the results

// Nothing is grouped before the test lets an hour pass (Bench::let_the_quiet_pass), however slow the machine is.
support::NodeOptions patient();

// A script that takes everything Herald can send, and answers C-ECHO.
support::Script willing();
// A [[destination]] table.
std::string destination(const support::ScriptedPeer& peer, const std::string& more = {});

// One node on one store, with the fault library in front.
class Bench {
 public:
  explicit Bench(support::NodeOptions options);

  support::Node& node() { return node_; }
  Faults& faults() { return faults_; }
  [[nodiscard]] std::filesystem::path store() const { return folder_ / "node/store"; }
  [[nodiscard]] std::filesystem::path folder() const { return folder_.path(); }

  // Starts the node and returns when it has compared its files with its index.
  void start();
  // Waits for an event in its log; false when the node ended before.
  bool wait_for_event(const std::string& event);
  // Waits for what the rule in force does to the node: true when it has died. False: `event` came first.
  bool dies_before(const std::string& event);

  // The clock of the node goes on by two hours: what was received is looked at, and is all there is.
  void let_the_quiet_pass() { faults_.jump(std::chrono::hours(2)); }

  // Of what was acknowledged: how many are not in the index, not on the disk, or not as they were sent.
  [[nodiscard]] std::size_t lost(const std::set<std::string>& acknowledged, const Digests& digests) const;
  [[nodiscard]] std::size_t files_in(const std::string& folder) const;
  // Files below objects/ that are not whole; and all of them.
  [[nodiscard]] std::size_t half_files(const Digests& digests) const;
  // Empty when every job is done and every delivery delivered; else what is not.
  [[nodiscard]] std::string unfinished() const;
  // Whether a job waits for another attempt while none is under way.
  [[nodiscard]] bool is_any_job_postponed() const;

 private:
  support::TempFolder folder_;
  Faults faults_;
  support::Node node_;
};

// Pushes until everything was acknowledged, a few times at most.
bool push_all(acceptance::Scanner& scanner, support::Node& node);

// Of what the peer was sent: that it is `expected`, no more and no less, and how often something came again (which is
// right after a kill between the peer's answer and our record of it). -1 when it is something else.
int repeats(const support::ScriptedPeer& peer, const Digests& expected);
[[nodiscard]] bool has_all(const support::ScriptedPeer& peer, const Digests& expected);

}  // namespace faults
