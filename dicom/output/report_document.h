#pragma once
// What both structured reports share around their measurements. Included by .cpp files of dicom/output only.
#include <string>
#include <vector>

#include "dicom/output/content_item.h"
#include "dicom/output/reports.h"

namespace dicom::output {

struct ReportDocument {
  Code title;        // CID 7021
  std::string role;  // distinguishes the series of the reports of one study
  std::string series_description;
  int series_number = 0;
  std::string file_name;             // without extension; a part of the UID is added
  std::vector<ContentItem> groups;   // Measurement Groups
  std::vector<std::string> remarks;  // one Comment each
  std::vector<Reference> evidence;
};

// A Comprehensive SR after TID 1500: complete, unverified, observed by a device.
[[nodiscard]] Written write_report(const ReportDocument& document, DcmDataset& source, const ReportSource& report,
                                   const std::filesystem::path& folder);

// A Measurement Group with its tracking identifier and a Tracking UID derived from `uid_name`.
[[nodiscard]] ContentItem measurement_group(const char* template_id, const std::string& tracking_id,
                                            const std::string& uid_name);

}  // namespace dicom::output
