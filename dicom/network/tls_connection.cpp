#include "dicom/network/tls_connection.h"

#include <dcmtk/dcmnet/dul.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "dicom/dcmtk.h"

namespace dicom {
namespace {

using Step = TlsSession::Step;

// For a peer that we refuse to take our alert from the line.
constexpr std::chrono::seconds kFarewell{1};

ssize_t give_up(int reason) {
  errno = reason;
  return -1;
}

bool wants(Step step) { return step == Step::WantsToRead || step == Step::WantsToWrite; }

}  // namespace

TlsConnection::TlsConnection(DcmNativeSocketType socket, ConnectionLimits limits, const ConnectionEvents& events,
                             const TlsContext& context, bool we_are_server, const std::string& name)
    : Connection(socket, limits, events),
      handshake_(limits.handshake),
      we_are_server_(we_are_server),
      session_(socket, context, we_are_server, name) {}

TlsConnection::~TlsConnection() { TlsConnection::closeTransportConnection(); }

const Certificate* TlsConnection::peer_certificate() const {
  return session_.peer_certificate() ? &*session_.peer_certificate() : nullptr;
}

bool TlsConnection::wait_for(Step step, Moment end) {
  if (step == Step::WantsToRead && session_.has_bytes()) return true;
  return wait_until(step == Step::WantsToRead ? POLLIN : POLLOUT, end);
}

OFCondition TlsConnection::handshake() {
  const Moment end = end_of_wait(handshake_);
  for (;;) {
    const Step step = session_.handshake();
    if (step == Step::Done) return EC_Normal;
    const bool late = std::chrono::steady_clock::now() >= end;
    if (wants(step) && !late && wait_for(step, end)) continue;
    if (!wants(step)) {
      tell_why();
      leave_the_peer_time_to_read();
    } else if (!patience_->was_stopped()) {
      tell_refused("the TLS handshake took longer than " + std::to_string(handshake_.count()) + " s");
    }
    return DUL_NETWORKCLOSED;
  }
}

void TlsConnection::tell_why() {
  if (!std::exchange(told_, true)) tell_refused(session_.why());
}

// What the peer has sent on would turn our closing into a reset, and that would take the alert away, which tells it the
// reason.
void TlsConnection::leave_the_peer_time_to_read() {
  if (!we_are_server_) return;
  shutdown(getSocket(), SHUT_WR);
  const Moment end = end_of_wait(kFarewell);
  std::array<char, 4096> ignored{};
  for (int rounds = 0; rounds < 100 && wait_until(POLLIN, end); ++rounds)
    if (recv(getSocket(), ignored.data(), ignored.size(), MSG_DONTWAIT) <= 0) return;
}

ssize_t TlsConnection::receive(void* buffer, size_t size) {
  Patience& patience = *patience_;
  if (patience.bytes_left_ == 0) return give_up(EMSGSIZE);
  for (;;) {
    if (patience.is_over()) return give_up(ETIMEDOUT);
    std::size_t got = 0;
    const Step step = session_.read(buffer, std::min(size, patience.bytes_left_), got);
    if (step == Step::Done) {
      if (patience.bytes_left_ != Patience::kUnlimited) patience.bytes_left_ -= got;
      return static_cast<ssize_t>(got);
    }
    if (step == Step::Ended) return 0;
    if (step == Step::Failed) {
      tell_why();
      return give_up(EPROTO);
    }
    if (!wait_for(step, end_of_silence())) return give_up(ETIMEDOUT);
  }
}

ssize_t TlsConnection::write(void* buffer, size_t size) {
  std::size_t done = 0;
  while (done < size) {
    std::size_t sent = 0;
    const Step step = session_.write(static_cast<const char*>(buffer) + done, size - done, sent);
    done += sent;
    if (step == Step::Done) continue;
    if (!wants(step)) {
      if (session_.look() == Step::Failed) tell_why();  // an alert of the peer may have come before it hung up
      return give_up(EPIPE);
    }
    if (!wait_for(step, end_of_silence())) return give_up(ETIMEDOUT);
  }
  return static_cast<ssize_t>(done);
}

// Bytes on the socket need not be data: only whole records count, and the wait has one end for all of them.
bool TlsConnection::is_data_waiting(int timeout_s) {
  const bool had_timed_out = patience_->timed_out_;
  const Moment end = end_of_wait(std::chrono::seconds{timeout_s});
  for (;;) {
    const Step step = session_.look();
    if (step == Step::Failed) tell_why();  // OpenSSL tells of an alert but once
    if (!wants(step)) return true;         // data, or an end that is read()'s to tell
    if (wait_for(step, end)) continue;
    if (timeout_s <= 0) patience_->timed_out_ = had_timed_out;
    return false;
  }
}

// DCMTK's close() ends here, too.
void TlsConnection::closeTransportConnection() {
  if (getSocket() >= 0) session_.say_goodbye();
  DcmTCPConnection::closeTransportConnection();
}

TlsAcceptingLayer::TlsAcceptingLayer(ConnectionLimits limits, ConnectionEvents events, const ListenersContext& listener)
    : ConnectionLayer(limits, std::move(events)), listener_(listener) {}

std::unique_ptr<Connection> TlsAcceptingLayer::make(DcmNativeSocketType socket) {
  try {
    return std::make_unique<TlsConnection>(socket, limits_, events_, listener_.current(), true, std::string());
  } catch (const Failure& failure) {
    if (events_.refused) events_.refused("", failure.error.what);
    return nullptr;
  }
}

TlsRequestingLayer::TlsRequestingLayer(ConnectionLimits limits, ConnectionEvents events, const TlsRequest& request,
                                       const std::string& host)
    : ConnectionLayer(limits, std::move(events)),
      context_(make_tls_context(request.files, TlsSide::Client)),
      name_(request.name.empty() ? host : request.name) {}

std::unique_ptr<Connection> TlsRequestingLayer::make(DcmNativeSocketType socket) {
  try {
    return std::make_unique<TlsConnection>(socket, limits_, events_, context_, false, name_);
  } catch (const Failure& failure) {
    if (events_.refused) events_.refused("", failure.error.what);
    return nullptr;
  }
}

}  // namespace dicom
