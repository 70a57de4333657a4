#include "dicom/uid.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace dicom {

bool is_uid(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.back() == '.') return false;
  char before = '.';
  for (const char c : text) {
    if (c == '.' ? before == '.' && &c != text.data() : c < '0' || c > '9') return false;
    before = c;
  }
  return true;
}

std::string uid_from_name(std::string_view name) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  EVP_Digest(name.data(), name.size(), hash.data(), &length, EVP_sha256(), nullptr);
  std::array<unsigned, 16> uuid{};
  std::copy_n(hash.begin(), uuid.size(), uuid.begin());
  uuid[6] = (uuid[6] & 0x0Fu) | 0x80u;  // version 8: custom, here a name-based SHA-256
  uuid[8] = (uuid[8] & 0x3Fu) | 0x80u;  // variant of RFC 9562
  std::string digits;                   // least significant first: schoolbook division of the 128-bit number by ten
  while (std::any_of(uuid.begin(), uuid.end(), [](unsigned byte) { return byte != 0; })) {
    unsigned remainder = 0;
    for (unsigned& byte : uuid) {
      const unsigned current = remainder * 256 + byte;
      byte = current / 10;
      remainder = current % 10;
    }
    digits.push_back(static_cast<char>('0' + remainder));
  }
  std::reverse(digits.begin(), digits.end());
  return "2.25." + digits;
}

}  // namespace dicom
