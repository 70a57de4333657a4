#include "dicom/network/connection.h"

#include <arpa/inet.h>
#include <dcmtk/dcmnet/dul.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace dicom {
namespace {

void switch_on(int socket, int option) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, option, &on, sizeof on);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

ssize_t give_up(int reason) {
  errno = reason;  // never a stale EINTR, at which DCMTK would try again for ever
  return -1;
}

}  // namespace

void Patience::between_messages(std::size_t most_bytes) {
  interruptible_ = true;
  bytes_left_ = most_bytes;
}

void Patience::inside_message() {
  interruptible_ = false;
  bytes_left_ = kUnlimited;
}

void Patience::hurry(std::chrono::seconds longest_wait) {
  inside_message();
  longest_wait_ = longest_wait;
  latest_ = std::chrono::steady_clock::time_point::max();  // also after the latest moment there is a farewell
}

Connection::Connection(DcmNativeSocketType socket, ConnectionLimits limits, const ConnectionEvents& events)
    : DcmTCPConnection(socket), patience_(std::make_shared<Patience>(limits)), events_(events) {
  if (limits.screens_requests) screen_.emplace();
}

Connection::Moment Connection::end_of_wait(std::chrono::seconds longest) const {
  const Patience& patience = *patience_;
  return std::min(
      std::chrono::steady_clock::now() + std::clamp(longest, std::chrono::seconds{0}, patience.longest_wait_),
      patience.latest_);
}

bool Connection::wait_until(short events, Moment end) {
  Patience& patience = *patience_;
  const int stop_descriptor = patience.interruptible_ ? patience.limits_.stop_descriptor : -1;
  std::array<pollfd, 2> watched{pollfd{getSocket(), events, 0}, pollfd{stop_descriptor, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    const int ready =
        poll(watched.data(), watched.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready > 0 && watched[1].revents != 0) patience.stopped_ = true;
    if (ready == 0) patience.timed_out_ = true;
    return ready > 0 && watched[1].revents == 0;
  }
}

void Connection::tell_refused(const std::string& why) {
  if (events_.refused) events_.refused(peer_address(), why);
}

std::string Connection::peer_address() {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (getpeername(getSocket(), reinterpret_cast<sockaddr*>(&where), &size) != 0 || where.sin_family != AF_INET)
    return {};
  return inet_ntop(AF_INET, &where.sin_addr, text.data(), text.size()) == nullptr ? "" : text.data();
}

// PDU types are 1 to 7 (PS3.8 9.3), the records of TLS begin with 20 to 22.
void Connection::look_at_first(unsigned char byte) {
  looked_ = true;
  if (byte == 0x16) tell_refused("TLS on the plain port");
  if (byte == 0x14 || byte == 0x15) tell_refused("the peer speaks TLS on this port");
}

ssize_t Connection::read(void* buffer, size_t size) {
  if (!screen_) return receive(buffer, size);
  const auto below = [this](void* to, size_t most) { return receive(to, most); };
  if (screen_->is_unread()) patience_->end_at(std::chrono::steady_clock::now() + patience_->limits_.handshake);
  const ssize_t got = screen_->read(buffer, size, below);
  if (screen_->has_passed()) patience_->end_at(Moment::max());
  return got;
}

ssize_t Connection::receive(void* buffer, size_t size) {
  std::size_t& bytes_left = patience_->bytes_left_;
  if (bytes_left == 0) return give_up(EMSGSIZE);
  if (patience_->is_over()) return give_up(ETIMEDOUT);  // a peer that never pauses is never waited for
  for (;;) {
    const ssize_t got = recv(getSocket(), buffer, std::min(size, bytes_left), MSG_DONTWAIT);
    if (got > 0 && bytes_left != Patience::kUnlimited) bytes_left -= static_cast<std::size_t>(got);
    // Not sticky, hence at every read: a sender that leaves Nagle on waits for our acknowledgement before its next
    // segment.
    if (got > 0) switch_on(getSocket(), TCP_QUICKACK);
    if (got > 0 && !looked_) look_at_first(*static_cast<const unsigned char*>(buffer));
    if (got >= 0) return got;
    if (errno != EINTR && (!would_block() || !wait_until(POLLIN, end_of_silence()))) return give_up(ETIMEDOUT);
  }
}

ssize_t Connection::write(void* buffer, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t sent = send(getSocket(), static_cast<char*>(buffer) + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<size_t>(sent);
    } else if (errno != EINTR && (!would_block() || !wait_until(POLLOUT, end_of_silence()))) {
      return give_up(ETIMEDOUT);
    }
  }
  return static_cast<ssize_t>(done);
}

OFBool Connection::networkDataAvailable(int timeout_s) {
  return (screen_ && screen_->has_bytes()) || is_data_waiting(timeout_s);
}

bool Connection::is_data_waiting(int timeout_s) {
  const bool had_timed_out = patience_->timed_out_;
  const bool available = wait_until(POLLIN, end_of_wait(std::chrono::seconds{timeout_s}));
  if (timeout_s <= 0) patience_->timed_out_ = had_timed_out;  // a glance is no wait
  return available;
}

bool has_connection(const T_ASC_Association& association) {
  return DUL_getTransportConnection(association.DULassociation) != nullptr;
}

Connection& connection_of(const T_ASC_Association& association) {
  return *static_cast<Connection*>(DUL_getTransportConnection(association.DULassociation));
}

std::shared_ptr<Patience> patience_of(const T_ASC_Association& association) {
  return connection_of(association).patience();
}

ConnectionLayer::ConnectionLayer(ConnectionLimits limits, ConnectionEvents events)
    : limits_(limits), events_(std::move(events)) {}

DcmTransportConnection* ConnectionLayer::createConnection(DcmNativeSocketType socket, OFBool) {
  if (events_.connected) events_.connected();
  fcntl(socket, F_SETFD, FD_CLOEXEC);  // a worker process must not keep a peer's connection open
  switch_on(socket, TCP_NODELAY);
  return make(socket).release();
}

std::unique_ptr<Connection> ConnectionLayer::make(DcmNativeSocketType socket) {
  return std::make_unique<Connection>(socket, limits_, events_);
}

}  // namespace dicom
