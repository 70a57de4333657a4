#include "server/http.h"

#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fstream>
#include <optional>

#include "server/log.h"
#include "server/result.h"
#include "storage/object_store.h"

namespace server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::size_t kLargestBody = 64 * 1024, kLargestHeader = 8 * 1024;
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kPause{100};
constexpr std::size_t kMostConnections = 32;

std::string token_in(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) throw Failure{{"the token file of [http] cannot be read"}};
  if ((info.st_mode & (S_IRWXG | S_IRWXO) & ~S_IRGRP) != 0)
    throw Failure{{"the token file of [http] must not be open to others (chmod 640)"}};
  std::ifstream in(file);
  std::string token;
  in >> token;
  if (token.size() < 16) throw Failure{{"the token of [http] must have 16 characters or more"}};
  return token;
}

// By their digests: how long it takes tells nothing about how much of the token was right.
bool same(std::string_view a, std::string_view b) { return storage::sha256_hex(a) == storage::sha256_hex(b); }

// The name before the port: a browser on another site's behalf cannot send ours.
bool names_loopback(std::string_view host) {
  if (host.starts_with("[::1]")) return true;
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1";
}

HttpAnswer answer_to(unsigned status, const char* why) { return {status, {{"error", why}}}; }

}  // namespace

class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, const config::Http& settings, HttpHandler handler)
      : acceptor_(io), pause_(io), handler_(std::move(handler)) {
    if (!settings.token_file.empty()) token_ = token_in(settings.token_file);
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(settings.bind_address, failed);
    if (failed) throw Failure{{"[http] bind_address: " + failed.message()}};
    const tcp::endpoint endpoint(address, settings.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) throw Failure{{"[http] cannot listen: " + failed.message()}};
    log::http_listening(settings.bind_address, port());
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](boost::system::error_code failed, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (failed) return self->accept_later();
      self->serve(std::move(socket));
      self->accept();
    });
  }

  void stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  // Whoever cannot be let in for want of file descriptors stays at the door: to ask again at once would take the
  // processor from those whose end would free one.
  void accept_later() {
    pause_.expires_after(kPause);
    pause_.async_wait([self = shared_from_this()](boost::system::error_code) {
      if (self->acceptor_.is_open()) self->accept();
    });
  }

  // One connection: a request, its answer, the end.
  struct Session {
    explicit Session(tcp::socket socket) : stream(std::move(socket)) {
      parser.body_limit(kLargestBody);
      parser.header_limit(kLargestHeader);
    }
    beast::tcp_stream stream;
    beast::flat_buffer buffer{kLargestHeader + kLargestBody};
    http::request_parser<http::string_body> parser;
    http::response<http::string_body> response;
  };

  void serve(tcp::socket socket) {
    if (sessions_ >= kMostConnections) return;  // closed by its destructor
    auto session =
        std::shared_ptr<Session>(new Session(std::move(socket)), [self = shared_from_this()](Session* ended) {
          --self->sessions_;
          delete ended;
        });
    ++sessions_;
    session->stream.expires_after(kPatience);
    http::async_read(session->stream, session->buffer, session->parser,
                     [self = shared_from_this(), session](boost::system::error_code failed, std::size_t) {
                       if (!failed) self->respond(session);
                     });
  }

  void respond(const std::shared_ptr<Session>& session) {
    const HttpAnswer answer = answer_of(session->parser.get());
    auto& response = session->response;
    response = {static_cast<http::status>(answer.status), session->parser.get().version()};
    response.set(http::field::content_type, "application/json");
    response.set(http::field::cache_control, "no-store");
    response.body() = answer.body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    response.keep_alive(false);
    response.prepare_payload();
    session->stream.expires_after(kPatience);
    http::async_write(session->stream, response, [session](boost::system::error_code, std::size_t) {
      boost::system::error_code ignored;
      session->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  HttpAnswer answer_of(const http::request<http::string_body>& request) {
    if (const auto refused = not_allowed(request)) {
      log::http_refused(refused->body.at("error").get<std::string>());
      return *refused;
    }
    const auto text = [](beast::string_view view) { return std::string(view.data(), view.size()); };
    try {
      return handler_({text(request.method_string()), text(request.target()), request.body()});
    } catch (const Failure& failure) {
      log::trouble("http", failure.error.what);
    } catch (const std::exception& e) {
      log::trouble("http", e.what());
    }
    return answer_to(500, "it could not be done; the log says why");
  }

  std::optional<HttpAnswer> not_allowed(const http::request<http::string_body>& request) const {
    const auto field = [&](http::field name) {
      const beast::string_view value = request[name];
      return std::string_view(value.data(), value.size());
    };
    if (token_ && !same(field(http::field::authorization), "Bearer " + *token_))
      return answer_to(401, "the bearer token is missing or wrong");
    if (!token_ && !names_loopback(field(http::field::host)))
      return answer_to(403, "without a token only the loopback interface is served");
    // A form on a web page can send anything but this type without asking first.
    if (request.method() != http::verb::get && !field(http::field::content_type).starts_with("application/json"))
      return answer_to(415, "expected Content-Type: application/json");
    return std::nullopt;
  }

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  HttpHandler handler_;
  std::optional<std::string> token_;
  std::size_t sessions_ = 0;
};

HttpServer::HttpServer(asio::io_context& io, const config::Http& settings, HttpHandler handler)
    : listener_(std::make_shared<Listener>(io, settings, std::move(handler))) {
  listener_->accept();
}

HttpServer::~HttpServer() { listener_->stop(); }

std::uint16_t HttpServer::port() const { return listener_->port(); }

}  // namespace server
