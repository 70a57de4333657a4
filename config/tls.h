#pragma once
// Private to config/: the keys of TLS, which listener and peers share.
#include <optional>
#include <string>
#include <vector>

#include "config/toml_file.h"
#include "dicom/network/tls.h"

namespace config {

// The table [receive.tls] with its [[receive.tls.binding]].
[[nodiscard]] dicom::TlsListener read_listener(const Entry& entry);

// tls and the keys with that beginning of a [[destination]] or of [query]. Files that are not named are those of the
// listener, where there is one.
struct TlsKeys {
  bool on = false;
  dicom::TlsRequest request;
};
[[nodiscard]] TlsKeys keys_like(const std::optional<dicom::TlsListener>& listener);
void read_tls_on(const Entry& entry, TlsKeys& keys);
void read_tls_certificate(const Entry& entry, TlsKeys& keys);
void read_tls_key(const Entry& entry, TlsKeys& keys);
void read_tls_trusted(const Entry& entry, TlsKeys& keys);
void read_tls_name(const Entry& entry, TlsKeys& keys);
// Checks that they make a whole; nullopt: no TLS.
[[nodiscard]] std::optional<dicom::TlsRequest> complete(const Table& table, const TlsKeys& keys);

// "receive.tls.port", "receive.tls.binding.ae_title", …
void add_listener_names(std::vector<std::string>& names);

}  // namespace config
