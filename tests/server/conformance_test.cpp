#include "server/conformance.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "dicom/network/negotiation.h"
#include "dicom/network/store_status.h"
#include "dicom/output/object.h"
#include "server/context.h"
#include "server/result_kinds.h"

namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kVersion = "Product version: ";

std::string statement(const config::Settings& settings) { return server::conformance_statement(settings, "1.2.3"); }

std::string without_version(std::string text) {
  const auto at = text.find(kVersion);
  if (at != std::string::npos) text.erase(at, text.find('\n', at) - at);
  return text;
}

TEST(ConformanceStatement, OfTheDefaultsIsTheOneThatIsShipped) {
  std::ifstream stream(HERALD_SOURCE_DIR "/deploy/conformance-statement.md", std::ios::binary);
  std::ostringstream shipped;
  shipped << stream.rdbuf();
  ASSERT_THAT(shipped.str(), HasSubstr(kVersion));
  EXPECT_EQ(without_version(shipped.str()), without_version(statement(config::default_settings())))
      << "build/release/server/herald conformance --defaults > deploy/conformance-statement.md";
}

TEST(ConformanceStatement, HasTheVersionOnceAndTheResearchNotice) {
  const std::string text = statement(config::default_settings());
  EXPECT_THAT(text, HasSubstr(kVersion + "1.2.3\n"));
  EXPECT_THAT(without_version(text), Not(HasSubstr("1.2.3\n")));
  EXPECT_THAT(text, HasSubstr(dicom::kResearchNotice));
}

TEST(ConformanceStatement, HoldsTheTablesByWhichTheNodeWorks) {
  const std::string text = statement(config::default_settings());
  for (const auto& kind : server::result_kinds()) EXPECT_THAT(text, HasSubstr(std::string(kind.sop_class_uid)));
  for (const auto uid : dicom::accepted_transfer_syntaxes()) EXPECT_THAT(text, HasSubstr(std::string(uid)));
  for (const auto& answer : dicom::store_answers()) EXPECT_THAT(text, HasSubstr(answer.when));
  for (const auto& row : dicom::status_meanings()) EXPECT_THAT(text, HasSubstr(row.meaning));
  for (const char* words : {"99HERALD", "(113063, DCM, \"T1\")", "black viewport", "BCP 195 RFC 8996, 9325",
                            "TLS_AES_256_GCM_SHA384", "ISO_IR 192"})
    EXPECT_THAT(text, HasSubstr(words));
}

TEST(ConformanceStatement, TellsTheNumbersOfTheRunningSettings) {
  config::Settings settings = config::default_settings();
  settings.receive.ae_title = "NODE7";
  settings.receive.calling_ae_titles = {"SKYRA", "SIGNA"};
  settings.receive.most_associations = 13;
  settings.receive.idle_timeout = std::chrono::seconds(77);
  config::Destination& old = settings.destinations.emplace_back();
  old.name = "old";
  old.peer.ae_title = "OLDPACS";
  old.peer.host = "secret.example.org";
  old.profile = config::kProfiles.back().profile;
  settings.query.emplace().peer.ae_title = "ARCHIVE";
  const std::string text = statement(settings);
  for (const char* words : {"NODE7", "SKYRA, SIGNA", "| 13;", "77 s", "destination old", "called OLDPACS",
                            "profile = \"legacy\"", "asked is ARCHIVE"})
    EXPECT_THAT(text, HasSubstr(words));
  EXPECT_THAT(text, Not(HasSubstr("secret.example.org")));
  EXPECT_THAT(text, Not(HasSubstr("No destination is configured")));
}

// Every table has as many cells in each row as its first row has.
TEST(ConformanceStatement, IsMarkdownWhoseTablesAreWhole) {
  std::istringstream lines(statement(config::default_settings()));
  std::ptrdiff_t cells = 0;
  int tables = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto bars = line.starts_with('|') ? std::count(line.begin(), line.end(), '|') : 0;
    if (bars > 0 && cells > 0) {
      EXPECT_EQ(bars, cells) << line;
    }
    if (bars > 0 && cells == 0) ++tables;
    cells = bars;
  }
  EXPECT_GT(tables, 8);
}

}  // namespace
