#pragma once
// Small series and exams of invented signals, and judges of what is written of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "dicom/dcmtk.h"
#include "dicom/output/scanner_images.h"
#include "dicom/uid.h"

namespace dicom::samples {

inline fitting::Geometry stack(int columns, int rows, int slices) {
  fitting::Geometry geometry;
  geometry.columns = columns;
  geometry.rows = rows;
  geometry.column_spacing_mm = 300.0 / 448;  // does not fit a decimal string exactly
  geometry.row_spacing_mm = 1.25;
  geometry.slice_thickness_mm = 4;
  for (int slice = 0; slice < slices; ++slice) geometry.slice_origins_mm.emplace_back(-20.5, -30.25, -10 + 5.2 * slice);
  return geometry;
}

inline SimulatedExam exam(Scanner scanner = Scanner::SkyraE11) {
  return {.study_uid = uid_from_name("study"),
          .frame_of_reference_uid = uid_from_name("frame"),
          .patient_id = "SIM-1",
          .patient_name = "Simulated^Breast",
          .accession_number = "SIM1",
          .date = "20260105",
          .start_s = 36000,
          .scanner = scanner};
}

// Signal of contrast c in voxel v is 100 c + v / 10.
inline SimulatedSeries series(std::size_t contrasts, const fitting::Geometry& geometry = stack(9, 7, 3)) {
  SimulatedSeries made{.series_uid = uid_from_name("series"),
                       .series_number = 7,
                       .description = "T2Map",
                       .protocol = "T2Map",
                       .image_type = {"ORIGINAL", "PRIMARY", "M", "ND"},
                       .scanning_sequence = "SE",
                       .sequence_variant = "SP",
                       .sequence_name = "*se2d" + std::to_string(contrasts),
                       .acquisition_type = "2D",
                       .start_s = 36059.9,
                       .seconds_per_image = 0.2,
                       .echo_train_length = static_cast<int>(contrasts)};
  made.series.geometry = geometry;
  made.series.protocol.repetition_time_ms = 2410;
  for (std::size_t c = 0; c < contrasts; ++c) {
    made.contrasts.push_back({.echo_time_ms = 13.8 * static_cast<double>(c + 1), .flip_angle_deg = 180});
    std::vector<float> plane(geometry.voxels());
    for (std::size_t v = 0; v < plane.size(); ++v)
      plane[v] = 100.0F * static_cast<float>(c) + static_cast<float>(v) / 10;
    made.series.planes.emplace_back(std::move(plane));
  }
  return made;
}

inline std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What `program` prints about `file`, both names being ours; nullopt where the program is not installed.
inline std::optional<std::string> output_of(const std::string& program, const std::filesystem::path& file) {
  if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0) return std::nullopt;
  std::FILE* pipe = popen((program + " '" + file.string() + "' 2>&1").c_str(), "r");
  std::string output;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof part, pipe)) output.append(part, size);
  pclose(pipe);
  return output;
}

// dciodvfy names the kind of object that it took the file for, then what is wrong with it.
#define EXPECT_VALID(path, kind)                                                \
  if (const auto judged = dicom::samples::output_of("dciodvfy", path); !judged) \
    GTEST_SKIP() << "dciodvfy (package dicom3tools) is not installed";          \
  else                                                                          \
    EXPECT_THAT(*judged, testing::AllOf(testing::HasSubstr(kind), testing::Not(testing::HasSubstr("Error"))))

struct Loaded {
  DcmFileFormat file;
  explicit Loaded(const std::filesystem::path& path) {
    EXPECT_TRUE(file.loadFile(path.c_str()).good());
    EXPECT_TRUE(file.loadAllDataIntoMemory().good());
  }
  DcmItem& operator*() { return *file.getDataset(); }
  std::string operator[](const DcmTagKey& tag) { return text(**this, tag); }
};

}  // namespace dicom::samples
