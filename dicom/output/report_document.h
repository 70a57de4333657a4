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
  std::string file_name;                 // without extension; a part of the UID is added
  std::vector<ContentItem> groups;       // Measurement Groups
  std::vector<ContentItem> qualitative;  // CODE items, before the comments
  std::vector<Reference> library;        // images of the Image Library; empty: none
  std::vector<std::string> remarks;      // one Comment each
  std::vector<Reference> evidence;
};

// An SR after TID 1500, of the class that `report` wants: complete, unverified, observed by a device, and by the
// readers where there are any.
[[nodiscard]] Written write_report(const ReportDocument& document, DcmDataset& source, const ReportSource& report,
                                   const std::filesystem::path& folder);

// A Measurement Group with its tracking identifier and UID. `reader` ("Reader 1") becomes its Activity Session (TID
// 1410 and 1411, row 1b); "": none.
[[nodiscard]] ContentItem measurement_group(const char* template_id, const std::string& tracking_id,
                                            const std::string& tracking_uid, const std::string& reader = {});

}  // namespace dicom::output
