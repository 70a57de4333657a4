#pragma once
// What the acceptor agrees to, as pure functions of what was proposed.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dicom/network/acceptor.h"

namespace dicom {

// Verification, and every standard storage SOP class, also those younger than the toolkit: the bytes are stored unread,
// so that nothing depends on knowing the class. Private classes and other services are refused.
[[nodiscard]] bool is_accepted_service(std::string_view abstract_syntax);
[[nodiscard]] bool is_storage_class(std::string_view abstract_syntax);

// The best of the proposed transfer syntaxes, or nullopt when none is stored here. Explicit little endian before all: a
// scanner that offers it beside implicit loses the VRs of its private elements (b-values among them) in the latter.
// Video is not accepted.
[[nodiscard]] std::optional<std::string> choose_transfer_syntax(std::span<const std::string> proposed);

// Those tables, for the conformance statement. The transfer syntaxes in the order of preference.
inline constexpr std::string_view kVerificationClass = "1.2.840.10008.1.1";
inline constexpr std::string_view kStorageRoot = "1.2.840.10008.5.1.4.1.1.";
[[nodiscard]] std::span<const std::string_view> other_storage_classes();
[[nodiscard]] std::span<const std::string_view> accepted_transfer_syntaxes();

// By these two names every association of ours says what it is.
[[nodiscard]] std::string_view implementation_class_uid();
[[nodiscard]] std::string_view implementation_version_name();

// What is proposed for objects without compression: both, in this order, in one presentation context.
inline constexpr std::array kProposedSyntaxes{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2"};

enum class Refusal {
  CalledAeTitle,
  CallingAeTitle,
  ApplicationContext,
  TooManyAssociations,
  NotByTls,          // the calling AE title is bound to a certificate
  OtherCertificate,  // and it was another one, or none
};

// Whether an association may be opened at all; nullopt = welcome. Titles are compared without leading and trailing
// spaces.
[[nodiscard]] std::optional<Refusal> refuse(const AcceptorOptions& options, std::string_view called,
                                            std::string_view calling, std::string_view application_context);
// Who may open an association only to report on commitment may not store on it.
[[nodiscard]] bool may_store(const AcceptorOptions& options, std::string_view calling);
// Whether the calling AE title may be used on this connection. `certificate`: that the peer has shown; nullptr: none.
[[nodiscard]] std::optional<Refusal> refuse_connection(const AcceptorOptions& options, std::string_view calling,
                                                       bool by_tls, const Certificate* certificate);
[[nodiscard]] const char* in_words(Refusal refusal);

[[nodiscard]] std::string_view trimmed(std::string_view ae_title);

}  // namespace dicom
