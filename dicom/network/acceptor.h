#pragma once
// The receiving side: accepts associations, answers C-ECHO, writes C-STORE data sets bit for bit to a file and asks a
// handler for the status.
// Own acceptor: DcmSCPPool of DCMTK 3.6.7 leaks a thread per association (reference: dicom.md 3, defect 2).
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/network/commitment.h"
#include "dicom/network/tls.h"
#include "dicom/result.h"

namespace dicom {

struct AcceptorOptions {
  std::string ae_title = "HERALD";
  std::string bind_address;                    // an IPv4 address; empty: all interfaces
  std::uint16_t port = 11112;                  // 0: any free one, see Acceptor::port()
  bool plain = true;                           // false: nothing listens on `port`, only TLS
  std::optional<TlsListener> tls;              // a second port, for the same associations by TLS
  std::vector<std::string> calling_ae_titles;  // who may store; empty: nobody (closed by default). "*" alone: anybody
  // Who may tell what it keeps of what we sent there (storage commitment), but not store.
  std::vector<std::string> reporting_ae_titles{};
  unsigned most_associations = 32;
  std::uint32_t largest_pdu = 131072;
  std::chrono::seconds acse_timeout{10};   // for the association request after the connection
  std::chrono::seconds dimse_timeout{60};  // silence in the middle of a message
  std::chrono::seconds idle_timeout{300};  // silence between messages
};

// C-STORE status codes (PS3.4 B.2.3).
enum class StoreStatus : std::uint16_t {
  Success = 0x0000,
  OutOfResources = 0xA700,
  DataSetMismatch = 0xA900,
  CannotUnderstand = 0xC000,
  Refused = 0x0124,          // not authorised: our own results coming back
  InvalidInstance = 0x0117,  // the acceptor's own: the command names no UID
};

// When each of them is answered, in a sentence: for the conformance statement.
struct StoreAnswer {
  StoreStatus status;
  const char* when;
};
[[nodiscard]] std::span<const StoreAnswer> store_answers();

struct Received {
  std::filesystem::path file;  // complete DICOM file, data set exactly as it came; the handler owns it now
  std::string sop_class_uid, sop_instance_uid;  // of the command; checked to be UIDs
  std::string transfer_syntax_uid;              // of the presentation context
  std::string calling_ae_title;
  std::uint64_t association = 0;
};

// What the node decides. Called from association threads, several at a time.
class StoreHandler {
 public:
  virtual ~StoreHandler() = default;
  // A path for the next data set, on the disk where it will stay; an error answers A700 and the data set is drained,
  // not stored.
  virtual Result<std::filesystem::path> new_file(std::uint64_t association) = 0;
  // Returns when the status it gives is true.
  virtual StoreStatus store(Received received) = 0;
  // The file of a transfer that was aborted midway has been removed already.
  virtual void opened(std::uint64_t /*association*/, const std::string& /*calling*/) {}
  // "released", "aborted", "timeout", "stopped", "connection lost" or "protocol error"; follows every opened().
  virtual void closed(std::uint64_t /*association*/, const std::string& /*how*/) {}
  virtual void rejected(const std::string& /*calling*/, const std::string& /*called*/, const std::string& /*reason*/) {}
  // A connection that did not come to an association because of TLS: why, as a clause; the address may be empty.
  virtual void tls_refused(const std::string& /*address*/, const std::string& /*reason*/) {}
};

class Acceptor {
 public:
  // Binds and listens; accepting starts with run in its own thread. The handlers must outlive the acceptor. Without
  // `commitments` storage commitment is not accepted.
  static Result<std::unique_ptr<Acceptor>> start(AcceptorOptions options, StoreHandler& handler,
                                                 CommitmentHandler* commitments = nullptr);
  virtual ~Acceptor() = default;                             // stops
  [[nodiscard]] virtual std::uint16_t port() const = 0;      // 0: nothing listens without TLS
  [[nodiscard]] virtual std::uint16_t tls_port() const = 0;  // 0: nothing listens with it
  // Our certificate, as new associations are shown it.
  [[nodiscard]] virtual std::optional<Certificate> certificate() const = 0;
  // Reads the files of TLS anew where they have changed, or `anyway`, for associations that come from now on; false:
  // there was nothing to do. With an Error everything stays as it was. Safe from any thread.
  virtual Result<bool> reload_tls(bool anyway) = 0;
  // No new associations; those that run may finish their message; returns when all threads are joined. Not from within
  // the handler.
  virtual void stop() = 0;
  [[nodiscard]] virtual unsigned associations() const = 0;
};

}  // namespace dicom
