#include "dicom/network/tls_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>

namespace dicom {
namespace {

// RFC 8446 6.2; OpenSSL reports an alert of the peer as this reason plus the alert's number.
constexpr int kAlerts = SSL_AD_REASON_OFFSET;

struct Row {
  int code;
  const char* words;
};
constexpr std::array kAlertWords{
    Row{SSL_AD_HANDSHAKE_FAILURE, "no cipher suite, group or kind of certificate in common"},
    Row{SSL_AD_BAD_CERTIFICATE, "it takes our certificate for a bad one"},
    Row{SSL_AD_UNSUPPORTED_CERTIFICATE, "it does not support our kind of certificate"},
    Row{SSL_AD_CERTIFICATE_REVOKED, "our certificate was revoked"},
    Row{SSL_AD_CERTIFICATE_EXPIRED, "our certificate has expired, by its clock"},
    Row{SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept our certificate"},
    Row{SSL_AD_UNKNOWN_CA, "it does not know the issuer of our certificate"},
    Row{SSL_AD_ACCESS_DENIED, "it denies us access"},
    Row{SSL_AD_DECRYPT_ERROR, "it could not verify our signature"},
    Row{SSL_AD_PROTOCOL_VERSION, "it speaks neither TLS 1.2 nor TLS 1.3"},
    Row{SSL_AD_INSUFFICIENT_SECURITY, "what we offer is not secure enough for it"},
    Row{SSL_AD_INTERNAL_ERROR, "it has an internal error"},
    Row{SSL_AD_UNRECOGNIZED_NAME, "it does not answer to this name"},
    Row{SSL_AD_CERTIFICATE_REQUIRED, "it wants a certificate, and we show none"},
};

constexpr std::array kErrorWords{
    Row{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "no certificate"},
    Row{SSL_R_NO_SHARED_CIPHER, "no cipher suite in common"},
    Row{SSL_R_NO_SUITABLE_KEY_SHARE, "no group in common"},
    Row{SSL_R_NO_SUITABLE_GROUPS, "no group in common"},
    Row{SSL_R_NO_SHARED_GROUPS, "no group in common"},
    Row{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no signature algorithm in common"},
    Row{SSL_R_DH_KEY_TOO_SMALL, "its Diffie-Hellman group is too small"},
};

template <class Rows>
const char* find(const Rows& rows, int code) {
  const auto row = std::ranges::find(rows, code, &Row::code);
  return row == rows.end() ? nullptr : row->words;
}

const char* version_in_words(int version) {
  switch (version) {
    case SSL3_VERSION:
      return "SSL 3.0";
    case TLS1_VERSION:
      return "TLS 1.0";
    case TLS1_1_VERSION:
      return "TLS 1.1";
    default:
      return "an unknown version";
  }
}

std::string version_problem(const TlsFailure& failure) {
  if (!failure.we_are_server) return "the peer speaks neither TLS 1.2 nor TLS 1.3";
  return std::string("the client offers ") + version_in_words(failure.offered_version) + " at most";
}

std::string names_of(const Certificate& certificate) {
  std::string names;
  const auto& all = certificate.dns_names.empty() ? certificate.common_names : certificate.dns_names;
  for (const std::string& name : all) (names += names.empty() ? "" : ", ") += name;
  return names.empty() ? "nobody" : names;
}

std::string verification_problem(const TlsFailure& failure) {
  const Certificate nobody;
  const Certificate& culprit = failure.culprit ? *failure.culprit : nobody;
  const std::string who = " (" + culprit.subject + ")";
  switch (failure.verification) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "certificate expired on " + date_of(culprit.not_after) + who;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate is valid from " + date_of(culprit.not_before) + " on only" + who;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "issuer of the certificate unknown: " + culprit.issuer + who;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "certificate is signed by itself and not trusted" + who;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "certificate is not of " + failure.wanted_name + " but of " + names_of(culprit);
    case X509_V_ERR_INVALID_PURPOSE:
      return std::string("certificate is not meant for a ") + (failure.we_are_server ? "client" : "server") + who;
    default:
      return std::string("certificate does not verify: ") + X509_verify_cert_error_string(failure.verification) + who;
  }
}

std::string refused_by_peer(int alert, bool we_are_server) {
  const char* const words = find(kAlertWords, alert);
  const std::string who = we_are_server ? "the client" : "the peer";
  return who + " refuses: " + (words != nullptr ? words : SSL_alert_desc_string_long(alert));
}

std::string end_of_connection(const TlsFailure& failure) {
  if (failure.came_about) return "the connection was lost";
  if (failure.first_byte < 0 && failure.we_are_server) return "hung up before a word of TLS";
  if (failure.first_byte < 0) return "the peer hung up, as one does that speaks no TLS on this port";
  return "hung up in the middle of the handshake";
}

}  // namespace

bool may_start_tls(int first_byte) { return first_byte >= 0x14 && first_byte <= 0x16; }

std::string plain_text_in_words(int first_byte, bool we_are_server) {
  const bool is_dicom = first_byte >= 0x01 && first_byte <= 0x07;  // PS3.8 9.3: the type of a PDU
  const bool is_text = first_byte >= 0x20 && first_byte < 0x7f;
  const std::string what = is_dicom ? "plain DICOM" : is_text ? "plain text" : "something that is not TLS";
  return we_are_server ? what + " on the TLS port" : "the peer speaks " + what + " on this port, not TLS";
}

std::string in_words(const TlsFailure& failure) {
  if (failure.first_byte >= 0 && !may_start_tls(failure.first_byte))
    return plain_text_in_words(failure.first_byte, failure.we_are_server);
  const int reason = ERR_GET_REASON(failure.error);
  if (failure.error == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return end_of_connection(failure);
  if (ERR_GET_LIB(failure.error) == ERR_LIB_SSL && reason >= kAlerts)
    return refused_by_peer(reason - kAlerts, failure.we_are_server);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && failure.verification != X509_V_OK)
    return verification_problem(failure);
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION || reason == SSL_R_VERSION_TOO_LOW)
    return version_problem(failure);
  if (const char* const words = find(kErrorWords, reason)) return words;
  const char* const openssl = ERR_reason_error_string(failure.error);
  return std::string("TLS: ") + (openssl == nullptr ? "broken records" : openssl);
}

}  // namespace dicom
