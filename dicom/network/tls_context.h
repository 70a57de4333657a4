#pragma once
// What OpenSSL needs for a session, read from files whole or not at all. For the .cpp files of this folder only:
// OpenSSL types appear.
#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "dicom/network/tls.h"

namespace dicom {

enum class TlsSide {
  Server,         // wants a certificate of the client
  LenientServer,  // does without
  Client,
};

using TlsContext = std::shared_ptr<SSL_CTX>;

// Throws Failure (dicom/dcmtk.h) with Fault::Io: which file is wrong, and how.
[[nodiscard]] TlsContext make_tls_context(const TlsFiles& files, TlsSide side);
// Our own certificate in it.
[[nodiscard]] std::optional<Certificate> own_certificate(const TlsContext& context);

// The context of a listener, exchanged while associations run: those keep the one with which they began. Safe from any
// thread.
class ListenersContext {
 public:
  explicit ListenersContext(const TlsListener& listener);  // throws as make_tls_context()
  [[nodiscard]] TlsContext current() const;
  // Reads the files anew where they are others than when they were read last, or `anyway`. False: they are not. With an
  // Error the context stays what it was.
  [[nodiscard]] Result<bool> reload(bool anyway);

 private:
  [[nodiscard]] std::string state_of_files() const;

  const TlsFiles files_;
  const TlsSide side_;
  std::mutex reading_;
  std::string read_;  // state of the files when they were read last; guarded by reading_
  mutable std::mutex mutex_;
  TlsContext context_;  // guarded by mutex_
};

}  // namespace dicom
