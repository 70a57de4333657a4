#include "dicom/output/scanner_images.h"

#include <string_view>

#include "dicom/output/elements.h"
#include "dicom/output/scanner_parts.h"

namespace dicom {
namespace {

using output::Image;

constexpr double kSecondsPerDay = 86400;

void check_request(const SimulatedExam& exam, const SimulatedSeries& series) {
  const fitting::Geometry& geometry = series.series.geometry;
  if (series.contrasts.empty() || series.contrasts.size() != series.series.planes.size())
    fail(Fault::Malformed, "a simulated series needs the parameters of every contrast");
  for (const auto& plane : series.series.planes)
    if (plane.size() != geometry.voxels() || plane.size() == 0)
      fail(Fault::Malformed, "a simulated plane does not fit its geometry");
  if (exam.start_s < 0 || series.start_s < exam.start_s || output::reconstructed_s(series) >= kSecondsPerDay)
    fail(Fault::Malformed, "a simulated series must begin and end on the day of its exam");
}

bool is_enhanced(Scanner scanner) { return scanner == Scanner::SkyraXa60 || scanner == Scanner::AeraXa60; }

std::vector<Written> write_images(const SimulatedExam& exam, const SimulatedSeries& series,
                                  const std::filesystem::path& folder) {
  const auto write = exam.scanner == Scanner::Architect ? output::write_ge_image : output::write_siemens_image;
  std::vector<Written> written;
  int instance = series.first_instance;
  for (int contrast = 0; contrast < static_cast<int>(series.contrasts.size()); ++contrast)
    for (int slice = 0; slice < series.series.geometry.slices(); ++slice)
      written.push_back(write({exam, series, {contrast, slice, instance++}}, folder));
  return written;
}

// Instances of classic images are slices, here they are volumes.
std::vector<Written> write_objects(const SimulatedExam& exam, const SimulatedSeries& series,
                                   const std::filesystem::path& folder) {
  const int last = static_cast<int>(series.contrasts.size()) - 1;
  int instance = (series.first_instance - 1) / series.series.geometry.slices() + 1;
  if (output::is_multi_echo(series)) return {output::write_enhanced_object(exam, series, 0, last, instance, folder)};
  std::vector<Written> written;
  for (int contrast = 0; contrast <= last; ++contrast)
    written.push_back(output::write_enhanced_object(exam, series, contrast, contrast, instance++, folder));
  return written;
}

}  // namespace

Result<std::vector<Written>> write_scanner_series(const SimulatedExam& exam, const SimulatedSeries& series,
                                                  const std::filesystem::path& folder) {
  return guarded([&] {
    initialise_dcmtk();
    check_request(exam, series);
    std::filesystem::create_directories(folder);
    return is_enhanced(exam.scanner) ? write_objects(exam, series, folder) : write_images(exam, series, folder);
  });
}

}  // namespace dicom
