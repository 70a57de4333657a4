#include "server/slots.h"

#include <gtest/gtest.h>

namespace {

using dicom::Contrast;
using dicom::Kind;
using server::place;

config::Recipe recipe() {
  config::Recipe r;
  r.name = "test";
  r.slots = {{"t1_pre", {"t1_vfa"}, "before", true, std::nullopt, std::nullopt, {"t1map_pre"}},
             {"t1_post", {"t1_vfa"}, "after", true, std::nullopt, std::nullopt, {"t1map_post"}},
             {"t2", {"t2_me"}, "", false, 8, 30, {}},
             {"t1", {"t1_vfa"}, "", false, std::nullopt, std::nullopt, {}}};
  return r;
}

struct Exam {
  dicom::Grouping grouping;
  std::vector<dicom::Instance> instances;

  dicom::Acquisition& add(Kind kind, Contrast contrast, const std::string& description, int volumes) {
    dicom::Acquisition acquisition;
    acquisition.kind = kind;
    acquisition.contrast = contrast;
    acquisition.volumes.resize(static_cast<std::size_t>(volumes));
    acquisition.geometry.slice_origins_mm.resize(30);
    dicom::Instance image;
    image.series_description = description;
    acquisition.instances = {instances.size()};
    instances.push_back(image);
    grouping.acquisitions.push_back(acquisition);
    return grouping.acquisitions.back();
  }
  server::Placement placed(bool quiet) const {
    static const config::Recipe kRecipe = recipe();
    return place(grouping, instances, kRecipe, quiet).front();
  }
};

TEST(Slots, TakesAnAcquisitionByItsTimeWithRespectToContrast) {
  Exam exam;
  exam.add(Kind::T1Vfa, Contrast::After, "vibe", 5);
  const auto placement = exam.placed(true);
  ASSERT_NE(placement.slot, nullptr);
  EXPECT_EQ(placement.slot->name, "t1_post");
  EXPECT_FALSE(placement.closed_by.empty());
}

TEST(Slots, ARecipesDescriptionSettlesWhatTheHeadersLeaveOpen) {
  Exam exam;
  exam.add(Kind::T1Vfa, Contrast::Unknown, "T1Map_pre fa5", 5);
  const auto placement = exam.placed(true);
  EXPECT_EQ(placement.slot->name, "t1_pre");
  EXPECT_EQ(placement.contrast, Contrast::Before);
}

TEST(Slots, LeavesAloneWhatDescriptionAndHeadersContradict) {
  Exam exam;
  exam.add(Kind::T1Vfa, Contrast::After, "T1Map_pre fa5", 5);
  const auto placement = exam.placed(true);
  EXPECT_EQ(placement.slot, nullptr);
  EXPECT_NE(placement.refused.find("left alone"), std::string::npos);
}

TEST(Slots, ClosesAtOnceWhenTheRecipesCountsAreMet) {
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "t2", 8);
  EXPECT_FALSE(exam.placed(false).closed_by.empty());
}

TEST(Slots, AllEchoesOfHalfAStackAreNotComplete) {
  Exam exam;
  auto& acquisition = exam.add(Kind::T2MultiEcho, Contrast::Unknown, "t2", 8);
  acquisition.echoes_agree = true;
  acquisition.geometry.slice_origins_mm.resize(15);
  EXPECT_TRUE(exam.placed(false).closed_by.empty());
  EXPECT_NE(exam.placed(true).closed_by.find("expects 30 slices, 15 came"), std::string::npos);
}

TEST(Slots, ClosesAtOnceWhenTheScannersCountIsMet) {
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "t2", 6).images_agree = true;
  EXPECT_FALSE(exam.placed(false).closed_by.empty());
}

TEST(Slots, WithoutACountWaitsForTheQuietPeriodAndSaysWhatWasMissing) {
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "t2", 6);
  EXPECT_TRUE(exam.placed(false).closed_by.empty());
  EXPECT_FALSE(exam.placed(false).waiting_for.empty());
  EXPECT_NE(exam.placed(true).closed_by.find("expects 8"), std::string::npos);
}

TEST(Slots, ASetWhoseContrastMayStillBecomeKnownIsNotSettledEarly) {
  Exam exam;
  exam.add(Kind::T1Vfa, Contrast::Unknown, "vibe", 5).images_agree = true;
  EXPECT_FALSE(exam.placed(false).waiting_for.empty());
  EXPECT_EQ(exam.placed(true).slot->name, "t1");
}

TEST(Slots, WhatCannotBeFittedIsExplainedNeverGuessed) {
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "t2", 8).problem = "echo 3 has 29 of 30 slices";
  EXPECT_EQ(exam.placed(false).waiting_for, "more images: echo 3 has 29 of 30 slices");
  EXPECT_EQ(exam.placed(true).refused, "echo 3 has 29 of 30 slices");
  EXPECT_TRUE(exam.placed(true).closed_by.empty());
}

config::Recipe of_slots(std::vector<config::Slot> slots) {
  config::Recipe r;
  r.name = "test";
  r.slots = std::move(slots);
  return r;
}

config::Slot slot(const char* name, std::vector<std::string> kinds) {
  config::Slot s;
  s.name = name;
  s.kinds = std::move(kinds);
  return s;
}

void set_values(dicom::Acquisition& acquisition, const std::vector<double>& values) {
  acquisition.volumes.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) acquisition.volumes[i].axis = values[i];
}

TEST(Slots, TellTwoMeasurementsOfOneKindApartByTheirValues) {
  config::Recipe r = of_slots({slot("short", {"dwi"}), slot("kurtosis", {"dwi"})});
  r.slots[1].values = {0, 800, 2000};
  Exam exam;
  set_values(exam.add(Kind::Diffusion, Contrast::Unknown, "", 0), {0, 810, 1400, 2000});
  set_values(exam.add(Kind::Diffusion, Contrast::Unknown, "", 0), {0, 800});
  const auto placements = place(exam.grouping, exam.instances, r, true);
  ASSERT_TRUE(placements[0].slot != nullptr && placements[1].slot != nullptr);
  EXPECT_EQ(placements[0].slot->name, "kurtosis");
  EXPECT_EQ(placements[1].slot->name, "short");
  r.slots.erase(r.slots.begin());
  EXPECT_EQ(place(exam.grouping, exam.instances, r, true)[1].refused, "it lacks values that slot kurtosis asks for");
}

TEST(Slots, PreferTheKindThatTheRecipeNamesFirst) {
  const config::Recipe r = of_slots({slot("symri", {"symri_maps", "mdme"})});
  Exam exam;
  exam.add(Kind::Mdme, Contrast::Unknown, "", 8).time_s = 100;
  auto only = place(exam.grouping, exam.instances, r, true);
  EXPECT_FALSE(only[0].closed_by.empty());
  exam.add(Kind::SyntheticMaps, Contrast::Unknown, "", 3).time_s = 100;
  auto both = place(exam.grouping, exam.instances, r, true);
  EXPECT_EQ(both[0].refused, "slot symri is filled by synthetic MRI, maps exported by SyMRI, which the recipe prefers");
  EXPECT_FALSE(both[1].closed_by.empty());
  exam.grouping.acquisitions[1].time_s = 1000;  // of another measurement
  EXPECT_FALSE(place(exam.grouping, exam.instances, r, true)[0].closed_by.empty());
  exam.grouping.acquisitions[1].time_s = 100;
  exam.grouping.acquisitions[1].problem = "map T2 has 29 of 30 slices";
  both = place(exam.grouping, exam.instances, r, true);
  EXPECT_FALSE(both[0].closed_by.empty());
}

TEST(Slots, TakeTheLaterOfTwoEqualMeasurementsThatFollowEachOther) {
  const config::Recipe r = of_slots({slot("t2", {"t2_me"}), slot("dwi", {"dwi"})});
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "", 8).time_s = 100;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "", 8).time_s = 400;
  auto placements = place(exam.grouping, exam.instances, r, true);
  EXPECT_EQ(placements[0].refused, "it was acquired again with the same protocol: the later images are used");
  EXPECT_FALSE(placements[1].closed_by.empty());
  exam.grouping.acquisitions[1].problem = "echo 3 has 29 of 30 slices";  // then the first one is what there is
  EXPECT_FALSE(place(exam.grouping, exam.instances, r, true)[0].closed_by.empty());
  exam.grouping.acquisitions[1].problem.clear();
  exam.add(Kind::Diffusion, Contrast::Unknown, "", 2).time_s = 200;  // something else in between: not a repetition
  EXPECT_FALSE(place(exam.grouping, exam.instances, r, true)[0].closed_by.empty());
}

TEST(Slots, NeverTakeAMeasurementOfAnotherPlaceForARepetition) {
  const config::Recipe r = of_slots({slot("t2", {"t2_me"})});
  Exam exam;
  exam.add(Kind::T2MultiEcho, Contrast::Unknown, "", 8).time_s = 100;
  auto& other = exam.add(Kind::T2MultiEcho, Contrast::Unknown, "", 8);
  other.time_s = 400;
  for (auto& origin : other.geometry.slice_origins_mm) origin.x() += 80;
  EXPECT_FALSE(place(exam.grouping, exam.instances, r, true)[0].closed_by.empty());
}

TEST(Slots, AKindThatTheRecipeDoesNotKnowFitsNoSlot) {
  Exam exam;
  exam.add(Kind::Diffusion, Contrast::Unknown, "dwi", 2);
  EXPECT_EQ(exam.placed(true).slot, nullptr);
  EXPECT_FALSE(exam.placed(true).refused.empty());
}

}  // namespace
