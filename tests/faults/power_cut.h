#pragma once
// What a power cut leaves of a store whose processes were killed at that moment.
#include <filesystem>

namespace faults {

// Two worlds that POSIX allows; a disk leaves something between them.
enum class Names {
  AsSynced,  // a folder has the entries that it had when it was last synced: late names are lost
  AsGiven,   // names reached the disk at once, and bytes only by a sync: unsynced files stand there empty
};

// Builds at `to` what is left of `store`: of each file the bytes at its last sync, none where there was none.
void build_after_power_cut(const std::filesystem::path& store, const std::filesystem::path& shadow, Names names,
                           const std::filesystem::path& to);

}  // namespace faults
