#include <gtest/gtest.h>

#include "dicom/input/acquisition.h"
#include "dicom/input/roi.h"
#include "dicom/input/stored_map.h"
#include "tests/support/test_data.h"

TEST(OddFiles, AreReadOrRefusedButNeverFatal) {
  HERALD_NEEDS_DATA("odd");
  std::vector<dicom::Instance> images;
  std::size_t refused = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "odd")) {
    if (!entry.is_regular_file()) continue;
    auto image = dicom::read_instance(entry.path());
    image ? images.push_back(std::move(*image)) : void(++refused);
    const auto regions = dicom::read_roi(entry.path());
    EXPECT_TRUE(!regions || !regions->sop_instance_uid.empty());
    const auto map = dicom::read_parametric_map(entry.path());
    EXPECT_TRUE(!map || !map->value.empty());
  }
  EXPECT_GT(images.size(), 300u);
  EXPECT_GT(refused, 50u);
  for (const auto& acquisition : dicom::group(images).acquisitions)
    static_cast<void>(dicom::load_series(acquisition, images, 2));
}

TEST(OddFiles, GiveUpTheirPixelsOrAnErrorInAnyTransferSyntax) {
  HERALD_NEEDS_DATA("odd");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "odd")) {
    if (!entry.is_regular_file()) continue;
    auto image = dicom::read_instance(entry.path());
    if (!image || image->rows <= 0 || image->columns <= 0) continue;
    const std::vector<dicom::Instance> images{*image};
    dicom::Acquisition single;
    single.instances = {0};
    single.volumes = {{1.0, {{0}}}};
    single.geometry.rows = image->rows;
    single.geometry.columns = image->columns;
    single.geometry.slice_origins_mm = {image->position_mm};
    const auto loaded = dicom::load_series(single, images, 1);
    EXPECT_TRUE(!loaded || loaded->series.planes[0].size() == single.geometry.voxels());
  }
}
