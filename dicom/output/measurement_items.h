#pragma once
// The numbers of a measured region as content items: what the reports with outlines and with segments say alike.
// Included by .cpp files of dicom/output only.
#include <string>
#include <vector>

#include "dicom/output/content_item.h"
#include "dicom/output/reports.h"

namespace dicom::output {

// "T1 pre" for T1 in slot "t1_pre", "T1 symri pre" for T1 in slot "symri_pre".
[[nodiscard]] std::string printed_name(const SliceMeasurement& measurement);
// Finding of the region; Neoplasm where the ROI object says nothing.
[[nodiscard]] ContentItem finding(const SliceMeasurement& measurement);
// Of "R", "L", "B" (CID 244). Malformed otherwise.
[[nodiscard]] Code laterality_code(const std::string& laterality);
// Breast, with its side where that is known.
[[nodiscard]] ContentItem finding_site(const std::string& laterality);

// Which numbers: viewers print the first five of a group beside its outline, so the ones that are read come first.
enum class Share { Headline /* mean, SD, median */, Rest /* percentiles, extremes, shape */ };
// The full name of a number is the meaning of its concept, since viewers print that and ignore the Derivation:
// "T1 pre mean" and, `whose` = " (lesion)", "T1 pre mean (lesion)".
void add_statistics(std::vector<ContentItem>& to, const SliceMeasurement& measurement,
                    const fitting::Statistics& statistics, Share share, const std::string& whose);
// Area, number of voxels, share of those without a value.
void add_extent(std::vector<ContentItem>& to, const SliceMeasurement& measurement,
                const fitting::Statistics& statistics, const std::string& whose);
// Nothing where the volume is not stated.
void add_volume(std::vector<ContentItem>& to, const SliceMeasurement& measurement, const std::string& whose);

[[nodiscard]] ContentItem plain_number(const Code& name, double value, const std::string& unit);
// Malformed when it has neither a value nor a reason.
[[nodiscard]] ContentItem derived_number(const DerivedMeasurement& derived);
[[nodiscard]] ContentItem qualitative_item(const Qualitative& qualitative);

}  // namespace dicom::output
