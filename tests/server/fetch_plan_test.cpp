#include "server/fetch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using server::AtHand;
using server::plan_fetches;
using storage::PeerSeries;
using testing::ElementsAre;
using testing::IsEmpty;

PeerSeries series(const std::string& uid, std::int64_t number, std::uint64_t images) {
  return {.series_uid = uid, .number = number, .modality = "MR", .instances = images};
}

std::vector<std::string> planned(const std::vector<PeerSeries>& there, const AtHand& here,
                                 const config::Query& query = {}) {
  std::vector<std::string> uids;
  for (const PeerSeries& one : plan_fetches(there, here, query)) uids.push_back(one.series_uid);
  return uids;
}

TEST(FetchPlan, FetchesASeriesOfWhichThePacsHasMore) {
  const AtHand here{.images = {{"1.7", 25}, {"1.8", 30}, {"1.9", 31}}};
  EXPECT_THAT(planned({series("1.7", 7, 30), series("1.8", 8, 30), series("1.9", 9, 30)}, here), ElementsAre("1.7"));
}

TEST(FetchPlan, FetchesWhatIsNotHereAtAllOnlyWhileTheRecipeLacksSomething) {
  AtHand here{.images = {{"1.7", 30}}};
  EXPECT_THAT(planned({series("1.7", 7, 30), series("1.8", 8, 30)}, here), IsEmpty());
  here.slots_lack = true;
  EXPECT_THAT(planned({series("1.7", 7, 30), series("1.8", 8, 30)}, here), ElementsAre("1.8"));
}

TEST(FetchPlan, TakesWhatIsHereInPartFirstAndEachKindByNumber) {
  const AtHand here{.images = {{"1.9", 1}, {"1.12", 1}}, .slots_lack = true};
  EXPECT_THAT(
      planned({series("1.12", 12, 30), series("1.10", 10, 30), series("1.2", 2, 30), series("1.9", 9, 30)}, here),
      ElementsAre("1.9", "1.12", "1.2", "1.10"));
}

TEST(FetchPlan, LeavesOtherModalitiesUncountedSeriesAndOurOwnResultsWhereTheyAre) {
  PeerSeries report = series("1.1", 1, 5), uncounted = series("1.2", 2, 5);
  report.modality = "SR";
  uncounted.instances.reset();
  const AtHand here{.ours = {"1.3"}, .slots_lack = true};
  EXPECT_THAT(planned({report, uncounted, series("1.3", 3, 5), series("1.4", 4, 0)}, here), IsEmpty());
}

TEST(FetchPlan, GivesASeriesUpAfterItsAttempts) {
  PeerSeries tried = series("1.7", 7, 30);
  const AtHand here{.images = {{"1.7", 25}}};
  tried.fetches = 2;
  EXPECT_THAT(planned({tried}, here, {.attempts = 3}), ElementsAre("1.7"));
  tried.fetches = 3;
  EXPECT_THAT(planned({tried}, here, {.attempts = 3}), IsEmpty());
}

TEST(FetchPlan, KeepsWithinItsLimitsAndSkipsOnlyWhatIsTooLarge) {
  const AtHand here{.slots_lack = true};
  const std::vector there{series("1.1", 1, 60), series("1.2", 2, 60), series("1.3", 3, 30), series("1.4", 4, 1)};
  EXPECT_THAT(planned(there, here, {.most_instances_per_study = 100}), ElementsAre("1.1", "1.3", "1.4"));
  EXPECT_THAT(planned(there, here, {.most_series_per_study = 2}), ElementsAre("1.1", "1.2"));
}

struct Exam {
  config::Recipe recipe;
  dicom::Grouping grouping;
  std::vector<server::Placement> placements;

  Exam() {
    recipe.slots = {{"t1_pre", {"t1_vfa"}, "before", true, 5, 30, {}},
                    {"t2", {"t2_me"}, "", true, std::nullopt, std::nullopt, {}},
                    {"dwi", {"dwi"}, "", false, std::nullopt, std::nullopt, {}}};
  }
  dicom::Acquisition& fill(std::size_t slot, std::size_t volumes, std::size_t slices) {
    dicom::Acquisition acquisition;
    acquisition.volumes.resize(volumes);
    acquisition.geometry.slice_origins_mm.resize(slices);
    server::Placement placement;
    placement.acquisition = grouping.acquisitions.size();
    placement.slot = &recipe.slots[slot];
    placements.push_back(placement);
    return grouping.acquisitions.emplace_back(std::move(acquisition));
  }
  std::vector<std::string> lacking() const { return server::lacking_slots(recipe, placements, grouping); }
};

TEST(LackingSlots, AreTheRequiredOnesThatNothingFills) {
  Exam exam;
  EXPECT_THAT(exam.lacking(), ElementsAre("t1_pre", "t2"));
  exam.fill(0, 5, 30);
  EXPECT_THAT(exam.lacking(), ElementsAre("t2"));
  exam.fill(1, 8, 20);
  EXPECT_THAT(exam.lacking(), IsEmpty());
}

TEST(LackingSlots, AreAlsoThoseWithFewerVolumesOrSlicesThanTheRecipeExpects) {
  for (const auto& [volumes, slices] : {std::pair<std::size_t, std::size_t>{4, 30}, {5, 29}}) {
    Exam exam;
    exam.fill(1, 8, 20);
    exam.fill(0, volumes, slices);
    EXPECT_THAT(exam.lacking(), ElementsAre("t1_pre"));
  }
}

TEST(LackingSlots, AreAlsoThoseThatAreFilledByWhatCannotBeFitted) {
  Exam exam;
  exam.fill(0, 5, 30);
  exam.fill(1, 8, 20).problem = "echo 3 has 29 of 30 slices";
  EXPECT_THAT(exam.lacking(), ElementsAre("t2"));
}

}  // namespace
