// Order of events, which everything here depends on:
// (1) The content is synced before it gets its final name, so a file under a final name is whole.
// (2) A final name is given without replacing a file, so two who race see each other.
// (3) The directory is synced before we return, so what we called stored is found after a power cut.
//     Durability::Relaxed leaves out (1) and (3) for objects and what is set aside; results are always synced.
// (4) The incoming name is removed last, whatever happened; after a crash sweep_incoming() does it.
#include "storage/object_store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "storage/durable.h"
#include "storage/failure.h"

namespace storage {
namespace {

namespace fs = std::filesystem;
using Published = ObjectStore::Published;

constexpr int kFanOut = 256;

std::string hex_byte(int value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[static_cast<std::size_t>(value) >> 4], kDigits[static_cast<std::size_t>(value) & 15]};
}

// 128 random bits: two processes, or one after a restart, never choose the same name.
std::string fresh_name() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    raise_errno(errno, "get random bytes");
  }
  std::string name;
  for (const unsigned char byte : bytes) name += hex_byte(byte);
  return name;
}

std::string work_prefix(int process) { return "work-" + std::to_string(process) + "-"; }

fs::path object_path(const fs::path& folder, std::string_view uid) {
  const std::string hash = sha256_hex(uid);
  return folder / hash.substr(0, 2) / (hash + ".dcm");
}

void make_fan_out(const fs::path& folder) {
  for (int i = 0; i < kFanOut; ++i) make_entry(folder / hex_byte(i));
  sync_folder(folder);  // always: who created them may have died before this line
}

std::string digest_of(const fs::path& file) {
  auto digest = sha256_file(file);
  if (!digest) throw Failure{std::move(digest.error())};
  return *std::move(digest);
}

bool is_there(const fs::path& file) { return ::access(file.c_str(), F_OK) == 0; }

Published describe(const fs::path& file, Published::Outcome outcome) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error) raise_errno(error.value(), "read a file");
  return {.path = file, .bytes = bytes, .outcome = outcome};
}

// (1) to (3). False when the name is taken.
bool publish_synced(const fs::path& incoming, const fs::path& target) {
  sync_file(incoming);
  if (!place(incoming, target)) return false;
  sync_folder(target.parent_path());
  return true;
}

std::vector<fs::path> regular_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  }
  if (error) raise_errno(error.value(), "list a folder");
  return files;
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

Result<ObjectStore> ObjectStore::open(StoreOptions options) {
  return guarded([&] {
    if (!options.root.is_absolute()) raise(Fault::Io, "the object folder must be an absolute path");
    const fs::path& root = options.root;
    for (const char* name : {"incoming", "objects", "aside", "quarantine", "results"}) make_folder(root / name);
    sync_folder(root);
    make_fan_out(root / "objects");
    make_fan_out(root / "results");
    return ObjectStore(std::move(options));
  });
}

Result<fs::path> ObjectStore::new_incoming() {
  return guarded([&] {
    const std::uint64_t free = free_bytes();
    if (free < options_.floor_bytes) {
      raise(Fault::Full, mebibytes(free) + " free, the floor is " + mebibytes(options_.floor_bytes));
    }
    return options_.root / "incoming" / fresh_name();
  });
}

Result<fs::path> ObjectStore::new_work_folder() {
  return guarded([&] {
    fs::path folder = options_.root / "incoming" / (work_prefix(::getpid()) + fresh_name());
    if (::mkdir(folder.c_str(), 0700) != 0) raise_errno(errno, "make a work folder");
    return folder;
  });
}

Result<Published> ObjectStore::publish(const fs::path& incoming, std::string_view uid, std::string_view payload_digest,
                                       const std::optional<std::string>& existing) {
  return guarded([&] {
    const Consumed consumed(incoming);  // (4)
    const fs::path target = object_path(options_.root / "objects", uid);
    if (existing && *existing != payload_digest) return set_aside(incoming, uid);
    Published stored = describe(incoming, Published::Outcome::Stored);
    stored.path = target;
    if (!(existing && is_there(target)) && publish_as(incoming, target)) return stored;
    if (!existing && digest_of(target) != digest_of(incoming)) return set_aside(incoming, uid);
    confirm(target);
    return describe(target, Published::Outcome::AlreadyThere);
  });
}

Published ObjectStore::set_aside(const fs::path& incoming, std::string_view uid) const {
  Published published = describe(incoming, Published::Outcome::SetAside);
  published.path = options_.root / "aside" / (sha256_hex(uid) + "-" + digest_of(incoming) + ".dcm");
  // A taken name means the same bytes: the digest is part of it.
  if (!publish_as(incoming, published.path)) confirm(published.path);
  return published;
}

bool ObjectStore::publish_as(const fs::path& incoming, const fs::path& target) const {
  return options_.durability == Durability::Full ? publish_synced(incoming, target) : place(incoming, target);
}

// Someone else placed it, who may have died, or be still at it, between name and sync.
void ObjectStore::confirm(const fs::path& file) const {
  if (options_.durability == Durability::Full) make_durable(file);
}

Result<fs::path> ObjectStore::quarantine(const fs::path& incoming, std::string_view reason) const {
  return guarded([&] {
    const Consumed consumed(incoming);
    const fs::path folder = options_.root / "quarantine";
    const std::string name = digest_of(incoming);
    const fs::path draft = options_.root / "incoming" / fresh_name();
    const Consumed consumed_draft(draft);
    // The reason first: a file in quarantine always has one.
    write_synced(draft, reason);
    replace(draft, folder / (name + ".reason"));
    fs::path target = folder / (name + ".dcm");
    if (!publish_synced(incoming, target)) make_durable(target);
    return target;
  });
}

Result<ObjectStore::PublishedResult> ObjectStore::publish_result(const fs::path& file, std::string_view uid) {
  return guarded([&] {
    const Consumed consumed(file);
    PublishedResult published{describe(file, Published::Outcome::Stored), digest_of(file)};
    published.path = object_path(options_.root / "results", uid);
    if (publish_synced(file, published.path)) return published;
    if (digest_of(published.path) != published.digest) {
      raise(Fault::Corrupt, "a result with this UID and other bytes exists");
    }
    make_durable(published.path);
    published.outcome = Published::Outcome::AlreadyThere;
    return published;
  });
}

Result<std::size_t> ObjectStore::sweep_incoming() {
  return guarded([&] {
    std::size_t left_behind = 0;
    for (const auto& entry : fs::directory_iterator(options_.root / "incoming")) {
      fs::remove_all(entry.path());
      ++left_behind;
    }
    return left_behind;
  });
}

Result<std::size_t> ObjectStore::sweep_work_of(int process) {
  return guarded([&] {
    std::vector<fs::path> left_behind;
    for (const auto& entry : fs::directory_iterator(options_.root / "incoming")) {
      if (entry.path().filename().string().starts_with(work_prefix(process))) left_behind.push_back(entry.path());
    }
    for (const fs::path& folder : left_behind) fs::remove_all(folder);
    return left_behind.size();
  });
}

std::uint64_t ObjectStore::free_bytes() const {
  struct statvfs status {};
  if (::statvfs(options_.root.c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Result<std::vector<fs::path>> ObjectStore::object_files() const {
  return guarded([&] { return regular_files(options_.root / "objects"); });
}

}  // namespace storage
