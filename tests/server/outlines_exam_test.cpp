// One lesion in every carrier, on grids that are not its own: the report says what a count of our own says.
#include <gmock/gmock.h>

#include "tests/server/outlined_exam.h"

namespace {

using namespace outlined_exam;
using testing::HasSubstr;

struct Carrier {
  const char* name;
  void (*write)(const OutlinedLesion&, const fs::path&);
};
constexpr std::array kCarriers{Carrier{"SEG", support::write_seg}, Carrier{"RTSTRUCT", support::write_rtstruct},
                               Carrier{"SCOORD", support::write_scoord_sr},
                               Carrier{"SCOORD3D", support::write_scoord3d_sr}, Carrier{"GSPS", support::write_gsps}};

Outcome run_of(Exam& exam, const Carrier& carrier, const OutlinedLesion& lesion) {
  return exam.run([&](const fs::path& folder) { carrier.write(lesion, folder / "outline.dcm"); });
}

// --- a count of our own

// Which slice of the mask a slice of a map takes: the nearest, within half a slice spacing of the coarser.
std::optional<int> source_slice(const fitting::Mask& mask, const fitting::Geometry& grid, int slice) {
  const double reach = std::max(mask.geometry.slice_spacing_mm(), grid.slice_spacing_mm()) / 2;
  const double height = grid.slice_origins_mm[static_cast<std::size_t>(slice)].dot(grid.normal());
  std::optional<int> best;
  double least = reach + 1e-6;
  for (int s = 0; s < mask.geometry.slices(); ++s) {
    const double off =
        std::abs(mask.geometry.slice_origins_mm[static_cast<std::size_t>(s)].dot(grid.normal()) - height);
    if (off < least - 1e-9) best = s, least = off;
  }
  return best;
}

bool inside(const fitting::Mask& mask, int slice, const fitting::Vec3& point) {
  const fitting::Geometry& grid = mask.geometry;
  const fitting::Vec3 from = point - grid.slice_origins_mm[static_cast<std::size_t>(slice)];
  const long column = std::lround(from.dot(grid.row_direction) / grid.column_spacing_mm);
  const long row = std::lround(from.dot(grid.column_direction) / grid.row_spacing_mm);
  if (column < 0 || row < 0 || column >= grid.columns || row >= grid.rows) return false;
  return mask.inside[(static_cast<std::size_t>(slice) * static_cast<std::size_t>(grid.rows) +
                      static_cast<std::size_t>(row)) *
                         static_cast<std::size_t>(grid.columns) +
                     static_cast<std::size_t>(column)] != 0;
}

constexpr int kSamples = 24;  // along each edge of a voxel

double coverage(const fitting::Mask& mask, int source, const fitting::Geometry& grid, int column, int row, int slice) {
  int hits = 0;
  for (int y = 0; y < kSamples; ++y)
    for (int x = 0; x < kSamples; ++x)
      hits += inside(mask, source,
                     grid.centre_mm(column - 0.5 + (x + 0.5) / kSamples, row - 0.5 + (y + 0.5) / kSamples, slice));
  return static_cast<double>(hits) / (kSamples * kSamples);
}

// A ball around the region, to pass over what lies far from it.
struct Ball {
  fitting::Vec3 centre = fitting::Vec3::Zero();
  double radius_mm = 0;
};

Ball around(const fitting::Mask& mask) {
  std::vector<fitting::Vec3> points;
  const fitting::Geometry& grid = mask.geometry;
  for (std::size_t i = 0; i < mask.inside.size(); ++i) {
    const int at = static_cast<int>(i % grid.slice_voxels());
    if (mask.inside[i] != 0)
      points.push_back(grid.centre_mm(at % grid.columns, at / grid.columns, static_cast<int>(i / grid.slice_voxels())));
  }
  Ball ball{points.front(), 0};
  for (const fitting::Vec3& point : points) ball.radius_mm = std::max(ball.radius_mm, (point - ball.centre).norm());
  ball.radius_mm += 5;  // more than a voxel and half a slice
  return ball;
}

// The voxels of one slice of a map that belong to the region, and those whose coverage is too near to a half for a
// count of samples to tell.
struct Counted {
  std::vector<double> sure, doubtful;
};

Counted count(const fitting::Mask& mask, const dicom::StoredMap& map, int slice, double doubt) {
  Counted counted;
  const auto source = source_slice(mask, map.geometry, slice);
  if (!source) return counted;
  const Ball ball = around(mask);
  for (int row = 0; row < map.geometry.rows; ++row) {
    for (int column = 0; column < map.geometry.columns; ++column) {
      if ((map.geometry.centre_mm(column, row, slice) - ball.centre).norm() > ball.radius_mm) continue;
      const double share = coverage(mask, *source, map.geometry, column, row, slice);
      const double value = map.value[static_cast<std::size_t>(slice) * map.geometry.slice_voxels() +
                                     static_cast<std::size_t>(row * map.geometry.columns + column)];
      if (share > 0.5 + doubt) counted.sure.push_back(value);
      if (std::abs(share - 0.5) < doubt) counted.doubtful.push_back(value);
    }
  }
  return counted;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += (value - mean(values)) * (value - mean(values));
  return std::sqrt(sum / (static_cast<double>(values.size()) - 1));
}

// A slice of a map as the report gives it.
struct Reported {
  double mean = 0, sd = 0, voxels = 0, area_mm2 = 0;
};

// By slice, of one map.
std::map<int, Reported> reported(const report::Report& report, const std::string& title) {
  std::map<int, Reported> slices;
  for (const auto& [name, value] : numbers_of(report)) {
    const std::string begin = "Lesion 1 " + title + " slice ";
    if (!name.starts_with(begin)) continue;
    Reported& slice = slices[std::stoi(name.substr(begin.size())) - 1];
    const std::string what = name.substr(name.find(" | ") + 3);
    if (what == title + " mean") slice.mean = value;
    if (what == title + " SD") slice.sd = value;
    if (what == "Voxels") slice.voxels = value;
    if (what == "Area") slice.area_mm2 = value;
  }
  return slices;
}

struct Slot {
  const char *folder, *title;
};
constexpr std::array kSlots{Slot{"t1_pre", "T1 pre"}, Slot{"t1_post", "T1 post"}, Slot{"t2", "T2"},
                            Slot{"t2star", "T2*"}, Slot{"dwi", "ADC dwi"}};

// Every slice that the report has is the one we count, and the other way round.
void compare_with_count(const Outcome& outcome, const fitting::Mask& mask, const Slot& slot) {
  SCOPED_TRACE(slot.folder);
  const auto map = processing::read_map(outcome.file(std::string(slot.folder) + "/pm_real"));
  const auto slices = reported(outcome.measurements(), slot.title);
  EXPECT_FALSE(slices.empty());
  for (int slice = 0; slice < map.geometry.slices(); ++slice) {
    SCOPED_TRACE(slice);
    const Counted counted = count(mask, map, slice, 0);
    const auto found = slices.find(slice);
    ASSERT_EQ(found != slices.end(), !counted.sure.empty());
    if (counted.sure.empty()) continue;
    const double n = static_cast<double>(counted.sure.size());
    EXPECT_EQ(found->second.voxels, n);
    EXPECT_NEAR(found->second.area_mm2, n * map.geometry.row_spacing_mm * map.geometry.column_spacing_mm, 1e-6 * n);
    EXPECT_NEAR(found->second.mean / mean(counted.sure), 1, 1e-6);
    EXPECT_NEAR(found->second.sd, n < 2 ? 0 : deviation(counted.sure), 1e-5 * found->second.mean);
  }
}

// --- one lesion, five carriers

// Equal masks give equal numbers: outlines run along voxel edges, half a voxel away from every centre, so that not one
// voxel may change sides. That is stricter than the one boundary voxel that a free-hand line may cost.
void expect_equal(const std::map<std::string, double>& numbers, const std::map<std::string, double>& expected) {
  ASSERT_EQ(numbers.size(), expected.size());
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(numbers.contains(name)) << name;
    EXPECT_NEAR(numbers.at(name), value, 1e-9 * std::max(1.0, std::abs(value))) << name;
  }
}

TEST(OutlinedExam, IsMeasuredAlikeFromEveryCarrier) {
  Exam exam;
  const OutlinedLesion lesion = exam.lesion();
  std::map<std::string, double> of_seg;
  for (const Carrier& carrier : kCarriers) {
    SCOPED_TRACE(carrier.name);
    const Outcome outcome = run_of(exam, carrier, lesion);
    ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
    const auto numbers = numbers_of(outcome.measurements());
    EXPECT_GT(numbers.size(), 100u);
    if (of_seg.empty()) of_seg = numbers;
    expect_equal(numbers, of_seg);
    for (const Slot& slot : kSlots) compare_with_count(outcome, lesion.mask, slot);
  }
}

TEST(OutlinedExam, MapsAreThoseOfTheExamWithoutAnOutline) {
  Exam exam;
  const auto maps = maps_of(exam.without());
  EXPECT_GT(maps.size(), 5u);
  for (const Carrier& carrier : kCarriers)
    EXPECT_EQ(maps_of(run_of(exam, carrier, exam.lesion())), maps) << carrier.name;
}

// --- grids of no map

OutlinedLesion shifted(OutlinedLesion lesion, double columns, double rows) {
  fitting::Geometry& grid = lesion.mask.geometry;
  for (fitting::Vec3& origin : grid.slice_origins_mm)
    origin +=
        grid.row_direction * (columns * grid.column_spacing_mm) + grid.column_direction * (rows * grid.row_spacing_mm);
  return lesion;
}

// How far one voxel on the edge can move a mean: the range of the values there, divided by their number.
double one_voxel(const Counted& counted) {
  std::vector<double> all = counted.sure;
  all.insert(all.end(), counted.doubtful.begin(), counted.doubtful.end());
  const auto [least, most] = std::ranges::minmax(all);
  return (most - least) / static_cast<double>(counted.sure.size());
}

// Samples tell the share of a voxel to a part in `kSamples`; what lies nearer to a half may be counted or not.
void compare_in_doubt(const Outcome& outcome, const fitting::Mask& mask, const Slot& slot) {
  SCOPED_TRACE(slot.folder);
  const auto map = processing::read_map(outcome.file(std::string(slot.folder) + "/pm_real"));
  const auto slices = reported(outcome.measurements(), slot.title);
  EXPECT_FALSE(slices.empty());
  for (const auto& [slice, found] : slices) {
    SCOPED_TRACE(slice);
    const Counted counted = count(mask, map, slice, 1.0 / kSamples);
    ASSERT_FALSE(counted.sure.empty());
    const double sure = static_cast<double>(counted.sure.size()),
                 doubtful = static_cast<double>(counted.doubtful.size());
    EXPECT_LE(doubtful, 2 + 0.15 * sure) << "the count says too little";
    EXPECT_GE(found.voxels, sure);
    EXPECT_LE(found.voxels, sure + doubtful);
    EXPECT_NEAR(found.mean, mean(counted.sure), doubtful * one_voxel(counted) + 1e-6 * found.mean);
  }
}

TEST(OutlinedExam, OfASegmentationWhoseGridIsThatOfNoSeriesIsMeasuredByTheAreaRule) {
  Exam exam;
  const OutlinedLesion lesion = shifted(exam.lesion(), 0.37, 0.21);
  const Outcome outcome = run_of(exam, kCarriers[0], lesion);
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  for (const Slot& slot : kSlots) compare_in_doubt(outcome, lesion.mask, slot);
}

// --- matrices whose bits do not end with a byte

class OutlinedMatrix : public testing::TestWithParam<int> {};

TEST_P(OutlinedMatrix, IsMeasuredAsCounted) {
  Exam exam(GetParam());
  const OutlinedLesion lesion = exam.lesion();
  const Outcome outcome = run_of(exam, kCarriers[0], lesion);
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  for (const Slot& slot : kSlots) {
    // Diffusion has half the matrix, rounded down: of an odd one its voxels are not those of the outline two by two.
    const bool unaligned = GetParam() % 2 != 0 && slot.folder == std::string("dwi");
    unaligned ? compare_in_doubt(outcome, lesion.mask, slot) : compare_with_count(outcome, lesion.mask, slot);
  }
}

INSTANTIATE_TEST_SUITE_P(OfEveryRemainderByEight, OutlinedMatrix, testing::Range(96, 104));

}  // namespace
