// `herald probe` and `herald conformance` as an administrator runs them, against other people's receivers: a real
// Orthanc, and DCMTK's storescp with the association profile of an old PACS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;
using nlohmann::json;
using testing::HasSubstr;

class Probe : public testing::Test {
 protected:
  void settings(const std::string& destinations) const {
    std::ofstream(folder_ / "herald.toml") << "[storage]\nfolder = \"store\"\n" << destinations;
  }
  [[nodiscard]] support::Finished herald(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), HERALD_PROGRAM);
    arguments.insert(arguments.end(), {"--config", (folder_ / "herald.toml").string()});
    return support::run(arguments);
  }
  support::TempFolder folder_;
};

TEST_F(Probe, OfOrthancFindsEverythingAccepted) {
  if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
  support::Orthanc pacs(folder_ / "pacs");
  pacs.start();
  settings(pacs.destination());
  const auto probed = herald({"probe", "orthanc", "--json"});
  EXPECT_EQ(probed.code, 0);
  const json account = json::parse(probed.output);
  for (const json& line : account.at("classes")) EXPECT_TRUE(line.at("accepted").get<bool>()) << line;
  EXPECT_EQ(account.at("echo"), "answered");
  EXPECT_EQ(account.at("suggested"), json::array({"profile = \"full\""}));
  EXPECT_TRUE(account.at("undeliverable").empty());
  EXPECT_THAT(herald({"probe", "orthanc"}).output, HasSubstr("profile = \"full\""));
  EXPECT_TRUE(pacs.instances().empty());
  pacs.stop();
}

// Images, pictures and Enhanced SR; nothing else.
void write_old_profile(const fs::path& file) {
  std::ofstream(file) << "[[TransferSyntaxes]]\n[Plain]\nTransferSyntax1 = LocalEndianExplicit\n"
                      << "TransferSyntax2 = LittleEndianImplicit\n"
                      << "[[PresentationContexts]]\n[OldPacs]\n"
                      << "PresentationContext1 = VerificationSOPClass\\Plain\n"
                      << "PresentationContext2 = MRImageStorage\\Plain\n"
                      << "PresentationContext3 = SecondaryCaptureImageStorage\\Plain\n"
                      << "PresentationContext4 = EnhancedSRStorage\\Plain\n"
                      << "[[Profiles]]\n[Old]\nPresentationContexts = OldPacs\n";
}

TEST_F(Probe, OfAnOldPacsSuggestsTheLegacyProfile) {
  if (!fs::exists("/usr/bin/storescp")) GTEST_SKIP() << "storescp is not installed (deploy/install-packages check)";
  write_old_profile(folder_ / "old.cfg");
  const int port = support::free_port();
  support::Child pacs(
      {"/usr/bin/storescp", "--ignore", "-xf", (folder_ / "old.cfg").string(), "Old", std::to_string(port)});
  dicom::Peer peer;
  peer.ae_title = "OLD";
  peer.host = "127.0.0.1";
  peer.port = static_cast<std::uint16_t>(port);
  ASSERT_TRUE(support::until(pacs, [&] { return dicom::echo(peer).has_value(); }));
  settings("[[destination]]\nname = \"old\"\nae_title = \"OLD\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(port) +
           "\n");
  const auto probed = herald({"probe", "old", "--json"});
  const json account = json::parse(probed.output);
  EXPECT_EQ(account.at("suggested"), json::array({"profile = \"legacy\""}));
  EXPECT_EQ(account.at("undeliverable"),
            json::array({"seg", "seg_proposal", "seg_unaligned", "seg_proposal_unaligned"}));
  EXPECT_EQ(probed.code, 1);  // of the full profile
  std::ofstream(folder_ / "herald.toml", std::ios::app) << "profile = \"legacy\"\n";
  EXPECT_EQ(herald({"probe", "old"}).code, 0);
}

TEST_F(Probe, SaysWhenNobodyIsThereAndWhenNobodyIsMeant) {
  settings("[[destination]]\nname = \"gone\"\nae_title = \"GONE\"\nhost = \"127.0.0.1\"\nport = " +
           std::to_string(support::free_port()) + "\nconnect_timeout_s = 2\n");
  const auto gone = herald({"probe", "gone", "--json"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_THAT(json::parse(gone.output).at("problem").get<std::string>(), HasSubstr("no association with the peer"));
  EXPECT_EQ(herald({"probe", "elsewhere"}).code, 2);
  EXPECT_EQ(herald({"probe"}).code, 2);
}

TEST_F(Probe, IsNotNeededToSeeTheProfileInCheckConfigAndConformance) {
  settings("[[destination]]\nname = \"old\"\nae_title = \"OLD\"\nhost = \"127.0.0.1\"\nprofile = \"legacy\"\n");
  EXPECT_THAT(herald({"check-config"}).output, HasSubstr("profile = \"legacy\""));
  const auto conformance = herald({"conformance"});
  EXPECT_EQ(conformance.code, 0);
  EXPECT_THAT(conformance.output, HasSubstr("`old`: called OLD"));
}

}  // namespace
