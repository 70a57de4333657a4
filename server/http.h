#pragma once
// A small HTTP server for hospital systems: JSON in, JSON out, one request per connection. Off unless the settings have
// an [http] table; meant for the loopback interface or a trusted network behind a proxy that speaks TLS.
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "config/settings.h"

namespace server {

struct HttpRequest {
  std::string method, target;  // "POST", "/studies/1.2.3/clinical"
  std::string body;
};
struct HttpAnswer {
  unsigned status = 200;
  nlohmann::json body;
};
using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

// Serves from the io_context's thread, on which `handler` runs too: it must be quick. What it throws becomes an answer
// 500 without details. A request that lacks the token of the settings gets 401; on a server without one, a request must
// name the loopback interface as its host (a web page elsewhere cannot), else 403. Requests are limited to 64 KiB and
// 10 seconds, connections to 32: who talks slowly or not at all cannot keep others out for longer.
class HttpServer {
 public:
  // Throws a Failure when it cannot listen or the token file cannot be used.
  HttpServer(boost::asio::io_context& io, const config::Http& settings, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Listener;
  std::shared_ptr<Listener> listener_;
};

}  // namespace server
