#include "dicom/network/request_screen.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dul.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

namespace dicom {
namespace {

constexpr std::size_t kPduHead = 6;   // type, reserved, length in four bytes
constexpr std::size_t kItemHead = 4;  // type, reserved, length in two bytes
constexpr std::size_t kFixed = 68;    // of the request, before its items: version, titles, reserved
constexpr std::size_t kLongestUid = 64;
constexpr char kRequest = 0x01;

std::size_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::size_t value = 0;
  for (const char c : bytes.substr(at, size)) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

struct Item {
  std::uint8_t type = 0;
  std::string_view content;
};

// Takes the first item from `bytes`; nullopt when it does not fit.
std::optional<Item> take_item(std::string_view& bytes) {
  if (bytes.size() < kItemHead) return std::nullopt;
  const std::size_t length = number(bytes, 2, 2);
  if (bytes.size() - kItemHead < length) return std::nullopt;
  const Item item{static_cast<std::uint8_t>(bytes[0]), bytes.substr(kItemHead, length)};
  bytes.remove_prefix(kItemHead + length);
  return item;
}

template <class IsReadable>
bool are_readable(std::string_view items, const IsReadable& is_readable) {
  while (!items.empty()) {
    const auto item = take_item(items);
    if (!item || !is_readable(*item)) return false;
  }
  return true;
}

// A length in two bytes and so many bytes, with `more` behind them at the least.
bool holds_text(std::string_view content, std::size_t more) {
  return content.size() >= 2 + more && content.size() - 2 - more >= number(content, 0, 2);
}

bool is_readable_context(std::string_view content) {
  constexpr std::size_t kBeforeItems = 4;  // context ID, reserved
  constexpr std::uint8_t kAbstractSyntax = 0x30, kTransferSyntax = 0x40;
  if (content.size() < kBeforeItems) return false;
  bool has_transfer_syntax = false;
  const bool readable = are_readable(content.substr(kBeforeItems), [&](const Item& item) {
    has_transfer_syntax = has_transfer_syntax || item.type == kTransferSyntax;
    const bool names = item.type == kTransferSyntax || item.type == kAbstractSyntax;
    return !names || item.content.size() <= kLongestUid;
  });
  return readable && has_transfer_syntax;
}

// Type, whether an answer is wanted, and two texts. DCMTK goes on behind what it has read, not behind the item, and
// reads the second text of a password only.
bool is_readable_identity(std::string_view content) {
  constexpr char kPassword = 2;
  if (content.size() < 2 || !holds_text(content.substr(2), 2)) return false;
  const std::string_view second = content.substr(4 + number(content, 2, 2));
  return holds_text(second, 0) && second.size() == 2 + number(second, 0, 2) &&
         (content[0] == kPassword || second.size() == 2);
}

bool is_readable_user_item(const Item& item, int& identities) {
  switch (item.type) {
    case 0x51:  // maximum length
      return item.content.size() >= 4;
    case 0x52:  // implementation class and version name
    case 0x55:
      return item.content.size() <= kLongestUid;
    case 0x54:  // roles: a UID and two bytes
      return holds_text(item.content, 2);
    case 0x56:  // extended negotiation: a UID and anything
      return holds_text(item.content, 0);
    case 0x58:  // user identity, asked and answered
    case 0x59:
      return item.type == 0x58 && ++identities == 1 && is_readable_identity(item.content);
    default:
      return true;
  }
}

bool is_readable_item(const Item& item, int& identities) {
  switch (item.type) {
    case 0x10:  // application context
      return item.content.size() <= kLongestUid;
    case 0x20:
      return is_readable_context(item.content);
    case 0x21:  // the answer to a context
      return false;
    case 0x50:
      return are_readable(item.content, [&](const Item& sub) { return is_readable_user_item(sub, identities); });
    default:
      return true;
  }
}

}  // namespace

bool is_readable_request(std::string_view pdu) {
  if (pdu.size() < kPduHead + kFixed) return false;
  int identities = 0;
  return are_readable(pdu.substr(kPduHead + kFixed),
                      [&](const Item& item) { return is_readable_item(item, identities); });
}

ssize_t RequestScreen::read(void* buffer, std::size_t size, const Receive& receive) {
  if (state_ == State::Unread) state_ = read_ahead(receive);
  if (state_ == State::Refused) {
    errno = EPROTO;
    return -1;
  }
  if (ahead_.empty()) return receive(buffer, size);
  const std::size_t taken = std::min(size, ahead_.size());
  std::memcpy(buffer, ahead_.data(), taken);
  ahead_.erase(0, taken);
  return static_cast<ssize_t>(taken);
}

// A peer that breaks off does so for DCMTK too, which then reads what there is; for one that fell silent nobody waits a
// second time.
RequestScreen::State RequestScreen::read_ahead(const Receive& receive) {
  ssize_t got = 1;
  const auto fill = [&](std::size_t wanted) {
    while (ahead_.size() < wanted && got > 0) {
      std::array<char, 4096> bytes;
      got = receive(bytes.data(), std::min(bytes.size(), wanted - ahead_.size()));
      ahead_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    return ahead_.size() == wanted;
  };
  const auto without_request = [&] { return got < 0 ? State::Refused : State::Passed; };
  if (!fill(kPduHead) || ahead_[0] != kRequest) return without_request();
  const std::size_t length = number(ahead_, 2, 4);
  if (length > dcmAssociatePDUSizeLimit.get() || !fill(kPduHead + length)) return without_request();
  return is_readable_request(ahead_) ? State::Passed : State::Refused;
}

}  // namespace dicom
