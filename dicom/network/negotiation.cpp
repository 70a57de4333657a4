#include "dicom/network/negotiation.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>

#include <algorithm>
#include <array>

#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr std::string_view kApplicationContext = "1.2.840.10008.3.1.1.1";

// Storage classes of PS3.4 B.5 outside the common root. Those of patientless objects (hanging protocols, palettes) are
// not wanted.
constexpr std::array kOtherStorage{
    std::string_view("1.2.840.10008.5.1.4.34.7"),   // RT Beams Delivery Instruction
    std::string_view("1.2.840.10008.5.1.4.34.10"),  // RT Brachy Application Setup Delivery Instruction
};

constexpr std::array kPreferred{
    std::string_view("1.2.840.10008.1.2.1"),     // explicit little endian
    std::string_view("1.2.840.10008.1.2.4.80"),  // JPEG-LS lossless
    std::string_view("1.2.840.10008.1.2.4.70"),  // JPEG lossless, first-order prediction
    std::string_view("1.2.840.10008.1.2.4.57"),  // JPEG lossless, process 14
    std::string_view("1.2.840.10008.1.2.5"),     // RLE
    std::string_view("1.2.840.10008.1.2.1.99"),  // deflated
    std::string_view("1.2.840.10008.1.2.4.90"),  // JPEG 2000 lossless
    std::string_view("1.2.840.10008.1.2.4.81"),  // JPEG-LS near-lossless
    std::string_view("1.2.840.10008.1.2.4.50"),  // JPEG baseline
    std::string_view("1.2.840.10008.1.2.4.51"),  // JPEG extended
    std::string_view("1.2.840.10008.1.2.4.91"),  // JPEG 2000
    std::string_view("1.2.840.10008.1.2.2"),     // explicit big endian
    std::string_view("1.2.840.10008.1.2"),       // implicit little endian
};

bool is_among(const std::vector<std::string>& titles, std::string_view calling) {
  return std::any_of(titles.begin(), titles.end(), [&](const std::string& title) { return trimmed(title) == calling; });
}

}  // namespace

bool is_storage_class(std::string_view abstract_syntax) {
  if (!is_uid(abstract_syntax)) return false;
  return abstract_syntax.starts_with(kStorageRoot) ||
         std::find(kOtherStorage.begin(), kOtherStorage.end(), abstract_syntax) != kOtherStorage.end();
}

bool is_accepted_service(std::string_view abstract_syntax) {
  return abstract_syntax == kVerificationClass || is_storage_class(abstract_syntax);
}

std::span<const std::string_view> other_storage_classes() { return kOtherStorage; }

std::span<const std::string_view> accepted_transfer_syntaxes() { return kPreferred; }

std::string_view implementation_class_uid() { return OFFIS_IMPLEMENTATION_CLASS_UID; }

std::string_view implementation_version_name() { return OFFIS_DTK_IMPLEMENTATION_VERSION_NAME; }

std::optional<std::string> choose_transfer_syntax(std::span<const std::string> proposed) {
  for (const std::string_view syntax : kPreferred) {
    if (std::find(proposed.begin(), proposed.end(), syntax) != proposed.end()) return std::string(syntax);
  }
  return std::nullopt;
}

std::optional<Refusal> refuse(const AcceptorOptions& options, std::string_view called, std::string_view calling,
                              std::string_view application_context) {
  if (application_context != kApplicationContext) return Refusal::ApplicationContext;
  if (trimmed(called) != trimmed(options.ae_title)) return Refusal::CalledAeTitle;
  const bool reports = is_among(options.reporting_ae_titles, trimmed(calling));
  if (trimmed(calling).empty() || (!reports && !may_store(options, calling))) return Refusal::CallingAeTitle;
  return std::nullopt;
}

bool may_store(const AcceptorOptions& options, std::string_view calling) {
  const auto& allowed = options.calling_ae_titles;
  if (allowed.size() == 1 && allowed.front() == "*") return true;
  return is_among(allowed, trimmed(calling));
}

std::optional<Refusal> refuse_connection(const AcceptorOptions& options, std::string_view calling, bool by_tls,
                                         const Certificate* certificate) {
  if (!options.tls || !is_bound(options.tls->bindings, trimmed(calling))) return std::nullopt;
  if (!by_tls) return Refusal::NotByTls;
  if (!fits(options.tls->bindings, trimmed(calling), certificate)) return Refusal::OtherCertificate;
  return std::nullopt;
}

const char* in_words(Refusal refusal) {
  switch (refusal) {
    case Refusal::CalledAeTitle:
      return "called AE title is not ours";
    case Refusal::CallingAeTitle:
      return "calling AE title is not listed";
    case Refusal::ApplicationContext:
      return "application context is not DICOM's";
    case Refusal::TooManyAssociations:
      return "too many associations";
    case Refusal::NotByTls:
      return "calling AE title is bound to a certificate, and did not come by TLS";
    case Refusal::OtherCertificate:
      return "certificate is not of this calling AE title";
  }
  return "";
}

std::string_view trimmed(std::string_view ae_title) {
  const auto first = ae_title.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return ae_title.substr(first, ae_title.find_last_not_of(' ') - first + 1);
}

}  // namespace dicom
