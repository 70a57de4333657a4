#include "server/measuring/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace server::measuring {
namespace {

using testing::ElementsAre;

Lesion lesion_called(const std::string& name, const std::string& uid) {
  Lesion lesion;
  lesion.tracking_id = name;
  lesion.tracking_uid = uid;
  lesion.readings.resize(1);
  return lesion;
}

TEST(ResultsPage, NumbersTheLesionsWhoseAuthorMayHaveCalledThemByAPersonsName) {
  const std::vector<Lesion> lesions = {lesion_called("Doe", "2.25.1"), lesion_called("Doe Jane", "2.25.2")};
  Findings findings;
  findings.remarks = {"Doe Jane on t2: its largest slice has only 9 voxels.",
                      "Doe and Doe Jane overlap by 60 % (Dice).",
                      "2 lesions are outlined; the nomograms use the largest."};
  const auto page = results_page({}, lesions, findings, {});
  EXPECT_THAT(page.flags, ElementsAre("Lesion 2 on t2: its largest slice has only 9 voxels.",
                                      "Lesion 1 and Lesion 2 overlap by 60 % (Dice).", findings.remarks[2]));
}

TEST(ResultsPage, PrintsUnitsAsItsPicturesDoAndLeavesOutWhatHasNoValue) {
  const std::vector<Lesion> lesions = {lesion_called("A", "2.25.1")};
  Findings findings;
  findings.derived = {{.region_uid = "2.25.1", .name = "Volume", .unit = "mm3", .value = 5015.26, .how = ""},
                      {.region_uid = "2.25.1", .name = "T1 change", .unit = "ms", .value = {}, .missing = "no T1"},
                      {.region_uid = "2.25.1", .name = "t2 mean (consensus)", .unit = "ms", .value = 82, .how = ""}};
  const auto page = results_page({}, lesions, findings, {});
  ASSERT_EQ(page.rows.size(), 1u) << "the row of a map has the consensus already";
  EXPECT_THAT(page.rows[0].cells, ElementsAre("1", "Volume", "mm³", "5015"));
}

}  // namespace
}  // namespace server::measuring
