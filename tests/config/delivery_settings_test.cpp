// How deliveries are confirmed, and who waits for reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "config/settings.h"
#include "tests/support/temp_folder.h"

namespace {

using testing::ElementsAre;
using testing::SizeIs;

const std::string kPacs = "[[destination]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\n";

class DeliverySettings : public testing::Test {
 protected:
  config::Result<config::Settings> read(const std::string& text) {
    std::ofstream(folder_ / "herald.toml", std::ios::binary) << text;
    return config::load_settings(folder_ / "herald.toml");
  }
  config::Settings load(const std::string& text) {
    auto settings = read(text);
    if (!settings) throw std::runtime_error(settings.error().what);
    return *std::move(settings);
  }
  std::string error(const std::string& text) {
    const auto settings = read(text);
    return settings ? std::string() : settings.error().what;
  }
  support::TempFolder folder_;
};

TEST_F(DeliverySettings, NamesWhatADeliveryHasToRestOn) {
  using config::Confirm;
  const auto confirm = [&](const std::string& keys) {
    return load("[storage]\nfolder = 'd'\n" + kPacs + keys).destinations.at(0).confirm;
  };
  EXPECT_THAT(confirm("").by, ElementsAre(Confirm::None));
  EXPECT_THAT(confirm("confirm = 'commitment'\n").by, ElementsAre(Confirm::Commitment));
  EXPECT_THAT(confirm("confirm = ['commitment', 'find', 'none']\n").by,
              ElementsAre(Confirm::Commitment, Confirm::Find, Confirm::None));
  const auto all = confirm("confirm_attempts = 7\nconfirm_wait_s = 0\nconfirm_timeout_s = 86400\n");
  EXPECT_EQ(all.attempts, 7);
  EXPECT_EQ(all.wait.count(), 0);
  EXPECT_EQ(all.timeout.count(), 86400);
  EXPECT_THAT(error("[storage]\nfolder = 'd'\n" + kPacs + "confirm = ['none', 'find']\n"),
              testing::HasSubstr("\"none\" at the end only: nothing is asked after it"));
  EXPECT_THAT(error("[storage]\nfolder = 'd'\n" + kPacs + "confirm = 'hope'\n"),
              testing::HasSubstr("expected one of none, find, commitment"));
}

TEST_F(DeliverySettings, NamesScannersThatWaitForReports) {
  const auto s = load(
      "[storage]\nfolder = 'd'\n[receive]\ncommitment = false\n"
      "[[scanner]]\nae_title = 'SKYRA'\nhost = 'skyra'\nreport_on = 'new'\n"
      "[[scanner]]\nae_title = 'SIGNA'\nhost = 'signa'\nport = 4006\n");
  EXPECT_FALSE(s.commitment);
  ASSERT_THAT(s.scanners, SizeIs(2));
  EXPECT_FALSE(s.scanners[0].report_on_same_association);
  EXPECT_EQ(s.scanners[0].peer.port, 104);
  EXPECT_TRUE(s.scanners[1].report_on_same_association);
  EXPECT_EQ(s.scanners[1].peer.calling_ae_title, "HERALD");
  EXPECT_THAT(error("[storage]\nfolder = 'd'\n[[scanner]]\nae_title = 'A'\nhost = 'h'\n[[scanner]]\nae_title = "
                    "'A'\nhost = 'i'\n"),
              testing::HasSubstr("expected a title that no other scanner has"));
}

}  // namespace
