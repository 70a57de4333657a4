#pragma once
// Private to config/: AE titles, which several tables hold.
#include <string>
#include <string_view>

#include "config/toml_file.h"

namespace config {

inline constexpr const char* kAeTitle = "an AE title: 1 to 16 ASCII characters, no backslash, no space at the ends";
[[nodiscard]] bool is_ae_title(std::string_view text);
[[nodiscard]] std::string ae_title_of(const Entry& entry);

}  // namespace config
