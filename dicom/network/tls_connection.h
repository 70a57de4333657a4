#pragma once
// A Connection on which everything goes through TLS, with the same waits, limits and ends (connection.h). For the .cpp
// files of this folder only: DCMTK and OpenSSL types appear.
//
// (1) The handshake runs in DCMTK's call that accepts or connects, in the thread of the connection, and ends within
//     ConnectionLimits::handshake, however slowly the peer drips; a request to stop ends it too.
// (2) DCMTK's own TLS layer is not used: it leaves the waiting to blocking calls of OpenSSL, which nobody can bound or
//     wake.
// (3) Patience counts bytes of data. What TLS adds is bounded by the session.
#include <functional>
#include <memory>
#include <string>

#include "dicom/network/connection.h"
#include "dicom/network/tls_session.h"

namespace dicom {

class TlsConnection final : public Connection {
 public:
  // Throws Failure. `name`: see TlsSession.
  TlsConnection(DcmNativeSocketType socket, ConnectionLimits limits, const ConnectionEvents& events,
                const TlsContext& context, bool we_are_server, const std::string& name);
  ~TlsConnection() override;
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  [[nodiscard]] bool is_secure() const override { return true; }
  [[nodiscard]] const Certificate* peer_certificate() const override;
  [[nodiscard]] const TlsSession& session() const { return session_; }

  OFCondition serverSideHandshake() override { return handshake(); }
  OFCondition clientSideHandshake() override { return handshake(); }
  ssize_t write(void* buffer, size_t size) override;
  OFBool isTransparentConnection() override { return OFFalse; }  // select() on the socket does not tell of data
  void closeTransportConnection() override;

 private:
  ssize_t receive(void* buffer, size_t size) override;
  bool is_data_waiting(int timeout_s) override;
  OFCondition handshake();
  bool wait_for(TlsSession::Step step, Moment end);
  void tell_why();
  void leave_the_peer_time_to_read();

  const std::chrono::seconds handshake_;
  const bool we_are_server_;
  TlsSession session_;
  bool told_ = false;
};

// Of connections that we accept. `listener` must outlive it.
class TlsAcceptingLayer final : public ConnectionLayer {
 public:
  TlsAcceptingLayer(ConnectionLimits limits, ConnectionEvents events, const ListenersContext& listener);

 private:
  std::unique_ptr<Connection> make(DcmNativeSocketType socket) override;
  const ListenersContext& listener_;
};

// Of connections that we ask for; throws Failure where the files are bad.
class TlsRequestingLayer final : public ConnectionLayer {
 public:
  TlsRequestingLayer(ConnectionLimits limits, ConnectionEvents events, const TlsRequest& request,
                     const std::string& host);

 private:
  std::unique_ptr<Connection> make(DcmNativeSocketType socket) override;
  const TlsContext context_;
  const std::string name_;
};

}  // namespace dicom
