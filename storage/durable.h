#pragma once
// Private to this folder: the few system calls that decide whether bytes survive a power cut. All throw Failure.
#include <filesystem>
#include <string_view>

namespace storage {

// An open file descriptor, closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, const char* action);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Removes a file at the end of the scope, whatever happened in it.
class Consumed {
 public:
  explicit Consumed(std::filesystem::path path) : path_(std::move(path)) {}
  ~Consumed();
  Consumed(const Consumed&) = delete;
  Consumed& operator=(const Consumed&) = delete;

 private:
  std::filesystem::path path_;
};

void sync_file(const std::filesystem::path& file);
void sync_folder(const std::filesystem::path& folder);

// Creates a folder where it is missing; true when it was. Its entry is not durable yet: many are made durable by one
// sync_folder().
bool make_entry(const std::filesystem::path& folder);

// Creates a folder and its missing parents; returns when the new entries are durable.
void make_folder(const std::filesystem::path& folder);

// Renames without replacing anything; the new entry is not durable yet. False, and nothing changed, when `to` exists.
bool place(const std::filesystem::path& from, const std::filesystem::path& to);

// Makes a file that someone else placed durable: he may have died, or be still at it, between name and sync.
void make_durable(const std::filesystem::path& file);

// Writes a new file and syncs it; its entry is not durable yet.
void write_synced(const std::filesystem::path& file, std::string_view content);

// Renames, replacing what is there, durably.
void replace(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace storage
