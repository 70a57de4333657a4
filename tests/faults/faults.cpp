#include "tests/faults/faults.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <stdexcept>

namespace faults {
namespace {

namespace fs = std::filesystem;

constexpr std::array kOperationNames{"create", "write", "sync", "rename", "link", "unlink", "send"};
constexpr std::array kPlaceNames{"incoming", "objects", "results", "database", "network"};
constexpr std::array kProcessNames{"service", "worker"};
static_assert(kOperationNames.size() == kOperations && kPlaceNames.size() == kPlaces &&
              kProcessNames.size() == kProcesses);

Control* map_page(const fs::path& file) {
  std::ofstream(file).close();
  fs::resize_file(file, sizeof(Control));
  const int descriptor = open(file.c_str(), O_RDWR | O_CLOEXEC);
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + file.string());
  return new (memory) Control{};
}

void put(char (&field)[512], const fs::path& path) {
  const std::string text = path.string();
  if (text.size() >= sizeof field) throw std::runtime_error("path too long: " + text);
  std::memcpy(field, text.c_str(), text.size() + 1);
}

template <class E>
std::uint32_t number(const std::optional<E>& value) {
  return value ? static_cast<std::uint32_t>(*value) : kAny;
}

// What the caller set, and ours behind it: the later option wins.
std::string options(const char* variable, const std::string& ours) {
  const char* theirs = std::getenv(variable);
  return std::string(variable) + "=" + (theirs == nullptr ? "" : std::string(theirs) + ":") + ours;
}

struct Line {
  std::string injected, outcome;
  std::size_t acknowledged, lost;
};

std::vector<Line>& lines() {
  static std::vector<Line> all;
  return all;
}

class Table final : public testing::Environment {
 public:
  void TearDown() override {
    std::cout << "\n"
              << std::left << std::setw(64) << "injected" << std::right << std::setw(13) << "acknowledged"
              << std::setw(6) << "lost"
              << "  outcome\n";
    for (const Line& line : lines())
      std::cout << std::left << std::setw(64) << line.injected << std::right << std::setw(13) << line.acknowledged
                << std::setw(6) << line.lost << "  " << line.outcome << "\n";
    std::cout << std::flush;
  }
};

[[maybe_unused]] const auto* const table = testing::AddGlobalTestEnvironment(new Table);

}  // namespace

Faults::Faults(const fs::path& folder, const fs::path& store) : file_(folder / "faults"), shadow_(folder / "shadow") {
  fs::create_directories(shadow_);
  control_ = map_page(file_);
  // As the kernel names it: the library asks it where a descriptor leads.
  put(control_->root, fs::weakly_canonical(store));
  put(control_->shadow, fs::canonical(shadow_));
}

Faults::~Faults() { munmap(control_, sizeof(Control)); }

std::vector<std::string> Faults::launcher() const {
  const fs::path suppressions = file_.parent_path() / "leaks";
  std::ofstream(suppressions) << "leak:LST_Create\n";
  return {"/usr/bin/env", "LD_PRELOAD=" HERALD_FAULT_LIBRARY, std::string(kControlVariable) + "=" + file_.string(),
          options("ASAN_OPTIONS", "verify_asan_link_order=0"),
          options("LSAN_OPTIONS", "suppressions=" + suppressions.string() + ":print_suppressions=0")};
}

void Faults::strike(const Calls& calls, std::uint64_t first, std::uint64_t count, int error) {
  off();
  control_->operation = number(calls.operation);
  control_->place = number(calls.place);
  control_->process = number(calls.process);
  control_->first = first;
  control_->last = first + count - 1;
  control_->error = error;
  control_->matched = 0;
  control_->struck = 0;
  control_->armed = 1;
}

void Faults::count(const Calls& calls) { strike(calls, UINT64_MAX, 1, kKill); }

void Faults::off() { control_->armed = 0; }

std::string Faults::last_struck() const {
  return in_words({.operation = static_cast<Operation>(control_->struck_operation.load()),
                   .place = static_cast<Place>(control_->struck_place.load())});
}

void Faults::jump(std::chrono::milliseconds by) { control_->clock_offset_ms += by.count(); }

void Faults::remember() { control_->remembering = 1; }

std::string in_words(const Calls& calls) {
  std::string words = calls.operation ? kOperationNames[number(calls.operation)] : "any step";
  if (calls.place) words += std::string(" in ") + kPlaceNames[number(calls.place)];
  if (calls.process) words += std::string(" by the ") + kProcessNames[number(calls.process)];
  return words;
}

void PrintTo(const Calls& calls, std::ostream* out) { *out << in_words(calls); }

void note(const std::string& injected, std::size_t acknowledged, std::size_t lost, const std::string& outcome) {
  lines().push_back({injected, outcome, acknowledged, lost});
  std::string key = "case" + std::to_string(lines().size());
  testing::Test::RecordProperty(key, injected + ": " + std::to_string(acknowledged) + " acknowledged, " +
                                         std::to_string(lost) + " lost" + (outcome.empty() ? "" : ", " + outcome));
}

}  // namespace faults
