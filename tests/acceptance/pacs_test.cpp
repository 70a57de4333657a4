// A scanner that loses images on the way to Herald, and a PACS (a real Orthanc) that has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "dicom/input/instance.h"
#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;
using testing::HasSubstr;
using testing::Not;

constexpr int kT2Star = 8;  // the series of the synthetic exam that gets lost; the recipe requires it

class NodeThatAsks : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::Orthanc::available()) GTEST_SKIP() << "Orthanc is not installed (deploy/install-packages check)";
    pacs_ = std::make_unique<support::Orthanc>(folder_ / "pacs");
    for (const auto& file : small_exam(folder_ / "exam", 7)) {
      if (!file.outline) files_.push_back(file);
    }
  }
  void start_node(const std::string& query) {
    node_ = std::make_unique<support::Node>(
        HERALD_PROGRAM, folder_ / "node",
        support::NodeOptions{.destination = pacs_->destination() + pacs_->query(query)});
    node_->start();
  }
  void start_pacs_that_has_everything() {
    pacs_->start();
    pacs_->learn("HERALD", node_->port());
    ASSERT_TRUE(Scanner(files_).push(pacs_->dicom_port(), "ORTHANC"));
  }
  // The exam with so many images only of the series that gets lost.
  std::vector<server::SimulatedFile> with(std::size_t images) {
    std::vector<server::SimulatedFile> kept;
    for (const auto& file : files_) {
      const auto image = dicom::read_instance(file.path).value();
      study_ = image.study_uid;
      if (image.series_number == kT2Star && images == 0) continue;
      images -= image.series_number == kT2Star ? 1 : 0;
      kept.push_back(file);
    }
    return kept;
  }
  std::string explained() const { return node_->herald({"explain", study_}).output; }
  // Reads the log until an event has come so many times; false: it did not.
  bool logged(const std::string& event, std::size_t times = 1) {
    std::size_t seen = 0;
    return node_->process()
        .wait_for([&](const std::string& line) {
          seen += line.find("\"" + event + "\"") != std::string::npos ? 1 : 0;
          return seen == times;
        })
        .has_value();
  }
  bool everything_is_delivered() {
    const auto expected = uids_of(processed(folder_ / "exam/exam", folder_ / "out"));
    return support::until(node_->process(), [&] { return holds(*pacs_, expected); });
  }

  support::TempFolder folder_;
  std::unique_ptr<support::Orthanc> pacs_;
  std::unique_ptr<support::Node> node_;
  std::vector<server::SimulatedFile> files_;
  std::string study_;
};

TEST_F(NodeThatAsks, HasALostSeriesMovedFromThePacsAndComputesItsMap) {
  start_node("");
  start_pacs_that_has_everything();
  ASSERT_TRUE(Scanner(with(0)).push(node_->port()));
  EXPECT_TRUE(everything_is_delivered());
  // Asked once more, about the study with what was fetched.
  ASSERT_TRUE(support::until(node_->process(), [&] {
    return explained().find("asked PACS: it has nothing more that is needed") != std::string::npos;
  }));
  ASSERT_TRUE(support::until(node_->process(), [&] {
    return explained().find("Complete: the PACS has as many images of its series as are here") != std::string::npos;
  }));
  const std::string words = explained();
  EXPECT_THAT(words, HasSubstr("fetched series 8 (40 images) from PACS"));
  EXPECT_THAT(words, Not(HasSubstr("nothing here fills")));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeThatAsks, GetsTheLastImagesOfASeriesFromThePacs) {
  start_node("method = \"get\"\n");
  start_pacs_that_has_everything();
  ASSERT_TRUE(Scanner(with(37)).push(node_->port()));
  EXPECT_TRUE(everything_is_delivered());
  EXPECT_THAT(explained(), HasSubstr("fetched series 8 (40 images) from PACS"));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeThatAsks, GivesUpASeriesThatThePacsCannotSendAndSaysSo) {
  start_node("attempts = 2\nmove_destination = \"NOWHERE\"\n");
  start_pacs_that_has_everything();
  ASSERT_TRUE(Scanner(with(35)).push(node_->port()));
  EXPECT_TRUE(logged("series_fetched", 2));
  ASSERT_TRUE(
      support::until(node_->process(), [&] { return explained().find("Not computed: ") != std::string::npos; }));
  const std::string words = explained();
  EXPECT_THAT(words, HasSubstr("Not computed: echo train of 8, 7 echoes are here"));
  EXPECT_THAT(words, HasSubstr("fetching series 8 from PACS brought 0 images, attempt 2"));
  EXPECT_THAT(words, HasSubstr("asked PACS: series 8 has 40 images there, 35 here"));
  EXPECT_THAT(words, HasSubstr("t2: MR series of"));
  EXPECT_EQ(node_->stop(), 0);
}

TEST_F(NodeThatAsks, DoesNotWaitForEverForAPacsThatIsDown) {
  start_node("attempts = 2\n");
  ASSERT_TRUE(Scanner(with(40)).push(node_->port()));
  EXPECT_TRUE(logged("pacs_silent", 2));
  ASSERT_TRUE(
      support::until(node_->process(), [&] { return explained().find("t2star: MR series of") != std::string::npos; }));
  EXPECT_THAT(explained(), HasSubstr("PACS could not be asked: "));
  EXPECT_EQ(node_->stop(), 0);
}

// Accepts connections and says nothing.
class SilentPacs {
 public:
  SilentPacs() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&where), size) != 0 || listen(socket_, 8) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&where), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(where.sin_port);
  }
  ~SilentPacs() { close(socket_); }
  SilentPacs(const SilentPacs&) = delete;
  SilentPacs& operator=(const SilentPacs&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // Returns when somebody has called.
  void wait_for_a_call() const {
    pollfd watched{socket_, POLLIN, 0};
    poll(&watched, 1, -1);
  }

 private:
  int socket_;
  int port_ = 0;
};

// Its timeouts would keep the thread that asks for an hour.
TEST(NodeThatAskedASilentPacs, StopsAllTheSame) {
  const support::TempFolder folder;
  const SilentPacs pacs;
  const std::string query =
      "[query]\nae_title = \"PACS\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(pacs.port()) +
      "\nacse_timeout_s = 3600\ndimse_timeout_s = 3600\n";
  support::Node node(HERALD_PROGRAM, folder / "node", support::NodeOptions{.destination = query});
  node.start();
  auto files = small_exam(folder / "exam", 8);
  files.resize(4);
  ASSERT_TRUE(Scanner(files).push(node.port()));
  pacs.wait_for_a_call();
  EXPECT_EQ(node.stop(), 0);
}

}  // namespace
