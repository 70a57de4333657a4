#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "dicom/input/acquisition.h"
#include "tests/dicom/input/synthetic_scans.h"

using namespace synthetic;
using dicom::Acquisition;
using dicom::Grouping;
using dicom::Kind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

std::vector<double> axes(const Acquisition& acquisition) {
  std::vector<double> values;
  for (const dicom::Volume& volume : acquisition.volumes) values.push_back(volume.axis);
  return values;
}

Grouping grouped(const Images& images) {
  Grouping grouping = dicom::group(images);
  EXPECT_EQ(placed(grouping), images.size());
  return grouping;
}

void expect_only_problem(const Images& images, const char* problem) {
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_THAT(grouping.acquisitions[0].problem, HasSubstr(problem));
  EXPECT_FALSE(grouping.acquisitions[0].images_agree);
}

Images two_angles(int series, double time_s) {
  return together({flip_angle(series, 5, time_s), flip_angle(series + 1, 15, time_s + 60)});
}

}  // namespace

TEST(Grouping, MakesOneAcquisitionOfFlipAnglesInSeparateSeries) {
  const Images images =
      together({flip_angle(3, 15, kNoon + 60), flip_angle(2, 5, kNoon), flip_angle(4, 25, kNoon + 120)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  const Acquisition& vfa = grouping.acquisitions[0];
  EXPECT_EQ(vfa.kind, Kind::T1Vfa);
  EXPECT_TRUE(vfa.fits()) << vfa.problem;
  EXPECT_EQ(axes(vfa), (std::vector<double>{5, 15, 25}));
  EXPECT_EQ(vfa.repetition_time_ms, 5);
  EXPECT_EQ(vfa.geometry.slices(), 4);
  EXPECT_EQ(vfa.time_s, kNoon);
  EXPECT_FALSE(vfa.images_agree);  // a further flip angle may still come
}

TEST(Grouping, OrdersSlicesAlongTheNormalWhateverTheirNumbers) {
  Images images = echoes(1, 3, kNoon, 5);
  for (auto& i : images) i.position_mm.z() = 12 - i.position_mm.z();
  const Grouping grouping = grouped(images);
  const Acquisition& t2 = grouping.acquisitions.at(0);
  for (int slice = 0; slice < 5; ++slice) {
    EXPECT_EQ(t2.geometry.slice_origins_mm[slice].z(), 3.0 * slice);
    EXPECT_EQ(images[t2.volumes[0].slices[slice].at(0)].position_mm.z(), 3.0 * slice);
  }
}

TEST(Grouping, TellsSpinFromGradientEchoTrains) {
  const Grouping grouping = grouped(together({echoes(1, 6, kNoon), echoes(2, 6, kNoon + 300, 4, false)}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_EQ(grouping.acquisitions[0].kind, Kind::T2MultiEcho);
  EXPECT_EQ(grouping.acquisitions[1].kind, Kind::T2StarMultiEcho);
}

TEST(Grouping, IsTheSameForEveryOrderOfArrival) {
  Images images =
      together({described(two_angles(1, kNoon), "vfa pre"), described(two_angles(11, kNoon + 900), "vfa post"),
                echoes(21, 8, kNoon + 2000), echoes(31, 1, kNoon + 2100), diffusion(41, {0, 50, 800}, 3),
                flip_angle(51, 10, kNoon + 300)});
  images.erase(images.begin() + 9);  // some problems, too
  const std::string expected = text_of(grouped(images), images);
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(images.begin(), images.end(), random);
    EXPECT_EQ(text_of(dicom::group(images), images), expected);
  }
}

TEST(Grouping, NamesTheVolumeThatLacksASlice) {
  Images images = together({flip_angle(2, 5, kNoon), flip_angle(3, 15, kNoon + 60)});
  images.erase(images.begin() + 5);
  expect_only_problem(images, "flip angle 15 degrees has 3 of 4 slices");
}

TEST(Grouping, NamesTheEchoThatLacksASlice) {
  Images images = echoes(2, 6, kNoon);
  images.erase(images.begin() + 2);
  expect_only_problem(images, "echo time 37.5 ms has 3 of 4 slices");
}

TEST(Grouping, FindsASliceThatEveryEchoLacks) {
  Images images = echoes(2, 3, kNoon, 6);
  std::erase_if(images, [](const dicom::Instance& i) { return i.position_mm.z() == 9; });
  expect_only_problem(images, "slices are 3 to 6 mm apart");
}

TEST(Grouping, NotesAnEvenSpacingThatTheHeaderContradicts) {
  const Images images = with(echoes(2, 3, kNoon), [](auto& i) { i.spacing_between_slices_mm = 12; });
  const Grouping grouping = grouped(images);
  EXPECT_TRUE(grouping.acquisitions.at(0).fits());
  EXPECT_THAT(grouping.acquisitions.at(0).notes, testing::ElementsAre(HasSubstr("3 mm apart, the header says 12 mm")));
}

TEST(Grouping, BelievesTheEchoTrain) {
  const auto train = [](int count) {
    return with(echoes(2, 6, kNoon), [count](auto& i) { i.echo_train_length = count; });
  };
  EXPECT_TRUE(grouped(train(6)).acquisitions.at(0).echoes_agree);
  expect_only_problem(train(8), "echo train of 8, 6 echoes are here");
}

TEST(Grouping, BelievesTheImageCountOfTheSeries) {
  const auto counted = [](int count) {
    return with(echoes(2, 6, kNoon), [count](auto& i) { i.images_in_acquisition = count; });
  };
  EXPECT_TRUE(grouped(counted(24)).acquisitions.at(0).images_agree);
  expect_only_problem(counted(25), "the scanner counted 25 images in this series, 24 are here");
  const Grouping slices_missing = grouped(counted(30));  // GE phantoms of which one slice was kept
  EXPECT_TRUE(slices_missing.acquisitions.at(0).fits());
  EXPECT_FALSE(slices_missing.acquisitions.at(0).images_agree);
  EXPECT_THAT(slices_missing.acquisitions.at(0).notes, SizeIs(1));
}

TEST(Grouping, RefusesTwoDifferentImagesOfOneSliceAndEcho) {
  Images images = echoes(2, 6, kNoon);
  images.push_back(images[3]);
  images.back().sop_instance_uid += ".1";
  expect_only_problem(images, "echo time 50 ms has 2 different images of slice 1");
}

TEST(Grouping, UsesTheLaterOfTwoVolumesOfOneFlipAngle) {
  const Images images =
      together({flip_angle(2, 5, kNoon), flip_angle(3, 5, kNoon + 60), flip_angle(4, 15, kNoon + 120)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_TRUE(grouping.acquisitions[0].fits());
  EXPECT_EQ(images[grouping.acquisitions[0].volumes[0].slices[0][0]].series_number, 3);
  EXPECT_THAT(grouping.acquisitions[0].notes, testing::ElementsAre(HasSubstr("acquired again")));
  EXPECT_THAT(grouping.passed_over, SizeIs(1));
}

TEST(Grouping, DoesNotGuessWhenPartOfAVolumeWasRepeated) {
  Images again = flip_angle(3, 5, kNoon + 60);
  again.resize(2);
  expect_only_problem(together({flip_angle(2, 5, kNoon), again, flip_angle(4, 15, kNoon + 120)}), "2 of 4 slices");
}

TEST(Grouping, SplitsRepeatedFlipAnglesByTime) {
  const Images images = together({two_angles(11, kNoon + 900), two_angles(1, kNoon)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  for (const Acquisition& set : grouping.acquisitions) {
    EXPECT_TRUE(set.fits());
    EXPECT_EQ(axes(set), (std::vector<double>{5, 15}));
  }
  EXPECT_EQ(images[grouping.acquisitions[0].instances[0]].series_number, 1);
  EXPECT_EQ(grouping.acquisitions[1].time_s, kNoon + 900);
}

TEST(Grouping, NeverMixesTimePointsWhenTheFirstAngleOfTheFirstSetIsMissing) {
  const Images images = together({flip_angle(2, 15, kNoon + 60), two_angles(11, kNoon + 900)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  for (const std::size_t i : grouping.acquisitions[0].instances) EXPECT_GE(images[i].series_number, 11);
}

TEST(Grouping, KeepsTheFirstSetWhileTheSecondIsArriving) {
  const Images images = together({two_angles(1, kNoon), flip_angle(11, 5, kNoon + 900)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_TRUE(grouping.acquisitions[0].fits());
  EXPECT_THAT(grouping.acquisitions[1].problem, HasSubstr("1 of 2 flip angles"));
}

TEST(Grouping, GivesUpWhenTimesDoNotTellWhichAnglesBelongTogether) {
  const Images images =
      together({flip_angle(2, 15, kNoon), flip_angle(3, 5, kNoon + 100), flip_angle(4, 15, kNoon + 210)});
  const Grouping grouping = grouped(images);
  for (const Acquisition& set : grouping.acquisitions) EXPECT_FALSE(set.fits());
}

TEST(Grouping, SplitsTimePointsThatShareOneSeries) {
  Images both = echoes(1, 4, kNoon), second = echoes(1, 4, kNoon + 600);
  for (auto& i : second) {
    i.sop_instance_uid += ".2";
    i.acquisition_number = 2;
  }
  both.insert(both.end(), second.begin(), second.end());
  const Grouping grouping = grouped(both);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_TRUE(grouping.acquisitions[0].fits());
  for (const std::size_t i : grouping.acquisitions[0].instances) EXPECT_EQ(both[i].acquisition_number, 1);
}

TEST(Grouping, TellsADynamicSeriesFromTheAnglesBeforeIt) {
  Images dynamic;
  for (int phase = 0; phase < 6; ++phase)
    for (auto i : flip_angle(20, 10, kNoon + 200 + phase)) {
      i.sop_instance_uid += "." + std::to_string(phase + 1);
      i.instance_number += 4 * phase;
      dynamic.push_back(i);
    }
  const Grouping grouping = grouped(together({two_angles(1, kNoon), dynamic}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_EQ(axes(grouping.acquisitions[0]), (std::vector<double>{5, 15}));
  EXPECT_EQ(grouping.acquisitions[1].kind, Kind::Dynamic);
  EXPECT_EQ(axes(grouping.acquisitions[1]), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(grouping.acquisitions[1].fits()) << grouping.acquisitions[1].problem;
  EXPECT_THAT(grouping.passed_over, SizeIs(0));
}

TEST(Grouping, PutsAPhaseThatLacksASliceOnTheGridOfTheOthers) {
  Images phases = together({flip_angle(1, 10, kNoon), flip_angle(2, 10, kNoon + 60), flip_angle(3, 10, kNoon + 120)});
  phases.erase(phases.begin());
  const Grouping grouping = grouped(phases);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  const Acquisition& dynamic = grouping.acquisitions[0];
  EXPECT_EQ(dynamic.kind, Kind::Dynamic);
  EXPECT_THAT(dynamic.problem, HasSubstr("phase 1 has 3 images for 4 slices"));
  ASSERT_THAT(dynamic.volumes[0].slices, SizeIs(4));
  EXPECT_THAT(dynamic.volumes[0].slices[0], IsEmpty());
  EXPECT_THAT(dynamic.volumes[0].slices[1], SizeIs(1));
}

TEST(Grouping, TellsADynamicSeriesOfOneSeriesPerPhaseToo) {
  Images images = two_angles(1, kNoon);
  for (int phase = 0; phase < 5; ++phase) {
    const Images next = flip_angle(20 + phase, 10, kNoon + 200 + 20 * phase);
    images.insert(images.end(), next.begin(), next.end());
  }
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_EQ(axes(grouping.acquisitions[0]), (std::vector<double>{5, 15}));
  EXPECT_EQ(axes(grouping.acquisitions[1]), (std::vector<double>{0, 20, 40, 60, 80}));
}

TEST(Grouping, SeparatesTheStacksOfTwoBreastsInOneSeries) {
  Images images = echoes(1, 4, kNoon, 12);
  for (auto& i : images) {
    i.row_direction = fitting::Vec3::UnitY();
    i.column_direction = -fitting::Vec3::UnitZ();
    const int slice = static_cast<int>(i.position_mm.z() / 3);
    i.position_mm = {slice < 6 ? -120.0 + 3 * slice : 60.0 + 3 * (slice - 6), -40, 50};
  }
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  for (const Acquisition& breast : grouping.acquisitions) {
    EXPECT_TRUE(breast.fits()) << breast.problem;
    EXPECT_EQ(breast.geometry.slices(), 6);
  }
}

TEST(Grouping, SeparatesPlatesOfDifferentOrientationInOneSeries) {
  Images images = echoes(1, 4, kNoon, 2);
  for (auto& i : images)
    if (i.position_mm.z() > 0) i.column_direction = fitting::Vec3::UnitZ();
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_EQ(grouping.acquisitions[0].geometry.slices(), 1);
}

TEST(Grouping, DoesNotInterleaveStacksThatWerePlannedAnew) {
  const Images moved = with(two_angles(11, kNoon + 900), [](auto& i) { i.position_mm.z() += 1; });
  const Grouping grouping = grouped(together({two_angles(1, kNoon), moved}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_TRUE(grouping.acquisitions[0].fits() && grouping.acquisitions[1].fits());
}

TEST(Grouping, JoinsAVolumeThatWasStoredAsTwoSeries) {
  Images images = together({flip_angle(2, 5, kNoon, 8), flip_angle(3, 15, kNoon + 60, 8)});
  for (std::size_t i = 12; i < 16; ++i) {
    images[i].series_uid += ".9";
    images[i].acquisition_time_s = kNoon + 61;
  }
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_EQ(grouping.acquisitions[0].geometry.slices(), 8);
}

TEST(Grouping, SaysThatTheMatrixIsUnequal) {
  const Images large = with(flip_angle(3, 15, kNoon + 60), [](auto& i) { i.rows = i.columns = 128; });
  expect_only_problem(together({flip_angle(2, 5, kNoon), large}), "unequal matrix: 48 x 64 and 128 x 128");
  Images train = echoes(2, 6, kNoon);
  for (auto& i : train)
    if (i.echo_time_ms == 75.0) i.rows = 32;
  expect_only_problem(train, "unequal matrix");
}

TEST(Grouping, TakesDifferentRepetitionTimesForDifferentProtocols) {
  const Images slower = with(flip_angle(3, 15, kNoon + 60), [](auto& i) { i.repetition_time_ms = 6; });
  EXPECT_THAT(grouped(together({flip_angle(2, 5, kNoon), slower})).acquisitions, IsEmpty());
}

TEST(Grouping, SaysWhyAnImageIsPassedOver) {
  const auto reason = [](const Images& images) { return grouped(images).passed_over.at(0).reason; };
  const auto one = [](auto change) { return numbered(with({image(1, 0, kNoon)}, change)); };
  EXPECT_EQ(reason(with(echoes(1, 1, kNoon), [](auto& i) { i.echo_time_ms = 20; })),
            "single-echo spin echo, TE 20 ms: nothing to fit");
  EXPECT_EQ(reason(echoes(1, 2, kNoon)), "2 echo times (12.5, 25 ms): a fit needs 3");
  EXPECT_THAT(reason(flip_angle(1, 10, kNoon)), HasSubstr("one flip angle (10 degrees)"));
  EXPECT_THAT(reason(one([](auto& i) { i.spin_echo = true, i.inversion = true, i.inversion_time_ms = 200; })),
              HasSubstr("TI 200 ms"));
  EXPECT_THAT(reason(one([](auto& i) { i.echo_planar = true; })), HasSubstr("without a b-value"));
  EXPECT_THAT(reason(one([](auto& i) { i.spin_echo = true, i.b_value_s_mm2 = 800; })), HasSubstr("not echo-planar"));
  EXPECT_THAT(reason(one([](auto& i) { i.spin_echo = true, i.has_geometry = false; })), HasSubstr("no position"));
  EXPECT_EQ(reason(one([](auto& i) { i.content = dicom::Content::Phase, i.why_not = "phase images"; })),
            "phase images");
  EXPECT_THAT(reason(diffusion(1, {800}, 3)), HasSubstr("a fit needs 2"));
  EXPECT_THAT(reason(with(flip_angle(1, 10, kNoon), [](auto& i) { i.spoiled = false; })), HasSubstr("not spoiled"));
}

TEST(Grouping, CountsAnObjectThatIsThereTwiceOnce) {
  Images images = echoes(1, 4, kNoon);
  images.push_back(images.front());
  const Grouping grouping = grouped(images);
  EXPECT_TRUE(grouping.acquisitions.at(0).fits());
  EXPECT_EQ(grouping.passed_over.at(0).reason, "the same object once more");
}

TEST(Grouping, UsesOneOfTheVersionsThatTheScannerStored) {
  struct Row {
    std::vector<std::string> used, other;
    const char* name;
  };
  for (const Row& row :
       {Row{{"M", "DIS2D"}, {"M", "ND"}, "DIS2D"}, Row{{"M", "DIS3D"}, {"M", "DIS2D"}, "DIS3D"},
        Row{{"M", "ND", "NORM"}, {"M", "ND"}, "NORM"}, Row{{"M", "DIS2D"}, {"M", "ND", "NORM"}, "DIS2D"},
        Row{{"M", "ND"}, {"M", "ND", "FIL"}, "M ND"}}) {
    for (const bool first : {true, false}) {  // whichever has the lower numbers
      const Images images = together({stored_as(two_angles(first ? 1 : 11, kNoon), row.used),
                                      stored_as(two_angles(first ? 11 : 1, kNoon), row.other)});
      const Grouping grouping = grouped(images);
      ASSERT_THAT(grouping.acquisitions, SizeIs(1)) << row.name;
      EXPECT_TRUE(grouping.acquisitions[0].fits()) << grouping.acquisitions[0].problem;
      EXPECT_EQ(axes(grouping.acquisitions[0]), (std::vector<double>{5, 15}));
      for (const std::size_t i : grouping.acquisitions[0].instances) EXPECT_LT(i, 8u) << row.name;
      ASSERT_THAT(grouping.passed_over, SizeIs(2));
      EXPECT_EQ(grouping.passed_over[0].reason,
                "stored twice by the scanner: the " + std::string(row.name) + " version is used");
    }
  }
}

TEST(Grouping, UsesOneVersionOfEchoesAndDiffusionToo) {
  Images one_series = stored_as(echoes(1, 6, kNoon), {"M", "ND"});
  for (auto i : stored_as(echoes(1, 6, kNoon), {"M", "NORM", "DIS2D"})) {
    i.sop_instance_uid += ".2";
    one_series.push_back(i);
  }
  for (const Images& images : {one_series, together({stored_as(diffusion(1, {0, 800}, 3), {"DIFFUSION", "NONE", "ND"}),
                                                     stored_as(diffusion(2, {0, 800}, 3), {"DIFFUSION", "DIS2D"})})}) {
    const Grouping grouping = grouped(images);
    ASSERT_THAT(grouping.acquisitions, SizeIs(1));
    EXPECT_TRUE(grouping.acquisitions[0].fits()) << grouping.acquisitions[0].problem;
    EXPECT_EQ(grouping.acquisitions[0].images, images.size() / 2);
    EXPECT_THAT(grouping.passed_over.at(0).reason, HasSubstr("DIS2D version is used"));
  }
}

TEST(Grouping, KeepsTheCompleteVersionWhileABetterOneIsArriving) {
  const Images images =
      together({stored_as(two_angles(1, kNoon), {"M", "ND"}), stored_as(flip_angle(11, 5, kNoon), {"M", "DIS2D"})});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_TRUE(grouping.acquisitions[0].fits()) << grouping.acquisitions[0].problem;
  EXPECT_EQ(grouping.passed_over.at(0).reason, "stored twice by the scanner: the ND version is used");
}

TEST(Grouping, NeverMixesVersionsInOneSet) {
  expect_only_problem(together({stored_as(flip_angle(1, 5, kNoon), {"M", "ND"}),
                                stored_as(flip_angle(2, 15, kNoon + 60), {"M", "ND", "NORM"})}),
                      "stored in different versions: M ND and M ND NORM");
  const Images one_more = stored_as(flip_angle(3, 25, kNoon + 120), {"M", "ND", "FIL"});
  const Grouping beside = grouped(together({stored_as(two_angles(1, kNoon), {"M", "ND"}), one_more}));
  EXPECT_EQ(axes(beside.acquisitions.at(0)), (std::vector<double>{5, 15}));
  EXPECT_THAT(beside.passed_over.at(0).reason, HasSubstr("only 25 degrees in the M ND FIL version"));
  const Grouping later = grouped(together(
      {stored_as(two_angles(1, kNoon), {"M", "ND"}), stored_as(two_angles(11, kNoon + 900), {"M", "ND", "NORM"})}));
  ASSERT_THAT(later.acquisitions, SizeIs(2));  // acquired at another time: no copy
  EXPECT_TRUE(later.acquisitions[0].fits() && later.acquisitions[1].fits());
}

TEST(Grouping, DoesNotTakeTheNumberOfAnEchoOrATraceForAVersion) {
  Images train = stored_as(echoes(1, 6, kNoon), {"M", "ND"});
  for (auto& i : train) i.image_type.push_back("TE" + std::to_string(std::lround(*i.echo_time_ms / 12.5)));
  EXPECT_TRUE(grouped(train).acquisitions.at(0).fits());
  Images diffused = stored_as(diffusion(1, {0, 800}, 1), {"DIFFUSION", "NONE", "ND"});
  for (auto& i : diffused)
    if (*i.b_value_s_mm2 > 0) {
      i.content = dicom::Content::TraceWeighted;
      i.image_type[3] = "TRACEW";
    }
  EXPECT_TRUE(grouped(diffused).acquisitions.at(0).fits());
}

TEST(Grouping, TakesTheWaterOfADixonSequence) {
  const Grouping grouping = grouped(
      together({stored_as(two_angles(1, kNoon), {"M", "FAT"}), stored_as(two_angles(11, kNoon), {"M", "WATER"})}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  ASSERT_THAT(grouping.passed_over, SizeIs(2));
  EXPECT_EQ(grouping.passed_over[0].series_number, 1);
  EXPECT_EQ(grouping.passed_over[0].reason, "fat or phase images of a Dixon sequence: the water images are used");
}

// Five angles, then the last one once more long after: nobody repeats a volume after something else.
TEST(Grouping, NeverTakesALaterVolumeForARepetitionOfOneBeforeTheInjection) {
  Images images = together({two_angles(1, kNoon), echoes(8, 4, kNoon + 300), flip_angle(20, 15, kNoon + 1200)});
  const auto first = [&](const Grouping& grouping) { return images[grouping.acquisitions.at(0).instances.back()]; };
  EXPECT_LT(first(grouped(images)).series_number, 20);
  Images injected = together({two_angles(1, kNoon), flip_angle(20, 15, kNoon + 600)});
  for (auto& i : injected)
    if (i.series_number == 20) i.contrast_start_s = kNoon + 300;
  for (const Acquisition& set : grouped(injected).acquisitions)
    for (const std::size_t i : set.instances) EXPECT_TRUE(!set.fits() || injected[i].series_number < 20);
}

TEST(Grouping, UsesALoneSeriesOfNoDiffusionOnlyWhereThereIsNoOther) {
  const Images weighted = diffusion(2, {0, 800}, 3), reversed = diffusion(3, {0}, 1),
               directions = diffusion(4, {800}, 3);
  const Grouping both = grouped(together({reversed, weighted}));
  ASSERT_THAT(both.acquisitions, SizeIs(1));
  EXPECT_EQ(both.acquisitions[0].images, weighted.size());
  EXPECT_THAT(both.passed_over, SizeIs(1));
  const Grouping needed = grouped(together({reversed, directions}));
  ASSERT_THAT(needed.acquisitions, SizeIs(1));
  EXPECT_TRUE(needed.acquisitions[0].fits()) << needed.acquisitions[0].problem;
}

TEST(Grouping, LeavesTheLastAngleOfAMappingOutOfTheDynamicSeriesThatFollows) {
  Images dynamic;
  for (int phase = 0; phase < 6; ++phase)
    for (auto i : flip_angle(20, 15, kNoon + 200 + 60 * phase)) dynamic.push_back(i);
  const Grouping one = grouped(together({two_angles(1, kNoon), numbered(dynamic)}));
  ASSERT_THAT(one.acquisitions, SizeIs(2));
  EXPECT_EQ(axes(one.acquisitions[0]), (std::vector<double>{5, 15}));
  EXPECT_THAT(one.acquisitions[1].volumes, SizeIs(6));
  Images apart = described(two_angles(1, kNoon), "T1Map");  // a series for every phase
  for (int phase = 0; phase < 6; ++phase) {
    const Images next =
        described(flip_angle(20 + phase, 15, kNoon + 200 + 60 * phase), "dyn_ph" + std::to_string(phase));
    apart.insert(apart.end(), next.begin(), next.end());
  }
  const Grouping many = grouped(apart);
  ASSERT_THAT(many.acquisitions, SizeIs(2));
  EXPECT_EQ(axes(many.acquisitions[0]), (std::vector<double>{5, 15}));
  EXPECT_THAT(many.acquisitions[1].volumes, SizeIs(6));
}

TEST(Grouping, PrefersTracesToFewerThanThreeDirections) {
  Images traces = diffusion(3, {0, 800}, 1);
  for (auto& i : traces)
    if (*i.b_value_s_mm2 > 0) {
      i.content = dicom::Content::TraceWeighted;
      i.gradient_direction.reset();
    }
  const Grouping grouping = grouped(together({diffusion(2, {800}, 1), traces}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_TRUE(grouping.acquisitions[0].fits()) << grouping.acquisitions[0].problem;
  EXPECT_EQ(grouping.acquisitions[0].images, traces.size());
}

TEST(Grouping, ListsRegionsApart) {
  Images images = echoes(1, 4, kNoon);
  images[0].content = dicom::Content::Roi;
  EXPECT_THAT(grouped(images).rois, testing::ElementsAre(0));
}

TEST(Grouping, GathersTheDirectionsOfEveryBValue) {
  const Grouping grouping = grouped(diffusion(1, {0, 50, 800}, 3));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  const Acquisition& dwi = grouping.acquisitions[0];
  EXPECT_TRUE(dwi.fits()) << dwi.problem;
  EXPECT_EQ(axes(dwi), (std::vector<double>{0, 50, 800}));
  EXPECT_THAT(dwi.volumes[0].slices[0], SizeIs(1));
  EXPECT_THAT(dwi.volumes[2].slices[0], SizeIs(3));
}

TEST(Grouping, AcceptsOneSeriesPerBValueWithItsOwnReference) {
  const Grouping grouping = grouped(together({diffusion(1, {0, 50}, 3), diffusion(2, {0, 800}, 3)}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_EQ(axes(grouping.acquisitions[0]), (std::vector<double>{0, 50, 800}));
}

TEST(Grouping, NamesTheSliceThatLacksADirection) {
  Images images = diffusion(1, {0, 800}, 3);
  images.pop_back();
  expect_only_problem(images, "b-value 800 s/mm2 has 3 directions in slice 1 and 2 in slice 4");
}

TEST(Grouping, PrefersDirectionsToTraces) {
  const Images traces = with(diffusion(2, {0, 800}, 1), [](auto& i) {
    i.content = dicom::Content::TraceWeighted;
    i.gradient_direction.reset();
  });
  const Grouping both = grouped(together({diffusion(1, {0, 800}, 3), traces}));
  EXPECT_EQ(both.acquisitions.at(0).images, 16u);
  EXPECT_THAT(both.passed_over.at(0).reason, HasSubstr("trace-weighted copies"));
  EXPECT_TRUE(grouped(traces).acquisitions.at(0).fits());
}

TEST(Grouping, LeavesOutTheCombinedImageBesideItsDirections) {
  Images images = diffusion(1, {0, 800}, 4);
  for (auto& i : images)
    if (i.gradient_direction && *i.gradient_direction == std::array{0.0, 0.0, 0.0})
      i.gradient_direction.reset();  // the fourth of each slice
  const Grouping grouping = grouped(images);
  EXPECT_THAT(grouping.acquisitions.at(0).volumes[1].slices[0], SizeIs(3));
  EXPECT_THAT(grouping.passed_over.at(0).reason, HasSubstr("combined copies"));
}

TEST(DigestOfAnAcquisition, NamesTheSetOfImages) {
  Images images = echoes(1, 4, kNoon);
  const std::string digest = digest_of(dicom::group(images).acquisitions.at(0), images);
  EXPECT_THAT(digest, SizeIs(64));
  std::reverse(images.begin(), images.end());
  EXPECT_EQ(digest_of(dicom::group(images).acquisitions.at(0), images), digest);
  std::erase_if(images, [](const auto& i) { return i.echo_time_ms == 50.0; });
  EXPECT_NE(digest_of(dicom::group(images).acquisitions.at(0), images), digest);
}

TEST(KindNames, ComeBack) {
  for (const Kind kind :
       {Kind::T1Vfa, Kind::T2MultiEcho, Kind::T2StarMultiEcho, Kind::Diffusion, Kind::T1InversionRecovery})
    EXPECT_EQ(dicom::parse_kind(to_string(kind)), kind);
  EXPECT_EQ(dicom::parse_kind("t3"), std::nullopt);
}
