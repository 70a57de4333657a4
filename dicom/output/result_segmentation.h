#pragma once
// The lesions that were measured, and proposals for a reader, as one Segmentation of our own. Source: reference
// dicom.md 2.2. (What a workstation's reader draws, for `herald simulate`, is in scanner_images.h.)
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/output/object.h"
#include "dicom/output/quantity.h"
#include "fitting/roi.h"

namespace dicom {

struct SegmentToWrite {
  std::string label;
  std::string tracking_id, tracking_uid;  // equal to those of the report
  Code category, type;                    // empty: Morphologically Abnormal Structure, Neoplasm
  std::string laterality;                 // "R", "L", "B"; "" when nobody says
  std::string algorithm_type;             // MANUAL, SEMIAUTOMATIC, AUTOMATIC
  std::string algorithm_name;             // of those that are not MANUAL
  std::string description;                // method and thresholds in a sentence; may be empty
  fitting::Mask mask;                     // on the grid that all segments share
};

struct SegmentationRequest {
  std::filesystem::path template_image;  // of the study: patient and study
  std::vector<std::vector<Reference>>
      per_slice;  // source images of every slice of the grid, the displayed series first; of a slice without any: empty
  std::string frame_of_reference_uid;                  // of the outlines; empty: that of the template
  std::vector<SegmentToWrite> segments;                // numbered from 1 in this order
  std::string content_label = "LESION";                // or "PROPOSAL": its segments say that nobody has reviewed them
  std::string series_description = "Lesion segments";  // gets "(RESEARCH)", and the revision
  std::string content_datetime;                        // YYYYMMDDHHMMSS
  std::string digest;                                  // names inputs and settings
  Equipment equipment;
  std::vector<Reference> predecessors;  // Segmentations that this one replaces
  int revision = 1;
  int series_number = 9010;
};

// Codes for `category` and `type` of a segment of reference tissue.
[[nodiscard]] Code reference_tissue_category();  // (85756007, SCT, "Tissue")
[[nodiscard]] Code reference_tissue_type();      // (60005003, SCT, "Pectoralis major muscle")

// A BINARY Segmentation: one frame for each segment and slice that it occupies, by segment, then ascending. Malformed:
// no segment, an empty one, masks on different grids, source images that are not listed for every slice, an algorithm
// type or content label that is none, a segment that is not MANUAL and has no algorithm's name.
[[nodiscard]] Result<Written> write_result_segmentation(const SegmentationRequest& request,
                                                        const std::filesystem::path& folder);

}  // namespace dicom
