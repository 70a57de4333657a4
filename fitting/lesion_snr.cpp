#include "fitting/lesion_snr.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

#include "fitting/text.h"

namespace fitting {
namespace {

constexpr std::size_t kLeastCircle = 9;                     // voxels: fewer have no SD worth dividing by
constexpr double kRectangle = 0.1, kRectangleInset = 0.02;  // of the width and the height
constexpr int kLeastSide = 4;                               // of a rectangle, voxels
constexpr std::size_t kLeastAir = 2;                        // rectangles
const double kRayleighMean = std::sqrt(std::numbers::pi / 2), kRayleighSd = std::sqrt(2 - std::numbers::pi / 2);
// A rectangle of 16 voxels knows mean / SD to 20 %, one of 400 to 4 %; tissue and ghosts are off by more.
constexpr double kRatioTolerance = 0.1, kRatioErrors = 3;
constexpr double kLevelTolerance = 0.15, kLevelErrors = 3;
constexpr double kMostZeros = 0.02;  // beyond those that rounding to whole numbers makes of air

struct Moments {
  double mean = 0, sd = 0;
  std::size_t count = 0;
};

Moments moments_of(std::span<const double> values) {
  Moments m{.count = values.size()};
  for (const double v : values) m.mean += v;
  m.mean /= static_cast<double>(m.count);
  double squares = 0;
  for (const double v : values) squares += (v - m.mean) * (v - m.mean);
  if (m.count > 1) m.sd = std::sqrt(squares / static_cast<double>(m.count - 1));
  return m;
}

// --- the circle ---

struct Circle {
  int column = 0, row = 0;
  double radius_mm = 0;
};

struct Plane2D {
  const Geometry& grid;
  std::span<const std::uint8_t> inside;  // of one slice

  [[nodiscard]] bool at(int column, int row) const {
    if (column < 0 || row < 0 || column >= grid.columns || row >= grid.rows) return false;
    return inside[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns) +
                  static_cast<std::size_t>(column)] != 0;
  }
  [[nodiscard]] double distance_mm(int columns, int rows) const {
    return std::hypot(columns * grid.column_spacing_mm, rows * grid.row_spacing_mm);
  }
};

// Voxels of the region that have a neighbour outside: every nearest outside voxel touches one of them.
std::vector<std::pair<int, int>> just_outside(const Plane2D& plane) {
  std::vector<std::pair<int, int>> rim;
  for (int row = -1; row <= plane.grid.rows; ++row)
    for (int column = -1; column <= plane.grid.columns; ++column)
      if (!plane.at(column, row) && (plane.at(column - 1, row) || plane.at(column + 1, row) ||
                                     plane.at(column, row - 1) || plane.at(column, row + 1)))
        rim.emplace_back(column, row);
  return rim;
}

std::vector<std::pair<int, int>> voxels_of(const Plane2D& plane) {
  std::vector<std::pair<int, int>> voxels;
  for (int row = 0; row < plane.grid.rows; ++row)
    for (int column = 0; column < plane.grid.columns; ++column)
      if (plane.at(column, row)) voxels.emplace_back(column, row);
  return voxels;
}

// The edge of the nearest outside voxel is half a voxel nearer than its centre.
std::optional<Circle> largest_circle(const Plane2D& plane) {
  const auto voxels = voxels_of(plane);
  const auto rim = just_outside(plane);
  if (voxels.empty() || rim.empty()) return std::nullopt;
  double mean_column = 0, mean_row = 0;
  for (const auto& [column, row] : voxels) {
    mean_column += column / static_cast<double>(voxels.size());
    mean_row += row / static_cast<double>(voxels.size());
  }
  const double half_mm = std::max(plane.grid.column_spacing_mm, plane.grid.row_spacing_mm) / 2;
  Circle best{.radius_mm = -1};
  double best_off = 0;
  for (const auto& [column, row] : voxels) {
    double nearest = INFINITY;
    for (const auto& [c, r] : rim) nearest = std::min(nearest, plane.distance_mm(column - c, row - r));
    const double off =
        std::hypot((column - mean_column) * plane.grid.column_spacing_mm, (row - mean_row) * plane.grid.row_spacing_mm);
    const double radius_mm = nearest - half_mm;
    if (radius_mm < best.radius_mm || (radius_mm == best.radius_mm && off >= best_off)) continue;
    best = {column, row, radius_mm};
    best_off = off;
  }
  return best;
}

std::vector<double> inside_circle(const Plane2D& plane, const Circle& circle, std::span<const float> image) {
  std::vector<double> values;
  for (const auto& [column, row] : voxels_of(plane)) {
    if (plane.distance_mm(column - circle.column, row - circle.row) > circle.radius_mm) continue;
    values.push_back(image[static_cast<std::size_t>(row) * static_cast<std::size_t>(plane.grid.columns) +
                           static_cast<std::size_t>(column)]);
  }
  return values;
}

// --- the background ---

using Rectangles = std::array<std::vector<double>, 4>;

Rectangles corners(const Geometry& grid, std::span<const float> image) {
  const auto side = [](int size) { return std::clamp(static_cast<int>(size * kRectangle), kLeastSide, size); };
  const auto inset = [](int size) { return static_cast<int>(size * kRectangleInset); };
  const int width = side(grid.columns), height = side(grid.rows);
  const std::array columns{inset(grid.columns), grid.columns - inset(grid.columns) - width};
  const std::array rows{inset(grid.rows), grid.rows - inset(grid.rows) - height};
  Rectangles all;
  for (std::size_t k = 0; k < all.size(); ++k)
    for (int row = rows[k / 2]; row < rows[k / 2] + height; ++row)
      for (int column = columns[k % 2]; column < columns[k % 2] + width; ++column)
        all[k].push_back(image[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns) +
                               static_cast<std::size_t>(column)]);
  return all;
}

bool few_zeros(std::span<const double> values, double sigma) {
  const auto zeros = static_cast<double>(std::ranges::count(values, 0.0)) / static_cast<double>(values.size());
  const double rounded = 1 - std::exp(-0.125 / (sigma * sigma));  // P(m < 0.5)
  return zeros <= 2 * rounded + kMostZeros;
}

bool is_air(std::span<const double> values) {
  const Moments m = moments_of(values);
  if (m.sd <= 0) return false;
  const double error = kRatioErrors * 0.75 / std::sqrt(static_cast<double>(m.count));
  return std::abs(m.mean / m.sd / (kRayleighMean / kRayleighSd) - 1) <= std::max(kRatioTolerance, error) &&
         few_zeros(values, m.sd / kRayleighSd);
}

// The rectangles of air, those of one level with the darkest of them.
std::vector<double> air_of(const Rectangles& rectangles, std::size_t& count) {
  std::vector<const std::vector<double>*> air;
  for (const auto& rectangle : rectangles)
    if (is_air(rectangle)) air.push_back(&rectangle);
  double darkest = INFINITY;
  for (const auto* rectangle : air) darkest = std::min(darkest, moments_of(*rectangle).mean);
  std::vector<double> values;
  count = 0;
  for (const auto* rectangle : air) {
    const double error = kLevelErrors * 0.75 / std::sqrt(static_cast<double>(rectangle->size()));
    if (moments_of(*rectangle).mean > darkest * (1 + std::max(kLevelTolerance, error))) continue;
    values.insert(values.end(), rectangle->begin(), rectangle->end());
    ++count;
  }
  return values;
}

// --- the noise ---

struct Background {
  double sigma = 0, level = 0;
  std::string how;
};

// The mean of what noise alone shows, of as many channels as were combined.
double level_of(const Noise& noise) {
  const double n = std::max(noise.channels, 0.5);
  return noise.sigma * std::numbers::sqrt2 * std::exp(std::lgamma(n + 0.5) - std::lgamma(n));
}

std::optional<Background> background_of(const Rectangles& rectangles, const Noise& known) {
  std::size_t count = 0;
  if (const std::vector<double> air = air_of(rectangles, count); count >= kLeastAir) {
    const Moments m = moments_of(air);
    return Background{m.sd / kRayleighSd, m.mean,
                      text("SD / 0.655 of the air in %g of the 4 corners", static_cast<double>(count))};
  }
  if (!(known.sigma > 0) || !std::isfinite(known.sigma)) return std::nullopt;
  const std::string method = known.method.empty() ? "" : " (" + known.method + ")";
  return Background{known.sigma, level_of(known),
                    "that of the fit of the echoes" + method + ", because the corners of the image are no air"};
}

// --- the outcome ---

void exclude(LesionSnr& snr, std::span<const float> image, const Mask& mask, const Background& background,
             double threshold) {
  snr.excluded.assign(mask.inside.size(), 0);
  for (std::size_t i = 0; i < mask.inside.size(); ++i)
    snr.excluded[i] = mask.inside[i] != 0 && !((image[i] - background.level) / background.sigma >= threshold);
}

std::string mismatch(const Geometry& grid, std::span<const float> image, const Mask& mask, int slice) {
  if (image.size() != grid.voxels() || mask.inside.size() != grid.voxels() || !same_grid(grid, mask.geometry))
    return "the region and the last echo are not on one grid";
  if (grid.columns < 4 * kLeastSide || grid.rows < 4 * kLeastSide) return "the image is too small to have a background";
  return mask.count(slice) == 0 ? "the region has no voxel in the slice" : "";
}

}  // namespace

std::variant<LesionSnr, Refusal> lesion_snr(const Geometry& grid, std::span<const float> last_echo,
                                            const Mask& on_its_grid, int slice, double threshold, const Noise& known) {
  if (std::string reason = mismatch(grid, last_echo, on_its_grid, slice); !reason.empty()) return Refusal{reason};
  const std::size_t begin = static_cast<std::size_t>(slice) * grid.slice_voxels();
  const std::span<const float> image = last_echo.subspan(begin, grid.slice_voxels());
  const Plane2D plane{grid, std::span(on_its_grid.inside).subspan(begin, grid.slice_voxels())};

  const auto circle = largest_circle(plane);
  const std::vector<double> central = circle ? inside_circle(plane, *circle, image) : std::vector<double>();
  if (central.size() < kLeastCircle) return Refusal{"the region holds no circle of 9 voxels"};
  const Moments tumour = moments_of(central);
  if (!(tumour.sd > 0)) return Refusal{"the last echo has one value all over the middle of the region"};

  const Rectangles rectangles = corners(grid, image);
  const auto background = background_of(rectangles, known);
  if (!background)
    return Refusal{
        "the noise of the last echo is not known: the background is masked, filtered or filled, and "
        "nothing in the volume is proven to be air"};
  std::vector<double> all;
  for (const auto& rectangle : rectangles) all.insert(all.end(), rectangle.begin(), rectangle.end());

  LesionSnr snr;
  snr.lesion = (tumour.mean - moments_of(all).mean) / tumour.sd;
  snr.sigma = background->sigma;
  exclude(snr, last_echo, on_its_grid, *background, threshold);
  const auto lost = std::count(snr.excluded.begin() + static_cast<std::ptrdiff_t>(begin),
                               snr.excluded.begin() + static_cast<std::ptrdiff_t>(begin + grid.slice_voxels()), 1);
  snr.excluded_share = static_cast<double>(lost) / static_cast<double>(on_its_grid.count(slice));
  snr.how = text("lesion: (mean - mean of 4 corners) / SD of a circle of %g voxels in the last echo; ",
                 static_cast<double>(central.size())) +
            text("voxels below %g times the noise are excluded; noise %.4g, ", threshold, snr.sigma) + background->how;
  return snr;
}

}  // namespace fitting
