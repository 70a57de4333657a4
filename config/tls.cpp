#include "config/tls.h"

#include <algorithm>
#include <cctype>

#include "config/titles.h"

namespace config {
namespace {

using dicom::CertificateBinding;
using dicom::TlsListener;

std::filesystem::path required_file_of(const Entry& entry) {
  if (entry.text().empty()) entry.refuse("a file");
  return entry.path();
}

// A host name, or an address, as certificates hold them.
std::string name_of(const Entry& entry) {
  std::string name = entry.text();
  if (!name.empty() && !is_name(name, ".-:_")) entry.refuse("a host name, an address, or nothing for the host");
  return name;
}

// As it is written by people and programs: upper or lower case, with or without colons.
std::string digest_in(std::string text) {
  std::erase(text, ':');
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool is_hex = std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
  return is_hex && text.size() == 64 ? text : std::string();
}

void read_binding_to(const Entry& entry, CertificateBinding& binding) {
  const std::string text = entry.text();
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon), value = colon == std::string::npos ? "" : text.substr(colon + 1);
  binding.by = kind == "cn"    ? CertificateBinding::By::CommonName
               : kind == "dns" ? CertificateBinding::By::DnsName
                               : CertificateBinding::By::Sha256;
  binding.value = kind == "sha256" ? digest_in(value) : value;
  const bool known = kind == "cn" || kind == "dns" || kind == "sha256";
  if (!known || binding.value.empty())
    entry.refuse("sha256: and 64 hexadecimal digits, cn: and a common name, or dns: and a host name");
}

// An empty text leaves what is there.
void take(const Entry& entry, std::filesystem::path& file) {
  if (!entry.text().empty()) file = entry.path();
}

constexpr Key<CertificateBinding> kBinding[] = {
    {"ae_title", [](const Entry& e, CertificateBinding& b) { b.ae_title = ae_title_of(e); }, true},
    {"certificate", read_binding_to, true},
};

void read_bindings(const Entry& entry, TlsListener& listener) {
  for (const Table& table : entry.tables()) {
    CertificateBinding binding;
    read_table<CertificateBinding>(table, kBinding, binding);
    listener.bindings.push_back(std::move(binding));
  }
}

constexpr Key<TlsListener> kListener[] = {
    {"port", [](const Entry& e, TlsListener& l) { l.port = static_cast<std::uint16_t>(e.whole(0, 65535)); }},
    {"certificate", [](const Entry& e, TlsListener& l) { l.files.certificate = required_file_of(e); }, true},
    {"key", [](const Entry& e, TlsListener& l) { l.files.key = required_file_of(e); }, true},
    {"trusted", [](const Entry& e, TlsListener& l) { l.files.trusted = required_file_of(e); }, true},
    {"require_certificate", [](const Entry& e, TlsListener& l) { l.require_certificate = e.flag(); }},
    {"binding", read_bindings},
};

}  // namespace

TlsListener read_listener(const Entry& entry) {
  TlsListener listener;
  read_table<TlsListener>(entry.table(), kListener, listener);
  return listener;
}

TlsKeys keys_like(const std::optional<TlsListener>& listener) {
  return {false, {listener ? listener->files : dicom::TlsFiles{}, {}}};
}

void read_tls_on(const Entry& entry, TlsKeys& keys) { keys.on = entry.flag(); }
void read_tls_certificate(const Entry& entry, TlsKeys& keys) { take(entry, keys.request.files.certificate); }
void read_tls_key(const Entry& entry, TlsKeys& keys) { take(entry, keys.request.files.key); }
void read_tls_trusted(const Entry& entry, TlsKeys& keys) { take(entry, keys.request.files.trusted); }
void read_tls_name(const Entry& entry, TlsKeys& keys) { keys.request.name = name_of(entry); }

std::optional<dicom::TlsRequest> complete(const Table& table, const TlsKeys& keys) {
  const dicom::TlsFiles& files = keys.request.files;
  if (!keys.on) return std::nullopt;
  if (files.trusted.empty()) table.refuse(table.value, "tls needs tls_trusted: the certificates that are trusted");
  if (files.certificate.empty() != files.key.empty())
    table.refuse(table.value, "tls_certificate and tls_key: both or none");
  return keys.request;
}

void add_listener_names(std::vector<std::string>& names) {
  for (const auto& key : kListener)
    if (key.name != "binding") names.push_back("receive.tls." + std::string(key.name));
  for (const auto& key : kBinding) names.push_back("receive.tls.binding." + std::string(key.name));
}

}  // namespace config
