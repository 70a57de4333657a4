#pragma once
// The DICOM conformance statement (PS3.2) of a node with these settings, as Markdown. SOP classes, transfer syntaxes,
// statuses, codes and numbers are those of the tables by which the node works. Deterministic: same settings, recipe and
// version, same text. No host name, no path, nothing of any patient.
#include <string>
#include <string_view>

#include "config/settings.h"

namespace server {

[[nodiscard]] std::string conformance_statement(const config::Settings& settings, std::string_view version);

}  // namespace server
