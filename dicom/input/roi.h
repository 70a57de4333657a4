#pragma once
// What people and programs outlined, as masks, whoever wrote it down. Four carriers:
//
//   SEG     Segmentation, BINARY (any matrix size) and FRACTIONAL (>= half of Maximum Fractional Value)
//   RTSTRUCT  RT Structure Set: CLOSED_PLANAR and CLOSED_PLANAR_XOR contours
//   SR      Basic, Enhanced, Comprehensive, Comprehensive 3D and Extensible reports: every group (CONTAINER, NUM …)
//           with a region in it, TID 1410 or not. SCOORD: POLYLINE, CIRCLE, ELLIPSE; SCOORD3D: POLYGON, POLYLINE,
//           ELLIPSE
//   GSPS    Grayscale Softcopy Presentation State: POLYLINE, INTERPOLATED, CIRCLE, ELLIPSE in PIXEL units
//
// How an outline becomes a mask. It is filled on the grid of the image that it was drawn on: a voxel is inside when its
// centre is, by the even-odd rule over all outlines of one region on one slice, so that inner outlines are holes and
// keyholes are no matter. Curves become polygons that lie within 0.01 of their size; interpolated curves are
// Catmull-Rom splines through the points. An outline in image coordinates has (0, 0) at the top left corner of the top
// left voxel and (0.5, 0.5) at its centre (PS3.3 C.10.5 and C.18.6.1.2). A circle on pixels that are not square is one
// in the patient.
//
// Where the image of an outline is not here: SCOORD and GSPS, which are nothing without it, are refused. RTSTRUCT and
// SCOORD3D are filled on the grid of the images of the same region that are here, moved along its normal; else on a
// grid of their own, whose rows run along the patient's x axis as far as the plane allows, with voxels of 0.25 mm (or
// 1/1024 of the extent, where that is more), as thick as the outlines are apart (1 mm where there is one alone, and
// said).
//
// An open outline is closed where the gap is at most one pixel (SCOORD, GSPS) or 1 mm (SCOORD3D, RTSTRUCT), and said.
// Refused, one by one and by name: other open outlines, fewer than three points, coordinates that are no numbers or
// farther than 10 m, outlines more than 0.5 mm off their plane or their image, ELLIPSOID and POINT, DISPLAY and MATRIX
// units, graphics shown on several images at once, images without a position, and whatever would need more than 256
// million voxels for one region, twice that for one object, or hundred thousand outlines or four million points.
//
// SR and GSPS outline one slice at a time: groups and graphics with one Tracking UID (GSPS: else one Graphic Group) are
// one region, unless they overlap on a slice, which is a second reading and a region of its own.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dicom/input/code.h"
#include "dicom/input/instance.h"
#include "dicom/result.h"
#include "fitting/roi.h"

namespace dicom {

struct Region {
  int number = 0;  // of the segment or ROI; SR and GSPS: in the order of the object, from 1
  std::string label;
  std::string tracking_id;
  std::string tracking_uid;      // valid or empty: what is not a UID is left aside and stands in `notes`
  Code category, type;           // e.g. (108369006, SCT, "Neoplasm"); empty where the carrier has none
  std::string interpreted_type;  // RTSTRUCT: RT ROI Interpreted Type ("GTV", "EXTERNAL"); empty where nobody says
  std::string algorithm_type;    // MANUAL, SEMIAUTOMATIC, AUTOMATIC; empty where the carrier does not say. An SR whose
                                 // observers are devices only is AUTOMATIC.
  std::string laterality;        // "R", "L", "B"; empty when nobody says
  std::string frame_of_reference_uid;
  fitting::Mask mask;              // only the slices that the region occupies
  std::vector<std::string> notes;  // doubts: "contour 3 is open by 0.4 mm and was closed"
  [[nodiscard]] bool automatic() const { return algorithm_type == "AUTOMATIC"; }
};

struct RoiObject {
  std::string sop_class_uid, sop_instance_uid, series_uid, study_uid;
  std::string carrier;           // "SEG", "RTSTRUCT", "SR", "GSPS"
  std::string creator;           // person: for the SR, never for a log
  std::string content_datetime;  // YYYYMMDDHHMMSS, or empty
  std::vector<std::string> referenced_series;
  std::vector<Region> regions;       // by number; empty ones left out
  std::vector<std::string> refused;  // regions that were not taken and why: "graphic 2: DISPLAY units …"
};

// The image that an outline was drawn on: its header by SOP Instance UID and frame (0: single-frame); nullopt: not
// here.
using FindImage = std::function<std::optional<Instance>(const std::string& sop_instance_uid, int frame)>;

// Reads whichever of the four it is; without `find_image` no image is here. Fault::Unsupported: another object (private
// ones and Label Map Segmentations are named), a compressed one, unequal orientations within one segment.
// Fault::Malformed names what is wrong with the object as a whole; what is wrong with one region stands in `refused`.
[[nodiscard]] Result<RoiObject> read_roi(const std::filesystem::path& file, const FindImage& find_image = {});

}  // namespace dicom
