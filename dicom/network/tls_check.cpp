#include "dicom/network/tls_check.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <memory>

#include "dicom/dcmtk.h"
#include "dicom/network/tls_connection.h"

namespace dicom {
namespace {

// RFC 8446 4.6.2: the server looks at our certificate after its own part of the handshake, and its alert comes late.
constexpr std::chrono::seconds kForAnAlert{1};

[[noreturn]] void fail_connecting(const Peer& peer, const std::string& why) {
  fail(Fault::Network, "no connection with " + peer.host + ":" + std::to_string(peer.port) + ": " + why);
}

// 0 or an errno.
int try_to_connect(int socket, const addrinfo& where, std::chrono::seconds timeout) {
  if (connect(socket, where.ai_addr, where.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd watched{socket, POLLOUT, 0};
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  if (poll(&watched, 1, static_cast<int>(wait)) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

int connected_to(const Peer& peer) {
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(peer.host.c_str(), std::to_string(peer.port).c_str(), &wanted, &found) != 0)
    fail_connecting(peer, "the host is not known");
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) fail_connecting(peer, std::strerror(errno));
  if (const int error = try_to_connect(made, *found, peer.connect_timeout); error != 0) {
    close(made);
    fail_connecting(peer, std::strerror(error));
  }
  return made;
}

}  // namespace

Result<TlsReport> check_tls(const Peer& peer) {
  assert(peer.tls);
  return guarded([&] {
    TlsReport report;
    const TlsContext context = make_tls_context(peer.tls->files, TlsSide::Client);
    report.own = own_certificate(context);
    const ConnectionEvents events{.connected = {},
                                  .refused = [&](const std::string&, const std::string& why) { report.problem = why; }};
    TlsConnection connection(connected_to(peer), {.silence = kForAnAlert, .handshake = peer.acse_timeout}, events,
                             context, false, peer.tls->name.empty() ? peer.host : peer.tls->name);
    const bool agreed = connection.clientSideHandshake().good();
    char byte = 0;
    if (agreed && connection.networkDataAvailable(static_cast<int>(kForAnAlert.count()))) {
      if (connection.read(&byte, 1) == 0 && report.problem.empty()) report.problem = "the peer hung up at once";
    }
    report.chain = connection.session().chain();
    if (!agreed) return report;
    report.protocol = connection.session().protocol();
    report.cipher_suite = connection.session().cipher_suite();
    return report;
  });
}

}  // namespace dicom
