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
#include <string>

#include "dicom/network/request_screen.h"
#include "dicom/network/tls.h"

namespace dicom {

struct ConnectionLimits {
  std::chrono::seconds silence{60};    // longest wait for the peer in the middle of a PDU, either way
  int stop_descriptor = -1;            // readable: whoever waits between messages is to give up; -1: nobody will ask
  std::chrono::seconds handshake{10};  // of TLS, from its beginning to its end; and of the first PDU that is screened
  bool screens_requests = false;       // for connections that are accepted: see RequestScreen
};

// What a connection tells of itself, in its own thread. Either may be empty.
struct ConnectionEvents {
  // The socket was accepted or connected; no byte has been exchanged.
  std::function<void()> connected;
  // TLS and plain text met, or TLS refused a side: the peer's address and why, a clause without a full stop.
  std::function<void(const std::string& address, const std::string& why)> refused;
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
  friend class TlsConnection;
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

// Plain TCP. `events` must outlive it.
class Connection : public DcmTCPConnection {
 public:
  Connection(DcmNativeSocketType socket, ConnectionLimits limits, const ConnectionEvents& events);
  [[nodiscard]] std::shared_ptr<Patience> patience() const { return patience_; }

  // Whether what is said here is protected, and the certificate that the peer showed then; nullptr: none.
  [[nodiscard]] virtual bool is_secure() const { return false; }
  [[nodiscard]] virtual const Certificate* peer_certificate() const { return nullptr; }
  [[nodiscard]] std::string peer_address();  // without port; empty where the peer is gone

  ssize_t read(void* buffer, size_t size) override;
  ssize_t write(void* buffer, size_t size) override;
  OFBool networkDataAvailable(int timeout_s) override;

 protected:
  using Moment = std::chrono::steady_clock::time_point;
  // When a wait that may take so long has to end, by all that Patience says.
  [[nodiscard]] Moment end_of_wait(std::chrono::seconds longest) const;
  [[nodiscard]] Moment end_of_silence() const { return end_of_wait(patience_->limits_.silence); }
  // Of the layer below the screen, TLS or TCP: like recv() and select().
  virtual ssize_t receive(void* buffer, size_t size);
  virtual bool is_data_waiting(int timeout_s);
  // False: the time is over, or somebody asked to stop.
  bool wait_until(short events, Moment end);
  void tell_refused(const std::string& why);

  const std::shared_ptr<Patience> patience_;

 private:
  void look_at_first(unsigned char byte);

  const ConnectionEvents& events_;
  std::optional<RequestScreen> screen_;
  bool looked_ = false;
};

// False when DCMTK 3.6.7 has deleted it: it takes an A-ABORT in the place of a request for a request.
[[nodiscard]] bool has_connection(const T_ASC_Association& association);
// Of an association that is open.
[[nodiscard]] Connection& connection_of(const T_ASC_Association& association);
[[nodiscard]] std::shared_ptr<Patience> patience_of(const T_ASC_Association& association);

// Makes Connections of the sockets that DCMTK accepts or connects.
class ConnectionLayer : public DcmTransportLayer {
 public:
  ConnectionLayer(ConnectionLimits limits, ConnectionEvents events);
  DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) final;

 protected:
  // nullptr: none can be made; the socket is then closed.
  virtual std::unique_ptr<Connection> make(DcmNativeSocketType socket);

  const ConnectionLimits limits_;
  const ConnectionEvents events_;
};

}  // namespace dicom
