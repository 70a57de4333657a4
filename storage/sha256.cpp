// SHA-256 by OpenSSL.
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <memory>
#include <vector>

#include "storage/durable.h"
#include "storage/failure.h"
#include "storage/object_store.h"

namespace storage {
namespace {

// The default provider always has SHA-256: a failure here is a broken installation, not bad news to handle.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_) throw std::bad_alloc();
    expect(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }

  void add(const void* data, std::size_t size) { expect(EVP_DigestUpdate(context_.get(), data, size)); }

  std::string hex() {
    std::array<unsigned char, 32> digest{};
    expect(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    std::string text;
    text.reserve(2 * digest.size());
    for (const unsigned char byte : digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  static void expect(int status) {
    assert(status == 1);
    (void)status;
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256_hex(std::string_view text) {
  Sha256 sum;
  sum.add(text.data(), text.size());
  return sum.hex();
}

Result<std::string> sha256_file(const std::filesystem::path& file) {
  return guarded([&] {
    constexpr const char* kAction = "read a file";
    const Descriptor descriptor(file, O_RDONLY, kAction);
    std::vector<unsigned char> buffer(std::size_t{256} << 10);
    Sha256 sum;
    while (const ssize_t got = ::read(descriptor.get(), buffer.data(), buffer.size())) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) raise_errno(errno, kAction);
      sum.add(buffer.data(), static_cast<std::size_t>(got));
    }
    return sum.hex();
  });
}

}  // namespace storage
