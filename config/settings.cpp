#include "config/settings.h"

#include <arpa/inet.h>

#include <cmath>
#include <set>
#include <thread>

#include "config/titles.h"
#include "config/tls.h"
#include "config/toml_file.h"

// One list of keys per table of the file, in the order of herald.toml; the lambdas hold the unit, the range and nothing
// else.

namespace config {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kDay = 24 * 3600;

seconds seconds_of(const Entry& entry, std::int64_t low, std::int64_t high) { return seconds(entry.whole(low, high)); }

std::chrono::milliseconds milliseconds_of(const Entry& entry, double low_s, double high_s) {
  return std::chrono::milliseconds(std::llround(1000 * entry.number(low_s, high_s)));
}

std::vector<std::string> calling_ae_titles_of(const Entry& entry) {
  std::vector<std::string> titles = entry.texts();
  if (std::ranges::count(titles, "*") > 0 && titles.size() > 1) entry.refuse("\"*\" alone, or AE titles without it");
  for (const std::string& title : titles)
    if (!is_ae_title(title)) entry.refuse(std::string("an array of ") + kAeTitle);
  return titles;
}

std::string bind_address_of(const Entry& entry) {
  std::string address = entry.text();
  in_addr parsed{};
  if (!address.empty() && inet_pton(AF_INET, address.c_str(), &parsed) != 1)
    entry.refuse("an IPv4 address such as 127.0.0.1, or nothing for all interfaces");
  return address;
}

std::string host_of(const Entry& entry) {
  std::string host = entry.text();
  if (!is_name(host, ".-:")) entry.refuse("a host name or an address");
  return host;
}

// LO of PS3.5: it becomes the Device Serial Number of every object.
std::string serial_of(const Entry& entry) {
  std::string serial = entry.text();
  if (serial.empty() || serial.size() > 64 || serial.find('\\') != std::string::npos)
    entry.refuse("1 to 64 characters without backslash");
  return serial;
}

std::filesystem::path required_path_of(const Entry& entry) {
  if (entry.text().empty()) entry.refuse("a folder");
  return entry.path();
}

std::filesystem::path installed_recipes() { return share_folder() / "config" / "recipes"; }

std::string installed_recipe_names() {
  std::set<std::string> names;
  std::error_code unreadable;
  for (const auto& file : std::filesystem::directory_iterator(installed_recipes(), unreadable))
    if (file.path().extension() == ".toml") names.insert(file.path().stem().string());
  return listed(names);
}

// A bare name is an installed recipe, anything else a file.
std::filesystem::path recipe_of(const Entry& entry) {
  const std::string text = entry.text();
  const bool installed = is_name(text, "_-");
  const std::filesystem::path file = installed ? installed_recipe(text) : entry.path();
  if (!std::filesystem::is_regular_file(file))
    entry.refuse("a recipe file, or one of the installed: " + installed_recipe_names());
  return file;
}

std::filesystem::path installed_models() { return share_folder() / "classifier" / "models"; }

std::filesystem::path models_of(const Entry& entry) {
  const std::filesystem::path folder = entry.path();
  if (folder.empty()) return installed_models();
  if (!std::filesystem::is_directory(folder)) entry.refuse("a folder that exists, or nothing for the installed models");
  return folder;
}

unsigned all_cores() { return std::max(1u, std::thread::hardware_concurrency()); }

unsigned threads_of(const Entry& entry) {
  const auto threads = static_cast<unsigned>(entry.whole(0, 1024));
  return threads == 0 ? all_cores() : threads;
}

fitting::VfaMethod vfa_method_of(const Entry& entry) {
  const std::string text = entry.text_of({"nonlinear", "weighted", "line"});
  return text == "nonlinear"  ? fitting::VfaMethod::NonLinear
         : text == "weighted" ? fitting::VfaMethod::WeightedLine
                              : fitting::VfaMethod::Line;
}

fitting::T2Method t2_method_of(const Entry& entry) {
  return entry.text_of({"mono", "epg"}) == "epg" ? fitting::T2Method::Epg : fitting::T2Method::MonoExponential;
}

void read_port(const Entry& entry, Settings& settings) {
  settings.receive.plain = !entry.is("off");
  if (settings.receive.plain) settings.receive.port = static_cast<std::uint16_t>(entry.whole(0, 65535));
}

constexpr Key<Settings> kNode[] = {
    {"ae_title", [](const Entry& e, Settings& s) { s.receive.ae_title = ae_title_of(e); }},
    {"bind_address", [](const Entry& e, Settings& s) { s.receive.bind_address = bind_address_of(e); }},
    {"port", read_port},
    {"serial", [](const Entry& e, Settings& s) { s.equipment.serial = serial_of(e); }},
};

constexpr Key<Settings> kReceive[] = {
    {"calling_ae_titles", [](const Entry& e, Settings& s) { s.receive.calling_ae_titles = calling_ae_titles_of(e); }},
    {"commitment", [](const Entry& e, Settings& s) { s.commitment = e.flag(); }},
    {"most_associations",
     [](const Entry& e, Settings& s) { s.receive.most_associations = static_cast<unsigned>(e.whole(1, 1024)); }},
    {"largest_pdu",
     [](const Entry& e, Settings& s) { s.receive.largest_pdu = static_cast<std::uint32_t>(e.whole(4096, 131072)); }},
    {"acse_timeout_s", [](const Entry& e, Settings& s) { s.receive.acse_timeout = seconds_of(e, 1, 3600); }},
    {"dimse_timeout_s", [](const Entry& e, Settings& s) { s.receive.dimse_timeout = seconds_of(e, 1, 3600); }},
    {"idle_timeout_s", [](const Entry& e, Settings& s) { s.receive.idle_timeout = seconds_of(e, 1, kDay); }},
    {"tls", [](const Entry& e, Settings& s) { s.receive.tls = read_listener(e); }},
};

constexpr Key<Settings> kStorage[] = {
    {"folder", [](const Entry& e, Settings& s) { s.store.root = required_path_of(e); }, true},
    {"floor_gb",
     [](const Entry& e, Settings& s) {
       s.store.floor_bytes = static_cast<std::uint64_t>(std::ldexp(e.number(0, 1e6), 30));
     }},
    {"durability",
     [](const Entry& e, Settings& s) {
       s.store.durability =
           e.text_of({"full", "relaxed"}) == "full" ? storage::Durability::Full : storage::Durability::Relaxed;
     }},
};

constexpr Key<Settings> kGrouping[] = {
    {"settle_s", [](const Entry& e, Settings& s) { s.grouping.settle = milliseconds_of(e, 0, 3600); }},
    {"quiet_s", [](const Entry& e, Settings& s) { s.grouping.quiet = milliseconds_of(e, 0, kDay); }},
    {"recipe", [](const Entry& e, Settings& s) { s.recipe = recipe_of(e); }},
};

constexpr Key<Settings> kFitting[] = {
    {"threads", [](const Entry& e, Settings& s) { s.fitting.threads = threads_of(e); }},
    {"least_snr", [](const Entry& e, Settings& s) { s.fitting.least_snr = e.number(0, 1000); }},
    {"largest_relative_error",
     [](const Entry& e, Settings& s) { s.fitting.largest_relative_error = e.number(0.001, 100); }},
    {"largest_relative_residual",
     [](const Entry& e, Settings& s) { s.fitting.largest_relative_residual = e.number(0.001, 100); }},
    {"drop_first_echo", [](const Entry& e, Settings& s) { s.fitting.drop_first_echo = e.flag(); }},
    {"t2_method", [](const Entry& e, Settings& s) { s.fitting.t2_method = t2_method_of(e); }},
    {"vfa_method", [](const Entry& e, Settings& s) { s.fitting.vfa_method = vfa_method_of(e); }},
};

constexpr Key<Settings> kModels[] = {
    {"folder", [](const Entry& e, Settings& s) { s.models = models_of(e); }},
};

constexpr Key<Settings> kWorkers[] = {
    {"count", [](const Entry& e, Settings& s) { s.workers = static_cast<unsigned>(e.whole(1, 64)); }},
    {"lease_s", [](const Entry& e, Settings& s) { s.job_lease = seconds_of(e, 1, kDay); }},
};

constexpr Key<Settings> kLog[] = {
    {"format",
     [](const Entry& e, Settings& s) {
       s.logging.format = e.text_of({"text", "json"}) == "json" ? Logging::Format::Json : Logging::Format::Text;
     }},
    {"level",
     [](const Entry& e, Settings& s) {
       s.logging.level = e.text_of({"error", "warn", "info", "debug"});
     }},
    {"file", [](const Entry& e, Settings& s) { s.logging.file = e.path(); }},
};

std::string destination_name_of(const Entry& entry) {
  std::string name = entry.text();
  if (!is_name(name, "_-")) entry.refuse("1 to 100 letters, digits, _ and -");
  return name;
}

template <class Enum, std::size_t N>
Enum one_of(const Entry& entry, const std::array<std::string_view, N>& words) {
  return static_cast<Enum>(entry.place_among(words));
}

Profile profile_of(const Entry& entry) {
  std::array<std::string_view, kProfiles.size()> names;
  std::ranges::transform(kProfiles, names.begin(), &NamedProfile::name);
  return kProfiles.at(entry.place_among(names)).profile;
}

// Before there were classes to choose from, this key was true or false.
Reports reports_of(const Entry& entry) {
  if (entry.is_flag()) return entry.flag() ? Reports::Comprehensive : Reports::Off;
  return one_of<Reports>(entry, kReportsWords);
}

// One word, or several of which the last may be "none": what an answer alone settles needs nothing after it.
std::vector<Confirm> confirm_of(const Entry& entry) {
  const auto words = entry.one_or_more_of({"none", "find", "commitment"});
  std::vector<Confirm> by;
  for (const std::string& word : words)
    by.push_back(static_cast<Confirm>(std::ranges::find(kConfirmWords, word) - kConfirmWords.begin()));
  const auto none = std::ranges::find(by, Confirm::None);
  if (none != by.end() && none + 1 != by.end()) entry.refuse("\"none\" at the end only: nothing is asked after it");
  return by;
}

// A table of a peer while it is read: what its keys make of TLS is one value only in the end.
struct DestinationTable : Destination {
  TlsKeys tls;
};
struct ScannerTable : Scanner {
  TlsKeys tls;
};
struct QueryTable : Query {
  TlsKeys tls;
};

// `profile` sets what the keys below it may change.
constexpr Key<DestinationTable> kDestination[] = {
    {"name", [](const Entry& e, DestinationTable& d) { d.name = destination_name_of(e); }, true},
    {"ae_title", [](const Entry& e, DestinationTable& d) { d.peer.ae_title = ae_title_of(e); }, true},
    {"host", [](const Entry& e, DestinationTable& d) { d.peer.host = host_of(e); }, true},
    {"port", [](const Entry& e, DestinationTable& d) { d.peer.port = static_cast<std::uint16_t>(e.whole(1, 65535)); }},
    {"calling_ae_title", [](const Entry& e, DestinationTable& d) { d.peer.calling_ae_title = ae_title_of(e); }},
    {"tls", [](const Entry& e, DestinationTable& t) { read_tls_on(e, t.tls); }},
    {"tls_certificate", [](const Entry& e, DestinationTable& t) { read_tls_certificate(e, t.tls); }},
    {"tls_key", [](const Entry& e, DestinationTable& t) { read_tls_key(e, t.tls); }},
    {"tls_trusted", [](const Entry& e, DestinationTable& t) { read_tls_trusted(e, t.tls); }},
    {"tls_name", [](const Entry& e, DestinationTable& t) { read_tls_name(e, t.tls); }},
    {"profile", [](const Entry& e, DestinationTable& d) { d.profile = profile_of(e); }},
    {"parametric_maps",
     [](const Entry& e, DestinationTable& d) {
       d.profile.parametric_maps = one_of<ParametricMaps>(e, kParametricMapsWords);
     }},
    {"segmentations", [](const Entry& e, DestinationTable& d) { d.profile.segmentations = e.flag(); }},
    {"reports", [](const Entry& e, DestinationTable& d) { d.profile.reports = reports_of(e); }},
    {"segment_reports",
     [](const Entry& e, DestinationTable& d) {
       d.profile.segment_reports = one_of<SegmentReports>(e, kSegmentReportsWords);
     }},
    {"pages", [](const Entry& e, DestinationTable& d) { d.profile.pages = one_of<Pages>(e, kPagesWords); }},
    {"connect_timeout_s", [](const Entry& e, DestinationTable& d) { d.peer.connect_timeout = seconds_of(e, 1, 3600); }},
    {"acse_timeout_s", [](const Entry& e, DestinationTable& d) { d.peer.acse_timeout = seconds_of(e, 1, 3600); }},
    {"dimse_timeout_s", [](const Entry& e, DestinationTable& d) { d.peer.dimse_timeout = seconds_of(e, 1, 3600); }},
    {"first_retry_s", [](const Entry& e, DestinationTable& d) { d.first_retry = seconds_of(e, 1, kDay); }},
    {"longest_retry_s", [](const Entry& e, DestinationTable& d) { d.longest_retry = seconds_of(e, 1, kDay); }},
    {"give_up_after_days",
     [](const Entry& e, DestinationTable& d) { d.give_up_after = std::chrono::hours(24 * e.whole(1, 3650)); }},
    {"confirm", [](const Entry& e, DestinationTable& d) { d.confirm.by = confirm_of(e); }},
    {"confirm_attempts",
     [](const Entry& e, DestinationTable& d) { d.confirm.attempts = static_cast<int>(e.whole(1, 100)); }},
    {"confirm_wait_s", [](const Entry& e, DestinationTable& d) { d.confirm.wait = seconds_of(e, 0, 60); }},
    {"confirm_timeout_s", [](const Entry& e, DestinationTable& d) { d.confirm.timeout = seconds_of(e, 1, 7 * kDay); }},
    {"failures_until_down",
     [](const Entry& e, DestinationTable& d) { d.failures_until_down = static_cast<int>(e.whole(1, 100)); }},
};

// A report that refers to segments is none without the segments, and a receiver that wants no reports wants none of
// these either, unless the file asks for them.
void complete_profile(const Table& table, Profile& profile) {
  if (profile.segment_reports == SegmentReports::Off) return;
  const bool asked_for = table.value.contains("segment_reports");
  if (asked_for && !profile.segmentations)
    table.refuse(table.value.at("segment_reports"), "segment_reports refer to segmentations, which are off");
  if (!asked_for && (!profile.segmentations || profile.reports == Reports::Off))
    profile.segment_reports = SegmentReports::Off;
}

Destination read_destination(const Table& table, const Settings& settings) {
  DestinationTable destination;
  destination.tls = keys_like(settings.receive.tls);
  destination.peer.calling_ae_title = settings.receive.ae_title;
  read_table<DestinationTable>(table, kDestination, destination);
  destination.peer.tls = complete(table, destination.tls);
  complete_profile(table, destination.profile);
  if (destination.longest_retry < destination.first_retry)
    table.refuse(table.value, "longest_retry_s is less than first_retry_s");
  if (std::ranges::count(settings.destinations, destination.name, &Destination::name) > 0)
    table.refuse(table.value.at("name"),
                 "name = \"" + destination.name + "\": expected a name that no other destination has");
  return destination;
}

void read_destinations(const Entry& entry, Settings& settings) {
  for (const Table& table : entry.tables()) settings.destinations.push_back(read_destination(table, settings));
}

constexpr Key<ScannerTable> kScanner[] = {
    {"ae_title", [](const Entry& e, ScannerTable& s) { s.peer.ae_title = ae_title_of(e); }, true},
    {"host", [](const Entry& e, ScannerTable& s) { s.peer.host = host_of(e); }, true},
    {"port", [](const Entry& e, ScannerTable& s) { s.peer.port = static_cast<std::uint16_t>(e.whole(1, 65535)); }},
    {"calling_ae_title", [](const Entry& e, ScannerTable& s) { s.peer.calling_ae_title = ae_title_of(e); }},
    {"tls", [](const Entry& e, ScannerTable& s) { read_tls_on(e, s.tls); }},
    {"tls_certificate", [](const Entry& e, ScannerTable& s) { read_tls_certificate(e, s.tls); }},
    {"tls_key", [](const Entry& e, ScannerTable& s) { read_tls_key(e, s.tls); }},
    {"tls_trusted", [](const Entry& e, ScannerTable& s) { read_tls_trusted(e, s.tls); }},
    {"tls_name", [](const Entry& e, ScannerTable& s) { read_tls_name(e, s.tls); }},
    {"report_on",
     [](const Entry& e, ScannerTable& s) {
       s.report_on_same_association = e.text_of({"same", "new"}) == "same";
     }},
    {"connect_timeout_s", [](const Entry& e, ScannerTable& s) { s.peer.connect_timeout = seconds_of(e, 1, 3600); }},
    {"acse_timeout_s", [](const Entry& e, ScannerTable& s) { s.peer.acse_timeout = seconds_of(e, 1, 3600); }},
    {"dimse_timeout_s", [](const Entry& e, ScannerTable& s) { s.peer.dimse_timeout = seconds_of(e, 1, 3600); }},
    {"first_retry_s", [](const Entry& e, ScannerTable& s) { s.first_retry = seconds_of(e, 1, kDay); }},
    {"longest_retry_s", [](const Entry& e, ScannerTable& s) { s.longest_retry = seconds_of(e, 1, kDay); }},
    {"give_up_after_days",
     [](const Entry& e, ScannerTable& s) { s.give_up_after = std::chrono::hours(24 * e.whole(1, 3650)); }},
};

Scanner read_scanner(const Table& table, const Settings& settings) {
  ScannerTable scanner;
  scanner.tls = keys_like(settings.receive.tls);
  scanner.peer.calling_ae_title = settings.receive.ae_title;
  read_table<ScannerTable>(table, kScanner, scanner);
  scanner.peer.tls = complete(table, scanner.tls);
  if (scanner.longest_retry < scanner.first_retry)
    table.refuse(table.value, "longest_retry_s is less than first_retry_s");
  for (const Scanner& other : settings.scanners)
    if (other.peer.ae_title == scanner.peer.ae_title)
      table.refuse(table.value.at("ae_title"),
                   "ae_title = \"" + scanner.peer.ae_title + "\": expected a title that no other scanner has");
  return scanner;
}

void read_scanners(const Entry& entry, Settings& settings) {
  for (const Table& table : entry.tables()) settings.scanners.push_back(read_scanner(table, settings));
}

Query::Method query_method_of(const Entry& entry) {
  const std::string text = entry.text_of({"move", "get", "off"});
  return text == "move" ? Query::Method::Move : text == "get" ? Query::Method::Get : Query::Method::Off;
}

constexpr Key<QueryTable> kQuery[] = {
    {"ae_title", [](const Entry& e, QueryTable& q) { q.peer.ae_title = ae_title_of(e); }, true},
    {"host", [](const Entry& e, QueryTable& q) { q.peer.host = host_of(e); }, true},
    {"port", [](const Entry& e, QueryTable& q) { q.peer.port = static_cast<std::uint16_t>(e.whole(1, 65535)); }},
    {"calling_ae_title", [](const Entry& e, QueryTable& q) { q.peer.calling_ae_title = ae_title_of(e); }},
    {"tls", [](const Entry& e, QueryTable& t) { read_tls_on(e, t.tls); }},
    {"tls_certificate", [](const Entry& e, QueryTable& t) { read_tls_certificate(e, t.tls); }},
    {"tls_key", [](const Entry& e, QueryTable& t) { read_tls_key(e, t.tls); }},
    {"tls_trusted", [](const Entry& e, QueryTable& t) { read_tls_trusted(e, t.tls); }},
    {"tls_name", [](const Entry& e, QueryTable& t) { read_tls_name(e, t.tls); }},
    {"method", [](const Entry& e, QueryTable& q) { q.method = query_method_of(e); }},
    {"move_destination", [](const Entry& e, QueryTable& q) { q.move_destination = ae_title_of(e); }},
    {"attempts", [](const Entry& e, QueryTable& q) { q.attempts = static_cast<int>(e.whole(1, 100)); }},
    {"wait_s", [](const Entry& e, QueryTable& q) { q.wait = milliseconds_of(e, 0, kDay); }},
    {"most_series_per_study",
     [](const Entry& e, QueryTable& q) { q.most_series_per_study = static_cast<std::size_t>(e.whole(1, 1000)); }},
    {"most_instances_per_study",
     [](const Entry& e, QueryTable& q) {
       q.most_instances_per_study = static_cast<std::size_t>(e.whole(1, 1'000'000));
     }},
    {"connect_timeout_s", [](const Entry& e, QueryTable& q) { q.peer.connect_timeout = seconds_of(e, 1, 3600); }},
    {"acse_timeout_s", [](const Entry& e, QueryTable& q) { q.peer.acse_timeout = seconds_of(e, 1, 3600); }},
    {"dimse_timeout_s", [](const Entry& e, QueryTable& q) { q.peer.dimse_timeout = seconds_of(e, 1, 3600); }},
};

void read_query(const Entry& entry, Settings& settings) {
  const Table table = entry.table();
  QueryTable query;
  query.tls = keys_like(settings.receive.tls);
  query.peer.calling_ae_title = settings.receive.ae_title;
  query.move_destination = settings.receive.ae_title;
  read_table<QueryTable>(table, kQuery, query);
  query.peer.tls = complete(table, query.tls);
  settings.query = std::move(query);
}

constexpr Key<Http> kHttp[] = {
    {"bind_address", [](const Entry& e, Http& h) { h.bind_address = bind_address_of(e); }},
    {"port", [](const Entry& e, Http& h) { h.port = static_cast<std::uint16_t>(e.whole(0, 65535)); }},
    {"token_file", [](const Entry& e, Http& h) { h.token_file = e.path(); }},
};

// Whoever reaches it may change what a report says: beyond this machine only with a token.
void read_http(const Entry& entry, Settings& settings) {
  const Table table = entry.table();
  Http http;
  read_table<Http>(table, kHttp, http);
  if (!http.bind_address.starts_with("127.") && http.token_file.empty())
    table.refuse(table.value, "bind_address is not of the loopback interface: token_file is needed");
  settings.http = std::move(http);
}

template <const auto& keys>
void read_section(const Entry& entry, Settings& settings) {
  read_table<Settings>(entry.table(), keys, settings);
}

void read_grouping(const Entry& entry, Settings& settings) {
  read_section<kGrouping>(entry, settings);
  if (settings.grouping.quiet < settings.grouping.settle) {
    const Table table = entry.table();
    table.refuse(table.value, "quiet_s is less than settle_s");
  }
}

// [node] and [receive] come before [[destination]], [[scanner]] and [query], which use the node's AE title and
// certificate unless told otherwise.
constexpr Key<Settings> kTables[] = {
    {"node", read_section<kNode>},
    {"receive", read_section<kReceive>},
    {"storage", read_section<kStorage>, true},
    {"grouping", read_grouping},
    {"fitting", read_section<kFitting>},
    {"models", read_section<kModels>},
    {"workers", read_section<kWorkers>},
    {"destination", read_destinations},
    {"scanner", read_scanners},
    {"query", read_query},
    {"http", read_http},
    {"log", read_section<kLog>},
};

template <class Target>
void add_names(std::string_view table, std::span<const Key<Target>> keys, std::vector<std::string>& names) {
  for (const auto& key : keys) names.push_back(std::string(table) + "." + std::string(key.name));
}

}  // namespace

std::filesystem::path installed_recipe(const std::string& name) { return installed_recipes() / (name + ".toml"); }

Settings default_settings() {
  Settings settings;
  settings.fitting.threads = all_cores();
  settings.recipe = installed_recipe("zhang-mapping");
  settings.models = installed_models();
  return settings;
}

Result<Settings> load_settings(const std::filesystem::path& file) {
  return guarded(file, [&] {
    const Toml document = read_toml(file);
    Settings settings = default_settings();
    const Table all{document, "", file};
    read_table<Settings>(all, kTables, settings);
    if (!settings.receive.plain && !settings.receive.tls)
      all.refuse(document.at("node").at("port"), "port = \"off\" of [node] needs the table [receive.tls]");
    return settings;
  });
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  add_names<Settings>("node", kNode, names);
  add_names<Settings>("receive", kReceive, names);
  std::erase(names, "receive.tls");  // a table
  add_listener_names(names);
  add_names<Settings>("storage", kStorage, names);
  add_names<Settings>("grouping", kGrouping, names);
  add_names<Settings>("fitting", kFitting, names);
  add_names<Settings>("models", kModels, names);
  add_names<Settings>("workers", kWorkers, names);
  add_names<DestinationTable>("destination", kDestination, names);
  add_names<ScannerTable>("scanner", kScanner, names);
  add_names<QueryTable>("query", kQuery, names);
  add_names<Http>("http", kHttp, names);
  add_names<Settings>("log", kLog, names);
  return names;
}

}  // namespace config
