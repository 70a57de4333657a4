#pragma once
// Dates and times of a header as seconds since 1970-01-01 of the scanner's clock. Internal to dicom/input: shows a
// DCMTK type.
#include <optional>
#include <string>

#include "dicom/dcmtk.h"

namespace dicom {

// Of "20260102101530.5" (DT); a zone behind it does not count, a scanner writes one for all its images.
[[nodiscard]] std::optional<double> moment_of(const std::string& date_time);

// (0008,002A), else (0008,0022)+(0008,0032) with the nearest date that the header tells.
[[nodiscard]] std::optional<double> acquisition_time(DcmItem& item);
// (0008,0023)+(0008,0033).
[[nodiscard]] std::optional<double> content_time(DcmItem& item);
// (0018,1042) has no date: it is taken for the one nearest to the acquisition, so that an exam may run past midnight.
[[nodiscard]] std::optional<double> contrast_start(DcmItem& item, std::optional<double> acquired);

}  // namespace dicom
