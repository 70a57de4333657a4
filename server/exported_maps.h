#pragma once
// Maps that another application computed (SyMRI's QMAP series) as a Fit, so that they are written, measured and
// reported like our own and say whose they are.
#include "dicom/input/acquisition.h"
#include "fitting/fit.h"

namespace server {

// One map for each volume of a Kind::SyntheticMaps acquisition, in their order: T1 and T2 in ms, PD in %, by the
// convention of SyMRI's export; values that are no such quantity (negative, or beyond what the quantity can be) are 0
// with VoxelStatus::AtBound.
[[nodiscard]] fitting::Fit exported_maps(const fitting::Series& series, const dicom::Acquisition& acquisition);

}  // namespace server
