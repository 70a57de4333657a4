#include "storage/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "storage/failure.h"

namespace storage {
namespace {

constexpr mode_t kFolderMode = 0750;  // images of patients: nothing for others
constexpr mode_t kFileMode = 0640;

void sync(const std::filesystem::path& path, int flags, const char* action) {
  const Descriptor descriptor(path, flags, action);
  if (::fsync(descriptor.get()) != 0) raise_errno(errno, action);
}

void write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) raise_errno(errno, "write a file");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Descriptor::Descriptor(const std::filesystem::path& path, int flags, const char* action)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, kFileMode)) {
  if (fd_ < 0) raise_errno(errno, action);
}

Descriptor::~Descriptor() { ::close(fd_); }

Consumed::~Consumed() { ::unlink(path_.c_str()); }

void sync_file(const std::filesystem::path& file) { sync(file, O_RDONLY, "sync a file"); }

void sync_folder(const std::filesystem::path& folder) { sync(folder, O_RDONLY | O_DIRECTORY, "sync a folder"); }

bool make_entry(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), kFolderMode) == 0) return true;
  if (errno != EEXIST) raise_errno(errno, "create a folder");
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) raise_errno(ENOTDIR, "create a folder");
  return false;
}

void make_folder(const std::filesystem::path& folder) {
  const std::filesystem::path parent = folder.parent_path();
  std::error_code ignored;
  if (!std::filesystem::exists(parent, ignored)) make_folder(parent);
  if (make_entry(folder)) sync_folder(parent);
}

bool place(const std::filesystem::path& from, const std::filesystem::path& to) {
  // rename() would replace: two associations may be storing the same UID at this instant.
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS) raise_errno(errno, "name a file");
  // A file system that does not know the flag. A crash between the two calls leaves a second name, which is swept.
  if (::link(from.c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) return false;
    raise_errno(errno, "name a file");
  }
  ::unlink(from.c_str());
  return true;
}

void make_durable(const std::filesystem::path& file) {
  sync_file(file);
  sync_folder(file.parent_path());
}

void write_synced(const std::filesystem::path& file, std::string_view content) {
  const Descriptor descriptor(file, O_WRONLY | O_CREAT | O_EXCL, "create a file");
  write_all(descriptor.get(), content);
  if (::fsync(descriptor.get()) != 0) raise_errno(errno, "sync a file");
}

void replace(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) raise_errno(errno, "rename a file");
  sync_folder(to.parent_path());
}

}  // namespace storage
