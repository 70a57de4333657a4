#include "server/log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temp_folder.h"

namespace {

config::Logging to_file(const std::filesystem::path& file, config::Logging::Format format) {
  config::Logging logging;
  logging.file = file;
  logging.format = format;
  return logging;
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Log, WritesOneJsonObjectPerDecision) {
  const support::TempFolder folder;
  server::log::open(to_file(folder / "log", config::Logging::Format::Json));
  server::log::job_refused(41, "map", "T2 needs 3 echo times, the series has 2");
  server::log::open({});
  const auto lines = lines_of(folder / "log");
  ASSERT_EQ(lines.size(), 1u);
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line.at("event"), "job_refused");
  EXPECT_EQ(line.at("job"), 41);
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("message"), "job 41 refused (map): T2 needs 3 echo times, the series has 2");
  EXPECT_TRUE(line.contains("time"));
}

TEST(Log, APeersTextCannotBreakALineOrForgeOne) {
  const support::TempFolder folder;
  server::log::open(to_file(folder / "log", config::Logging::Format::Text));
  server::log::association_rejected("EVIL\n2026 info all is well", "HERALD", "not listed");
  server::log::open({});
  EXPECT_EQ(lines_of(folder / "log").size(), 1u);
}

TEST(Log, BytesThatAreNotUtf8DoNotBreakJson) {
  const support::TempFolder folder;
  server::log::open(to_file(folder / "log", config::Logging::Format::Json));
  server::log::association_rejected("A\xff\xfe\"\\B", "HERALD", "not listed");
  server::log::open({});
  const auto lines = lines_of(folder / "log");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(nlohmann::json::accept(lines[0])) << lines[0];
}

TEST(Log, KeepsQuietBelowItsLevel) {
  const support::TempFolder folder;
  auto logging = to_file(folder / "log", config::Logging::Format::Text);
  logging.level = "error";
  server::log::open(logging);
  server::log::worker_started(7);
  server::log::trouble("test", "seen");
  server::log::open({});
  EXPECT_EQ(lines_of(folder / "log").size(), 1u);
}

}  // namespace
