#include "config/settings.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "tests/support/temp_folder.h"

namespace {

using config::load_settings;
using config::Settings;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::filesystem::path kSource = HERALD_SOURCE_DIR;
const std::filesystem::path kShipped = kSource / "config/herald.toml";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The shipped file with its commented examples put into force: "#key = …" has no space after the #, an explanation has
// one.
std::string with_examples() {
  std::istringstream lines(read(kShipped));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool example = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    text += line.substr(example ? 1 : 0) + "\n";
  }
  return text;
}

class SettingsFile : public ::testing::Test {
 protected:
  std::filesystem::path write(std::string_view text) {
    std::ofstream(folder_ / "herald.toml", std::ios::binary) << text;
    return folder_ / "herald.toml";
  }
  Settings load(const std::string& text) {
    auto settings = load_settings(write(text));
    if (!settings) throw std::runtime_error(settings.error().what);
    return *settings;
  }
  // Without the folder in front.
  std::string error(const std::string& text) {
    const auto settings = load_settings(write(text));
    return settings ? "no error" : settings.error().what.substr(folder_.path().string().size() + 1);
  }
  // Of a file that is good but for these lines, which start at line 3.
  std::string error_in(const std::string& lines) { return error("[storage]\nfolder = 'd'\n" + lines); }
  support::TempFolder folder_;
};

// Everything that a file can say, as text, so that two settings can be compared and a difference be read.
std::string described(const Settings& s) {
  std::ostringstream out;
  const auto& r = s.receive;
  out << "node " << r.ae_title << ' ' << r.bind_address << ' ' << r.port << ' ' << s.equipment.serial << "\nreceive "
      << r.calling_ae_titles.size() << ' ' << r.most_associations << ' ' << r.largest_pdu << ' '
      << r.acse_timeout.count() << ' ' << r.dimse_timeout.count() << ' ' << r.idle_timeout.count() << "\nfloor "
      << s.store.floor_bytes << "\ngrouping " << s.grouping.settle.count() << ' ' << s.grouping.quiet.count()
      << "\nfitting " << s.fitting.least_snr << ' ' << s.fitting.largest_relative_error << ' '
      << s.fitting.largest_relative_residual << ' ' << s.fitting.drop_first_echo << ' '
      << static_cast<int>(s.fitting.t2_method) << ' ' << static_cast<int>(s.fitting.vfa_method) << "\nworkers "
      << s.workers << ' ' << s.job_lease.count() << "\nlog " << static_cast<int>(s.logging.format) << ' '
      << s.logging.level << ' ' << s.logging.file << '\n';
  return out.str();
}

// As a file would say it.
std::string sent(const config::Profile& profile) {
  std::string lines;
  for (const std::string& line : config::in_toml(profile)) lines += (lines.empty() ? "" : ", ") + line;
  return lines;
}

std::string described(const config::Destination& d) {
  std::ostringstream out;
  out << d.peer.port << ' ' << d.peer.calling_ae_title << ' ' << d.peer.connect_timeout.count() << ' '
      << d.peer.acse_timeout.count() << ' ' << d.peer.dimse_timeout.count() << ' ' << sent(d.profile) << ' '
      << d.first_retry.count() << ' ' << d.longest_retry.count() << ' ' << d.give_up_after.count();
  return out.str();
}

std::string described(const config::Query& q) {
  std::ostringstream out;
  out << q.peer.port << ' ' << q.peer.calling_ae_title << ' ' << static_cast<int>(q.method) << ' ' << q.move_destination
      << ' ' << q.attempts << ' ' << q.wait.count() << ' ' << q.most_series_per_study << ' '
      << q.most_instances_per_study << ' ' << q.peer.connect_timeout.count() << ' ' << q.peer.acse_timeout.count()
      << ' ' << q.peer.dimse_timeout.count();
  return out.str();
}

TEST_F(SettingsFile, ThatIsShippedLoadsAndHoldsTheDefaultsOfTheStructs) {
  const auto shipped = load_settings(kShipped);
  ASSERT_TRUE(shipped) << shipped.error().what;
  EXPECT_EQ(described(*shipped), described(Settings{}));
  EXPECT_THAT(shipped->destinations, IsEmpty());
  EXPECT_FALSE(shipped->query);
  EXPECT_EQ(shipped->store.root, "/var/lib/herald");
}

TEST_F(SettingsFile, ThatIsShippedSaysTheSameAsTheShortestOne) {
  const Settings shipped = *load_settings(kShipped);
  const Settings shortest = load("[storage]\nfolder = \"/var/lib/herald\"\n");
  EXPECT_EQ(described(shipped), described(shortest));
  EXPECT_EQ(shipped.fitting.threads, shortest.fitting.threads);
  EXPECT_EQ(shipped.recipe, shortest.recipe);
  EXPECT_EQ(shipped.models, shortest.models);
  EXPECT_EQ(shipped.store.root, shortest.store.root);
}

TEST_F(SettingsFile, ThatIsShippedShowsADestinationWithTheDefaultsOfTheStruct) {
  const Settings settings = load(with_examples());
  ASSERT_THAT(settings.destinations, SizeIs(1));
  EXPECT_EQ(described(settings.destinations[0]), described(config::Destination{}));
}

TEST_F(SettingsFile, ThatIsShippedShowsAPacsToAskWithTheDefaultsOfTheStruct) {
  const Settings settings = load(with_examples());
  ASSERT_TRUE(settings.query);
  EXPECT_EQ(described(*settings.query), described(config::Query{}));
}

TEST_F(SettingsFile, ThatIsShippedShowsHttpWithTheDefaultsOfTheStruct) {
  const Settings settings = load(with_examples());
  ASSERT_TRUE(settings.http);
  EXPECT_EQ(settings.http->bind_address, config::Http{}.bind_address);
  EXPECT_EQ(settings.http->port, config::Http{}.port);
  EXPECT_EQ(settings.http->token_file, config::Http{}.token_file);
}

TEST_F(SettingsFile, ThatIsShippedExplainsEveryKeyAboveIt) {
  std::istringstream lines(with_examples());
  std::set<std::string> documented;
  std::string table;
  bool explained = false;  // a comment stands above, or above the keys above
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      const auto begin = line.find_first_not_of('[');
      table = line.substr(begin, line.find(']') - begin);
      explained = false;
    } else if (const auto equals = line.find(" = "); !line.starts_with('#') && equals != std::string::npos) {
      EXPECT_TRUE(explained) << table << ": " << line;
      documented.insert(table + "." + line.substr(0, equals));
    } else {
      explained = line.starts_with("# ");
    }
  }
  const auto known = config::setting_names();
  EXPECT_EQ(documented, std::set<std::string>(known.begin(), known.end()));
}

TEST_F(SettingsFile, MayChangeEverything) {
  std::ofstream(folder_ / "mine.toml").put('\n');
  const Settings s = load(R"(
[node]
ae_title = "MY NODE"
bind_address = "127.0.0.1"
port = 0
serial = "B-7"
[receive]
calling_ae_titles = ["SKYRA", "SIGNA"]
most_associations = 4
largest_pdu = 16384
acse_timeout_s = 1
dimse_timeout_s = 2
idle_timeout_s = 3
[storage]
folder = "data"
floor_gb = 0.5
[grouping]
settle_s = 0.25
quiet_s = 1
recipe = "mine.toml"
[fitting]
threads = 3
least_snr = 7.5
largest_relative_error = 1
largest_relative_residual = 0.1
drop_first_echo = false
t2_method = "epg"
vfa_method = "line"
[models]
folder = "."
[workers]
count = 2
lease_s = 30
[[destination]]
name = "pacs"
ae_title = "PACS"
host = "pacs.example.org"
[[destination]]
name = "old-viewer"
ae_title = "OLD"
host = "10.0.0.7"
port = 11113
calling_ae_title = "OTHER"
parametric_maps = "off"
reports = false
connect_timeout_s = 4
acse_timeout_s = 5
dimse_timeout_s = 6
first_retry_s = 7
longest_retry_s = 8
give_up_after_days = 1
[query]
ae_title = "ARCHIVE"
host = "10.0.0.8"
port = 4242
calling_ae_title = "ASKING"
method = "get"
move_destination = "THERE"
attempts = 5
wait_s = 0.5
most_series_per_study = 6
most_instances_per_study = 700
connect_timeout_s = 8
acse_timeout_s = 9
dimse_timeout_s = 10
[http]
bind_address = "0.0.0.0"
port = 81
token_file = "token"
[log]
format = "json"
level = "debug"
file = "logs/herald.log"
)");
  EXPECT_EQ(described(s),
            "node MY NODE 127.0.0.1 0 B-7\nreceive 2 4 16384 1 2 3\nfloor 536870912\ngrouping 250 1000\n"
            "fitting 7.5 1 0.1 0 1 2\n"
            "workers 2 30\nlog 1 debug \"" +
                (folder_ / "logs/herald.log").string() + "\"\n");
  EXPECT_THAT(s.receive.calling_ae_titles, ElementsAre("SKYRA", "SIGNA"));
  EXPECT_EQ(s.fitting.threads, 3u);
  EXPECT_EQ(s.store.root, folder_ / "data");
  EXPECT_EQ(s.recipe, folder_ / "mine.toml");
  EXPECT_EQ(s.models, folder_.path() / "");
  ASSERT_THAT(s.destinations, SizeIs(2));
  EXPECT_EQ(described(s.destinations[0]), "104 MY NODE 10 15 120 profile = \"full\" 10 900 336");
  EXPECT_EQ(described(s.destinations[1]),
            "11113 OTHER 4 5 6 profile = \"full\", parametric_maps = \"off\", reports = \"off\", segment_reports = "
            "\"off\" 7 8 24");
  EXPECT_EQ(s.destinations[1].name, "old-viewer");
  EXPECT_EQ(s.destinations[1].peer.ae_title, "OLD");
  EXPECT_EQ(s.destinations[1].peer.host, "10.0.0.7");
  ASSERT_TRUE(s.query);
  EXPECT_EQ(described(*s.query), "4242 ASKING 1 THERE 5 500 6 700 8 9 10");
  EXPECT_EQ(s.query->peer.ae_title, "ARCHIVE");
  EXPECT_EQ(s.query->peer.host, "10.0.0.8");
  ASSERT_TRUE(s.http);
  EXPECT_EQ(s.http->bind_address, "0.0.0.0");
  EXPECT_EQ(s.http->port, 81);
  EXPECT_EQ(s.http->token_file, folder_ / "token");
}

TEST_F(SettingsFile, ServesHttpBeyondThisMachineOnlyWithAToken) {
  EXPECT_THAT(error_in("[http]\nbind_address = '0.0.0.0'\n"), HasSubstr("token_file is needed"));
  const Settings s = load("[storage]\nfolder='d'\n[http]\n");
  ASSERT_TRUE(s.http);
  EXPECT_EQ(s.http->bind_address, config::Http{}.bind_address);
  EXPECT_EQ(s.http->port, config::Http{}.port);
  EXPECT_FALSE(load("[storage]\nfolder='d'\n").http);
}

TEST_F(SettingsFile, AsksAPacsByTheNodesTitleWhereverItsTableStands) {
  const Settings s = load("[storage]\nfolder='d'\n[query]\nae_title='A'\nhost='h'\n[node]\nae_title='LATER'\n");
  ASSERT_TRUE(s.query);
  EXPECT_EQ(s.query->peer.calling_ae_title, "LATER");
  EXPECT_EQ(s.query->move_destination, "LATER");
  EXPECT_EQ(s.query->method, config::Query::Method::Move);
}

TEST_F(SettingsFile, AsksNoPacsWithoutItsAddressOrInAnUnknownWay) {
  EXPECT_EQ(error_in("[query]\nhost = 'h'\n"), "herald.toml:3: [query] ae_title is missing");
  EXPECT_EQ(error_in("[query]\nae_title = 'A'\n"), "herald.toml:3: [query] host is missing");
  EXPECT_THAT(error_in("[query]\nae_title = 'A'\nhost = 'h'\nmethod = 'push'\n"),
              HasSubstr("method = \"push\": expected one of move, get, off"));
  EXPECT_THAT(error_in("[query]\nae_title = 'A'\nhost = 'h'\nattempts = 0\n"),
              HasSubstr("attempts = 0: expected 1 to 100"));
}

TEST_F(SettingsFile, ChoosesAMethodByItsName) {
  const auto options = [&](const std::string& line) {
    return load("[storage]\nfolder='d'\n[fitting]\n" + line + "\n").fitting;
  };
  EXPECT_EQ(options("vfa_method = 'nonlinear'").vfa_method, fitting::VfaMethod::NonLinear);
  EXPECT_EQ(options("vfa_method = 'weighted'").vfa_method, fitting::VfaMethod::WeightedLine);
  EXPECT_EQ(options("vfa_method = 'line'").vfa_method, fitting::VfaMethod::Line);
  EXPECT_EQ(options("t2_method = 'mono'").t2_method, fitting::T2Method::MonoExponential);
  EXPECT_EQ(options("t2_method = 'epg'").t2_method, fitting::T2Method::Epg);
  EXPECT_EQ(error_in("[fitting]\nt2_method = 'nnls'\n"),
            "herald.toml:4: [fitting] t2_method = \"nnls\": expected one of mono, epg\n  t2_method = 'nnls'");
}

TEST_F(SettingsFile, CallsByTheNodesTitleWhereverItsTableStands) {
  const Settings s =
      load("[storage]\nfolder='d'\n[[destination]]\nname='a'\nae_title='A'\nhost='h'\n[node]\nae_title='LATER'\n");
  EXPECT_EQ(s.destinations.at(0).peer.calling_ae_title, "LATER");
}

TEST_F(SettingsFile, UsesAllCoresUnlessToldOtherwise) {
  const unsigned all = std::max(1u, std::thread::hardware_concurrency());
  EXPECT_EQ(load("[storage]\nfolder='d'\n").fitting.threads, all);
  EXPECT_EQ(load("[storage]\nfolder='d'\n[fitting]\nthreads=0\n").fitting.threads, all);
}

TEST_F(SettingsFile, ResolvesPathsAgainstItselfAndNotAgainstTheCurrentFolder) {
  EXPECT_EQ(load("[storage]\nfolder = '../data'\n").store.root, (folder_.path() / ".." / "data").lexically_normal());
  EXPECT_EQ(load("[storage]\nfolder = '/srv/herald'\n").store.root, "/srv/herald");
}

TEST_F(SettingsFile, IsNamedWithLineKeyValueAndWhatIsAllowed) {
  EXPECT_EQ(error_in("[node]\nport = 70000\n"),
            "herald.toml:4: [node] port = 70000: expected 0 to 65535\n  port = 70000");
  EXPECT_EQ(error_in("[node]\nport = -1 # none\r\n"),
            "herald.toml:4: [node] port = -1: expected 0 to 65535\n  port = -1 # none");
  EXPECT_EQ(error_in("[node]\nport = \"104\"\n"),
            "herald.toml:4: [node] port = \"104\": expected a whole number, 0 to 65535\n  port = \"104\"");
  EXPECT_EQ(error_in("[node]\nport = 104.0\n"),
            "herald.toml:4: [node] port = 104.0: expected a whole number, 0 to 65535\n  port = 104.0");
  EXPECT_EQ(error_in("[node]\nserial = 1\n"),
            "herald.toml:4: [node] serial = 1: expected a text in quotes\n  serial = 1");
  EXPECT_EQ(error_in("[node]\nserial = 2026-11-20\n"),
            "herald.toml:4: [node] serial = a date or time: expected a text in quotes\n  serial = 2026-11-20");
  EXPECT_EQ(
      error_in("[node]\nserial = 'a\\b'\n"),
      "herald.toml:4: [node] serial = \"a\\b\": expected 1 to 64 characters without backslash\n  serial = 'a\\b'");
  EXPECT_EQ(error_in("[fitting]\nleast_snr = nan\n"),
            "herald.toml:4: [fitting] least_snr = nan: expected 0 to 1000\n  least_snr = nan");
  EXPECT_EQ(error_in("[fitting]\nleast_snr = 'high'\n"),
            "herald.toml:4: [fitting] least_snr = \"high\": expected a number, 0 to 1000\n  least_snr = 'high'");
  EXPECT_EQ(error_in("[fitting]\ndrop_first_echo = 1\n"),
            "herald.toml:4: [fitting] drop_first_echo = 1: expected true or false\n  drop_first_echo = 1");
  EXPECT_EQ(
      error_in("[log]\nlevel = \"verbose\"\n"),
      "herald.toml:4: [log] level = \"verbose\": expected one of error, warn, info, debug\n  level = \"verbose\"");
  EXPECT_EQ(error_in("[log]\nfile = \"a\\u001bb\"\n"),
            "herald.toml:4: [log] file = \"a?b\": expected a text without control characters\n  file = \"a\\u001bb\"");
  EXPECT_EQ(error_in("log = 1\n"), "herald.toml:3: [storage] log: unknown key; known are folder, floor_gb\n  log = 1");
  EXPECT_EQ(error("log = 1\n[storage]\nfolder = 'd'\n"),
            "herald.toml:1: log = 1: expected a table that starts with [log]\n  log = 1");
  EXPECT_EQ(
      error("destination = [1]\n[storage]\nfolder = 'd'\n"),
      "herald.toml:1: destination = an array: expected tables that start with [[destination]]\n  destination = [1]");
  EXPECT_EQ(error_in("[destination]\nname = 'a'\n"),
            "herald.toml:3: destination = a table: expected tables that start with [[destination]]\n  [destination]");
}

TEST_F(SettingsFile, WithAnUnknownNameIsAnErrorWithASuggestion) {
  EXPECT_EQ(error_in("[node]\nae_titel = 'A'\n"),
            "herald.toml:4: [node] ae_titel: unknown key; did you mean ae_title?\n  ae_titel = 'A'");
  EXPECT_EQ(error_in("[recieve]\n"), "herald.toml:3: recieve: unknown table; did you mean receive?\n  [recieve]");
  EXPECT_EQ(
      error_in("[nonsense]\n"),
      "herald.toml:3: nonsense: unknown table; known are node, receive, storage, grouping, fitting, models, workers, "
      "destination, query, http, log\n  [nonsense]");
  EXPECT_EQ(error_in("[[destination]]\nname='a'\nae_title='A'\nhots='h'\n"),
            "herald.toml:6: [[destination]] hots: unknown key; did you mean host?\n  hots='h'");
  EXPECT_EQ(error("port = 1\n"),
            "herald.toml:1: port: unknown key; known are node, receive, storage, grouping, fitting, models, "
            "workers, destination, query, http, log\n  port = 1");
}

TEST_F(SettingsFile, WithoutARequiredKeyIsAnError) {
  EXPECT_EQ(error(""), "herald.toml: storage is missing");
  EXPECT_EQ(error("[node]\nport = 1\n"), "herald.toml: storage is missing");
  EXPECT_EQ(error("\n[storage]\nfloor_gb = 1\n"), "herald.toml:2: [storage] folder is missing");
  EXPECT_EQ(error("[storage]\nfolder = ''\n"),
            "herald.toml:2: [storage] folder = \"\": expected a folder\n  folder = ''");
  EXPECT_EQ(error_in("[[destination]]\nname = 'a'\nhost = 'h'\n"),
            "herald.toml:3: [[destination]] ae_title is missing");
}

TEST_F(SettingsFile, AcceptsOnlyAeTitlesThatDicomAllows) {
  for (const char* good : {"A", "ABCDEFGHIJKLMNOP", "WITH SPACE", "a-b_c.1*"})
    EXPECT_EQ(load(std::string("[storage]\nfolder='d'\n[node]\nae_title=\"") + good + "\"\n").receive.ae_title, good);
  for (const char* bad : {"", "ABCDEFGHIJKLMNOPQ", "A\\\\B", " A", "A ", " ", "\xc3\x84", "A\\tB"})
    EXPECT_THAT(error_in(std::string("[node]\nae_title=\"") + bad + "\"\n"),
                StartsWith("herald.toml:4: [node] ae_title = "))
        << bad;
  EXPECT_THAT(error_in("[node]\nae_title = 'A\\B'\n"),
              HasSubstr("expected an AE title: 1 to 16 ASCII characters, no backslash, no space at the ends"));
}

TEST_F(SettingsFile, LetsEverybodyInOnlyWithAStarAlone) {
  EXPECT_THAT(load("[storage]\nfolder='d'\n[receive]\ncalling_ae_titles=['*']\n").receive.calling_ae_titles,
              ElementsAre("*"));
  EXPECT_EQ(error_in("[receive]\ncalling_ae_titles = ['*', 'SKYRA']\n"),
            "herald.toml:4: [receive] calling_ae_titles = an array: expected \"*\" alone, or AE titles without it\n  "
            "calling_ae_titles "
            "= ['*', 'SKYRA']");
  EXPECT_THAT(error_in("[receive]\ncalling_ae_titles = ['']\n"), HasSubstr("expected an array of an AE title"));
  EXPECT_THAT(error_in("[receive]\ncalling_ae_titles = 'SKYRA'\n"),
              HasSubstr("= \"SKYRA\": expected an array of texts"));
  EXPECT_THAT(error_in("[receive]\ncalling_ae_titles = [1]\n"), HasSubstr("= 1: expected a text in quotes"));
}

TEST_F(SettingsFile, NamesEachDestinationOnce) {
  const std::string pacs = "[[destination]]\nname = 'pacs'\nae_title = 'A'\nhost = 'h'\n";
  EXPECT_EQ(
      error_in(pacs + pacs),
      "herald.toml:8: [[destination]] name = \"pacs\": expected a name that no other destination has\n  name = 'pacs'");
  for (const char* bad : {"", "a b", "../x", "a/b", "\xc3\xa4"})
    EXPECT_THAT(error_in(std::string("[[destination]]\nae_title = 'A'\nhost = 'h'\nname = '") + bad + "'\n"),
                HasSubstr("expected 1 to 100 letters, digits, _ and -"));
  for (const char* bad : {"", "a b", "h;reboot", "h/x"})
    EXPECT_THAT(error_in(std::string("[[destination]]\nname = 'a'\nae_title = 'A'\nhost = '") + bad + "'\n"),
                HasSubstr("expected a host name or an address"));
  EXPECT_THAT(error_in("[[destination]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nport = 0\n"),
              HasSubstr("port = 0: expected 1 to 65535"));
  EXPECT_THAT(error_in("[[destination]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nparametric_maps = 'yes'\n"),
              HasSubstr("expected one of real, normalised, off"));
}

const std::string kPacs = "[[destination]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\n";

TEST_F(SettingsFile, NamesWhatADestinationIsSentByAProfile) {
  const auto profile = [&](const std::string& keys) {
    return load("[storage]\nfolder = 'd'\n" + kPacs + keys).destinations.at(0).profile;
  };
  EXPECT_EQ(profile(""), config::Profile{});
  EXPECT_EQ(profile("profile = 'full'"), config::Profile{});
  const auto ohif = profile("profile = 'ohif'");
  EXPECT_EQ(ohif.parametric_maps, config::ParametricMaps::Normalised);
  EXPECT_EQ(ohif.segment_reports, config::SegmentReports::Off);
  EXPECT_EQ(ohif.pages, config::Pages::Pdf);
  EXPECT_TRUE(ohif.segmentations);
  const auto legacy = profile("profile = 'legacy'");
  EXPECT_EQ(legacy.parametric_maps, config::ParametricMaps::Off);
  EXPECT_EQ(legacy.reports, config::Reports::Enhanced);
  EXPECT_EQ(legacy.pages, config::Pages::Sc);
  EXPECT_FALSE(legacy.segmentations);
}

TEST_F(SettingsFile, ChangesSinglePartsOfAProfileWhereverTheyStand) {
  const auto sent_by = [&](const std::string& keys) {
    return sent(load("[storage]\nfolder = 'd'\n" + kPacs + keys).destinations.at(0).profile);
  };
  EXPECT_EQ(sent_by("pages = 'both'\nprofile = 'legacy'\n"), "profile = \"legacy\", pages = \"both\"");
  EXPECT_EQ(sent_by("profile = 'legacy'\nreports = 'off'\n"), "profile = \"legacy\", reports = \"off\"");
  EXPECT_EQ(sent_by("profile = 'ohif'\nreports = true\n"), "profile = \"ohif\"");
  EXPECT_EQ(sent_by("segment_reports = 'enhanced'\n"), "profile = \"full\", segment_reports = \"enhanced\"");
}

TEST_F(SettingsFile, SendsNoReportsAboutSegmentsWithoutSegmentsOrReports) {
  const auto segment_reports = [&](const std::string& keys) {
    return load("[storage]\nfolder = 'd'\n" + kPacs + keys).destinations.at(0).profile.segment_reports;
  };
  EXPECT_EQ(segment_reports("segmentations = false\n"), config::SegmentReports::Off);
  EXPECT_EQ(segment_reports("reports = false\n"), config::SegmentReports::Off);
  EXPECT_EQ(segment_reports("reports = 'off'\nsegment_reports = 'enhanced'\n"), config::SegmentReports::Enhanced);
  EXPECT_EQ(error_in(kPacs + "segmentations = false\nsegment_reports = 'enhanced'\n"),
            "herald.toml:8: [[destination]] segment_reports refer to segmentations, which are off\n  segment_reports = "
            "'enhanced'");
}

TEST_F(SettingsFile, SaysWhichProfilesAndPartsThereAre) {
  EXPECT_THAT(error_in(kPacs + "profile = 'pacs'\n"),
              HasSubstr("profile = \"pacs\": expected one of full, ohif, legacy"));
  EXPECT_THAT(error_in(kPacs + "reports = 'yes'\n"),
              HasSubstr("reports = \"yes\": expected one of comprehensive, enhanced, off"));
  EXPECT_THAT(error_in(kPacs + "pages = 'png'\n"), HasSubstr("expected one of pdf, sc, both, off"));
}

TEST_F(SettingsFile, WritesEveryProfileSoThatItIsReadAsTheSame) {
  using namespace config;
  int tried = 0;
  for (const auto maps : {ParametricMaps::Real, ParametricMaps::Normalised, ParametricMaps::Off})
    for (const bool segmentations : {true, false})
      for (const auto reports : {Reports::Comprehensive, Reports::Enhanced, Reports::Off})
        for (const auto about_segments :
             {SegmentReports::Comprehensive3D, SegmentReports::Enhanced, SegmentReports::Off})
          for (const auto pages : {Pages::Pdf, Pages::Sc, Pages::Both, Pages::Off}) {
            if (!segmentations && about_segments != SegmentReports::Off) continue;
            const Profile profile{maps, segmentations, reports, about_segments, pages};
            std::string text = "[storage]\nfolder = 'd'\n" + kPacs;
            for (const std::string& line : in_toml(profile)) text += line + "\n";
            EXPECT_EQ(load(text).destinations.at(0).profile, profile) << text;
            ++tried;
          }
  EXPECT_EQ(tried, 144);
}

TEST_F(SettingsFile, RefusesTimesThatContradictEachOther) {
  EXPECT_EQ(error_in("[grouping]\nsettle_s = 200\n"),
            "herald.toml:3: [grouping] quiet_s is less than settle_s\n  [grouping]");
  EXPECT_EQ(error_in("[[destination]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nlongest_retry_s = 5\n"),
            "herald.toml:3: [[destination]] longest_retry_s is less than first_retry_s\n  [[destination]]");
}

TEST_F(SettingsFile, ListensOnAddressesOnly) {
  EXPECT_THAT(error_in("[node]\nbind_address = 'localhost'\n"), HasSubstr("expected an IPv4 address"));
  EXPECT_THAT(error_in("[node]\nbind_address = '1.2.3.256'\n"), HasSubstr("expected an IPv4 address"));
}

TEST_F(SettingsFile, NamesARecipeThatExists) {
  EXPECT_EQ(load("[storage]\nfolder='d'\n[grouping]\nrecipe='zhang-mapping'\n").recipe,
            kSource / "config/recipes/zhang-mapping.toml");
  EXPECT_EQ(error_in("[grouping]\nrecipe = 'zhang'\n"),
            "herald.toml:4: [grouping] recipe = \"zhang\": expected a recipe file, or one of the installed: "
            "aera-radiomics, skyra-dki, symri-muse, "
            "zhang-mapping\n  recipe = "
            "'zhang'");
  EXPECT_THAT(error_in("[grouping]\nrecipe = './none.toml'\n"), HasSubstr("expected a recipe file"));
  EXPECT_THAT(error_in("[models]\nfolder = 'none'\n"), HasSubstr("expected a folder that exists"));
}

TEST_F(SettingsFile, ThatIsNotTomlIsAnErrorWithLineAndColumn) {
  EXPECT_EQ(error_in("[node]\nport = \n"),
            "herald.toml:4: column 1: not TOML: missing value after key-value separator '='\n  port =");
  EXPECT_EQ(error_in("[node]\nport = 1\nport = 2\n"),
            "herald.toml:5: column 8: not TOML: value (\"port\") already exists.\n  port = 2");
  EXPECT_THAT(error_in("[node\n"), StartsWith("herald.toml:3: column 1: not TOML: "));
  EXPECT_THAT(error_in("[receive]\ncalling_ae_titles = ['A'\n"), StartsWith("herald.toml:5: column 1: not TOML: "));
  EXPECT_THAT(error_in("[node]\nserial = \"open\n"), StartsWith("herald.toml:4: column 1: not TOML: "));
  EXPECT_THAT(error_in("[node]\n[node]\n"), StartsWith("herald.toml:4: column 1: not TOML: "));
}

TEST_F(SettingsFile, ThatIsNoFileIsAnError) {
  EXPECT_EQ(load_settings(folder_ / "none.toml").error().what, (folder_ / "none.toml").string() + ": no such file");
  EXPECT_EQ(load_settings(folder_.path()).error().what, folder_.path().string() + ": no such file");
  EXPECT_EQ(error(std::string(70000, '#')), "herald.toml: larger than 65536 bytes");
  EXPECT_EQ(error("a = " + std::string(60000, '[')), "herald.toml: more than 500 opening brackets");
  EXPECT_EQ(error("\n" + std::string(1001, '#')), "herald.toml:2: longer than 1000 bytes");
}

TEST_F(SettingsFile, SurvivesEveryTruncation) {
  const std::string whole = with_examples();
  std::size_t loaded = 0;
  for (std::size_t size = 0; size <= whole.size(); size += 29)
    loaded += load_settings(write(whole.substr(0, size))).has_value();
  EXPECT_GT(loaded, 0u);
  EXPECT_LT(loaded, whole.size() / 29);
}

TEST_F(SettingsFile, SurvivesWrongBytes) {
  const std::string whole = with_examples();
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 8; ++k)
      damaged[random() % damaged.size()] =
          "\0\n\"'[]{}=.,#\\-+:T\xff\x7f"
          "9eEx"[random() % 23];
    refused += !load_settings(write(damaged));
  }
  EXPECT_GT(refused, 150u);
}

std::string repeated(const char* text, int times, const char* between = "") {
  std::string all = text;
  for (int i = 1; i < times; ++i) all.append(between).append(text);
  return all;
}

TEST_F(SettingsFile, SurvivesNestingAsDeepAsItIsLetIn) {
  const std::string key = repeated("a", 490, ".");
  for (const std::string& text :
       {"a = " + repeated("[", 500), "a = " + repeated("[", 500) + repeated("]", 500), "a = " + repeated("{a=", 300),
        "a = " + repeated("{a=\n", 500), "a = " + repeated("[{a=[\n", 160), "[" + key + "]\n" + key + " = 1\n"})
    EXPECT_FALSE(load_settings(write(text)));
}

TEST(ShareFolder, IsWhereTheEnvironmentSays) {
  ASSERT_EQ(setenv("HERALD_SHARE", "/opt/share", 1), 0);
  EXPECT_EQ(config::share_folder(), "/opt/share");
  ASSERT_EQ(setenv("HERALD_SHARE", "", 1), 0);
  EXPECT_EQ(config::share_folder(), kSource);
  ASSERT_EQ(unsetenv("HERALD_SHARE"), 0);
  EXPECT_EQ(config::share_folder(), kSource);
}

TEST(ShareFolder, HoldsRecipesAndModels) {
  EXPECT_TRUE(std::filesystem::exists(config::share_folder() / "config/recipes/zhang-mapping.toml"));
  EXPECT_TRUE(std::filesystem::exists(config::share_folder() / "classifier/models"));
}

}  // namespace
