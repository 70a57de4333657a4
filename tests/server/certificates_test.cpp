#include "server/certificates.h"

#include <gmock/gmock.h>

#include <fstream>

#include "server/log.h"
#include "tests/dicom/network/certificates.h"
#include "tests/dicom/network/recording_handler.h"

namespace {

using std::chrono::days;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Certificates : public testing::Test {
 protected:
  Certificates() {
    config::Logging logging;
    logging.file = folder_ / "log";
    server::log::open(logging);
    settings_.receive = support::loopback();
    settings_.receive.tls.emplace().port = 0;
    settings_.receive.tls->files = {node_.certificate, node_.key, hospital_.certificate()};
  }
  ~Certificates() override { server::log::open({}); }

  std::vector<std::string> warnings() const {
    std::vector<std::string> lines;
    std::ifstream in(folder_ / "log");
    for (std::string line; std::getline(in, line);)
      if (const auto at = line.find(" warning "); at != std::string::npos) lines.push_back(line.substr(at + 9));
    return lines;
  }
  std::string last_line() const {
    std::string last;
    std::ifstream in(folder_ / "log");
    for (std::string line; std::getline(in, line);) last = line;
    return last;
  }

  support::TempFolder folder_;
  support::Authority hospital_{folder_.path(), "Hospital"};
  support::Signed node_ = hospital_.sign({.common_name = "node", .to = days(40)});
  support::RecordingHandler handler_;
  config::Settings settings_;
};

TEST_F(Certificates, AreWarnedOfOnceADayFromThirtyDaysBeforeTheirEnd) {
  const auto acceptor = support::started(settings_.receive, handler_);
  const auto end = acceptor->certificate()->not_after;
  server::CertificateWatch watch(settings_, *acceptor, end - days(35));
  EXPECT_THAT(last_line(), HasSubstr("with the certificate of CN=node, valid until " + dicom::date_of(end)));
  EXPECT_THAT(warnings(), IsEmpty());
  watch.look(end - days(30));
  watch.look(end - days(30));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("expires on " + dicom::date_of(end) + ", in 30 days")));
  watch.look(end - days(29));
  EXPECT_THAT(warnings(), ElementsAre(testing::_, HasSubstr("in 29 days")));
  watch.look(end + days(1));
  EXPECT_THAT(warnings().back(), HasSubstr("has expired on " + dicom::date_of(end)));
}

TEST_F(Certificates, AreTakenAnewWhenTheFilesChangeAndTheOldOnesKeptWhenTheyAreBad) {
  const auto acceptor = support::started(settings_.receive, handler_);
  server::CertificateWatch watch(settings_, *acceptor, std::chrono::sys_seconds{});
  const auto fresh = hospital_.sign({.common_name = "renewed"});
  std::filesystem::rename(fresh.certificate, node_.certificate);
  watch.look(std::chrono::sys_seconds{});
  EXPECT_THAT(last_line(), HasSubstr("the old ones stay in force: "));
  std::filesystem::rename(fresh.key, node_.key);
  watch.reload();
  EXPECT_THAT(last_line(), HasSubstr("files of TLS read again: certificate of CN=renewed"));
}

TEST_F(Certificates, OfPeersAreOursToo) {
  auto& destination = settings_.destinations.emplace_back();
  destination.peer.tls.emplace().files.certificate = "other.crt";
  EXPECT_THAT(server::own_certificates(settings_), ElementsAre(node_.certificate, "other.crt"));
}

}  // namespace
