// Facts by HTTP: who may talk, what is understood, and that nobody can keep others out.
#include "server/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <optional>
#include <thread>

#include "server/clinical_http.h"
#include "server/log.h"
#include "server/result.h"
#include "storage/facts.h"
#include "tests/support/temp_folder.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kStudy = "1.2.826.0.1.99";

class Http : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging logging;
    logging.level = "error";
    server::log::open(logging);
  }
  void TearDown() override {
    asio::post(io_, [this] { server_.reset(); });
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void start(const std::string& token = "") {
    config::Http settings;
    settings.port = 0;
    if (!token.empty()) {
      settings.token_file = folder_ / "token";
      std::ofstream(settings.token_file) << token << "\n";
      chmod(settings.token_file.c_str(), 0600);
    }
    database_.emplace(storage::Database::open(folder_ / "index.db").value());
    server_ = std::make_unique<server::HttpServer>(io_, settings, [this](const server::HttpRequest& request) {
      return server::answer_clinical(*database_, request);
    });
    port_ = server_->port();
    thread_ = std::thread([this] { io_.run(); });
  }

  tcp::socket connected() {
    tcp::socket socket(client_);
    socket.connect({asio::ip::make_address("127.0.0.1"), port_});
    return socket;
  }
  // Everything that comes back until the server closes.
  std::string ask(const std::string& request) {
    tcp::socket socket = connected();
    asio::write(socket, asio::buffer(request));
    std::string answer;
    boost::system::error_code end;
    asio::read(socket, asio::dynamic_buffer(answer), end);
    return answer;
  }
  std::string get(const std::string& target, const std::string& headers = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n");
  }
  std::string post(const std::string& target, const std::string& body,
                   const std::string& headers = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n") {
    return ask("POST " + target + " HTTP/1.1\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body);
  }
  static json body_of(const std::string& answer) { return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)); }
  std::vector<storage::FactRow> facts() { return storage::Facts(*database_).current(kStudy).value(); }

  const std::string place_ = std::string("/studies/") + kStudy + "/clinical";
  support::TempFolder folder_;
  asio::io_context io_, client_;
  std::optional<storage::Database> database_;
  std::unique_ptr<server::HttpServer> server_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

TEST_F(Http, RecordsFactsWithWhoSaidThem) {
  start();
  const std::string answer = post(place_, R"({"said_by": "Pathology", "facts": {"er": "pos", "ki67": 22.5}})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(body_of(answer).at("facts").size(), 2u);
  const auto stated = facts();
  ASSERT_EQ(stated.size(), 2u);
  EXPECT_EQ(stated[0].name, "er");
  EXPECT_EQ(stated[0].answer, "pos");
  EXPECT_EQ(stated[0].said_by, "Pathology");
  EXPECT_EQ(stated[0].how, "http");
  EXPECT_EQ(stated[1].answer, "22.5");
  EXPECT_EQ(body_of(get(place_)).at("facts"), body_of(answer).at("facts"));
}

TEST_F(Http, TakesNothingOfARequestThatIsPartlyWrong) {
  start();
  const std::string answer = post(place_, R"({"said_by": "Pathology", "facts": {"er": "pos", "pr": "perhaps"}})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("neg"));  // it says what is allowed
  EXPECT_THAT(post(place_, R"({"facts": {"er": "pos"}})"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(post(place_, R"({"said_by": "x", "facts": {"her3": "pos"}})"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(post(place_, "not json"), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(facts().empty());
}

TEST_F(Http, KnowsNoOtherPlace) {
  start();
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(get("/studies/../etc/clinical"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(get("/studies/NOBODY/clinical"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("DELETE " + place_ + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
}

TEST_F(Http, UnderstandsPercentEncodingAndNothingThatIsNotText) {
  start();
  EXPECT_THAT(get("/studies/1%2E2.826.0.1.9%39/clinical"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr(kStudy)));
  for (const char* word : {"1.2%", "1.2%4", "1.2%zz.3", "1.2.3%00", "1.2.3%0A", "1.2.3%7f"})
    EXPECT_THAT(get(std::string("/studies/") + word + "/clinical"), StartsWith("HTTP/1.1 400")) << word;
}

TEST_F(Http, TakesAnAccessionNumberThatIsNotHereForNoStudy) {
  start();
  const std::string body = R"({"said_by": "x", "facts": {"er": "pos"}})";
  EXPECT_THAT(post("/studies/2026.1234/clinical", body), StartsWith("HTTP/1.1 404"));
  EXPECT_TRUE(storage::Facts(*database_).history("2026.1234").value().empty());
}

TEST_F(Http, RefusesAnAuthorThatIsNoName) {
  start();
  const auto said_by = [&](const std::string& who) {
    return post(place_, json{{"said_by", who}, {"facts", {{"er", "pos"}}}}.dump());
  };
  EXPECT_THAT(said_by(std::string(65, 'x')), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(said_by("Pathology\nSigned: somebody else"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(said_by("Pathology\u0085"), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(facts().empty());
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "\u00e4";
  EXPECT_THAT(said_by(umlauts), StartsWith("HTTP/1.1 200")) << "characters, not bytes";
}

TEST_F(Http, WithoutATokenBelievesOnlyWhoNamesThisMachine) {
  start();
  const std::string body = R"({"said_by": "x", "facts": {"er": "pos"}})";
  EXPECT_THAT(post(place_, body, "Host: evil.example\r\nContent-Type: application/json\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(post(place_, body, "Host: localhost:80\r\nContent-Type: text/plain\r\n"), StartsWith("HTTP/1.1 415"));
  EXPECT_TRUE(facts().empty());
}

TEST_F(Http, WithATokenBelievesOnlyWhoHasIt) {
  start("0123456789abcdef");
  EXPECT_THAT(get(place_), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(get(place_, "Authorization: Bearer 0123456789abcdeX\r\n"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(get(place_, "Authorization: Bearer 0123456789abcdef\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(Http, RefusesATokenThatOthersCanRead) {
  config::Http settings;
  settings.port = 0;
  settings.token_file = folder_ / "token";
  std::ofstream(settings.token_file) << "0123456789abcdef";
  chmod(settings.token_file.c_str(), 0644);
  EXPECT_THROW(server::HttpServer(io_, settings, {}), server::Failure);
  std::ofstream(settings.token_file) << "short";
  chmod(settings.token_file.c_str(), 0600);
  EXPECT_THROW(server::HttpServer(io_, settings, {}), server::Failure);
}

TEST_F(Http, AnswersOthersWhileSomebodySaysNothing) {
  start();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(connected());
  EXPECT_THAT(get(place_), StartsWith("HTTP/1.1 200"));
}

// Without file descriptors nobody can be let in, and asking again at once would keep the thread busy until there are.
TEST_F(Http, WaitsWhileNobodyCanBeLetIn) {
  config::Http settings;
  settings.port = 0;
  server_ = std::make_unique<server::HttpServer>(io_, settings,
                                                 [](const server::HttpRequest&) { return server::HttpAnswer{}; });
  port_ = server_->port();
  tcp::socket socket = connected();
  const int next = dup(0);
  close(next);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  int turns = 0;
  while (turns < 1000 && io_.poll_one() > 0) ++turns;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LT(turns, 100);
  EXPECT_GT(turns, 0) << "it was refused at all";
  thread_ = std::thread([this] { io_.run(); });
  asio::write(socket, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")));
  std::string answer;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

TEST_F(Http, RefusesWhatIsTooLarge) {
  start();
  const std::string huge(200 * 1024, 'x');
  boost::system::error_code ignored;
  tcp::socket socket = connected();
  asio::write(socket, asio::buffer("POST " + place_ + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 204800\r\n\r\n"),
              ignored);
  asio::write(socket, asio::buffer(huge), ignored);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), ignored);
  EXPECT_TRUE(answer.empty());  // closed
  EXPECT_THAT(get(place_), StartsWith("HTTP/1.1 200"));
}

}  // namespace
