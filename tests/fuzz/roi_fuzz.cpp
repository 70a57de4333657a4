// Outlines in any carrier, and the facts of a report. Every image that they name is here: 32 x 32 pixels, its slice by
// the last digit of its UID; images of UIDs that end in 9 are not.
#include "dicom/input/roi.h"
#include "dicom/input/stated_facts.h"
#include "tests/fuzz/memory_file.h"

namespace {

std::optional<dicom::Instance> find_image(const std::string& uid, int frame) {
  if (uid.empty() || uid.back() == '9' || frame > 1) return std::nullopt;
  dicom::Instance image;
  image.rows = image.columns = 32;
  image.row_spacing_mm = image.column_spacing_mm = 1;
  image.slice_thickness_mm = 3;
  image.position_mm = {0, 0, 3.0 * (uid.back() - '0')};
  image.frame_of_reference_uid = "1.2.3.0";
  image.has_geometry = true;
  return image;
}

void check(const dicom::RoiObject& object) {
  for (const dicom::Region& region : object.regions) {
    fuzz::require(!region.mask.geometry.slice_origins_mm.empty());
    fuzz::require(region.mask.inside.size() == region.mask.geometry.voxels());
    fuzz::require(region.mask.count() > 0);
    fuzz::require(region.mask.geometry.slice_thickness_mm > 0 || object.carrier == "SEG");
    for (int slice = 1; slice < region.mask.geometry.slices(); ++slice)
      fuzz::require(region.mask.geometry.height_mm(slice) > region.mask.geometry.height_mm(slice - 1));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  for (const dicom::FindImage& images : {dicom::FindImage(find_image), dicom::FindImage()}) {
    const auto object = dicom::read_roi(file.path(), images);
    if (object) check(*object);
  }
  const auto facts = dicom::read_stated_facts(file.path());
  if (facts)
    for (const dicom::StatedFact& fact : *facts) fuzz::require(!fact.name.empty() && !fact.answer.empty());
  return 0;
}
