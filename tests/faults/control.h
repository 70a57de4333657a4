#pragma once
// What a test and the fault library in the node share: one page of memory, mapped by both from a small file. The test
// switches faults on and off while the node runs; the library counts and strikes. Both sides are built of this header,
// which needs nothing but the compiler.
#include <atomic>
#include <cstdint>

namespace faults {

// A call that the library sees before the kernel does.
enum class Operation : std::uint32_t { Create, Write, Sync, Rename, Link, Unlink, Send, kCount };

// On what. Files of the store by their folder: Objects are those received, also aside and in quarantine; the database
// is with its write-ahead log. Network: every socket. Files elsewhere are left alone and not counted.
enum class Place : std::uint32_t { Incoming, Objects, Results, Database, Network, kCount };

enum class Process : std::uint32_t { Service, Worker, kCount };

inline constexpr std::uint32_t kAny = UINT32_MAX;  // in a rule: every operation, place or process
inline constexpr std::int32_t kKill = 0;           // instead of an errno: SIGKILL of the process that calls

inline constexpr int kOperations = static_cast<int>(Operation::kCount);
inline constexpr int kPlaces = static_cast<int>(Place::kCount);
inline constexpr int kProcesses = static_cast<int>(Process::kCount);

struct Control {
  // Written by the test, before `armed`. Calls that match are numbered from 1 since then; those from `first` to `last`
  // are not made, and fail with `error` or end the process.
  std::atomic<std::uint32_t> operation, place, process;
  std::atomic<std::uint64_t> first, last;
  std::atomic<std::int32_t> error;
  std::atomic<std::uint32_t> armed;
  std::atomic<std::int64_t> clock_offset_ms;  // added to the wall clock of the node
  std::atomic<std::uint32_t> remembering;     // keeps what a power cut would leave, see power_cut.h
  char root[512];                             // of the store, without a slash at the end
  char shadow[512];                           // where that is kept

  // Written by the library.
  std::atomic<std::uint64_t> matched;                                  // calls that matched since the rule was armed
  std::atomic<std::uint64_t> struck;                                   // of these, those that did not happen
  std::atomic<std::uint32_t> struck_operation, struck_place;           // of the last of these
  std::atomic<std::uint64_t> calls[kProcesses][kOperations][kPlaces];  // all, since the node started
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // or it could not be shared between processes

inline constexpr char kControlVariable[] = "HERALD_FAULTS";  // the path of the file

// The names of what the shadow keeps: of a file its bytes, of a folder its list, by inode.
inline constexpr char kFilePrefix = 'f', kFolderPrefix = 'd';

}  // namespace faults
