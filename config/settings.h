#pragma once
// Every setting of the node, read once, validated whole, immutable afterwards. herald.toml beside this file documents
// each with its default.
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/profile.h"
#include "config/result.h"
#include "dicom/network/acceptor.h"
#include "dicom/network/sender.h"
#include "dicom/output/object.h"
#include "fitting/model.h"
#include "storage/object_store.h"

namespace config {

// What a delivery has to rest on, strongest last. The places are those of the words in the file.
enum class Confirm { None, Find, Commitment };
inline constexpr std::array<std::string_view, 3> kConfirmWords = {"none", "find", "commitment"};

// How a destination confirms that it keeps what it stored.
struct Confirmation {
  std::vector<Confirm> by{Confirm::None};  // in turn: the next where the one before told nothing
  int attempts = 3;                        // of each
  std::chrono::seconds wait{2};            // for a report on the association that asked for it
  std::chrono::seconds timeout{3600};      // for a report at all; then it is asked for again
};

struct Destination {
  std::string name;  // [A-Za-z0-9_-]+, used in logs and commands
  dicom::Peer peer;
  Profile profile;  // which objects it is sent
  std::chrono::seconds first_retry{10};
  std::chrono::seconds longest_retry{900};
  std::chrono::hours give_up_after{24 * 14};  // then the row is dead and waits for a person
  Confirmation confirm;
  int failures_until_down = 3;  // associations in a row; then it is only probed until it answers
};

// A scanner that asks for storage commitment and waits for the report.
struct Scanner {
  dicom::Peer peer;
  bool report_on_same_association = true;  // while that is open; otherwise on a new one
  std::chrono::seconds first_retry{10};
  std::chrono::seconds longest_retry{900};
  std::chrono::hours give_up_after{24 * 7};
};

// A PACS that is asked what it has of a study, and what is done about images that are there and not here.
struct Query {
  enum class Method { Move, Get, Off } method = Method::Move;
  dicom::Peer peer{};
  std::string move_destination = "HERALD";  // the AE title under which the peer knows this node
  std::size_t most_instances_per_study = 5000, most_series_per_study = 50;  // fetched in one go
  std::chrono::milliseconds wait{60000};                                    // between two attempts
  int attempts = 3;                                                         // at asking, and at each series
};

// A small HTTP server for facts that other systems hold; off unless the file has the table.
struct Http {
  std::string bind_address = "127.0.0.1";  // IPv4
  std::uint16_t port = 8043;               // 0: any that is free
  std::filesystem::path token_file;        // the first word in it; empty: none, then only the loopback interface
};

struct Grouping {
  std::chrono::milliseconds settle{2000};  // after the last image, before a study is looked at
  std::chrono::milliseconds quiet{
      120000};  // after the last image, before an acquisition without counts counts as complete
};

struct Logging {
  enum class Format { Text, Json } format = Format::Text;
  std::string level = "info";  // error, warn, info, debug
  std::filesystem::path file;  // empty: standard error
};

struct Settings {
  dicom::AcceptorOptions receive;
  storage::StoreOptions store;
  Grouping grouping;
  fitting::FitOptions fitting;  // threads: 0 in the file means all cores
  unsigned workers = 1;
  std::chrono::seconds job_lease{600};
  std::filesystem::path recipe;  // file; in the settings a path relative to them, or the name of an installed recipe
  std::filesystem::path models;  // folder of model files; the installed ones unless the settings name another
  dicom::Equipment equipment;
  std::vector<Destination> destinations;
  std::vector<Scanner> scanners;
  bool commitment = true;      // is promised to those who may store
  std::optional<Query> query;  // nobody is asked unless the file names a peer
  std::optional<Http> http;
  Logging logging;
};

// Reads and validates. An error names file, line, key, value and what is allowed; unknown keys are errors. Relative
// paths are relative to the file; `recipe` and `models` exist, `store.root` need not. fitting.threads is never 0: all
// cores unless the file says otherwise.
[[nodiscard]] Result<Settings> load_settings(const std::filesystem::path& file);

// What a file need not say: the installed recipe and models, all cores. The store has no folder yet.
[[nodiscard]] Settings default_settings();

// Every key there is, as "table.key": "receive.most_associations", "destination.name".
[[nodiscard]] std::vector<std::string> setting_names();

// The folder that holds config/recipes and classifier/models. Where recipes and models were installed: HERALD_SHARE
// when set, else beside the program (../share/herald), else the source tree.
[[nodiscard]] std::filesystem::path share_folder();
// The file of an installed recipe by its name; it need not exist.
[[nodiscard]] std::filesystem::path installed_recipe(const std::string& name);

}  // namespace config
