#pragma once
// What an image is, as far as fitting is concerned: by its SOP class, by the tokens of its Image Type and by its
// complex component. Internal to dicom/input: shows a DCMTK type.
#include <string>
#include <string_view>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/input/instance.h"

namespace dicom {

[[nodiscard]] bool has(const std::vector<std::string>& values, std::string_view wanted);

// Classic and enhanced MR images.
[[nodiscard]] bool is_mr_image(const std::string& sop_class_uid);
[[nodiscard]] bool is_enhanced_mr(const std::string& sop_class_uid);

// Whether pixels were changed by compression, now (transfer syntax) or before ((0028,2110)): to be looked at, not
// fitted.
[[nodiscard]] bool is_lossy(DcmDataset& dataset);

// Sets content, why_not and quantity; SOP class and Image Type have been read.
void judge_content(DcmItem& item, Instance& instance);

}  // namespace dicom
