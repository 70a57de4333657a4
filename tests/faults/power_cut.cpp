#include "tests/faults/power_cut.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/faults/control.h"

namespace faults {
namespace {

namespace fs = std::filesystem;

struct Entry {
  char prefix;
  ino_t inode;
  std::string name;
};

ino_t inode_of(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

class Builder {
 public:
  explicit Builder(const fs::path& shadow) : shadow_(shadow) {}

  void as_synced(ino_t folder, const fs::path& to) const {
    fs::create_directories(to);
    for (const Entry& entry : list_of(folder)) {
      if (entry.prefix == kFolderPrefix)
        as_synced(entry.inode, to / entry.name);
      else
        file(entry.inode, to / entry.name);
    }
  }

  void as_given(const fs::path& folder, const fs::path& to) const {
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory())
        as_given(entry.path(), to / entry.path().filename());
      else
        file(inode_of(entry.path()), to / entry.path().filename());
    }
  }

 private:
  [[nodiscard]] fs::path kept(char prefix, ino_t inode) const { return shadow_ / (prefix + std::to_string(inode)); }

  [[nodiscard]] std::vector<Entry> list_of(ino_t folder) const {
    std::vector<Entry> entries;
    std::ifstream list(kept(kFolderPrefix, folder));
    for (Entry entry{}; list >> entry.prefix >> entry.inode >> entry.name;) entries.push_back(entry);
    return entries;
  }

  void file(ino_t inode, const fs::path& to) const {
    if (!fs::exists(kept(kFilePrefix, inode)))
      std::ofstream(to).close();
    else
      fs::copy_file(kept(kFilePrefix, inode), to);
  }

  const fs::path& shadow_;
};

}  // namespace

void build_after_power_cut(const fs::path& store, const fs::path& shadow, Names names, const fs::path& to) {
  const Builder builder(shadow);
  names == Names::AsSynced ? builder.as_synced(inode_of(store), to) : builder.as_given(store, to);
}

}  // namespace faults
