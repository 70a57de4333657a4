#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "config/settings.h"
#include "tests/support/temp_folder.h"

namespace {

using config::Settings;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TlsSettings : public ::testing::Test {
 protected:
  auto try_to_load(const std::string& text) {
    std::ofstream(folder_ / "herald.toml", std::ios::binary) << text;
    return config::load_settings(folder_ / "herald.toml");
  }
  Settings load(const std::string& text) {
    auto settings = try_to_load(text);
    if (!settings) throw std::runtime_error(settings.error().what);
    return *settings;
  }
  std::string error_in(const std::string& lines) {
    const auto settings = try_to_load("[storage]\nfolder = 'd'\n" + lines);
    return settings ? "no error" : settings.error().what;
  }
  // The shipped file with its examples ("#key = …") in force.
  Settings shipped() {
    std::ifstream in(HERALD_SOURCE_DIR "/config/herald.toml");
    std::string text;
    for (std::string line; std::getline(in, line);)
      text += line.substr(line.size() > 1 && line[0] == '#' && line[1] != ' ' ? 1 : 0) + "\n";
    return load(text);
  }
  support::TempFolder folder_;
};

TEST_F(TlsSettings, ThatIsShippedShowsTlsWithTheDefaultsOfTheStruct) {
  const Settings settings = shipped();
  ASSERT_TRUE(settings.receive.tls);
  EXPECT_EQ(settings.receive.tls->port, dicom::TlsListener{}.port);
  EXPECT_EQ(settings.receive.tls->require_certificate, dicom::TlsListener{}.require_certificate);
  ASSERT_THAT(settings.receive.tls->bindings, SizeIs(1));
  EXPECT_EQ(settings.receive.tls->bindings[0],
            (dicom::CertificateBinding{dicom::CertificateBinding::By::DnsName, "SKYRA", "skyra.example.org"}));
  EXPECT_FALSE(settings.destinations[0].peer.tls);
  EXPECT_FALSE(settings.query->peer.tls);
}

const std::string kTls = "[receive.tls]\ncertificate = 'c'\nkey = 'k'\ntrusted = 't'\n";
const std::string kPacs = "[[destination]]\nname = 'p'\nae_title = 'P'\nhost = 'h'\n";

TEST_F(TlsSettings, GivesAPeerTheFilesOfTheListenerOrItsOwn) {
  const std::string start = "[storage]\nfolder = 'd'\n" + kTls;
  const dicom::TlsFiles node{folder_ / "c", folder_ / "k", folder_ / "t"};
  EXPECT_EQ(load(start + kPacs + "tls = true\n").destinations[0].peer.tls, (dicom::TlsRequest{node, ""}));
  EXPECT_EQ(load(start + kPacs + "tls = true\ntls_name = 'n'\ntls_trusted = 'o'\n").destinations[0].peer.tls,
            (dicom::TlsRequest{{node.certificate, node.key, folder_ / "o"}, "n"}));
  EXPECT_FALSE(load(start + kPacs).destinations[0].peer.tls);
  EXPECT_EQ(load(start + "[query]\nae_title = 'P'\nhost = 'h'\ntls = true\n").query->peer.tls,
            (dicom::TlsRequest{node, ""}));
}

TEST_F(TlsSettings, ReadsAFingerprintAsPeopleWriteIt) {
  const auto digest_of = [&](const std::string& text) {
    return load("[storage]\nfolder = 'd'\n" + kTls + "[[receive.tls.binding]]\nae_title = 'A'\ncertificate = '" + text +
                "'\n")
        .receive.tls->bindings[0]
        .value;
  };
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i == 0 ? "AB" : ":AB";
  std::string plain;
  for (int i = 0; i < 32; ++i) plain += "ab";
  EXPECT_EQ(digest_of("sha256:" + colons), plain);
  EXPECT_EQ(digest_of("sha256:" + plain), plain);
}

TEST_F(TlsSettings, MakesAWholeOfTls) {
  EXPECT_THAT(error_in("[receive.tls]\nkey = 'k'\n"), HasSubstr("certificate is missing"));
  EXPECT_THAT(error_in(kPacs + "tls = true\n"), HasSubstr("tls needs tls_trusted"));
  EXPECT_THAT(error_in(kPacs + "tls = true\ntls_trusted = 't'\ntls_key = 'k'\n"), HasSubstr("both or none"));
  EXPECT_THAT(error_in(kTls + "[[receive.tls.binding]]\nae_title = 'A'\ncertificate = 'sha256:12'\n"),
              HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(error_in("[node]\nport = 'off'\n"), HasSubstr("needs the table [receive.tls]"));
  EXPECT_THAT(error_in("[node]\nport = 'on'\n"), HasSubstr("port = \"on\": expected"));
  EXPECT_FALSE(load("[storage]\nfolder = 'd'\n[node]\nport = 'off'\n" + kTls).receive.plain);
}

}  // namespace
