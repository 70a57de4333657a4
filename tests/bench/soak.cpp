// Exam after exam through a whole node, and whether it stays as it was: memory, descriptors, threads, queue.
//
//   soak [--instances N] [--minutes N] [--associations N] [--matrix N] [--slices N]
//
// Simulated exams, each another patient, are pushed over several associations at a time; the node computes their maps
// and delivers them to a storescp on the same machine. Ends at so many instances (200,000) or minutes (120), whichever
// comes first, waits until nothing waits any more, and prints a line per step: a leak is a column that grows. TMPDIR
// says on which disk. Exit code 1 when an image was not acknowledged, a job or delivery is left, or a descriptor is.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dicom/network/sender.h"
#include "server/simulate.h"
#include "storage/index.h"
#include "storage/jobs.h"
#include "storage/outbox.h"
#include "tests/support/node.h"
#include "tests/support/temp_folder.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Wanted {
  std::size_t instances = 200'000;
  int minutes = 120, associations = 4, matrix = 32, slices = 64;
};

// What /proc says of the node: resident and peak memory in MB, descriptors, threads; and of its worker, the memory.
struct State {
  double resident = 0, peak = 0, worker = 0;
  std::size_t descriptors = 0, threads = 0;
};

double megabytes(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::atof(line.c_str() + field.size() + 1) / 1024;
  return 0;
}

std::size_t entries(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().empty() ? 0 : 1;
  return count;
}

State state_of(pid_t pid) {
  const fs::path proc = fs::path("/proc") / std::to_string(pid);
  State state{megabytes(pid, "VmRSS:"), megabytes(pid, "VmHWM:"), 0, entries(proc / "fd"), entries(proc / "task")};
  std::ifstream children(proc / "task" / std::to_string(pid) / "children");
  for (pid_t child = 0; children >> child;) state.worker = std::max(state.worker, megabytes(child, "VmRSS:"));
  return state;
}

struct Left {
  std::size_t jobs = 0, deliveries = 0, studies = 0, dead = 0;
  [[nodiscard]] bool nothing() const { return jobs + deliveries + studies == 0; }
};

Left left_in(const fs::path& store) {
  auto database = storage::Database::open(store / "herald.db").value();
  Left left;
  left.studies = storage::Index(database).pending_studies().value().size();
  const auto jobs = storage::JobQueue(database).jobs_of("").value();
  for (const auto& job : jobs) {
    left.jobs += job.state == storage::JobState::Waiting || job.state == storage::JobState::Running;
    left.dead += job.state == storage::JobState::Dead;
  }
  const auto rows = storage::Outbox(database).rows_of("").value();
  for (const auto& row : rows) {
    left.deliveries += row.state == storage::OutboxState::Waiting;
    left.dead += row.state == storage::OutboxState::Dead;
  }
  return left;
}

// The images that were not acknowledged.
std::size_t push(const std::vector<server::SimulatedFile>& files, int port, int associations) {
  std::vector<std::thread> senders;
  std::vector<std::size_t> refused(static_cast<std::size_t>(associations));
  for (int a = 0; a < associations; ++a) {
    senders.emplace_back([&, a] {
      std::vector<dicom::Outgoing> mine;
      for (std::size_t i = static_cast<std::size_t>(a); i < files.size(); i += static_cast<std::size_t>(associations))
        mine.push_back({files[i].path, files[i].sop_class_uid, files[i].sop_instance_uid});
      dicom::Peer peer;
      peer.ae_title = "HERALD";
      peer.host = "127.0.0.1";
      peer.port = static_cast<std::uint16_t>(port);
      const auto verdicts = dicom::send(peer, mine);
      refused[static_cast<std::size_t>(a)] = static_cast<std::size_t>(std::ranges::count_if(
          verdicts, [](const auto& verdict) { return verdict.kind != dicom::Verdict::Kind::Delivered; }));
    });
  }
  for (std::thread& sender : senders) sender.join();
  std::size_t sum = 0;
  for (const std::size_t one : refused) sum += one;
  return sum;
}

void print(std::size_t sent, double minutes, const State& state, const Left& left) {
  std::printf("%10zu %8.1f %9.1f %9.1f %9.1f %6zu %8zu %6zu %11zu %6zu\n", sent, minutes, state.resident, state.peak,
              state.worker, state.descriptors, state.threads, left.jobs, left.deliveries, left.dead);
  std::fflush(stdout);
}

int soak(const Wanted& wanted) {
  const support::TempFolder folder;
  const int pacs_port = support::free_port();
  fs::create_directories(folder / "pacs");
  support::Child pacs({"/usr/bin/env", "TCP_NODELAY=1", "storescp", "--fork", "--promiscuous", "--ignore",
                       "--output-directory", (folder / "pacs").string(), std::to_string(pacs_port)});
  support::Node node(
      HERALD_PROGRAM, folder / "node",
      {.destination = "[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\nhost = \"127.0.0.1\"\nport = " +
                      std::to_string(pacs_port) + "\nfirst_retry_s = 1\nlongest_retry_s = 2\n",
       .level = "error"});
  node.start();
  const fs::path store = folder / "node/store";
  const pid_t pid = node.process().pid();
  const State at_start = state_of(pid);
  std::printf("%10s %8s %9s %9s %9s %6s %8s %6s %11s %6s\n", "instances", "minutes", "MB", "MB peak", "MB worker",
              "fds", "threads", "jobs", "deliveries", "dead");
  const auto start = Clock::now();
  const auto minutes = [&] { return std::chrono::duration<double>(Clock::now() - start).count() / 60; };
  std::size_t sent = 0, refused = 0;
  for (std::uint64_t seed = 1; sent < wanted.instances && minutes() < wanted.minutes; ++seed) {
    server::SimulateOptions options;
    options.matrix = wanted.matrix;
    options.slices = wanted.slices;
    options.seed = seed;
    const auto files = server::simulate(options, folder / "exam").value();
    refused += push(files, node.port(), wanted.associations);
    sent += files.size();
    fs::remove_all(folder / "exam");
    if (seed % 10 == 1) print(sent, minutes(), state_of(pid), left_in(store));
  }
  if (!support::until(
          node.process(), [&] { return left_in(store).nothing(); }, std::chrono::hours(1)))
    std::printf("the node did not come to rest\n");
  const Left left = left_in(store);
  const State at_end = state_of(pid);
  print(sent, minutes(), at_end, left);
  std::printf("not acknowledged: %zu; descriptors at the start %zu, at the end %zu\n", refused, at_start.descriptors,
              at_end.descriptors);
  const bool good = refused == 0 && left.nothing() && left.dead == 0 && at_end.descriptors <= at_start.descriptors + 8;
  return node.stop() == 0 && good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Wanted wanted;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    const int value = std::atoi(argv[i + 1]);
    if (word == "--instances") wanted.instances = static_cast<std::size_t>(value);
    if (word == "--minutes") wanted.minutes = value;
    if (word == "--associations") wanted.associations = value;
    if (word == "--matrix") wanted.matrix = value;
    if (word == "--slices") wanted.slices = value;
  }
  try {
    return soak(wanted);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "soak: %s\n", e.what());
    return 1;
  }
}
