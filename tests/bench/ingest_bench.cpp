// How many images per second Herald takes, beside storescp, Orthanc and the raw disk, in one run.
//
//   ingest_bench [--images N] [--rounds N] [--index N] [--large] [NAME ...]
//
// One sender for all receivers, which writes as DCMTK's does (head and body of a PDU apart), with Nagle's algorithm on
// or off, from memory, so that it is never the slow side. Every receiver writes to the same disk, and so does "raw
// disk": write, fsync, rename, fsync of the folder, the least that a durable Success costs without any network. The
// receivers take turns, `rounds` times, and the medians are printed: ratios matter; seconds are this machine's. CPU is
// of the receiver with its children. --index: Herald once more with so many instances known, and how long it takes to
// listen.
// --large: images of 2 MB also. TMPDIR says on which disk. NAME: only receivers whose name contains it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "storage/database.h"
#include "storage/index.h"
#include "storage/object_store.h"
#include "tests/support/node.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_folder.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using support::RawClient;

constexpr const char* kMrImage = "1.2.840.10008.5.1.4.1.1.4";
constexpr const char* kExplicit = "1.2.840.10008.1.2.1";
constexpr std::size_t kPdu = 131072;

struct Wanted {
  int images = 400, rounds = 5, index = 0;
  bool large = false;
  std::vector<std::string> names;
};

// --- the sender ---------------------------------------------------------------------------------------------------

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string element(std::uint16_t group, std::uint16_t number, const char* vr, std::string value) {
  if (value.size() % 2 != 0) value.push_back(std::string_view(vr) == "UI" ? '\0' : ' ');
  const bool is_long = std::string_view(vr) == "OW";
  return little_endian(group, 2) + little_endian(number, 2) + vr + (is_long ? std::string(2, '\0') : "") +
         little_endian(value.size(), is_long ? 4 : 2) + value;
}

std::string uid_of(int study, int image) {
  return "1.2.826.0.1.3680043.9.1." + std::to_string(100000 + study) + "." + std::to_string(1000000 + image);
}

std::string data_set(int study, int image, std::size_t pixel_bytes) {
  const int side = static_cast<int>(std::sqrt(static_cast<double>(pixel_bytes / 2)));
  std::string pixels(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 2, '\0');
  for (std::size_t i = 0; i < pixels.size(); i += 2)
    pixels[i] = static_cast<char>((i * 2654435761u + static_cast<unsigned>(image)) >> 24);
  return element(0x0008, 0x0016, "UI", kMrImage) + element(0x0008, 0x0018, "UI", uid_of(study, image)) +
         element(0x0008, 0x0060, "CS", "MR") + element(0x0010, 0x0010, "PN", "BENCH") +
         element(0x0010, 0x0020, "LO", "BENCH") + element(0x0020, 0x000D, "UI", uid_of(study, -1)) +
         element(0x0020, 0x000E, "UI", uid_of(study, -2)) + element(0x0020, 0x0013, "IS", std::to_string(image)) +
         element(0x0028, 0x0002, "US", little_endian(1, 2)) + element(0x0028, 0x0004, "CS", "MONOCHROME2") +
         element(0x0028, 0x0010, "US", little_endian(static_cast<unsigned>(side), 2)) +
         element(0x0028, 0x0011, "US", little_endian(static_cast<unsigned>(side), 2)) +
         element(0x0028, 0x0100, "US", little_endian(16, 2)) + element(0x0028, 0x0101, "US", little_endian(16, 2)) +
         element(0x0028, 0x0102, "US", little_endian(15, 2)) + element(0x0028, 0x0103, "US", little_endian(0, 2)) +
         element(0x7FE0, 0x0010, "OW", pixels);
}

// As DCMTK writes a PDU: twelve bytes of head, then the body.
void send_pdu(RawClient& client, std::uint8_t control, const std::string& bytes) {
  const std::string pdu = support::data_pdu(1, control, bytes);
  client.send(pdu.substr(0, 12));
  client.send(pdu.substr(12));
}

void store(RawClient& client, int message, int study, int image, const std::string& bytes) {
  send_pdu(client, 3, support::store_command(static_cast<std::uint16_t>(message), kMrImage, uid_of(study, image)));
  for (std::size_t at = 0; at < bytes.size(); at += kPdu - 12)
    send_pdu(client, at + kPdu - 12 >= bytes.size() ? 2 : 0, bytes.substr(at, kPdu - 12));
  const int status = support::status_in(client.read_pdu());
  if (status != 0) throw std::runtime_error("a receiver answered " + std::to_string(status));
}

struct Load {
  std::size_t pixel_bytes = 0;
  int images = 0, associations = 1;
  RawClient::Nagle nagle = RawClient::Nagle::Off;
};

void push(int port, const std::string& called, int study, const Load& load, int first,
          const std::vector<std::string>& images) {
  RawClient client(static_cast<std::uint16_t>(port), load.nagle);
  client.send(support::associate_request(called, "BENCH", {{1, kMrImage, {kExplicit}}}));
  if (support::contexts_in(client.read_pdu()).empty()) throw std::runtime_error("a receiver refused the association");
  for (int i = first; i < load.images; i += load.associations)
    store(client, i % 60000 + 1, study, i, images[static_cast<std::size_t>(i)]);
  client.send(support::release_request());
  client.read_pdu();
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Each association in a thread of its own; seconds from the first byte to the last answer.
double in_threads(int threads, const std::function<void(int)>& work) {
  std::vector<std::thread> running;
  std::vector<std::exception_ptr> failed(static_cast<std::size_t>(threads));
  const auto start = Clock::now();
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      try {
        work(t);
      } catch (...) {
        failed[static_cast<std::size_t>(t)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  for (const auto& failure : failed) {
    if (failure) std::rethrow_exception(failure);
  }
  return seconds_since(start);
}

// --- CPU of a process and its children, those that have ended and wait to be collected among them -------------------

struct Process {
  int parent = 0;
  double cpu = 0, collected = 0;  // seconds
};

std::map<int, Process> processes() {
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::map<int, Process> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (pid == 0 || !std::getline(file, line)) continue;
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::vector<std::string> field;
    for (std::string one; fields >> one;) field.push_back(one);
    if (field.size() < 15) continue;
    all[pid] = {std::stoi(field[1]), (std::stod(field[11]) + std::stod(field[12])) / tick,
                (std::stod(field[13]) + std::stod(field[14])) / tick};
  }
  return all;
}

double cpu_of(int pid) {
  double sum = 0;
  for (const auto& [number, process] : processes()) {
    if (number == pid) sum += process.cpu + process.collected;
    if (process.parent == pid) sum += process.cpu;
  }
  return sum;
}

// --- the receivers ------------------------------------------------------------------------------------------------

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual int port() = 0;
  virtual std::string title() const { return "ANY"; }
  virtual pid_t pid() = 0;
};

class HeraldReceiver final : public Receiver {
 public:
  HeraldReceiver(const fs::path& folder, const std::string& storage)
      : node_(HERALD_PROGRAM, folder, {.settle_s = 3600, .quiet_s = 7200, .storage = storage, .level = "info"}) {
    const auto start = Clock::now();
    node_.start();
    took_ = seconds_since(start);
  }
  int port() override { return node_.port(); }
  std::string title() const override { return "HERALD"; }
  pid_t pid() override { return node_.process().pid(); }
  [[nodiscard]] double seconds_to_listen() const { return took_; }

 private:
  support::Node node_;
  double took_ = 0;
};

class StorescpReceiver final : public Receiver {
 public:
  StorescpReceiver(const fs::path& folder, bool without_nagle) : port_(support::free_port()) {
    fs::create_directories(folder);
    child_ = std::make_unique<support::Child>(std::vector<std::string>{
        "/usr/bin/env", without_nagle ? "TCP_NODELAY=1" : "HERALD_BENCH=1", "storescp", "--fork", "--max-pdu", "131072",
        "--output-directory", folder.string(), std::to_string(port_)});
    if (!support::until(*child_, [this] { return answers(); })) throw std::runtime_error("storescp did not start");
  }
  int port() override { return port_; }
  pid_t pid() override { return child_->pid(); }

 private:
  bool answers() const {
    try {
      RawClient(static_cast<std::uint16_t>(port_));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }
  int port_;
  std::unique_ptr<support::Child> child_;
};

class OrthancReceiver final : public Receiver {
 public:
  OrthancReceiver(const fs::path& folder, bool without_nagle) : orthanc_(folder, without_nagle) { orthanc_.start(); }
  int port() override { return orthanc_.dicom_port(); }
  std::string title() const override { return "ORTHANC"; }
  pid_t pid() override { return orthanc_.process().pid(); }

 private:
  support::Orthanc orthanc_;
};

// --- the raw disk -------------------------------------------------------------------------------------------------

void write_durably(const fs::path& from, const fs::path& to, const std::string& bytes) {
  const int file = open(from.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(file, bytes.data() + done, std::min(kPdu, bytes.size() - done));
    if (written <= 0) throw std::runtime_error("the disk does not take it");
    done += static_cast<std::size_t>(written);
  }
  fsync(file);
  close(file);
  fs::rename(from, to);
  const int folder = open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  fsync(folder);
  close(folder);
}

double raw_rate(const fs::path& folder, const Load& load, const std::vector<std::string>& images) {
  for (int i = 0; i < 256; ++i) fs::create_directories(folder / std::to_string(i));
  const double took = in_threads(load.associations, [&](int first) {
    for (int i = first; i < load.images; i += load.associations)
      write_durably(folder / ("incoming" + std::to_string(i)), folder / std::to_string(i % 256) / std::to_string(i),
                    images[static_cast<std::size_t>(i)]);
  });
  return load.images / took;
}

// --- the table ----------------------------------------------------------------------------------------------------

struct Measured {
  std::vector<double> rate, cpu;  // images per second; milliseconds per image
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Candidate {
  std::string name;
  std::function<std::unique_ptr<Receiver>(const fs::path&)> start;  // empty: the raw disk
};

std::vector<Candidate> candidates(const Wanted& wanted) {
  using Made = std::unique_ptr<Receiver>;
  std::vector<Candidate> all{
      {"raw disk: write, fsync, rename, fsync", {}},
      {"Herald full",
       [](const fs::path& f) -> Made { return std::make_unique<HeraldReceiver>(f, "durability = \"full\"\n"); }},
      {"Herald relaxed",
       [](const fs::path& f) -> Made { return std::make_unique<HeraldReceiver>(f, "durability = \"relaxed\"\n"); }},
      {"storescp --fork, NODELAY (not durable)",
       [](const fs::path& f) -> Made { return std::make_unique<StorescpReceiver>(f, true); }},
      {"storescp --fork, as installed",
       [](const fs::path& f) -> Made { return std::make_unique<StorescpReceiver>(f, false); }},
  };
  if (support::Orthanc::available()) {
    all.push_back(
        {"Orthanc, NODELAY", [](const fs::path& f) -> Made { return std::make_unique<OrthancReceiver>(f, true); }});
    all.push_back({"Orthanc, as installed",
                   [](const fs::path& f) -> Made { return std::make_unique<OrthancReceiver>(f, false); }});
  }
  std::erase_if(all, [&](const Candidate& one) {
    return !wanted.names.empty() && std::ranges::none_of(wanted.names, [&](const std::string& name) {
      return one.name.find(name) != std::string::npos;
    });
  });
  return all;
}

struct Column {
  const char* head;
  int associations;
  RawClient::Nagle nagle;
};
constexpr Column kColumns[] = {{"1", 1, RawClient::Nagle::Off},
                               {"4", 4, RawClient::Nagle::Off},
                               {"8", 8, RawClient::Nagle::Off},
                               {"1 Nagle", 1, RawClient::Nagle::On},
                               {"4 Nagle", 4, RawClient::Nagle::On}};

std::vector<std::string> images_of(int study, const Load& load) {
  std::vector<std::string> images;
  for (int i = 0; i < load.images; ++i) images.push_back(data_set(study, i, load.pixel_bytes));
  return images;
}

// A receiver that stalls for 40 ms at every message is asked for fewer images: the rate is the same.
Load eased(Load load, const Candidate& candidate) {
  const bool stalls = load.nagle == RawClient::Nagle::On && candidate.name.find("Herald") == std::string::npos;
  if (stalls || candidate.name.find("as installed") != std::string::npos) load.images = std::max(40, load.images / 8);
  return load;
}

// Nobody's writes are to be paid by the next one: what is dirty goes to the disk first. Nor his deletions (ext4
// searches long for an inode that was not freed in the last minutes): nothing is removed before the end.
void measure(const Candidate& candidate, Load load, int study, const fs::path& folder, Measured& measured) {
  load = eased(load, candidate);
  const std::vector<std::string> images = images_of(study, load);
  sync();
  if (!candidate.start) {
    measured.rate.push_back(raw_rate(folder / "raw", load, images));
    return;
  }
  const auto receiver = candidate.start(folder / "receiver");
  const double before = cpu_of(receiver->pid());
  const double took = in_threads(
      load.associations, [&](int first) { push(receiver->port(), receiver->title(), study, load, first, images); });
  measured.rate.push_back(load.images / took);
  measured.cpu.push_back(1000 * (cpu_of(receiver->pid()) - before) / load.images);
}

void print_table(const Wanted& wanted, std::size_t pixel_bytes, int images) {
  std::printf("\nimages of %zu kB, %d of them, median of %d; images/s (ms of CPU per image)\n%-40s", pixel_bytes / 1000,
              images, wanted.rounds, "associations:");
  for (const Column& column : kColumns) std::printf(" %14s", column.head);
  std::printf("\n");
  const auto all = candidates(wanted);
  const support::TempFolder folder;
  int measured = 0;
  std::map<std::pair<std::size_t, std::size_t>, Measured> table;
  for (int round = 0; round < wanted.rounds; ++round) {
    for (std::size_t column = 0; column < std::size(kColumns); ++column) {
      for (std::size_t row = 0; row < all.size(); ++row) {
        const Load load{pixel_bytes, images, kColumns[column].associations, kColumns[column].nagle};
        if (!all[row].start && load.nagle == RawClient::Nagle::On) continue;
        measure(all[row], load, round, folder / std::to_string(++measured), table[{row, column}]);
      }
    }
  }
  for (std::size_t row = 0; row < all.size(); ++row) {
    std::printf("%-40s", all[row].name.c_str());
    for (std::size_t column = 0; column < std::size(kColumns); ++column) {
      const Measured& found = table[{row, column}];
      if (found.cpu.empty()) {
        std::printf(" %14s", found.rate.empty() ? "" : std::to_string(std::lround(median(found.rate))).c_str());
      } else {
        std::printf(" %7.0f (%4.2f)", median(found.rate), median(found.cpu));
      }
    }
    std::printf("\n");
  }
}

// --- an index that is not empty -----------------------------------------------------------------------------------

// Objects of a kilobyte and their rows, as so many images would have left them.
void fill(const fs::path& root, int instances) {
  auto store = storage::ObjectStore::open({.root = root, .floor_bytes = 0}).value();
  auto database = storage::Database::open(root / "herald.db").value();
  storage::Index index(database);
  std::vector<storage::InstanceRow> rows;
  for (int i = 0; i < instances; ++i) {
    const int study = 1000 + i / 2000;
    const std::string uid = uid_of(study, i), hash = storage::sha256_hex(uid);
    const fs::path path = root / "objects" / hash.substr(0, 2) / (hash + ".dcm");
    std::ofstream(path, std::ios::binary) << std::string(1024, 'x');
    rows.push_back(
        {uid, kMrImage, uid_of(study, -1), uid_of(study, -2), kExplicit, path, hash, 1024, "BENCH", storage::Time{}});
    if (rows.size() == 1000 || i + 1 == instances) {
      index.add_all(rows).value();
      rows.clear();
    }
  }
  const auto pending = index.pending_studies().value();
  for (const auto& study : pending) {
    if (!index.set_grouped(study.study_uid, study.last_arrival, true, "{}", ""))
      throw std::runtime_error("the index does not take a grouping");
  }
}

void print_index(const Wanted& wanted) {
  std::printf("\nHerald full with an index of %d instances, median of %d\n%-20s %18s %18s\n", wanted.index,
              wanted.rounds, "instances before", "images/s", "s until listening");
  std::map<int, Measured> found;
  const support::TempFolder all;
  int measured = 0;
  for (int round = 0; round < wanted.rounds; ++round) {
    for (const int instances : {0, wanted.index}) {
      const fs::path folder = all / std::to_string(++measured);
      fill(folder / "receiver/store", instances);
      HeraldReceiver receiver(folder / "receiver", "durability = \"full\"\n");
      const Load load{296000, wanted.images, 1, RawClient::Nagle::Off};
      const auto images = images_of(round, load);
      sync();
      const double took =
          in_threads(1, [&](int first) { push(receiver.port(), "HERALD", round, load, first, images); });
      found[instances].rate.push_back(load.images / took);
      found[instances].cpu.push_back(receiver.seconds_to_listen());
    }
  }
  for (const auto& [instances, one] : found)
    std::printf("%-20d %18.0f %18.3f\n", instances, median(one.rate), median(one.cpu));
}

Wanted understood(int argc, char** argv) {
  Wanted wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--large") {
      wanted.large = true;
    } else if (word.starts_with("--") && i + 1 < argc) {
      (word == "--images" ? wanted.images : word == "--rounds" ? wanted.rounds : wanted.index) = std::atoi(argv[++i]);
    } else {
      wanted.names.push_back(word);
    }
  }
  return wanted;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Wanted wanted = understood(argc, argv);
    print_table(wanted, 296000, wanted.images);
    if (wanted.large) print_table(wanted, 2000000, std::max(20, wanted.images / 6));
    if (wanted.index > 0) print_index(wanted);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ingest_bench: %s\n", e.what());
    return 1;
  }
}
