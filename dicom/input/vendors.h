#pragma once
// One function per vendor for what the standard attributes do not say. Each runs after the standard attributes were
// read into `instance` and corrects them. Internal to dicom/input: shows a DCMTK type.
#include <optional>

#include "dicom/dcmtk.h"
#include "dicom/input/functional_groups.h"
#include "dicom/input/instance.h"

namespace dicom {

void apply_siemens(DcmItem& header, Instance& instance);
void apply_ge(DcmItem& header, Instance& instance);
void apply_philips(DcmItem& header, Instance& instance);
void apply_united_imaging(DcmItem& header, Instance& instance);

// (2005,100E): signal = displayed value / (rescale slope * scale slope); it differs between the series of one fit.
[[nodiscard]] std::optional<double> philips_scale_slope(DcmItem& header);
[[nodiscard]] std::optional<double> philips_scale_slope(const FunctionalGroups& groups, unsigned long frame);

}  // namespace dicom
