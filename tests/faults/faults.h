#pragma once
// The test's hand on the fault library, and the table of what was injected and what was lost.
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/control.h"

namespace faults {

// Which calls are meant; what is left out is any.
struct Calls {
  std::optional<Operation> operation{};
  std::optional<Place> place{};
  std::optional<Process> process{};
};

class Faults {
 public:
  // `folder` keeps the shared page and the shadow, `store` is that of the node; both need not exist yet.
  Faults(const std::filesystem::path& folder, const std::filesystem::path& store);
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  // The command that a node is started behind. It makes the sanitizers accept a library in front of theirs, and
  // overlook what DCMTK 3.6.7 loses with every association request that it cannot parse to the end.
  [[nodiscard]] std::vector<std::string> launcher() const;

  // From now on the matching calls `first` to `first + count - 1` fail with `error`, or end the process (kKill).
  void strike(const Calls& calls, std::uint64_t first, std::uint64_t count, int error);
  void count(const Calls& calls);  // only counts them
  void off();
  [[nodiscard]] std::uint64_t matched() const { return control_->matched; }
  [[nodiscard]] std::uint64_t struck() const { return control_->struck; }
  [[nodiscard]] std::string last_struck() const;  // "rename in objects"

  void jump(std::chrono::milliseconds by);  // of the node's wall clock, on top of earlier ones
  void remember();                          // what a power cut would leave, from now on; before the node is started
  [[nodiscard]] const std::filesystem::path& shadow() const { return shadow_; }

 private:
  std::filesystem::path file_, shadow_;
  Control* control_;
};

[[nodiscard]] std::string in_words(const Calls& calls);  // "write in database by the worker"
void PrintTo(const Calls& calls, std::ostream* out);     // for the names of tests

// One line of the table; lost must be 0, and is checked by whoever calls.
void note(const std::string& injected, std::size_t acknowledged, std::size_t lost, const std::string& outcome = {});

}  // namespace faults
