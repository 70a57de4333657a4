#pragma once
// What the readers of the four carriers share. Internal to dicom/input: shows DCMTK types. Functions unwind by Failure.
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/input/roi.h"

namespace dicom::roi {

// Each reads the regions of its carrier into `object`; what all have in common is set by read_roi().
struct Reading;
void read_segments(DcmDataset& dataset, Reading& reading);
void read_rt_structures(DcmDataset& dataset, Reading& reading);
void read_report_regions(DcmDataset& dataset, Reading& reading);
void read_graphics(DcmDataset& dataset, Reading& reading);

// For Content: whether it has outlines that enclose something. The images are not asked for.
[[nodiscard]] bool report_has_regions(DcmItem& dataset);
[[nodiscard]] bool has_closed_graphics(DcmItem& dataset);
[[nodiscard]] bool is_report(const std::string& sop_class_uid);

// One region that cannot be taken: caught where regions are listed, never seen outside.
struct NotTaken {
  std::string why;
};

// The plane of an image: a grid of one slice.
struct Plane {
  fitting::Geometry grid;
  std::string frame_of_reference_uid;
};

// The images that outlines name, each asked for once.
class Images {
 public:
  explicit Images(const FindImage& find) : find_(find) {}
  // nullptr: not here, or without a position in the patient. Lives as long as this.
  [[nodiscard]] const Plane* find(const std::string& sop_instance_uid, int frame);
  // The same; throws NotTaken with the reason.
  [[nodiscard]] const Plane& need(const std::string& sop_instance_uid, int frame);

 private:
  const FindImage& find_;
  std::map<std::pair<std::string, int>, std::optional<Plane>> found_;
};

// A closed outline in the patient.
struct Contour {
  std::string name;                   // for people: "contour 3"
  std::vector<fitting::Vec3> points;  // mm; the first is not repeated
  const Plane* image = nullptr;       // on which it was drawn; nullptr: not here
};

struct Reading {
  RoiObject& object;
  Images images;
  std::size_t voxels = 0, contours = 0, points = 0;  // so far

  Reading(RoiObject& to, const FindImage& find) : object(to), images(find) {}
  // Counts what an object may hold; unwinds by Failure when there is too much of it.
  void count(std::size_t points_of_a_contour);
  void refuse(const std::string& who, const std::string& why) { object.refused.push_back(who + ": " + why); }
};

// Whether all points are places in a patient.
[[nodiscard]] bool is_sound(const Contour& contour);

// Fills the outlines: region.mask, region.notes and, where the images tell it, region.frame_of_reference_uid. Throws
// NotTaken; the region is then as it was. Without images the grid is made for all of `of_one_lesion`, sound ones, so
// that its parts can be joined; none: for these alone. A thickness that nobody knows is 0 until settle_thickness().
void fill(Region& region, const std::vector<Contour>& contours, Reading& reading,
          const std::vector<Contour>& of_one_lesion = {});
void settle_thickness(Region& region);

// Joins regions of one lesion (equal key, not empty) that lie on different slices of one grid. Keys are parallel to
// `regions`.
void join(std::vector<Region>& regions, const std::vector<std::string>& keys);

// --- graphics ---

using Points = std::vector<fitting::Vec3>;

// Whether a graphic of this type encloses something, its ends no more than `gap` apart. Says why not.
[[nodiscard]] std::optional<std::string> why_open(const std::string& type, const Points& points, double gap);
// How many points polygon_of() makes of a graphic.
[[nodiscard]] std::size_t polygon_size(const std::string& type, std::size_t points);
// The polygon of a graphic that encloses something (mm): POLYLINE, POLYGON, INTERPOLATED, CIRCLE (in the plane with
// this normal), ELLIPSE.
[[nodiscard]] Points polygon_of(const std::string& type, const Points& points, const fitting::Vec3& normal);
// Image coordinates (column, row) to the patient.
[[nodiscard]] fitting::Vec3 in_patient(const fitting::Geometry& grid, double column, double row);
// The same as a contour on that image, counted.
[[nodiscard]] Contour drawn(const std::string& name, const std::string& type, const Points& points, const Plane& image,
                            Reading& reading);
// "contour 3 is open by 0.4 mm and was closed"; empty when it was closed.
[[nodiscard]] std::string closing_note(const std::string& name, const Points& points, const char* unit);

// The points of Graphic Data, two or three values each (z is 0 of two); none when they do not make points.
[[nodiscard]] Points graphic_points(DcmItem& item, int dimensions);

// --- attributes ---

[[nodiscard]] Code code_of(DcmItem& item, const DcmTagKey& sequence);
// Whatever its meaning says.
[[nodiscard]] bool is(const Code& code, const char* value, const char* scheme);
// "R", "L", "B" or empty, of a laterality code or of the values of (0020,0060) and (0020,9072).
[[nodiscard]] std::string laterality_of(const Code& code);
[[nodiscard]] std::string laterality_of(const std::string& value);
[[nodiscard]] std::vector<DcmItem*> items_in(DcmItem& item, const DcmTagKey& sequence);
// All frames that a reference names: none is frame 0.
[[nodiscard]] std::vector<int> frames_of(DcmItem& reference);
// Sets region.tracking_uid to what identifies the lesion, or leaves it empty and says why in the notes.
void set_tracking_uid(Region& region, const std::string& uid);
// YYYYMMDDHHMMSS of a date and a time; empty unless both are there.
[[nodiscard]] std::string datetime(DcmItem& item, const DcmTagKey& date, const DcmTagKey& time);

}  // namespace dicom::roi
