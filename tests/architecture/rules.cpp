#include "tests/architecture/rules.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string_view>

// (1) A folder includes itself and what kArrows says.
// (2) Beyond its arrows a file may include single headers: those of kExceptions.
// (3) A third-party library is included by its owners only (kLibraries), and no file of anybody else reaches it through
// headers of theirs:
//     a header that holds DCMTK's types is private to dicom/, whatever it says about itself.
// (4) Headers begin with #pragma once, but for *-inl.h, which are compiled again for each instruction set and toggle a
// guard of their own; includes in quotes start at the root; files stay under kMostLines; tests do not sleep.

namespace architecture {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLines = 600;

// The three parts of dicom/ are folders of their own; "dicom" is what lies beside them.
const std::map<std::string, std::set<std::string>> kArrows{
    {"fitting", {}},
    {"classifier", {"fitting"}},
    {"storage", {}},
    {"dicom", {}},
    {"dicom/network", {"dicom"}},
    {"dicom/input", {"dicom", "fitting"}},
    {"dicom/output", {"dicom", "dicom/input", "fitting"}},
    {"config", {}},
    {"server", {"fitting", "classifier", "storage", "dicom", "dicom/network", "dicom/input", "dicom/output", "config"}},
    {"tests",
     {"fitting", "classifier", "storage", "dicom", "dicom/network", "dicom/input", "dicom/output", "config", "server"}},
};

struct Exception {
  std::string from, to;  // a file, or all files that begin so; a header
};
const std::vector<Exception> kExceptions{
    // The options of each folder stand beside its code; the settings collect them.
    {"config/settings.h", "dicom/network/acceptor.h"},
    {"config/settings.h", "dicom/network/sender.h"},
    {"config/tls.h", "dicom/network/tls.h"},
    {"config/settings.h", "dicom/output/object.h"},
    {"config/settings.h", "fitting/model.h"},
    {"config/settings.h", "storage/object_store.h"},
    // By these names the way in recognises what the way out has written.
    {"dicom/input/", "dicom/output/object.h"},
};

struct Library {
  std::string prefix;
  std::set<std::string> owners;  // folders, or the files whose paths begin so
};
const std::vector<Library> kLibraries{
    {"dcmtk/", {"dicom"}},
    {"sqlite3", {"storage"}},
    {"toml", {"config"}},
    {"spdlog/", {"server"}},
    {"CLI/", {"server"}},
    {"boost/", {"server"}},
    {"nlohmann/", {"classifier", "server"}},
    {"openssl/", {"classifier", "storage", "dicom"}},
    {"hwy/", {"fitting"}},
    // Layouts know marks on a page; what a library makes of them is one file's affair.
    {"cairo", {"classifier/canvas.cpp"}},
    // Large templates, exceptions and an output of its own: kept behind two headers.
    {"itk", {"fitting/registration_itk.cpp", "fitting/filters"}},
};

struct Include {
  std::size_t line = 0;
  std::string name;
  bool quoted = false;
};
struct Source {
  std::string path;  // from the root
  std::vector<Include> includes;
  std::vector<std::size_t> sleeps;
  std::size_t lines = 0;
  std::string first_line;
};
using Sources = std::map<std::string, Source>;

std::string first_folder(const std::string& path) { return path.substr(0, path.find('/')); }

std::string folder(const std::string& path) {
  for (const char* part : {"dicom/network", "dicom/input", "dicom/output"})
    if (path.starts_with(std::string(part) + "/")) return part;
  return first_folder(path);
}

bool is_test(const Source& source) { return source.path.starts_with("tests/"); }

// `#include "a/b.h"` or `# include <c>`, or nothing.
std::optional<Include> include_in(std::string_view line) {
  const auto skip = [&](std::string_view characters) {
    line.remove_prefix(std::min(line.find_first_not_of(characters), line.size()));
  };
  const auto take = [&](std::string_view word) {
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  };
  skip(" \t");
  if (!take("#")) return {};
  skip(" \t");
  if (!take("include")) return {};
  skip(" \t");
  const bool quoted = line.starts_with('"');
  if (!quoted && !line.starts_with('<')) return {};
  const auto end = line.find(quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return {};
  return Include{0, std::string(line.substr(1, end - 1)), quoted};
}

// A call of one of the functions that sleep, not a longer word that contains one.
bool sleeps_in(std::string_view line) {
  const auto is_word = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (const std::string_view name : {"sleep", "sleep_for", "sleep_until", "usleep", "nanosleep"}) {
    for (auto at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
      const bool begins = at == 0 || !is_word(line[at - 1]);
      if (begins && line.substr(at + name.size()).starts_with('(')) return true;
    }
  }
  return false;
}

Source read(const fs::path& file, std::string path) {
  Source source;
  source.path = std::move(path);
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    ++source.lines;
    if (source.lines == 1) source.first_line = line;
    if (auto include = include_in(line)) {
      include->line = source.lines;
      source.includes.push_back(std::move(*include));
    }
    if (sleeps_in(line)) source.sleeps.push_back(source.lines);
  }
  return source;
}

bool is_source(const fs::path& file) {
  return file.extension() == ".h" || file.extension() == ".cpp" || file.extension() == ".in";
}

Sources read_all(const fs::path& root) {
  Sources sources;
  for (const auto& [name, arrows] : kArrows) {
    std::error_code absent;
    for (const auto& file : fs::recursive_directory_iterator(root / first_folder(name), absent)) {
      if (!file.is_regular_file() || !is_source(file.path())) continue;
      std::string path = fs::relative(file.path(), root).generic_string();
      sources.emplace(path, read(file.path(), path));
    }
  }
  return sources;
}

class Check {
 public:
  explicit Check(const Sources& sources) : sources_(sources) {}

  std::vector<std::string> run() {
    for (const auto& [path, source] : sources_) {
      for (const Include& include : source.includes)
        include.quoted ? check_ours(source, include) : check_theirs(source, include);
      check_reach(source);
      check_form(source);
    }
    return std::move(found_);
  }

 private:
  void add(const Source& source, std::size_t line, const std::string& what) {
    found_.push_back(source.path + ":" + std::to_string(line) + ": " + what);
  }

  static bool is_exception(const std::string& from, const std::string& to) {
    return std::ranges::any_of(kExceptions, [&](const Exception& e) { return from.starts_with(e.from) && to == e.to; });
  }

  // (1), (2)
  void check_ours(const Source& source, const Include& include) {
    const std::string from = folder(source.path), to = folder(include.name);
    if (!kArrows.contains(to) || include.name.find('/') == std::string::npos ||
        include.name.find("..") != std::string::npos) {
      add(source, include.line, "includes " + include.name + ", which does not start at the root");
    } else if (from != to && !kArrows.at(from).contains(to) && !is_exception(source.path, include.name)) {
      add(source, include.line, "includes " + include.name + ", which " + from + " must not know");
    }
  }

  // (3), first half
  void check_theirs(const Source& source, const Include& include) {
    const Library* library = library_of(include.name);
    if (library == nullptr || is_test(source) || owns(*library, source)) return;
    add(source, include.line, "includes <" + include.name + ">, which " + first_folder(source.path) + " must not know");
  }

  // (3), second half
  void check_reach(const Source& source) {
    if (is_test(source)) return;
    std::set<std::string> seen{source.path};
    std::vector<std::string> open{source.path};
    while (!open.empty()) {
      const Source& at = sources_.at(open.back());
      open.pop_back();
      for (const Include& include : at.includes) {
        if (include.quoted && sources_.contains(include.name) && seen.insert(include.name).second)
          open.push_back(include.name);
        if (!include.quoted && at.path != source.path) check_reached(source, at, include);
      }
    }
  }
  void check_reached(const Source& source, const Source& at, const Include& include) {
    const Library* library = library_of(include.name);
    if (library == nullptr || owns(*library, source)) return;
    add(source, 1, "reaches <" + include.name + "> through " + at.path);
  }

  // (4)
  void check_form(const Source& source) {
    if (source.path.ends_with(".h") && !source.path.ends_with("-inl.h") && source.first_line != "#pragma once")
      add(source, 1, "does not begin with #pragma once");
    if (source.lines > kMostLines) add(source, kMostLines, "is longer than " + std::to_string(kMostLines) + " lines");
    if (!is_test(source)) return;
    for (const std::size_t line : source.sleeps) add(source, line, "a test that sleeps");
  }

  static bool owns(const Library& library, const Source& source) {
    return std::ranges::any_of(library.owners, [&](const std::string& owner) {
      return owner == first_folder(source.path) ||
             (owner.find('/') != std::string::npos && source.path.starts_with(owner));
    });
  }

  static const Library* library_of(const std::string& name) {
    const auto found = std::ranges::find_if(kLibraries, [&](const Library& l) { return name.starts_with(l.prefix); });
    return found == kLibraries.end() ? nullptr : &*found;
  }

  const Sources& sources_;
  std::vector<std::string> found_;
};

}  // namespace

Report check(const fs::path& root) {
  const Sources sources = read_all(root);
  return {sources.size(), Check(sources).run()};
}

}  // namespace architecture
