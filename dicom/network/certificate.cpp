#include "dicom/network/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <memory>

#include "dicom/dcmtk.h"
#include "dicom/network/negotiation.h"

namespace dicom {
namespace {

constexpr std::size_t kLongestText = 200;  // a certificate may hold anything, and ends in logs

std::string printable(std::string text) {
  if (text.size() > kLongestText) text.resize(kLongestText);
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), &BIO_free_all);
  X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return printable(size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string());
}

std::string text_of(const ASN1_STRING* string) {
  if (string == nullptr) return {};
  const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
  return printable(std::string(bytes, static_cast<std::size_t>(ASN1_STRING_length(string))));
}

std::vector<std::string> common_names_of(const X509& certificate) {
  std::vector<std::string> names;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
    names.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))));
  return names;
}

std::vector<std::string> dns_names_of(const X509& certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS) names.push_back(text_of(name->d.dNSName));
  }
  GENERAL_NAMES_free(all);
  return names;
}

std::string digest_of(const X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  X509_digest(&certificate, EVP_sha256(), bytes.data(), &size);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex.push_back(kDigits[bytes[i] >> 4]);
    hex.push_back(kDigits[bytes[i] & 15u]);
  }
  return hex;
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::sys_seconds(std::chrono::seconds(timegm(&parts)));
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool has_name(const std::vector<std::string>& names, std::string_view wanted) {
  return std::ranges::any_of(names, [&](const std::string& name) { return same_name(name, wanted); });
}

bool fits(const CertificateBinding& binding, const Certificate& certificate) {
  switch (binding.by) {
    case CertificateBinding::By::Sha256:
      return certificate.sha256 == binding.value;
    case CertificateBinding::By::CommonName:
      return has_name(certificate.common_names, binding.value);
    case CertificateBinding::By::DnsName:
      break;
  }
  return has_name(certificate.dns_names, binding.value);
}

}  // namespace

Certificate describe(X509& certificate) {
  return {.subject = text_of(X509_get_subject_name(&certificate)),
          .issuer = text_of(X509_get_issuer_name(&certificate)),
          .common_names = common_names_of(certificate),
          .dns_names = dns_names_of(certificate),
          .sha256 = digest_of(certificate),
          .not_before = time_of(X509_get0_notBefore(&certificate)),
          .not_after = time_of(X509_get0_notAfter(&certificate))};
}

std::string date_of(std::chrono::sys_seconds time) {
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(time)};
  const auto padded = [](unsigned number) { return (number < 10 ? "-0" : "-") + std::to_string(number); };
  return std::to_string(static_cast<int>(day.year())) + padded(static_cast<unsigned>(day.month())) +
         padded(static_cast<unsigned>(day.day()));
}

Result<std::vector<Certificate>> read_certificates(const std::filesystem::path& file) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> in(BIO_new_file(file.c_str(), "r"), &BIO_free_all);
  if (!in) return tl::unexpected(Error{Fault::Io, file.string() + " cannot be read"});
  std::vector<Certificate> all;
  while (X509* const certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    all.push_back(describe(*certificate));
    X509_free(certificate);
  }
  ERR_clear_error();  // the end of the file is one to OpenSSL
  if (all.empty()) return tl::unexpected(Error{Fault::Malformed, file.string() + " holds no certificate (PEM)"});
  return all;
}

bool is_bound(std::span<const CertificateBinding> bindings, std::string_view calling) {
  return std::ranges::any_of(bindings, [&](const CertificateBinding& b) { return trimmed(b.ae_title) == calling; });
}

bool fits(std::span<const CertificateBinding> bindings, std::string_view calling, const Certificate* certificate) {
  if (!is_bound(bindings, calling)) return true;
  return certificate != nullptr && std::ranges::any_of(bindings, [&](const CertificateBinding& binding) {
           return trimmed(binding.ae_title) == calling && fits(binding, *certificate);
         });
}

}  // namespace dicom
