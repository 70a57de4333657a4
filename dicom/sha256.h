#pragma once
// SHA-256 over bytes that come in parts.
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace dicom {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  // Each ends it.
  [[nodiscard]] std::string bytes();  // 32 of them
  [[nodiscard]] std::string hex();    // lower case

 private:
  evp_md_ctx_st* context_;
};

}  // namespace dicom
