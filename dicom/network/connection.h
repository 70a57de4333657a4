#pragma once
// The socket below an association, with every wait bounded. For the .cpp files of this folder only: DCMTK types appear.
//
// DCMTK 3.6.7 blocks in read() for as long as SO_RCVTIMEO says, leaves Nagle on (40 ms per image against delayed
// acknowledgements), raises SIGPIPE, and cannot be woken for a shutdown. All four are mended here, at the one place
// where it lets us: its transport layer.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "dicom/network/request_screen.h"

namespace dicom {

struct ConnectionLimits {
  std::chrono::seconds silence{60};  // longest wait for the peer in the middle of a PDU, either way
  int stop_descriptor = -1;          // readable: whoever waits between messages is to give up; -1: nobody will ask
  bool screens_requests = false;     // for connections that are accepted: see RequestScreen
};

// How long a connection waits and what it lets through, changed with the phases of an association, and why a wait
// ended. Shared between the Connection and whoever serves the association: DCMTK deletes the Connection as soon as the
// peer is gone. For one thread.
class Patience {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  explicit Patience(ConnectionLimits limits) : limits_(limits) {}

  // Between messages a request to stop ends the wait, and the peer may send `most_bytes` before the next change of
  // phase: DCMTK collects a whole command set in memory, so that its size must be bounded below.
  void between_messages(std::size_t most_bytes);
  // Inside a message only the peer's silence ends a wait; a data set may be of any size.
  void inside_message();
  // For the farewell: whatever the peer does, no wait longer than this.
  void hurry(std::chrono::seconds longest_wait);
  // Whatever the peer does, nothing is read and nobody waits beyond this moment, the farewell excepted.
  void end_at(std::chrono::steady_clock::time_point latest) { latest_ = latest; }

  [[nodiscard]] bool was_stopped() const { return stopped_; }  // a wait ended because of the stop descriptor
  [[nodiscard]] bool timed_out() const { return timed_out_; }  // a wait ended because the peer was silent

 private:
  friend class Connection;
  [[nodiscard]] bool is_over() const {
    return latest_ != std::chrono::steady_clock::time_point::max() && std::chrono::steady_clock::now() >= latest_;
  }

  ConnectionLimits limits_;
  std::chrono::seconds longest_wait_ = std::chrono::seconds::max();
  std::chrono::steady_clock::time_point latest_ = std::chrono::steady_clock::time_point::max();
  std::size_t bytes_left_ = kUnlimited;
  bool interruptible_ = true;
  bool stopped_ = false;
  bool timed_out_ = false;
};

class Connection final : public DcmTCPConnection {
 public:
  Connection(DcmNativeSocketType socket, ConnectionLimits limits);
  [[nodiscard]] std::shared_ptr<Patience> patience() const { return patience_; }

  ssize_t read(void* buffer, size_t size) override;
  ssize_t write(void* buffer, size_t size) override;
  OFBool networkDataAvailable(int timeout_s) override;

 private:
  bool wait_for(short events, std::chrono::seconds longest);
  bool wait_for_peer(short events);
  ssize_t receive(void* buffer, size_t size);

  const std::shared_ptr<Patience> patience_;
  std::optional<RequestScreen> screen_;
};

// Of an association that is open.
[[nodiscard]] std::shared_ptr<Patience> patience_of(const T_ASC_Association& association);

// Makes Connections of the sockets that DCMTK accepts or connects.
class ConnectionLayer final : public DcmTransportLayer {
 public:
  explicit ConnectionLayer(ConnectionLimits limits, std::function<void()> connected = {});
  DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) override;

 private:
  ConnectionLimits limits_;
  std::function<void()>
      connected_;  // called in the thread that accepted or connected, before the first byte is exchanged
};

}  // namespace dicom
