#include "dicom/network/store_status.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "dicom/network/acceptor.h"

namespace dicom {
namespace {

using Row = StatusMeaning;
using Kind = Verdict::Kind;

// Narrow rows before the wide ones that contain them.
constexpr std::array kStatuses{
    Row{0x0000, 0x0000, Kind::Delivered, "success"},
    Row{0x0001, 0x0001, Kind::Delivered, "warning: optional attributes not supported"},
    Row{0x0105, 0x0105, Kind::Never, "no such attribute"},
    Row{0x0106, 0x0106, Kind::Never, "invalid attribute value"},
    Row{0x0107, 0x0107, Kind::Delivered, "warning: attributes not recognised"},
    Row{0x0110, 0x0110, Kind::Later, "processing failure"},
    Row{0x0111, 0x0111, Kind::Delivered, "warning: peer has this instance already"},
    Row{0x0112, 0x0112, Kind::Never, "no such SOP instance"},
    Row{0x0115, 0x0115, Kind::Never, "invalid argument value"},
    Row{0x0116, 0x0116, Kind::Delivered, "warning: attribute value out of range"},
    Row{0x0117, 0x0117, Kind::Never, "invalid SOP instance"},
    Row{0x0118, 0x0118, Kind::Never, "no such SOP class"},
    Row{0x0119, 0x0119, Kind::Never, "class and instance in conflict"},
    Row{0x0120, 0x0120, Kind::Never, "missing attribute"},
    Row{0x0121, 0x0121, Kind::Never, "missing attribute value"},
    Row{0x0122, 0x0122, Kind::Never, "SOP class not supported"},
    Row{0x0124, 0x0124, Kind::Never, "not authorised"},
    Row{0x0210, 0x0210, Kind::Later, "duplicate invocation"},
    Row{0x0211, 0x0211, Kind::Never, "unrecognised operation"},
    Row{0x0212, 0x0212, Kind::Never, "mistyped argument"},
    Row{0x0213, 0x0213, Kind::Later, "resource limitation"},
    Row{0xA700, 0xA7FF, Kind::Later, "out of resources"},
    Row{0xA900, 0xA9FF, Kind::Never, "data set does not match SOP class"},
    Row{0xB000, 0xB000, Kind::Delivered, "warning: data elements were coerced"},
    Row{0xB006, 0xB006, Kind::Delivered, "warning: elements were discarded"},
    Row{0xB007, 0xB007, Kind::Delivered, "warning: data set does not match SOP class"},
    Row{0xB000, 0xBFFF, Kind::Delivered, "warning"},
    Row{0xC000, 0xCFFF, Kind::Never, "cannot understand"},
    Row{0xFE00, 0xFE00, Kind::Later, "cancelled"},
    Row{0x0000, 0xFFFF, Kind::Later, "status of no known class"},
};

constexpr std::array kAnswers{
    StoreAnswer{StoreStatus::Success, "the data set and its directory entry are on disk; its row in the index follows"},
    StoreAnswer{
        StoreStatus::OutOfResources,
        "the disk has less free space than the configured floor, or disk or index failed; nothing is promised, the "
        "sender should try again"},
    StoreAnswer{StoreStatus::DataSetMismatch,
                "command and presentation context, or command and data set, name different SOP classes or instances; a "
                "data set that does not match its command is kept in quarantine"},
    StoreAnswer{StoreStatus::CannotUnderstand,
                "the data set cannot be parsed up to its identifiers; it is kept in quarantine"},
    StoreAnswer{StoreStatus::Refused, "the object was made by Herald and was routed back to it; it is not kept"},
    StoreAnswer{StoreStatus::InvalidInstance, "the SOP Instance UID of the command is not a UID; nothing was kept"},
};

const Row& row_of(std::uint16_t status) {
  return *std::find_if(kStatuses.begin(), kStatuses.end(),
                       [status](const Row& row) { return row.first <= status && status <= row.last; });
}

constexpr unsigned kServiceUser = 1, kAcse = 2;
constexpr unsigned kNoApplicationContext = 2, kCallingUnknown = 3, kCalledUnknown = 7;  // of the service user
constexpr unsigned kNoProtocolVersion = 2;                                              // of ACSE

}  // namespace

std::span<const StatusMeaning> status_meanings() { return kStatuses; }

std::span<const StoreAnswer> store_answers() { return kAnswers; }

Verdict::Kind classify(std::uint16_t status) { return row_of(status).kind; }

std::string status_in_words(std::uint16_t status, const char* meaning) {
  std::array<char, 7> hexadecimal{};
  std::snprintf(hexadecimal.data(), hexadecimal.size(), "0x%04X", static_cast<unsigned>(status));
  return std::string("status ") + hexadecimal.data() + ": " + meaning;
}

std::string describe_status(std::uint16_t status) { return status_in_words(status, row_of(status).meaning); }

Verdict::Kind classify_rejection(unsigned result, unsigned source, unsigned reason) {
  constexpr unsigned kPermanent = 1;
  if (result != kPermanent) return Kind::Later;
  if (source == kServiceUser &&
      (reason == kNoApplicationContext || reason == kCallingUnknown || reason == kCalledUnknown)) {
    return Kind::Never;
  }
  return source == kAcse && reason == kNoProtocolVersion ? Kind::Never : Kind::Later;
}

}  // namespace dicom
