// Loaded into the node in front of the C library (LD_PRELOAD): counts the calls that reach the disk and the network,
// and makes those fail, or be the last, that the test has chosen. Also keeps what a power cut would leave:
// (1) The strictest reading of POSIX: of a file, the bytes that it had when it was last synced; of a folder, the names.
// (2) What is kept is read when the sync is asked for, so it is never more than what it would have synced, and is
//     complete when it returns; one lock for all processes keeps two syncs of one file in their order.
//     The disk itself is not asked: this machine's power stays on, and a busy disk would decide how long a test takes.
// (3) Inode numbers are used again: who makes a file or a folder forgets what an earlier one of the number left.
// stdio calls the kernel past us, so fopen() and fwrite() are caught as well. No C++ library, no exceptions: this must
// live in front of whatever the program brings, sanitizers included.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/control.h"

using faults::Operation;
using faults::Place;
using faults::Process;

namespace {

faults::Control* control = nullptr;
Process self = Process::Service;

template <class F>
F* next(F* /*ours*/, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

// What comes behind us under this name: the C library, or a sanitizer that stands before it.
#define REAL(name) static auto* const real = next(&name, #name)

__attribute__((constructor)) void connect_with_the_test() {
  const char* path = getenv(faults::kControlVariable);
  if (path == nullptr) return;
  const int file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC));
  if (file < 0) return;
  char line[4096] = {};
  const int command = static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  if (read(command, line, sizeof line - 1) > 0 && strcmp(line + strlen(line) + 1, "worker") == 0)
    self = Process::Worker;
  close(command);
  void* memory = mmap(nullptr, sizeof(faults::Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) control = static_cast<faults::Control*>(memory);
}

constexpr int kElsewhere = -1;

bool starts_with(const char* text, const char* prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

int place_of(const char* path) {
  if (control == nullptr || path == nullptr || !starts_with(path, control->root)) return kElsewhere;
  const char* inside = path + strlen(control->root);
  const struct {
    const char* prefix;
    Place place;
  } places[] = {{"/incoming", Place::Incoming},  {"/objects", Place::Objects}, {"/aside", Place::Objects},
                {"/quarantine", Place::Objects}, {"/results", Place::Results}, {"/herald.db", Place::Database}};
  for (const auto& candidate : places)
    if (starts_with(inside, candidate.prefix)) return static_cast<int>(candidate.place);
  return kElsewhere;
}

int place_of(int descriptor) {
  if (control == nullptr || descriptor <= STDERR_FILENO) return kElsewhere;
  char link[64], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return kElsewhere;
  path[size] = '\0';
  return starts_with(path, "socket:") ? static_cast<int>(Place::Network) : place_of(path);
}

bool matches(std::uint32_t wanted, std::uint32_t value) { return wanted == faults::kAny || wanted == value; }

// True: the call must not be made, and errno says why.
bool strikes(Operation operation, int place) {
  if (place == kElsewhere) return false;
  const auto what = static_cast<std::uint32_t>(operation), where = static_cast<std::uint32_t>(place),
             who = static_cast<std::uint32_t>(self);
  ++control->calls[who][what][where];
  if (control->armed == 0 || !matches(control->operation, what) || !matches(control->place, where) ||
      !matches(control->process, who))
    return false;
  const std::uint64_t number = ++control->matched;
  if (number < control->first || number > control->last) return false;
  control->struck_operation = what;
  control->struck_place = where;
  ++control->struck;
  if (control->error == faults::kKill) kill(getpid(), SIGKILL);
  errno = control->error;
  return true;
}

void shadow_name(char (&name)[1024], char prefix, unsigned long inode, const char* suffix) {
  snprintf(name, sizeof name, "%s/%c%lu%s", control->shadow, prefix, inode, suffix);
}

// (3)
void forget(const char* path) {
  struct stat status {};
  if (lstat(path, &status) != 0) return;
  char name[1024];
  shadow_name(name, S_ISDIR(status.st_mode) ? faults::kFolderPrefix : faults::kFilePrefix, status.st_ino, "");
  syscall(SYS_unlink, name);
}

bool creates(const char* path, int flags) {
  return control != nullptr && control->remembering != 0 && (flags & O_CREAT) != 0 && place_of(path) != kElsewhere &&
         access(path, F_OK) != 0;
}

class Lock {
 public:
  Lock() {
    char name[1024];
    snprintf(name, sizeof name, "%s/lock", control->shadow);
    file_ = static_cast<int>(syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    flock(file_, LOCK_EX);
  }
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

void copy_bytes(int descriptor, int to) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);  // may be open for writing only
  const int from = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  while (copy_file_range(from, nullptr, to, nullptr, 1 << 24, 0) > 0) {
  }
  close(from);
}

void write_list(int descriptor, int to) {
  const int again = static_cast<int>(syscall(SYS_openat, descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* folder = fdopendir(again);
  for (const dirent* entry = readdir(folder); entry != nullptr; entry = readdir(folder)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      dprintf(to, "%c %lu %s\n", entry->d_type == DT_DIR ? 'd' : 'f', entry->d_ino, entry->d_name);
  }
  closedir(folder);
}

// (2)
void remember(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return;
  const Lock lock;
  char name[1024], draft[1024];
  const char prefix = S_ISDIR(status.st_mode) ? faults::kFolderPrefix : faults::kFilePrefix;
  shadow_name(name, prefix, status.st_ino, "");
  shadow_name(draft, prefix, status.st_ino, ".draft");
  const int to = static_cast<int>(syscall(SYS_openat, AT_FDCWD, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  S_ISDIR(status.st_mode) ? write_list(descriptor, to) : copy_bytes(descriptor, to);
  close(to);
  syscall(SYS_rename, draft, name);
}

// Of the folders of the store, the store itself and the files beside its folders no place is kept.
bool is_in_store(int descriptor) {
  if (control == nullptr) return false;
  char path[1024], link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  path[size > 0 ? size : 0] = '\0';
  return starts_with(path, control->root);
}

template <class F>
int sync_file(F* real, int descriptor) {
  if (strikes(Operation::Sync, place_of(descriptor))) return -1;
  if (!is_in_store(descriptor)) return real(descriptor);
  if (control->remembering != 0) remember(descriptor);
  return 0;
}

// `make` opens the file.
template <class T, class F>
T opening(const char* path, int flags, T failure, F&& make) {
  if ((flags & O_CREAT) != 0 && strikes(Operation::Create, place_of(path))) return failure;
  const bool is_new = creates(path, flags);
  const T opened = make();
  if (is_new && opened != failure) forget(path);
  return opened;
}

mode_t mode_of(int flags, va_list more) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(more, unsigned)) : 0;
}

int flags_of(const char* mode) { return mode[0] == 'r' ? 0 : O_CREAT; }

}  // namespace

extern "C" {

#define OPEN(name)                                                            \
  int name(const char* path, int flags, ...) {                                \
    REAL(name);                                                               \
    va_list more;                                                             \
    va_start(more, flags);                                                    \
    const mode_t mode = mode_of(flags, more);                                 \
    va_end(more);                                                             \
    return opening(path, flags, -1, [&] { return real(path, flags, mode); }); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                  \
  int name(int folder, const char* path, int flags, ...) {                            \
    REAL(name);                                                                       \
    va_list more;                                                                     \
    va_start(more, flags);                                                            \
    const mode_t mode = mode_of(flags, more);                                         \
    va_end(more);                                                                     \
    return opening(path, flags, -1, [&] { return real(folder, path, flags, mode); }); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                                      \
  FILE* name(const char* path, const char* mode) {                                                       \
    REAL(name);                                                                                          \
    return opening(path, flags_of(mode), static_cast<FILE*>(nullptr), [&] { return real(path, mode); }); \
  }
FOPEN(fopen)
FOPEN(fopen64)

size_t fwrite(const void* bytes, size_t size, size_t count, FILE* stream) {
  REAL(fwrite);
  return strikes(Operation::Write, place_of(fileno(stream))) ? 0 : real(bytes, size, count, stream);
}

int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  // A folder that is there already makes no step: every process that opens the store asks for some five hundred.
  if (control != nullptr && access(path, F_OK) != 0 && strikes(Operation::Create, place_of(path))) return -1;
  const int result = real(path, mode);
  if (result == 0 && control != nullptr && control->remembering != 0) forget(path);
  return result;
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  REAL(write);
  const int place = place_of(descriptor);
  const auto operation = place == static_cast<int>(Place::Network) ? Operation::Send : Operation::Write;
  return strikes(operation, place) ? -1 : real(descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  REAL(pwrite);
  return strikes(Operation::Write, place_of(descriptor)) ? -1 : real(descriptor, bytes, size, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  REAL(pwrite64);
  return strikes(Operation::Write, place_of(descriptor)) ? -1 : real(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
  REAL(fsync);
  return sync_file(real, descriptor);
}

int fdatasync(int descriptor) {
  REAL(fdatasync);
  return sync_file(real, descriptor);
}

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return strikes(Operation::Rename, place_of(to)) ? -1 : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  REAL(renameat2);
  return strikes(Operation::Rename, place_of(to)) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int link(const char* from, const char* to) noexcept {
  REAL(link);
  return strikes(Operation::Link, place_of(to)) ? -1 : real(from, to);
}

int unlink(const char* path) noexcept {
  REAL(unlink);
  return strikes(Operation::Unlink, place_of(path)) ? -1 : real(path);
}

ssize_t send(int descriptor, const void* bytes, size_t size, int flags) {
  REAL(send);
  return strikes(Operation::Send, place_of(descriptor)) ? -1 : real(descriptor, bytes, size, flags);
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  REAL(sendmsg);
  return strikes(Operation::Send, place_of(descriptor)) ? -1 : real(descriptor, message, flags);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  REAL(clock_gettime);
  const int result = real(clock, time);
  if (result != 0 || clock != CLOCK_REALTIME || control == nullptr) return result;
  const std::int64_t offset = control->clock_offset_ms;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t sum = time->tv_sec * kSecond + time->tv_nsec + offset * 1'000'000;
  time->tv_sec = sum / kSecond;
  time->tv_nsec = sum % kSecond;
  return result;
}

}  // extern "C"
