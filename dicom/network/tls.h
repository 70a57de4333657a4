#pragma once
// TLS for associations, on the side that accepts them and on the side that asks for them: the "BCP 195 RFC 8996, 9325
// TLS Secure Transport Connection Profile" of PS3.15 B.12. TLS 1.2 and 1.3 only, forward secrecy and authenticated
// encryption only; no compression, no renegotiation, no resumption.
//
// Whoever asks for TLS gets TLS or an error: nothing here falls back to plain text.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/result.h"

namespace dicom {

// PEM files. A key that is open to others than owner and group is refused, and so is one with a passphrase.
struct TlsFiles {
  std::filesystem::path certificate;  // our own, then the intermediate ones up to the trusted one
  std::filesystem::path key;          // of our own certificate
  std::filesystem::path trusted;      // certificates that are trusted: of authorities, or of single devices
  bool operator==(const TlsFiles&) const = default;
};

// Ties a calling AE title to certificates, so that nobody else may use it. Of several bindings of one title one has to
// fit.
struct CertificateBinding {
  enum class By { Sha256, CommonName, DnsName } by = By::Sha256;
  std::string ae_title;
  std::string value;  // Sha256: 64 hexadecimal digits in lower case, of the whole certificate (DER); names: any case
  bool operator==(const CertificateBinding&) const = default;
};

// The port on which associations come by TLS.
struct TlsListener {
  std::uint16_t port = 2762;  // registered as dicom-tls; 0: any that is free
  TlsFiles files;
  bool require_certificate = true;  // of the client; one that is given is verified in any case
  std::vector<CertificateBinding> bindings;
};

// How an association is asked for by TLS.
struct TlsRequest {
  TlsFiles files;    // certificate and key may be empty: we then show none
  std::string name;  // that the peer's certificate has to be of; empty: the host
  bool operator==(const TlsRequest&) const = default;
};

// What people need to know of a certificate. Texts are printable.
struct Certificate {
  std::string subject, issuer;  // "CN=skyra,O=Hospital"
  std::vector<std::string> common_names, dns_names;
  std::string sha256;  // of the DER form, lower-case hexadecimal
  std::chrono::sys_seconds not_before, not_after;
};

[[nodiscard]] std::string date_of(std::chrono::sys_seconds time);  // "2026-11-20", UTC

// Certificates of a PEM file, in their order.
[[nodiscard]] Result<std::vector<Certificate>> read_certificates(const std::filesystem::path& file);

// Reads all that a side would use, as it would use it: an Error says what is wrong, and with which file. Our own
// certificate; nullopt when there is none. One that has expired is no error here.
[[nodiscard]] Result<std::optional<Certificate>> check_tls_files(const TlsFiles& files);

// Whether `certificate` (nullptr: none) is one to which `calling` is bound; without a binding every one is.
[[nodiscard]] bool is_bound(std::span<const CertificateBinding> bindings, std::string_view calling);
[[nodiscard]] bool fits(std::span<const CertificateBinding> bindings, std::string_view calling,
                        const Certificate* certificate);

// What is offered and accepted, best first, for the conformance statement.
inline constexpr const char* kTlsProfile = "BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile";
[[nodiscard]] std::span<const std::string_view> tls_cipher_suites();  // by their names in the IANA registry
[[nodiscard]] std::span<const std::string_view> tls_groups();

}  // namespace dicom
