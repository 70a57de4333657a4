#include "dicom/network/connection.h"

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

Connection::Connection(DcmNativeSocketType socket, ConnectionLimits limits)
    : DcmTCPConnection(socket), patience_(std::make_shared<Patience>(limits)) {
  if (limits.screens_requests) screen_.emplace();
}

bool Connection::wait_for(short events, std::chrono::seconds longest) {
  Patience& patience = *patience_;
  const int stop_descriptor = patience.interruptible_ ? patience.limits_.stop_descriptor : -1;
  std::array<pollfd, 2> watched{pollfd{getSocket(), events, 0}, pollfd{stop_descriptor, POLLIN, 0}};
  const auto wanted =
      std::chrono::steady_clock::now() + std::clamp(longest, std::chrono::seconds{0}, patience.longest_wait_);
  const auto until = std::min(wanted, patience.latest_);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    const int ready =
        poll(watched.data(), watched.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready > 0 && watched[1].revents != 0) patience.stopped_ = true;
    if (ready == 0 && longest.count() > 0) patience.timed_out_ = true;
    return ready > 0 && watched[1].revents == 0;
  }
}

bool Connection::wait_for_peer(short events) { return wait_for(events, patience_->limits_.silence); }

ssize_t Connection::read(void* buffer, size_t size) {
  const auto below = [this](void* to, size_t most) { return receive(to, most); };
  return screen_ ? screen_->read(buffer, size, below) : receive(buffer, size);
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
    if (got >= 0) return got;
    if (errno != EINTR && (!would_block() || !wait_for_peer(POLLIN))) return give_up(ETIMEDOUT);
  }
}

ssize_t Connection::write(void* buffer, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t sent = send(getSocket(), static_cast<char*>(buffer) + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<size_t>(sent);
    } else if (errno != EINTR && (!would_block() || !wait_for_peer(POLLOUT))) {
      return give_up(ETIMEDOUT);
    }
  }
  return static_cast<ssize_t>(done);
}

OFBool Connection::networkDataAvailable(int timeout_s) {
  return (screen_ && screen_->has_bytes()) || wait_for(POLLIN, std::chrono::seconds{timeout_s});
}

std::shared_ptr<Patience> patience_of(const T_ASC_Association& association) {
  return static_cast<const Connection*>(DUL_getTransportConnection(association.DULassociation))->patience();
}

ConnectionLayer::ConnectionLayer(ConnectionLimits limits, std::function<void()> connected)
    : limits_(limits), connected_(std::move(connected)) {}

DcmTransportConnection* ConnectionLayer::createConnection(DcmNativeSocketType socket, OFBool secure) {
  if (connected_) connected_();
  if (secure) return nullptr;
  fcntl(socket, F_SETFD, FD_CLOEXEC);  // a worker process must not keep a peer's connection open
  switch_on(socket, TCP_NODELAY);
  return new Connection(socket, limits_);
}

}  // namespace dicom
