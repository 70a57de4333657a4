#pragma once
// Outlines of one lesion as other people's programs write them, in each carrier that Herald reads: for tests only.
// Independent of dicom/output: element by element, in explicit little endian.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/input/roi.h"
#include "fitting/roi.h"

namespace support {

// A mask and the images that it was drawn on, one for each slice of its grid. Holes are lost in all but SEG: the others
// get the outer outlines of fitting::outlines().
struct OutlinedLesion {
  fitting::Mask mask;
  std::vector<std::string> images = {};  // SOP Instance UIDs by slice; as many as slices
  std::string image_class_uid = "1.2.840.10008.5.1.4.1.1.4";
  std::string sop_instance_uid = "1.2.3.7.1", series_uid = "1.2.3.7", study_uid = "1.2.3";
  std::string image_series_uid = "1.2.3.1", frame_of_reference_uid = "1.2.3.0";
  std::string label = "Lesion 1", tracking_uid = "1.2.3.9.1", reader = "Reader^One";
  dicom::Code type = {"108369006", "SCT", "Neoplasm"};  // not of GSPS; empty: nobody says
  std::string interpreted_type = {};                    // of RTSTRUCT
};

// The same with image UIDs 1.2.3.1.1, 1.2.3.1.2 … for its slices.
[[nodiscard]] OutlinedLesion outlined(fitting::Mask mask);

void write_seg(const OutlinedLesion& lesion, const std::filesystem::path& file);
void write_rtstruct(const OutlinedLesion& lesion, const std::filesystem::path& file);
// TID 1410: one group for each outline, all with one Tracking UID; a person as observer.
void write_scoord_sr(const OutlinedLesion& lesion, const std::filesystem::path& file);
void write_scoord3d_sr(const OutlinedLesion& lesion, const std::filesystem::path& file);
void write_gsps(const OutlinedLesion& lesion, const std::filesystem::path& file);

// Finds the images of the lesion's grid by their UIDs, as a store that holds them would.
[[nodiscard]] dicom::FindImage images_of(const OutlinedLesion& lesion);

}  // namespace support
