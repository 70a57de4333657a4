#pragma once
// What a C-STORE status or an association's rejection means for the instance that was to be delivered.
#include <cstdint>
#include <span>
#include <string>

#include "dicom/network/sender.h"

namespace dicom {

// PS3.4 B.2.3 (storage service) over PS3.7 annex C (all services). Statuses of no known class are tried again: a peer
// that says something odd today may be mended tomorrow, and the outbox gives up on its own after enough attempts.
inline constexpr std::uint16_t kSopClassNotSupported = 0x0122;

struct StatusMeaning {
  std::uint16_t first, last;
  Verdict::Kind kind;
  const char* meaning;
};
// The first row that holds a status decides; the last one holds all.
[[nodiscard]] std::span<const StatusMeaning> status_meanings();
[[nodiscard]] Verdict::Kind classify(std::uint16_t status);

// "status 0xA700: out of resources", with the meaning that the status has in some service, or in the storage service.
[[nodiscard]] std::string status_in_words(std::uint16_t status, const char* meaning);
[[nodiscard]] std::string describe_status(std::uint16_t status);

// Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4). Only a "no" that names a thing which people must change
// is Never: nodes are known to answer a full disk with "permanent, no reason given".
[[nodiscard]] Verdict::Kind classify_rejection(unsigned result, unsigned source, unsigned reason);

}  // namespace dicom
