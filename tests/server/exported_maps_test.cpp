#include "server/exported_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fitting/grid.h"

namespace {

using fitting::VoxelStatus;
using testing::ElementsAre;

TEST(ExportedMaps, KeepTheValuesAndDropWhatIsNoQuantity) {
  fitting::Series series;
  series.geometry = fitting::axial(4, 1, 1);
  series.planes = {fitting::Plane(std::vector<float>{1200, 0, -3, 65535}),
                   fitting::Plane(std::vector<float>{81.25, 80, 79, 78})};
  dicom::Acquisition acquisition;
  acquisition.volumes = {{1, {}}, {3, {}}};  // T1 and PD; T2 was not exported
  const fitting::Fit fit = server::exported_maps(series, acquisition);
  ASSERT_EQ(fit.maps.size(), 2u);
  EXPECT_EQ(fit.maps[0].parameter.name, "T1");
  EXPECT_EQ(fit.maps[0].parameter.unit, "ms");
  EXPECT_THAT(fit.maps[0].value, ElementsAre(1200, 0, 0, 0));
  EXPECT_EQ(fit.maps[1].parameter.name, "PD");
  EXPECT_EQ(fit.maps[1].parameter.unit, "%");
  EXPECT_THAT(fit.maps[1].value, ElementsAre(81.25, 80, 79, 78));
  EXPECT_THAT(fit.status,
              ElementsAre(VoxelStatus::Good, VoxelStatus::NotFitted, VoxelStatus::AtBound, VoxelStatus::AtBound));
  EXPECT_THAT(fit.model->equation, testing::HasSubstr("not by Herald"));
}

}  // namespace
