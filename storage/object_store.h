#pragma once
// Object files on disk. Files are the truth: what is published here survives a power cut, and the index can be rebuilt
// from it.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/result.h"

namespace storage {

// When publish() returns.
enum class Durability {
  Full,     // file and directory entry are on the disk: nothing acknowledged is lost by a power cut
  Relaxed,  // both are with the kernel: nothing is lost by a crash of the process, but by a power cut the last seconds
};

struct StoreOptions {
  std::filesystem::path root;              // absolute; created where missing
  std::uint64_t floor_bytes = 2ull << 30;  // free space below which nothing new is taken
  Durability durability = Durability::Full;
};

// root/incoming   files being received, names of our own; swept at start
// root/objects    received objects: objects/ab/<64 hex of SHA-256 of the SOP Instance UID>.dcm
// root/aside      same SOP Instance UID, other bytes: <hex of UID>-<hex of digest>.dcm
// root/quarantine unreadable input: <hex of digest>.dcm beside <hex>.reason
// root/results    objects that Herald made, named like objects/
// No name ever contains text from the network. Every function is safe from any thread and any process.
class ObjectStore {
 public:
  // Creates the folders (and the 256 fan-out folders of objects/ and results/), fsynced, and touches nothing else.
  static Result<ObjectStore> open(StoreOptions options);

  // A fresh path in incoming/ on the same file system; the file is not created. Fault::Full when less than the floor is
  // free.
  [[nodiscard]] Result<std::filesystem::path> new_incoming();

  // A fresh, empty folder on the same file system for results in the making; the floor does not apply to them, for a
  // full disk must not stop what would empty it. Whoever asked removes it; when this process dies before,
  // sweep_work_of() or sweep_incoming() does.
  [[nodiscard]] Result<std::filesystem::path> new_work_folder();

  struct Published {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
    enum class Outcome { Stored, AlreadyThere, SetAside } outcome = Outcome::Stored;
  };
  // Makes the file at `incoming` durable as the object `uid`: fsync(file), its new name (which never replaces a file),
  // fsync(directory); returns only then (with Durability::Relaxed without either fsync). The incoming name is gone
  // afterwards, whatever the outcome. Same UID and same payload: AlreadyThere. Same UID, other payload: SetAside under
  // aside/. `payload_digest` identifies the payload (the data set without the file meta information, whose version
  // fields may differ); it is stored by the caller in the index and compared there: `existing` is what the index has
  // for this UID, if anything. A file without an index row (a crash, or another association at this instant) is
  // compared whole. `existing` without its file: the same payload is Stored again, another one is SetAside. On an error
  // nothing is published, with one exception: when only the last fsync failed, the file keeps its new name, for someone
  // else may have found it there already; start-up then finds a file without a row.
  Result<Published> publish(const std::filesystem::path& incoming, std::string_view uid,
                            std::string_view payload_digest, const std::optional<std::string>& existing);

  // Moves an unreadable file to quarantine/ with its reason beside it (durable like publish, and like it leaves nothing
  // in incoming/). The same bytes again: the newer reason stands. Returns the new path.
  Result<std::filesystem::path> quarantine(const std::filesystem::path& incoming, std::string_view reason) const;

  // Writes a result object durably: `file` (anywhere on the same file system) becomes results/ab/<64 hex of uid>.dcm;
  // its old name is gone afterwards. Same bytes there: AlreadyThere. Other bytes there: Fault::Corrupt, since the UID
  // is derived from the content.
  struct PublishedResult : Published {
    std::string digest;  // SHA-256 of the whole file, lower-case hex
  };
  Result<PublishedResult> publish_result(const std::filesystem::path& file, std::string_view uid);

  // Removes the files and work folders that a crash left in incoming/. Call before receiving starts. Returns how many.
  Result<std::size_t> sweep_incoming();

  // Removes the work folders of a process that has ended. Returns how many.
  Result<std::size_t> sweep_work_of(int process);

  // Calls `visit` with every file below objects/ (order unspecified); for reconciling with the index. An error, before
  // any visit, when a folder cannot be read: half a list must not look like missing files.
  template <class F>
  [[nodiscard]] Result<void> for_each_object(F&& visit) const {
    const auto files = object_files();
    if (!files) return tl::unexpected(files.error());
    for (const auto& path : *files) visit(path);
    return {};
  }

  // Space left for us on the file system of root; 0 when it cannot be found out.
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] const StoreOptions& options() const { return options_; }

 private:
  explicit ObjectStore(StoreOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Result<std::vector<std::filesystem::path>> object_files() const;
  Published set_aside(const std::filesystem::path& incoming, std::string_view uid) const;
  [[nodiscard]] bool publish_as(const std::filesystem::path& incoming, const std::filesystem::path& target) const;
  void confirm(const std::filesystem::path& file) const;
  StoreOptions options_;
};

// SHA-256 of text or of a file, lower-case hex.
[[nodiscard]] std::string sha256_hex(std::string_view text);
[[nodiscard]] Result<std::string> sha256_file(const std::filesystem::path& file);

}  // namespace storage
