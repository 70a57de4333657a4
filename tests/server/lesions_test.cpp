// Which outlines are lesions, and which of them the models see.
#include "server/measuring/lesions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/roi_objects.h"
#include "tests/support/temp_folder.h"

namespace {

using server::measuring::Outlines;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Writer = void (*)(const support::OutlinedLesion&, const std::filesystem::path&);

const dicom::Code kNobodySays{}, kNeoplasm{"108369006", "SCT", "Neoplasm"}, kMuscle{"91727004", "SCT", "Muscle"};

struct Drawn {
  int from = 2, to = 6;  // columns of a square of that size, without the last
  dicom::Code type = kNobodySays;
  std::string interpreted_type = {};
  std::string tracking_uid = {};
  Writer write = support::write_rtstruct;
};

support::OutlinedLesion square(const Drawn& drawn) {
  fitting::Mask mask;
  mask.geometry.columns = mask.geometry.rows = 32;
  mask.geometry.slice_thickness_mm = 3;
  mask.geometry.slice_origins_mm.emplace_back(0, 0, 0);
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 32; ++column)
      mask.inside.push_back(column >= drawn.from && column < drawn.to && row >= 2 && row < 2 + drawn.to - drawn.from);
  support::OutlinedLesion lesion = support::outlined(mask);
  lesion.type = drawn.type;
  lesion.interpreted_type = drawn.interpreted_type;
  lesion.tracking_uid = drawn.tracking_uid;
  return lesion;
}

class Lesions : public testing::Test {
 protected:
  // The outlines, one object each, called "1", "2" …
  Outlines read(const std::vector<Drawn>& all) {
    std::vector<std::string> uids;
    for (const Drawn& drawn : all) {
      support::OutlinedLesion lesion = square(drawn);
      const std::string number = std::to_string(++objects_);
      lesion.label = std::to_string(uids.size() + 1);
      lesion.sop_instance_uid += "." + number;
      drawn.write(lesion, folder_ / number);
      storage::InstanceRow row{lesion.sop_instance_uid,
                               "1.2",
                               lesion.study_uid,
                               lesion.series_uid,
                               "1.2.840.10008.1.2",
                               folder_ / number,
                               "digest",
                               1,
                               "folder",
                               server::now()};
      EXPECT_TRUE(storage::Index(context_.database).add(row).has_value());
      uids.push_back(lesion.sop_instance_uid);
    }
    return server::measuring::read_outlines(context_, uids);
  }
  // The label of the lesion that the models see; "" without one. Remarks are added to those of the outlines.
  static std::string for_models(Outlines& outlines) {
    const auto* lesion = server::measuring::lesion_for_models(outlines.lesions, outlines.remarks);
    return lesion != nullptr ? lesion->tracking_id : "";
  }
  std::string seen(const std::vector<Drawn>& all) {
    Outlines outlines = read(all);
    EXPECT_EQ(outlines.lesions.size(), all.size()) << "all are measured";
    return for_models(outlines);
  }

  support::TempFolder folder_;
  server::Context context_{.settings = {},
                           .recipe = {},
                           .models = {},
                           .store = storage::ObjectStore::open({.root = folder_ / "store"}).value(),
                           .database = storage::Database::open(folder_ / "index.db").value()};
  int objects_ = 0;
};

TEST_F(Lesions, AreNotTheBodyHoweverLargeItIs) {
  EXPECT_EQ(seen({{2, 30, kNobodySays, "EXTERNAL"}, {2, 6, kNobodySays, "GTV"}}), "2");
  EXPECT_EQ(seen({{2, 30, kNobodySays, "EXTERNAL"}, {2, 6}}), "2");
  for (const char* type : {"EXTERNAL", "ORGAN", "SUPPORT", "FIXATION", "MARKER", "CTV", "PTV"}) {
    EXPECT_EQ(seen({{2, 30, kNobodySays, type}}), "") << type;
    EXPECT_EQ(seen({{2, 30, kNeoplasm, type}}), "") << type;
  }
}

TEST_F(Lesions, AreThoseThatAreCodedAsOneWhateverElseIsOutlined) {
  EXPECT_EQ(seen({{2, 30}, {2, 6, kNeoplasm}}), "2");
  EXPECT_EQ(seen({{2, 30, kNobodySays, "", "", support::write_seg}, {2, 6, kNeoplasm}}), "2");
  EXPECT_EQ(seen({{2, 30, kMuscle}, {2, 6, {"52988006", "SCT", "Lesion"}, "", "", support::write_seg}}), "2");
}

TEST_F(Lesions, AreNoneOfSeveralOfWhichNobodySaysWhatTheyAre) {
  Outlines outlines = read({{2, 8}, {12, 16}, {2, 30, kMuscle}});
  EXPECT_EQ(for_models(outlines), "");
  EXPECT_EQ(outlines.lesions.size(), 3u);
  EXPECT_EQ(server::measuring::distinct_lesions(outlines.lesions), 0u);
  EXPECT_THAT(outlines.remarks, Contains(HasSubstr("2 outlines and none is marked as a lesion")));
  EXPECT_EQ(outlines.lesions[0].type.meaning, "Tissue") << "a report would call it a neoplasm";
}

TEST_F(Lesions, MayBeAnOutlineOfWhichNobodySaysWhatItIsWhenItIsAlone) {
  for (const Writer write : {support::write_rtstruct, support::write_seg}) {
    Outlines outlines = read({{2, 8, kNobodySays, "", "", write}});
    EXPECT_EQ(for_models(outlines), "1");
    EXPECT_THAT(outlines.remarks, Contains(HasSubstr("not marked as a lesion; it is taken for one")));
  }
  EXPECT_EQ(seen({{2, 8, {"85756007", "SCT", "Tissue"}}}), "1") << "as viewers write it unasked";
  EXPECT_EQ(seen({{2, 8, kMuscle}}), "");
}

TEST_F(Lesions, ThatOverlapByMoreThanHalfCountOnce) {
  Outlines outlines = read({{2, 12, kNeoplasm, "", "1.2.9.1"}, {3, 12, kNeoplasm, "", "1.2.9.2"}});
  ASSERT_EQ(outlines.lesions.size(), 2u);
  EXPECT_EQ(server::measuring::distinct_lesions(outlines.lesions), 1u);
  EXPECT_FALSE(outlines.lesions[0].same_as_larger);
  EXPECT_EQ(for_models(outlines), "1");
  EXPECT_THAT(outlines.remarks, Contains(HasSubstr("counted as one")));
  EXPECT_THAT(outlines.remarks, Not(Contains(HasSubstr("lesions are outlined"))));
  outlines = read({{2, 12, kNeoplasm, "", "1.2.9.1"}, {20, 26, kNeoplasm, "", "1.2.9.2"}});
  EXPECT_EQ(server::measuring::distinct_lesions(outlines.lesions), 2u);
}

TEST_F(Lesions, KeepAValidIdentifierWhenTheirsIsNone) {
  const Outlines outlines = read({{2, 8, kNeoplasm, "", "lesion-1"}});
  ASSERT_EQ(outlines.lesions.size(), 1u);
  EXPECT_THAT(outlines.lesions[0].tracking_uid, testing::StartsWith("2.25."));
  EXPECT_THAT(outlines.remarks, Contains(HasSubstr("Tracking UID is not a UID")));
}

}  // namespace
