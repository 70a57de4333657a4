// Graphics of reports and presentation states as polygons.
#include <cmath>
#include <numbers>

#include "dicom/input/roi_parts.h"

namespace dicom::roi {
namespace {

using fitting::Vec3;

constexpr int kAround = 256, kBetween = 16;  // corners of a closed curve; pieces of a spline between two points
constexpr double kSamePoint = 1e-3;          // pixels or mm: single precision

bool is_line(const std::string& type) { return type == "POLYLINE" || type == "INTERPOLATED" || type == "POLYGON"; }

// Of the ends of a line.
double gap_of(const Points& points) { return points.empty() ? 0 : (points.front() - points.back()).norm(); }

Points ellipse(const Vec3& centre, const Vec3& a, const Vec3& b) {
  Points polygon;
  for (int i = 0; i < kAround; ++i) {
    const double angle = 2 * std::numbers::pi * i / kAround;
    polygon.push_back(centre + a * std::cos(angle) + b * std::sin(angle));
  }
  return polygon;
}

// A closed Catmull-Rom spline.
Points spline(Points points) {
  if (gap_of(points) <= kSamePoint) points.pop_back();
  const std::size_t n = points.size();
  Points polygon;
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 &before = points[(i + n - 1) % n], &from = points[i], &to = points[(i + 1) % n],
               &after = points[(i + 2) % n];
    for (int step = 0; step < kBetween; ++step) {
      const double t = static_cast<double>(step) / kBetween;
      polygon.push_back(from + t * (to - before) / 2 + t * t * (before - 2.5 * from + 2 * to - after / 2) +
                        t * t * t * (3 * from - before - 3 * to + after) / 2);
    }
  }
  return polygon;
}

std::string rounded(double value) {
  const std::string digits = std::to_string(std::round(value * 10) / 10);
  return digits.substr(0, digits.find('.') + 2);
}

}  // namespace

std::optional<std::string> why_open(const std::string& type, const Points& points, double gap) {
  if (type == "CIRCLE" || type == "ELLIPSE") {
    const std::size_t needed = type == "CIRCLE" ? 2 : 4;
    if (points.size() == needed) return std::nullopt;
    return "it is a " + type + " of " + std::to_string(points.size()) + " points";
  }
  if (!is_line(type)) return "it is a graphic that encloses no plane region (" + type.substr(0, 16) + ")";
  const std::size_t repeated = gap_of(points) <= kSamePoint ? 1 : 0;
  if (points.size() < 3 + repeated) return "it has fewer than three points";
  if (type != "POLYGON" && !(gap_of(points) <= gap)) return "it is open by " + rounded(gap_of(points));
  return std::nullopt;
}

Points polygon_of(const std::string& type, const Points& points, const Vec3& normal) {
  if (type == "CIRCLE") {
    const Vec3 radius = points[1] - points[0];
    return ellipse(points[0], radius, normal.cross(radius));
  }
  if (type == "ELLIPSE") {
    const Vec3 a = (points[1] - points[0]) / 2, b = (points[3] - points[2]) / 2;
    return ellipse((points[0] + points[1]) / 2, a, b);
  }
  return type == "INTERPOLATED" ? spline(points) : points;
}

std::size_t polygon_size(const std::string& type, std::size_t points) {
  if (type == "CIRCLE" || type == "ELLIPSE") return kAround;
  return type == "INTERPOLATED" ? points * kBetween : points;
}

Contour drawn(const std::string& name, const std::string& type, const Points& points, const Plane& image,
              Reading& reading) {
  reading.count(polygon_size(type, points.size()));
  Points in_space;
  for (const Vec3& point : points) in_space.push_back(in_patient(image.grid, point.x(), point.y()));
  return {name, polygon_of(type, in_space, image.grid.normal()), &image};
}

Vec3 in_patient(const fitting::Geometry& grid, double column, double row) {
  return grid.centre_mm(column - 0.5, row - 0.5, 0);
}

std::string closing_note(const std::string& name, const Points& points, const char* unit) {
  const double gap = gap_of(points);
  if (!(gap > kSamePoint)) return {};
  return name + " is open by " + rounded(gap) + " " + unit + " and was closed";
}

Points graphic_points(DcmItem& item, int dimensions) {
  const Float32* values = nullptr;
  unsigned long count = 0;
  if (item.findAndGetFloat32Array(DCM_GraphicData, values, &count).bad() || values == nullptr) return {};
  const unsigned long each = static_cast<unsigned long>(dimensions);
  if (count % each != 0) return {};
  Points points;
  for (unsigned long i = 0; i < count; i += each)
    points.emplace_back(static_cast<double>(values[i]), static_cast<double>(values[i + 1]),
                        each == 3 ? static_cast<double>(values[i + 2]) : 0.0);
  return points;
}

}  // namespace dicom::roi
